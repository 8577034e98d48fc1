"""SearchFolder: a search's config, a line for every trial that has ended, the best config."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from windowclf.config.reading import make_config
from windowclf.errors import ConfigError, Fault, RunFolderError
from windowclf.pipeline.continuing import changed_files, changes_of
from windowclf.pipeline.run_folder import OWN_NAMES as RUN_NAMES
from windowclf.pipeline.search.trial import Trial
from windowclf.system.checked import build
from windowclf.system.claimed_folder import LOCK_NAME, ClaimedFolder
from windowclf.system.durable import remove_folder, write_whole
from windowclf.text.corpus_cache import remove_cache

SEARCH_NAME = "search.json"
TRIALS_NAME = "trials.jsonl"
BEST_NAME = "best.yaml"
_RUNS_NAME = "trials"  # the run folders of trials that have not ended
_RUN = re.compile(r"[0-9]+-[0-9]+")  # the number of a trial and its epochs
_FREE = (  # what may change when a search goes on: no trial depends on it
    *("output:", "tune.output:", "tune.trials:", "tune.keep:", "tune.rungs:", "training.epochs:"),
    *("training.threads:", "training.checkpoint", "data.test:", "data.cache_above_mb:"),
    "prediction.cache_mb:",
)


class SearchFolder:
    """A claimed folder with the files of a search; `close` gives it back."""

    def __init__(self, path: Path, resume: bool, overwrite: bool):
        """Claim the folder. Raises RunFolderError unless a search may write here."""
        self.path = path
        self._overwrite = overwrite
        self._before: _Head | None = None
        own = (SEARCH_NAME, TRIALS_NAME, BEST_NAME)

        def check(claimed: ClaimedFolder) -> None:
            """Raise RunFolderError where the folder holds no search, or one that is not wanted."""
            claimed.refuse_unless(_RUNS_NAME, "a directory")
            names = claimed.names()
            if not any((path / _RUNS_NAME).glob("[!.]*")):
                # There is at most text that was encoded before a stop.
                names = [name for name in names if name != _RUNS_NAME]
            claimed.refuse_others(names, SEARCH_NAME, resume or overwrite)
            self._before = _read_head(path / SEARCH_NAME) if names else None

        self._claimed = ClaimedFolder(path, "search", own, resume, overwrite, check)

    def _remove_old_search(self) -> None:
        """Remove what an earlier search wrote, and nothing else.

        The file that says that it is a search goes last.
        """
        try:
            for run in self._runs():
                _remove_run(run)
        except OSError as error:
            raise self._claimed.unusable(error) from error
        self._claimed.remove((BEST_NAME, TRIALS_NAME, SEARCH_NAME))

    def begin(
        self, config: Mapping[str, Any], data: Mapping[str, str]
    ) -> dict[tuple[int, int], Trial]:
        """Write the search's config and digests; the trials that have ended so far, by their key.

        `data` are sha256 of the data files by name.

        Only now does an old search go that is to be overwritten. Raises RunFolderError where the
        search in the folder is of another config or other data.
        """
        path = self.path / SEARCH_NAME
        if self._overwrite:
            self._remove_old_search()
        known: dict[tuple[int, int], Trial] = {}
        if self._before and not self._overwrite:
            self._refuse_other(self._before, config, data)
            known = {trial.key: trial for trial in self._read_trials()}
        header = {"config": config, "data": data}
        write_whole(path, (json.dumps(header, ensure_ascii=False, indent=1) + "\n").encode())
        self.write_trials(known.values())  # without a line that a crash has torn
        return known

    def _refuse_other(
        self, before: _Head, config: Mapping[str, Any], data: Mapping[str, str]
    ) -> None:
        """Raise RunFolderError unless the search before is of this config and of these data."""
        changes = changes_of(make_config(before.config), make_config(config), _FREE)
        changes += changed_files(before.data, data)
        if changes:
            raise RunFolderError(
                Fault(
                    f"cannot go on with this search with another config or other data "
                    f"({'; '.join(changes)}); undo that, or start again with --overwrite.",
                    str(self.path),
                )
            )

    def _read_trials(self) -> Iterator[Trial]:
        """The trials that have ended. Raises RunFolderError at a line that is none."""
        for number, line in enumerate(self._claimed.whole_lines(TRIALS_NAME), 1):
            try:
                yield build(Trial, json.loads(line), "the line", whole=True)
            except ValueError as error:
                raise RunFolderError(
                    Fault(
                        f"expected a trial, found something else ({error!s:.200}); remove the line "
                        "to have that trial again.",
                        str(self.path / TRIALS_NAME),
                        number,
                    )
                ) from error

    def append(self, trial: Trial) -> None:
        """Add a trial that has ended, on the disk before this returns; its run folder goes."""
        self._claimed.append_line(TRIALS_NAME, asdict(trial))
        with contextlib.suppress(OSError):
            _remove_run(self.run_folder(*trial.key))

    def write_trials(self, trials: Iterable[Trial]) -> None:
        """Write all trials anew, in the order of rungs and numbers."""
        ordered = sorted(trials, key=lambda trial: trial.key)
        lines = (json.dumps(asdict(trial), ensure_ascii=False).encode() for trial in ordered)
        self._claimed.write_lines(TRIALS_NAME, lines)

    def write_best(self, text: str) -> Path:
        """Write the config of the best trial, given as YAML; the path of the file."""
        write_whole(self.path / BEST_NAME, text.encode())
        return self.path / BEST_NAME

    def run_folder(self, epochs: int, trial: int) -> Path:
        """The run folder in which a trial of a rung of so many epochs is trained."""
        return self.path / _RUNS_NAME / f"{trial}-{epochs}"

    def remove_runs(self) -> None:
        """Remove the run folders of all trials, and the encoded text beside them."""
        runs = self.path / _RUNS_NAME
        with contextlib.suppress(OSError):
            for run in self._runs():
                _remove_run(run)
            remove_cache(runs)
            remove_folder(runs, ())

    def _runs(self) -> list[Path]:
        """The run folders of trials that are there, and no other entry beside them."""
        runs = (self.path / _RUNS_NAME).glob("[0-9]*-[0-9]*")
        return [run for run in runs if _RUN.fullmatch(run.name)]

    def close(self) -> None:
        """Give the folder back."""
        self._claimed.close()


@dataclass(frozen=True)
class _Head:
    """What a search was of: what search.json holds."""

    config: Mapping[str, Any]
    data: Mapping[str, str]  # sha256 of the files by name


def _read_head(path: Path) -> _Head:
    """What stands in search.json. Raises RunFolderError where that is not from us."""
    try:
        head = build(_Head, json.loads(path.read_text(encoding="utf-8")), "the head", whole=True)
        make_config(head.config)
    except (OSError, ValueError, ConfigError) as error:
        raise RunFolderError(
            Fault(
                f"damaged, or not from a search ({error!s:.200}); move it away, or choose another "
                "folder with --output.",
                str(path),
            )
        ) from error
    return head


def _remove_run(folder: Path) -> None:
    """Remove a trial's run, and its folder where nothing else is in it. Raises OSError."""
    remove_folder(folder, (*RUN_NAMES, LOCK_NAME))
