"""Which version serves: promoted by hand, or where a comparison finds it better."""

from __future__ import annotations

import sys
from typing import Any

from windowclf.client import PRODUCTION, Client, Json, ServerError


def promote_if_it_is_better(client: Client, job: Json) -> None:
    """Have the version of a training serve where it is better than what does; say what was done.

    Raises ServerError where it cannot be compared.
    """
    tagger, version = job["tagger"], job["result"]["version"]
    served = next((a for a in client.aliases(tagger) if a["alias"] == PRODUCTION), None)
    why = f"job {job['id']}"
    if served is None or served["digest"] == job["result"]["digest"]:
        print_promotion(client.promote(tagger, version, why=why))
        return
    dataset = _dataset(client.tagger(tagger)["gate"], job)
    print(f"comparing version {version} with {served['version']} …", file=sys.stderr)
    compared = client.compare(tagger, version, served["version"], dataset)
    client.wait(compared["id"])
    try:
        comparison = compared["id"]
        promoted = client.promote(tagger, version, comparison=comparison, if_better=True, why=why)
        print_promotion(promoted)
    except ServerError as error:
        if error.problem.get("type") != "urn:windowclf:gate-refused":
            raise
        print(f"not promoted: {error}")


def print_promotion(alias: Json) -> None:
    """Print what an alias means now."""
    name = f"{alias['alias']} of {alias['tagger']}"
    print(f"{name}: version {alias['version']} ({alias['digest']})")


def _dataset(gate: Json | None, job: Json) -> list[Json]:
    """What to compare on: what the gate names, else the test or dev files of the training."""
    if gate and gate["dataset"]:
        return [{"id": gate["dataset"]}]
    data: dict[str, Any] = job["config"]["data"]
    for name in ("test", "dev"):
        found = data.get(name)
        names = [found] if isinstance(found, str) else found
        if isinstance(names, list):
            return [{"id": int(each.partition(":")[2])} for each in names]
    detail = "--promote-if-better: the config names no test and no dev files to compare on."
    raise ServerError(0, {"detail": detail})
