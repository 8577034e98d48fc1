"""The end that waits for a process that does a job (child.py): for one, or many at a time."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from windowclf.config import Config
from windowclf.errors import Fault, RunFolderError, WindowclfError

PROGRAM = ("-P", "-m", "windowclf.pipeline.child")  # -P: modules from nowhere else


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    score: float | None  # the task's metric on dev at the best epoch; None for a lost run
    best_epoch: int
    seconds: float
    lost: str | None  # why


class RunStopped(Exception):
    """`close` was called before the run had ended."""


class Worker:
    """A process that waits for a job, and does it; any thread may stop it."""

    def __init__(
        self,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        log: IO[bytes] | None = None,
    ):
        """Start it in a folder, this one's by default; `log` takes its notices. Raises OSError."""
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, *PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=None if environment is None else dict(environment),
            start_new_session=True,  # Ctrl-C is for the one that waits
        )

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def work(self, job: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Send the job; what the process says, as it says it."""
        self._tell(json.dumps(job).encode() + b"\n")
        for line in self._process.stdout or ():
            with contextlib.suppress(ValueError):  # torn where it was killed
                yield json.loads(line)

    def stop(self) -> None:
        """Have it save and stop."""
        self._tell(b"stop\n")

    def leave(self) -> None:
        """Wait no longer: it saves in a hurry, and ends."""
        with self._lock:
            _close(self._process.stdin)

    def kill(self) -> None:
        """End it as it stands."""
        self._process.kill()

    def end(self) -> int:
        """End it if it still runs; its exit code."""
        self.leave()
        _close(self._process.stdout)
        return self._process.wait()

    def _tell(self, line: bytes) -> None:
        """Write a line to the process; where that has ended its exit code says how."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            if self._process.stdin and not self._process.stdin.closed:
                self._process.stdin.write(line)
                self._process.stdin.flush()


class RunProcesses:
    """Starts processes and can end them all; any number of threads may wait for one each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Worker] = set()
        self._closed = False

    def run(self, config: Config, on_progress: Callable[[float], None]) -> Outcome:
        """Train in the config's run folder, going on with what is there.

        `on_progress` is told which fraction is done. Raises RunFolderError, or RunStopped.
        """
        began = time.monotonic()
        worker = self._start()
        answer: dict[str, Any] = {}
        try:
            for answer in worker.work({"kind": "train", "config": config.model_dump(mode="json")}):
                if "done" in answer:
                    on_progress(answer["done"])
        finally:
            with self._lock:
                self._running.discard(worker)
            code = worker.end()
        if "refused" in answer:
            raise RunFolderError(answer["refused"])
        if result := answer.get("result"):
            return Outcome(result["score"], result["best_epoch"], result["seconds"], None)
        if self._closed:
            raise RunStopped
        seconds = time.monotonic() - began
        why = str(error_of(answer["fault"])) if "fault" in answer else words_for(code)
        return Outcome(None, 0, seconds, why)

    def close(self) -> None:
        """End the processes that run, and let no other begin: their inputs end, and so they do."""
        with self._lock:
            self._closed = True
            for worker in self._running:
                worker.leave()

    def _start(self) -> Worker:
        """A new process that waits for a config. Raises RunStopped after `close`."""
        with self._lock:
            if self._closed:
                raise RunStopped
            worker = Worker()
            self._running.add(worker)
            return worker


def fault_of(error: WindowclfError | MemoryError) -> dict[str, Any]:
    """An error as JSON: its kind, and its faults with their places."""
    if isinstance(error, MemoryError):
        sentence = "not enough memory for this job; give it more, or smaller batches."
        return {"kind": "MemoryError", "faults": [{"sentence": sentence}], "more": 0}
    return {
        "kind": type(error).__name__,
        "faults": [{k: v for k, v in asdict(f).items() if v is not None} for f in error.faults],
        "more": error.more,
    }


def error_of(fault: Mapping[str, Any]) -> WindowclfError:
    """The error whose JSON a process has sent."""
    return WindowclfError(*(Fault(**each) for each in fault["faults"]), more=fault["more"])


def words_for(code: int) -> str:
    """Why a job was lost whose process gave no answer, from its exit code."""
    if code < 0:
        return f"its process was ended by signal {-code}; perhaps the memory was too small."
    return f"its process ended with code {code} and without an answer."


def _close(pipe: IO[bytes] | None) -> None:
    """Close an end of a pipe, whatever has become of the other."""
    if pipe is not None:
        with contextlib.suppress(BrokenPipeError):  # what was not yet read goes
            pipe.close()
