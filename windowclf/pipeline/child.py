"""A process that does one job: a line of JSON from standard input, lines of JSON as the answer.

The job is {"kind", "config"}, or {"kind": "compare", "model", "against", "data"}, perhaps with
"niceness", "memory", its limit in bytes, and "notices", true to have them on standard error. While
it works the process says {"done": fraction}; at its end {"result": …}, {"fault": …}, {"refused": …}
(another one has the run folder) or {"stopped": true}. A second line on standard input, or SIGTERM,
means: save and stop. That the input ends means the same in a hurry, for then nobody waits any more;
so no process is left behind, whatever happens to the one that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from windowclf.config import Config
from windowclf.config.reading import make_config
from windowclf.errors import DataError, RunFolderError, WindowclfError
from windowclf.network.reports import Report, StepReport
from windowclf.pipeline.check import check
from windowclf.pipeline.evaluate import compare
from windowclf.pipeline.input_files import digest_of
from windowclf.pipeline.listener import Listener
from windowclf.pipeline.reading import layout_of
from windowclf.pipeline.texts import texts_of
from windowclf.pipeline.train import train
from windowclf.pipeline.worker import fault_of

SECONDS_BETWEEN = 0.2  # two reports of how far a run is
SECONDS_TO_SAVE = 6.0  # when nobody waits any more
MOST_DIFFERING = 100  # sentences that a comparison shows

_saying = threading.Lock()


def main() -> None:
    """Do the job that standard input names."""
    given = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 — open to the end
    line = given.readline()
    if not line:
        return
    job = json.loads(line)
    work = _Work(job.get("notices", False))
    signal.signal(signal.SIGTERM, lambda *_: work.stop())
    threading.Thread(target=work.obey, args=(given.fileno(),), daemon=True).start()
    _take_second_place(job.get("niceness", 0), job.get("memory"))
    say(_answer(job, work))


def say(line: Mapping[str, Any]) -> None:
    """Write a line of JSON to the one that waits, if there still is one."""
    data = (json.dumps(line) + "\n").encode()
    with _saying, contextlib.suppress(OSError):
        while data:
            data = data[os.write(1, data) :]


class _Work(Listener):
    """What the job is told while it works, and whether it should stop."""

    def __init__(self, notices: bool) -> None:
        """With `notices` they go to standard error."""
        self._notices, self._said = notices, 0.0
        self._asked = False
        self._can_save = False

    def obey(self, descriptor: int) -> None:
        """Wait for the word to stop, and for the end of the input, after which time is short."""
        if os.read(descriptor, 1):
            self.stop()
            while os.read(descriptor, 1):
                pass
        self.stop()
        time.sleep(SECONDS_TO_SAVE)
        os._exit(1)

    def stop(self) -> None:
        """Have the job save and stop; at once where there is nothing to save."""
        self._asked = True
        if not self._can_save:
            _end_stopped()

    def prepared(self) -> None:
        self._can_save = True
        if self._asked:
            _end_stopped()

    def notice(self, text: str) -> None:
        if self._notices:
            print(f"note: {text}", file=sys.stderr, flush=True)

    def report(self, report: Report) -> None:
        if isinstance(report, StepReport) and time.monotonic() - self._said >= SECONDS_BETWEEN:
            self._said = time.monotonic()
            say({"done": report.tokens / report.total_tokens})

    def should_stop(self) -> bool:
        return self._asked


def _end_stopped() -> NoReturn:
    """End the process before there is anything to save."""
    say({"stopped": True})
    os._exit(0)


def _take_second_place(niceness: int, memory: int | None) -> None:
    """Let other work go first, and take no more memory than `memory` bytes where that is given."""
    if niceness:
        os.nice(niceness)
    if memory is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _answer(job: Mapping[str, Any], work: _Work) -> dict[str, Any]:
    """Do a job, and say as JSON what came of it."""
    began = time.monotonic()
    try:
        result = _result(job, work)
    except RunFolderError as error:
        return {"refused": str(error)}
    except (WindowclfError, MemoryError) as error:
        return {"fault": fault_of(error), "seconds": time.monotonic() - began}
    except RuntimeError as error:
        if "can't start new thread" not in str(error):
            raise
        return {"fault": fault_of(MemoryError()), "seconds": time.monotonic() - began}
    if result is None:
        return {"stopped": True}
    return {"result": {**result, "seconds": time.monotonic() - began}}


def _result(job: Mapping[str, Any], work: _Work) -> dict[str, Any] | None:
    """What a job has found; None where it was stopped. Raises WindowclfError."""
    if job["kind"] == "compare":
        return {**compare(job["model"], job["against"], job["data"], None, work, MOST_DIFFERING)}
    config = make_config(job["config"])
    return _train(config, work) if job["kind"] == "train" else _check(config)


def _train(config: Config, work: _Work) -> dict[str, Any] | None:
    """Train in the config's run folder, going on with what is there; None where it was stopped."""
    result = train(config, resume=True, listener=work)
    if result.stopped:
        return None
    return {
        "score": result.best_score,
        "best_epoch": result.best_epoch,
        "evaluations": result.evaluations,
        "digest": digest_of([str(result.model_path)]),
    }


def _check(config: Config) -> dict[str, Any]:
    """What `windowclf check` finds in a text. Raises DataError with all its faults."""
    found = check(config)
    if found["faults"]:
        raise DataError(*found["faults"], more=found["more_faults"])
    train = found["texts"]["train"]
    others = {"rare": found["rare"], "alike": found["alike"], "conflicts": found["conflicts"]}
    warnings = [{"key": each.key, "sentence": each.sentence} for each in found["warnings"]]
    figures: dict[str, Any] = _without_paths({**train, **others, "warnings": warnings})
    return {"format": layout_of(config, texts_of(config)["train"]).format, **figures}


def _without_paths(value: Any) -> Any:
    """A value without what says where a file lies, which is nothing to its clients."""
    if isinstance(value, Mapping):
        kept = {key: each for key, each in value.items() if key not in ("path", "files")}
        return {key: _without_paths(each) for key, each in kept.items()}
    return [_without_paths(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
