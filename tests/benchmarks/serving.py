"""A serving windowclf beside FastAPI with spaCy, and beside MLflow's scoring server with our model.

    windowclf train configs/quickstart.yaml
    python tests/benchmarks/serving.py runs/quickstart --spacy VENV --mlflow VENV [--json FILE]

`wrk` (Debian's package) asks on this machine's own address: one sentence of 13 tokens a request at
1, 8 and 64 clients, the sides in turn, `--rounds` times `--seconds` each; then 256 sentences a
request; ours also while a job trains, and for `--million` requests to see the memory grow. Printed
are medians over the rounds: requests a second, p50 and p99 in milliseconds, the processor time of
the server for each request, its memory, and the seconds from its start to its first answer.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import describe

from windowclf import Client

DATA = Path("data/spans")
CLIENTS = (1, 8, 64)
TOKENS = 13
MANY = 256
WITHIN = 120  # seconds in which a server begins
HERE = Path(__file__).parent
LUA = """
local bodies = {%s}
local at = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
request = function()
  at = at %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[at])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('JSON{"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, ' ..
    '"failed": %%d}', summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass
class Side:
    """A server that runs, and how it is asked."""

    name: str
    pids: list[int]
    one: str  # URL
    many: str
    body_one: Any  # text -> body
    body_many: Any  # texts -> body
    token: str = ""
    start: float = 0.0
    rows: dict[str, list[Mapping[str, float]]] = field(default_factory=dict)


def texts_of(path: Path) -> list[list[str]]:
    """The sentences of a file as lists of tokens."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    return [[line.split()[0] for line in block.splitlines()] for block in blocks if block.strip()]


def ask(
    side: Side, url: str, bodies: Sequence[Any], clients: int, seconds: float
) -> dict[str, float]:
    """What `wrk` finds."""
    written = ",".join(f"[==[{json.dumps(body)}]==]" for body in bodies)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA % (written, side.token))
        script.flush()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "10s"]
        before = processor_seconds(side.pids)
        out = subprocess.run(
            [*command, "-s", script.name, url], capture_output=True, text=True, check=True
        ).stdout
        spent = processor_seconds(side.pids) - before
    found = json.loads(out.split("JSON")[1])
    if found["failed"]:
        raise SystemExit(f"{side.name}: {found['failed']} requests failed")
    return {
        "rate": found["requests"] / found["seconds"],
        "p50": found["p50"],
        "p99": found["p99"],
        "cpu_us": spent / max(1, found["requests"]) * 1e6,
    }


def processor_seconds(pids: Sequence[int]) -> float:
    """Of all threads of some processes."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def megabytes(pids: Sequence[int]) -> float:
    """Resident memory of some processes together."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def server(
    command: Sequence[str], url: str, probe: bytes | None, **how: Any
) -> Iterator[tuple[Any, float]]:
    """(process, seconds to its first answer) of a command, until the end of the block."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **how
    )
    try:
        while True:
            try:
                request = urllib.request.Request(url, probe, {"Content-Type": "application/json"})
                urllib.request.urlopen(request, timeout=5).read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > began + WITHIN:
                    raise SystemExit(f"{command[0]} does not answer at {url}") from None
                time.sleep(0.005)
        yield process, time.monotonic() - began
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def family(pid: int) -> list[int]:
    """A process and those that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


@contextmanager
def ours(model: str, folder: Path) -> Iterator[Side]:
    """A server whose model serves; it was started anew to see how long that takes."""
    port = free_port()
    command = [sys.executable, "-m", "windowclf", "serve", str(folder), "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with server(command, f"{url}/health/ready", None):
        client = Client(url, (folder / "token").read_text().strip())
        client.make_tagger("names")
        client.promote("names", client.import_version("names", model)["version"])
    with server(command, f"{url}/health/ready", None) as (process, start):
        place = f"{url}/v1/taggers/names/predict"
        token = (folder / "token").read_text().strip()
        yield Side(
            "windowclf",
            [process.pid],
            place,
            place,
            lambda text: {"text": text},
            lambda texts: {"texts": texts},
            token,
            start,
        )


@contextmanager
def spacy_side(venv: Path, folder: Path) -> Iterator[Side]:
    model, port = str(folder / "spacy"), free_port()
    python = str(venv / "bin" / "python")
    script = str(HERE / "serving_spacy.py")
    subprocess.run([python, script, "train", str(DATA / "train.conll"), model], check=True)
    command = [python, "-m", "uvicorn", "serving_spacy:app", "--port", str(port), "--no-access-log"]
    environment = {**os.environ, "SPACY_MODEL": model, "OPENBLAS_NUM_THREADS": "1"}
    url = f"http://127.0.0.1:{port}"
    with server(command, f"{url}/one", b'{"text": "a"}', cwd=HERE, env=environment) as (
        process,
        start,
    ):
        yield Side(
            "FastAPI + spaCy",
            [process.pid],
            f"{url}/one",
            f"{url}/many",
            lambda text: {"text": text},
            lambda texts: {"texts": texts},
            start=start,
        )


@contextmanager
def mlflow_side(venv: Path, model: str, folder: Path) -> Iterator[Side]:
    saved, port = str(folder / "mlflow"), free_port()
    file = Path(model) / "model.safetensors" if Path(model).is_dir() else Path(model)
    python = str(venv / "bin" / "python")
    subprocess.run(
        [python, str(HERE / "serving_mlflow.py"), str(file.resolve()), saved],
        check=True,
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    environment = {**os.environ, "PATH": f"{venv / 'bin'}:{os.environ['PATH']}"}
    environment |= {"OPENBLAS_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": f"file:{folder}/runs"}
    command = [str(venv / "bin" / "mlflow"), "models", "serve", "-m", saved, "-p", str(port)]
    command += ["--env-manager", "local", "--workers", "1"]
    place = f"http://127.0.0.1:{port}/invocations"
    probe = b'{"inputs": ["a"]}'
    with server(command, place, probe, cwd=folder, env=environment) as (process, start):
        yield Side(
            "MLflow, our model",
            family(process.pid),
            place,
            place,
            lambda text: {"inputs": [text]},
            lambda texts: {"inputs": texts},
            start=start,
        )


@contextmanager
def training(side: Side) -> Iterator[None]:
    """While a job trains on our server."""
    client = Client(side.one.partition("/v1")[0], side.token)
    uploads = [client.upload("names", DATA / f"{name}.conll") for name in ("train", "dev")]
    config = {"task": "spans", "training": {"epochs": 1000, "early_stopping": None}}
    number = client.submit("names", config, *uploads, force=True)["id"]
    end = time.monotonic() + WITHIN
    while client.job(number)["done"] is None and time.monotonic() < end:
        time.sleep(0.1)
    try:
        yield
    finally:
        client.cancel(number)
        while client.job(number)["state"] == "running":
            time.sleep(0.1)


def measure(sides: Sequence[Side], rounds: int, seconds: float) -> None:
    """Fill the rows of all sides, in turn."""
    sentences = [
        " ".join(tokens) for tokens in texts_of(DATA / "dev.conll") if len(tokens) == TOKENS
    ]
    every = [" ".join(tokens) for tokens in texts_of(DATA / "dev.conll")]
    many = [(every * 2)[i : i + MANY] for i in range(0, len(every), MANY)]
    for number in range(rounds):
        for side in sides:
            print(f"round {number + 1} of {rounds}: {side.name}", file=sys.stderr, flush=True)
            one = [side.body_one(text) for text in sentences]
            for clients in CLIENTS:
                found = ask(side, side.one, one, clients, seconds)
                side.rows.setdefault(f"one, {clients} clients", []).append(found)
            found = ask(side, side.many, [side.body_many(texts) for texts in many], 1, seconds)
            found["rate"] *= MANY
            side.rows.setdefault(f"{MANY} sentences", []).append(found)
    own = sides[0]
    one = [own.body_one(text) for text in sentences]
    with training(own):
        for clients in (1, 8) * rounds:
            found = ask(own, own.one, one, clients, seconds)
            own.rows.setdefault(f"one, {clients} clients, a job trains", []).append(found)


def growth(side: Side, requests: int) -> tuple[float, float]:
    """Megabytes after a tenth of so many requests, and after all."""
    sentences = [" ".join(tokens) for tokens in texts_of(DATA / "train.conll")]
    bodies = [side.body_one(text) for text in sentences]
    done, first = 0.0, 0.0
    while done < requests:
        seconds = 20
        done += ask(side, side.one, bodies, 16, seconds)["rate"] * seconds
        if not first and done >= requests / 10:
            first = megabytes(side.pids)
        print(f"{done:,.0f} of {requests:,} requests", file=sys.stderr, flush=True)
    return first, megabytes(side.pids)


def shown(side: Side) -> dict[str, Any]:
    """The medians of a side."""
    rows = {
        name: {key: statistics.median(row[key] for row in found) for key in found[0]}
        for name, found in side.rows.items()
    }
    return {"start": side.start, "megabytes": megabytes(side.pids), "rows": rows}


def print_table(found: Mapping[str, Mapping[str, Any]]) -> None:
    for name, figures in found.items():
        print(f"\n{name}: ready in {figures['start']:.2f} s, {figures['megabytes']:.0f} MB")
        print(f"  {'':36} {'a second':>10} {'p50 ms':>8} {'p99 ms':>8} {'µs of CPU':>10}")
        for row, f in figures["rows"].items():
            times = f"{f['p50']:8.2f} {f['p99']:8.2f} {f['cpu_us']:10,.0f}"
            print(f"  {row:36} {f['rate']:10,.0f} {times}")
    first, *others = found.values()
    for name, other in zip([*found][1:], others, strict=True):
        for row in other["rows"]:
            ratio = first["rows"][row]["rate"] / other["rows"][row]["rate"]
            print(f"{row}: {ratio:.1f} times {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="of the quickstart: a run folder or a model file")
    parser.add_argument("--spacy", type=Path, help="a venv with spacy, fastapi and uvicorn")
    parser.add_argument("--mlflow", type=Path, help="a venv with mlflow and windowclf")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--million", type=float, default=0, help="requests to see the memory grow")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed; apt-get install wrk")
    load = os.getloadavg()[0]
    print(f"{describe()}; load of the machine before: {load:.1f}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides = [stack.enter_context(ours(arguments.model, folder / "ours"))]
        if arguments.spacy:
            sides.append(stack.enter_context(spacy_side(arguments.spacy.absolute(), folder)))
        if arguments.mlflow:
            venv = arguments.mlflow.absolute()
            sides.append(stack.enter_context(mlflow_side(venv, arguments.model, folder)))
        measure(sides, arguments.rounds, arguments.seconds)
        found = {side.name: shown(side) for side in sides}
        print_table(found)
        if arguments.million:
            first, end = growth(sides[0], int(arguments.million * 1e6))
            print(f"memory after a tenth of the requests {first:.1f} MB, at the end {end:.1f} MB")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": describe(), "load": load, **found}))


if __name__ == "__main__":
    main()
