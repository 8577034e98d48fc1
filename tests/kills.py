"""Kill training processes at random moments, go on with --resume, and compare the ends.

    python tests/kills.py --kills 200 [--seed 1]

A real `windowclf train` on a corpus made here saves its state after every step. It is killed
(SIGKILL) some time after it began, started again with --resume, killed again, until it gets to its
end. After every kill model and state must be whole files or absent, and at the end the model must
have the bytes of the run that was never killed, and the log its lines but for `seconds` and
`tokens_per_second`. Exit 1 if not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import corpora

from windowclf.system import tensor_file
from windowclf.tagging.model_file import load_model

PROGRAM = (sys.executable, "-c", "from windowclf.commands.entry import main; main()", "train")


@dataclass(frozen=True)
class Experiment:
    """A config, the end that it must come to, and how long it takes."""

    folder: Path
    config: str
    model: str
    log: list[dict[str, object]]
    starting: float  # seconds until the first state
    training: float  # seconds from there to the end

    def command(self, run: str) -> list[str]:
        return [*PROGRAM, self.config, "--output", str(self.folder / run)]


def prepare(folder: Path) -> Experiment:
    """Write the corpus and the config, and train without a kill."""
    config = corpora.tagging(folder)
    config["training"] |= {
        "epochs": 40,
        "batch_tokens": 20,
        "early_stopping": None,
        "checkpoint": {"steps": 1},
        "threads": 1,
    }
    path = corpora.write(folder / "config.yaml", json.dumps(config))
    plan = Experiment(folder, path, "", [], 0, 0)
    began = time.monotonic()
    with start(plan.command("unbroken")) as process:
        while not (folder / "unbroken" / "state.safetensors").exists():
            time.sleep(0.005)
        starting = time.monotonic() - began
        _, err = process.communicate()
    assert process.returncode == 0, err
    run = folder / "unbroken"
    training = time.monotonic() - began - starting
    return Experiment(folder, path, corpora.digest(run), corpora.log(run), starting, training)


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def killed(command: list[str], delay: float) -> bool:
    """Start, and kill after `delay` seconds; False where the run came to its end before."""
    with start(command) as process:
        try:
            _, err = process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            _, err = process.communicate()
    assert process.returncode in (0, -9), err
    return process.returncode == -9


def check_whole(run: Path) -> None:
    """Model and state are whole where they are there; raises ModelFileError."""
    if (run / "model.safetensors").exists():
        load_model(run)
        assert (run / "state.safetensors").exists(), f"{run}: a model without a state"
    if (run / "state.safetensors").exists():
        tensor_file.read(run / "state.safetensors", "state")


def one_run(plan: Experiment, name: str, rng: random.Random, most: int) -> Iterator[float]:
    """Kill a run up to `most` times, yielding when, then let it end and compare."""
    command, run = plan.command(name), plan.folder / name
    for kills in range(most + 1):
        delay = plan.starting * rng.uniform(0.8, 1.1) + plan.training * rng.uniform(0, 0.4)
        if not killed(command, delay if kills < most else 600):
            break
        check_whole(run)
        yield delay
        command = [*plan.command(name), "--resume"]
    assert corpora.digest(run) == plan.model, f"{run}: another model"
    assert corpora.log(run) == plan.log, f"{run}: another log"


def kill_runs(folder: Path, kills: int, seed: int) -> int:
    """Kill that many processes over as many runs as it takes; how many runs."""
    plan = prepare(folder)
    rng = random.Random(seed)
    done = runs = 0
    while done < kills:
        runs += 1
        for delay in one_run(plan, f"run{runs}", rng, min(kills - done, 12)):
            done += 1
            print(f"run {runs}, kill {done} of {kills} after {delay:.3f} s", file=sys.stderr)
        corpora.remove(folder / f"run{runs}")
    return runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            runs = kill_runs(Path(folder), arguments.kills, arguments.seed)
        except AssertionError as error:
            print(error)
            return 1
    print(
        f"{arguments.kills} of {arguments.kills} kills, in {runs} runs: files whole after every "
        "kill, model and log at every end those of the unbroken run"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
