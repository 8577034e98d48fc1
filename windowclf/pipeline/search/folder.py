"""The folder of a search: its config, a line for every trial that has ended, the best config."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from windowclf.config.reading import differences, make_config
from windowclf.errors import ConfigError, RunFolderError
from windowclf.pipeline.input_files import place_of
from windowclf.system.checked import build
from windowclf.system.durable import make_folder, reason, sync_folder, write_whole

SEARCH_NAME = "search.json"
TRIALS_NAME = "trials.jsonl"
BEST_NAME = "best.yaml"
_RUNS_NAME = "trials"  # the run folders of trials that have not ended
_LOCK_NAME = ".lock"
_FREE = (  # what may change when a search goes on: no trial depends on it
    *("output", "tune.output", "tune.trials", "tune.keep", "tune.rungs", "training.epochs"),
    *("training.threads", "training.checkpoint", "data.test", "data.cache_above_mb"),
    "prediction.cache_mb",
)


@dataclass(frozen=True)
class Trial:
    """A config that was trained for some epochs, and what came of it."""

    epochs: int  # of the rung
    trial: int  # from 1
    settings: Mapping[str, Any]  # by path
    score: float | None  # the task's metric on dev at the best epoch; None for a lost trial
    best_epoch: int
    seconds: float
    lost: str | None  # why

    @property
    def key(self) -> tuple[int, int]:
        """Under which its result is known."""
        return self.epochs, self.trial


class SearchFolder:
    """A claimed folder. One process at a time may hold it; `close` gives it back."""

    def __init__(self, path: Path, resume: bool, overwrite: bool):
        self.path = path
        self._overwrite = overwrite
        try:
            make_folder(path)
            self._lock = (path / _LOCK_NAME).open("w")
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._refuse_if_taken(resume or overwrite)
        except BlockingIOError as error:
            self.close()
            raise RunFolderError(f"{path}: another search is writing to this folder.") from error
        except OSError as error:
            self.close()
            raise self._unusable(error) from error
        except BaseException:
            self.close()
            raise

    def _unusable(self, error: OSError) -> RunFolderError:
        return RunFolderError(f"{self.path}: cannot be the folder of a search, {reason(error)}.")

    def _refuse_if_taken(self, wanted: bool) -> None:
        runs = self.path / _RUNS_NAME
        ours = {_LOCK_NAME}
        if not any(runs.glob("[!.]*")):  # there is at most text that was encoded before a stop
            ours.add(_RUNS_NAME)
        others = sorted(p.name for p in self.path.iterdir() if p.name not in ours)
        if others and not wanted:
            raise RunFolderError(
                f"{self.path}: not empty (it holds {others[0]}); go on with that search with "
                "--resume, replace it with --overwrite, or choose another folder with --output."
            )
        if others and SEARCH_NAME not in others:
            raise RunFolderError(
                f"{self.path}: holds {others[0]} and no {SEARCH_NAME}, so it is not from a search; "
                "choose another folder with --output."
            )

    def _remove_old_search(self) -> None:
        """What an earlier search wrote, and nothing else; what says that it is one goes last."""
        for run in (self.path / _RUNS_NAME).glob("[0-9]*"):
            shutil.rmtree(run)
        for name in (BEST_NAME, TRIALS_NAME, SEARCH_NAME):
            (self.path / name).unlink(missing_ok=True)
        sync_folder(self.path)

    def begin(
        self, config: Mapping[str, Any], data: Mapping[str, str]
    ) -> dict[tuple[int, int], Trial]:
        """The trials that have ended so far. `data` are sha256 of files by name.

        Only now does an old search go that is to be overwritten. Raises RunFolderError where the
        search in the folder is of another config or other data.
        """
        path = self.path / SEARCH_NAME
        if self._overwrite:
            try:
                self._remove_old_search()
            except OSError as error:
                raise self._unusable(error) from error
        known: dict[tuple[int, int], Trial] = {}
        if path.exists():
            self._refuse_other(path, config, data)
            known = {trial.key: trial for trial in self._read_trials()}
        header = {"config": config, "data": data}
        write_whole(path, (json.dumps(header, ensure_ascii=False, indent=1) + "\n").encode())
        self.write_trials(known.values())  # without a line that a crash has torn
        return known

    def _refuse_other(self, path: Path, config: Mapping[str, Any], data: Mapping[str, str]) -> None:
        try:
            header = json.loads(path.read_text(encoding="utf-8"))
            changes = [
                change
                for change in differences(make_config(header["config"]), make_config(config))
                if not change.startswith(tuple(f"{free}{end}" for free in _FREE for end in ":."))
            ]
            files = [name for name in data if header["data"].get(name) != data[name]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
            raise RunFolderError(
                f"{path}: damaged, or not from a search ({error!s:.200}); replace the search with "
                "--overwrite, or choose another folder with --output."
            ) from error
        changes += [f"{place_of(name)}: the files have changed" for name in files]
        if changes:
            raise RunFolderError(
                f"{self.path}: cannot go on with this search with another config or other data "
                f"({'; '.join(changes)}); undo that, or start again with --overwrite."
            )

    def _read_trials(self) -> Iterable[Trial]:
        path = self.path / TRIALS_NAME
        try:
            whole = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        except OSError as error:
            raise RunFolderError(f"{path}: cannot be read, {reason(error)}.") from error
        for number, line in enumerate(whole, 1):
            try:
                yield build(Trial, json.loads(line), "the line", whole=True)
            except ValueError as error:
                raise RunFolderError(
                    f"{path}:{number}: expected a trial, found something else ({error!s:.200}); "
                    "remove the line to have that trial again."
                ) from error

    def append(self, trial: Trial) -> None:
        """A trial that has ended, on the disk before this returns; what it was trained in goes."""
        path = self.path / TRIALS_NAME
        try:
            with path.open("ab") as file:
                data = _line(trial)
                if file.write(data) != len(data):
                    raise OSError(errno.EIO, "the line was written in part")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunFolderError(
                f"{path}: cannot write, {reason(error)}; mend that and go on with --resume."
            ) from error
        shutil.rmtree(self.run_folder(*trial.key), ignore_errors=True)

    def write_trials(self, trials: Iterable[Trial]) -> None:
        """All trials, in the order of rungs and numbers."""
        lines = [_line(trial) for trial in sorted(trials, key=lambda trial: trial.key)]
        write_whole(self.path / TRIALS_NAME, b"".join(lines))

    def write_best(self, text: str) -> Path:
        """The config of the best trial; where it lies."""
        write_whole(self.path / BEST_NAME, text.encode())
        return self.path / BEST_NAME

    def run_folder(self, epochs: int, trial: int) -> Path:
        """Where a trial is trained."""
        return self.path / _RUNS_NAME / f"{trial}-{epochs}"

    def remove_runs(self) -> None:
        """What no further trial needs."""
        shutil.rmtree(self.path / _RUNS_NAME, ignore_errors=True)

    def close(self) -> None:
        """Give the folder back."""
        with contextlib.suppress(OSError):  # nothing was written to the lock
            self._lock.close()


def _line(trial: Trial) -> bytes:
    return (json.dumps(asdict(trial), ensure_ascii=False) + "\n").encode()
