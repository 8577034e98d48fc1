"""FoldsFolder: folds.json with all scores, and a run folder for each fold."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from windowclf.config import Config
from windowclf.config.reading import make_config
from windowclf.errors import ConfigError, Fault, RunFolderError
from windowclf.pipeline.continuing import FREE, changed_files, changes_of
from windowclf.pipeline.folds.fold import Fold
from windowclf.pipeline.run_folder import RunFolder, refuse_inputs
from windowclf.system.checked import build, in_range
from windowclf.system.claimed_folder import ClaimedFolder
from windowclf.system.durable import write_whole

FOLDS_NAME = "folds.json"


@dataclass(frozen=True)
class Plan:
    """What is divided, and into how many folds: the head of folds.json."""

    folds: int
    units: str  # what goes into a fold as a whole: documents or sentences
    config: Mapping[str, Any]
    data: Mapping[str, str]  # sha256 of the data by name


class FoldsFolder:
    """A claimed folder with the files of a cross-validation; `close` gives it back."""

    def __init__(self, path: Path, resume: bool, overwrite: bool):
        """Claim the folder. Raises RunFolderError unless a cross-validation may write here."""
        self.path, self._overwrite = path, overwrite
        self._before: _Before | None = None

        def check(claimed: ClaimedFolder) -> None:
            """Raise RunFolderError where the folder holds no folds, or some not wanted."""
            names = claimed.names()
            claimed.refuse_others(names, FOLDS_NAME, resume or overwrite)
            self._before = _read(path / FOLDS_NAME) if names else None

        own = (FOLDS_NAME,)
        self._claimed = ClaimedFolder(path, "cross-validation", own, resume, overwrite, check)

    def begin(self, plan: Plan, inputs: Collection[str]) -> dict[int, Fold]:
        """Write the plan; the folds that have ended so far by their number.

        Only now do old folds go that are to be overwritten, and only once it is known that all of
        them may. `inputs` are the files that are read. Raises RunFolderError where one of them
        would be written over, where something else stands where a fold is to be, or where the
        folds in the folder are of another plan.
        """
        before = self._before
        old: list[int] = []
        known: dict[int, Fold] = {}
        if before and self._overwrite:
            every = range(1, before.plan.folds + 1)
            old = [number for number in every if self.run_folder(number).exists()]
        elif before:
            self._refuse_changes(before.plan, plan)
            known = before.ended
        refuse_inputs(self.path, inputs, (FOLDS_NAME,))
        for number in sorted({*old, *range(1, plan.folds + 1)}):
            folder = self.run_folder(number)
            self._claimed.refuse_unless(folder.name, "a directory")
            refuse_inputs(folder, inputs)
        for number in old:
            self._overwritten(number).close()
        self.write(plan, {}, known.values())
        for number in old:
            with closing(self._overwritten(number)) as run:
                run.erase()
        return known

    def _overwritten(self, fold: int) -> RunFolder:
        """The folder of a fold that is to be replaced. Raises RunFolderError where it may not."""
        return RunFolder(self.run_folder(fold), resume=False, overwrite=True)

    def _refuse_changes(self, before: Plan, plan: Plan) -> None:
        """Raise RunFolderError unless the folds in the folder are of this plan."""
        changes = _changes(before, plan, make_config(before.config), make_config(plan.config))
        if changes:
            raise RunFolderError(
                Fault(
                    "cannot go on with these folds with another config or other data "
                    f"({'; '.join(changes)}); undo that, or start again with --overwrite.",
                    str(self.path),
                )
            )

    def write(self, plan: Plan, figures: Mapping[str, Any], ended: Any) -> None:
        """Write folds.json: the plan, the figures of all folds, and the folds that have ended."""
        results = sorted((asdict(fold) for fold in ended), key=lambda fold: fold["fold"])
        whole = {**asdict(plan), "figures": figures, "results": results}
        text = json.dumps(whole, ensure_ascii=False, indent=1) + "\n"
        write_whole(self.path / FOLDS_NAME, text.encode())

    def run_folder(self, fold: int) -> Path:
        """The run folder of a fold, from 1."""
        return self.path / f"fold-{fold}"

    def close(self) -> None:
        """Give the folder back."""
        self._claimed.close()


class _Before(NamedTuple):
    """What a folder holds of a cross-validation."""

    plan: Plan
    ended: dict[int, Fold]  # by number


def _read(path: Path) -> _Before:
    """What stands in folds.json. Raises RunFolderError where that is not from us."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
        results = given.pop("results")
        given.pop("figures")
        plan = build(Plan, given, "the head")
        make_config(plan.config)
        ended = [build(Fold, each, "a fold", whole=True) for each in results]
        for fold in ended:
            in_range(fold.fold, 1, plan.folds, "fold")
        if len({fold.fold for fold in ended}) < len(ended):
            raise ValueError("a fold stands twice")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, ConfigError) as error:
        raise RunFolderError(
            Fault(
                f"damaged, or not from a cross-validation ({error!s:.200}); move it away, or "
                "choose another folder with --output.",
                str(path),
            )
        ) from error
    return _Before(plan, {fold.fold: fold for fold in ended})


def _refuse_constant(name: str) -> float:
    """Raise ValueError for NaN and the like, which no figure is."""
    raise ValueError(f"{name} is no number")


def _changes(before: Plan, now: Plan, config: Config, new: Config) -> Sequence[str]:
    """In what two plans, of these configs, differ."""
    changes = changes_of(config, new, (*FREE, "data.test"))
    if before.folds != now.folds:
        changes.append(f"folds: {before.folds} before, {now.folds} now")
    return [*changes, *changed_files(before.data, now.data)]
