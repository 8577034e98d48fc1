"""A run in a process of its own: the end that trains and the end that waits.

The config goes to the process's standard input as a line of JSON; lines of JSON come back, with
how far it is and what came of it. The process ends where its input ends, so that none is left
behind, whatever happens to the one that waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import IO, Any

from windowclf.config import Config
from windowclf.config.reading import make_config
from windowclf.errors import RunFolderError, WindowclfError
from windowclf.network.reports import Report, StepReport
from windowclf.pipeline.listener import Listener
from windowclf.pipeline.train import train

SECONDS_BETWEEN = 0.2  # two reports of how far a run is


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    score: float | None  # the task's metric on dev at the best epoch; None for a lost run
    best_epoch: int
    seconds: float
    lost: str | None  # why


class RunStopped(Exception):
    """`close` was called before the run had ended."""


class RunProcesses:
    """Starts processes and can end them all; any number of threads may wait for one each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._closed = False

    def run(self, config: Config, on_progress: Callable[[float], None]) -> Outcome:
        """Train in the config's run folder, going on with what is there.

        `on_progress` is told which fraction is done. Raises RunFolderError, or RunStopped.
        """
        began = time.monotonic()
        process = self._start()
        answer: dict[str, Any] = {}
        try:
            self._tell(process, config)
            for line in process.stdout or ():
                answer = json.loads(line)
                if "done" in answer:
                    on_progress(answer["done"])
        finally:
            code = self._end(process)
        if "refused" in answer:
            raise RunFolderError(answer["refused"])
        if "outcome" in answer:
            return Outcome(**answer["outcome"])
        if self._closed:
            raise RunStopped
        return Outcome(None, 0, time.monotonic() - began, _words_for(code))

    def close(self) -> None:
        """End the processes that run, and let no other begin: their inputs end, and so they do."""
        with self._lock:
            self._closed = True
            for process in self._running:
                _close(process.stdin)

    def _start(self) -> subprocess.Popen[str]:
        """A new process that waits for a config. Raises RunStopped after `close`."""
        with self._lock:
            if self._closed:
                raise RunStopped
            process = subprocess.Popen(
                [sys.executable, "-m", "windowclf.pipeline.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the one that waits
            )
            self._running.add(process)
            return process

    def _tell(self, process: subprocess.Popen[str], config: Config) -> None:
        """Send a process its config."""
        with self._lock:
            if process.stdin and not self._closed:
                with contextlib.suppress(BrokenPipeError):  # it has ended; its code says how
                    process.stdin.write(json.dumps(config.model_dump(mode="json")) + "\n")
                    process.stdin.flush()

    def _end(self, process: subprocess.Popen[str]) -> int:
        """End a process if it still runs; its exit code."""
        with self._lock:
            self._running.discard(process)
            _close(process.stdin)
            _close(process.stdout)
        return process.wait()


def _close(pipe: IO[str] | None) -> None:
    """Close an end of a pipe, whatever has become of the other."""
    if pipe is not None:
        with contextlib.suppress(BrokenPipeError):  # what was not yet read goes
            pipe.close()


def _words_for(code: int) -> str:
    """Why a run was lost whose process gave no answer, from its exit code."""
    if code < 0:
        return f"its process was ended by signal {-code}; perhaps the memory was too small."
    return f"its process ended with code {code} and without an answer."


def main() -> None:
    """The process that trains: a config from standard input, then lines of what comes of it."""
    given = sys.stdin.readline()
    threading.Thread(target=_end_with_input, daemon=True).start()
    if given:
        _say(_answer(make_config(json.loads(given))))


def _end_with_input() -> None:
    """End the process as soon as its input ends."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


class _Progress(Listener):
    """Says how far the run is, a few times a second."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def report(self, report: Report) -> None:
        if isinstance(report, StepReport) and time.monotonic() - self._said >= SECONDS_BETWEEN:
            self._said = time.monotonic()
            _say({"done": report.tokens / report.total_tokens})


def _answer(config: Config) -> dict[str, Any]:
    """Train, and say as JSON what came of it: an outcome, or a refusal of the run folder."""
    began = time.monotonic()
    try:
        result = train(config, resume=True, listener=_Progress())
        outcome = Outcome(result.best_score, result.best_epoch, time.monotonic() - began, None)
    except RunFolderError as error:
        return {"refused": str(error)}
    except (WindowclfError, MemoryError) as error:
        why = str(error) or "not enough memory."
        outcome = Outcome(None, 0, time.monotonic() - began, why)
    return {"outcome": asdict(outcome)}


def _say(line: dict[str, Any]) -> None:
    """Write a line of JSON to the one that waits."""
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
