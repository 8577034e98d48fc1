"""From what a client asks for to a job: its config checked, its uploads found, its work named."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from windowclf.config.reading import make_config
from windowclf.errors import ConfigError
from windowclf.service import records
from windowclf.service.database import Rows
from windowclf.service.inputs import Tree, checked, merged, version_file
from windowclf.service.jobs import NewJob
from windowclf.service.problems import config_problem, not_found
from windowclf.service.records import LARGEST
from windowclf.system.machine import this_machine
from windowclf.system.memory import machine_memory
from windowclf.system.threads import available_cores
from windowclf.tagging.model_file import MODEL_NAME

LEAST_MEMORY = 64 << 20
SHARE_OF_MEMORY = 0.8  # of the machine's
Id: TypeAlias = Annotated[int, Field(ge=1, le=LARGEST)]
_TEXTS = ("train", "dev", "test")
_FREE: Any = {
    "output": True,
    "prediction": True,
    "tune": True,
    "training": {"threads", "checkpoint"},
}


class JobGiven(BaseModel):
    """What is to be trained."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["train"] = "train"
    config: Tree = Field(
        default={},
        description="laid over that of the tagger; in the place of a path stands dataset:ID",
    )
    train: int | list[int] | None = Field(default=None, description="ids of datasets")
    dev: int | list[int] | None = None
    test: int | list[int] | None = None
    memory: int | None = Field(
        default=None,
        ge=LEAST_MEMORY,
        description="limit in bytes; most of the machine's by default",
    )
    force: bool = Field(default=False, description="also where the same work was done before")


class CompareGiven(BaseModel):
    """Two versions that are to be compared on labelled text."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["compare"]
    version: int = Field(ge=1, le=LARGEST)
    against: int = Field(ge=1, le=LARGEST)
    dataset: Id | list[Id] = Field(description="ids of datasets")
    memory: int | None = Field(default=None, ge=LEAST_MEMORY, description="limit in bytes")


def _kind(given: Any) -> str:
    """The kind of a job as it was given."""
    kind = given.get("kind") if isinstance(given, dict) else getattr(given, "kind", None)
    return "compare" if kind == "compare" else "train"


Given: TypeAlias = Annotated[
    Annotated[JobGiven, Tag("train")] | Annotated[CompareGiven, Tag("compare")],
    Discriminator(_kind),
]
"""What is to be done."""


def compare_job(rows: Rows, tagger: str, given: CompareGiven, who: str) -> NewJob:
    """The job that compares two versions. Raises Problem 404."""
    numbers = [given.dataset] if isinstance(given.dataset, int) else given.dataset
    inputs: dict[str, dict[str, str]] = {}
    for number in (given.version, given.against):
        found = records.version(rows, tagger, number)
        if found is None:
            raise not_found(f"version {number} of a tagger {tagger}")
        inputs[f"version:{number}"] = {"digest": found["digest"], "file": MODEL_NAME}
    for number in numbers:
        found = records.dataset(rows, tagger, number)
        if found is None:
            raise not_found(f"dataset {number} of a tagger {tagger}")
        inputs[f"dataset:{number}"] = {"digest": found["digest"], "file": found["name"]}
    config = {
        "model": f"version:{given.version}",
        "against": f"version:{given.against}",
        "data": [f"dataset:{number}" for number in numbers],
    }
    return NewJob(
        tagger=tagger,
        kind="compare",
        config=config,
        inputs=inputs,
        creator=who,
        slot="light",
        memory=given.memory or default_memory(),
    )


def new_job(rows: Rows, tagger: str, base: Any, given: JobGiven, who: str) -> NewJob:
    """The job that a client asks for. Raises Problem 422 with all that is wrong."""
    data = {name: _names(getattr(given, name)) for name in _TEXTS if getattr(given, name)}
    tree = merged(merged(base, given.config), {"data": data} if data else {})

    def find(kind: str, number: int) -> str | None:
        """What a name of the config stands for."""
        if kind == "version":
            found = records.version(rows, tagger, number)
            return None if found is None else version_file(found["digest"])
        upload = records.dataset(rows, tagger, number)
        return None if upload is None else f"{upload['digest']} {upload['name']}"

    try:
        tree, inputs = checked(tree, find)
    except ConfigError as error:
        raise config_problem(error) from None
    return NewJob(
        tagger=tagger,
        kind=given.kind,
        config=tree,
        inputs=inputs,
        creator=who,
        slot="training",
        memory=given.memory or default_memory(),
        fingerprint=_fingerprint(tree, inputs),
    )


def training_threads() -> int:
    """How many threads a training has: one core stays for requests."""
    return max(1, available_cores() - 1)


def default_memory() -> int | None:
    """The memory that a job may have where nobody says otherwise, in bytes."""
    found = machine_memory()
    return None if found is None else int(SHARE_OF_MEMORY * found)


def _names(numbers: int | list[int]) -> list[str]:
    """What stands in a config for some uploads."""
    return [f"dataset:{n}" for n in ([numbers] if isinstance(numbers, int) else numbers)]


def _fingerprint(tree: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> str:
    """sha256 of all that decides which model comes of a training, to the byte."""
    text = json.dumps(make_config(tree).model_dump(mode="json", exclude=_FREE), sort_keys=True)
    lists = json.dumps(tree.get("features"))
    for name, entry in inputs.items():
        file = entry["file"]  # of a list it names a type; else its suffix may say the format
        shown = file if f'"{name}"' in lists else file.rpartition(".")[2]
        text = text.replace(f'"{name}"', json.dumps([entry["digest"], shown]))
    whole = json.dumps([text, training_threads(), _kind_of_machine()])
    return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()


@cache
def _kind_of_machine() -> list[str]:
    """What the bytes of a model depend on besides: versions and processor, and not whose it is."""
    import numpy as np

    blas = np.show_config(mode="dicts") or {}
    built = json.dumps(blas.get("Build Dependencies", {}), sort_keys=True)
    versions = [version(name) for name in ("windowclf", "numpy", "scipy")]
    return [*versions, platform.machine(), this_machine()["processor"], built]
