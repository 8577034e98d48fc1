"""FoldsFolder: folds.json with all scores, and a run folder for each fold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from windowclf.config import Config
from windowclf.config.reading import make_config
from windowclf.errors import ConfigError, Fault, RunFolderError
from windowclf.pipeline.continuing import FREE, changed_files, changes_of
from windowclf.pipeline.folds.fold import Fold
from windowclf.pipeline.run_folder import RunFolder
from windowclf.system.checked import build
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

        def check(claimed: ClaimedFolder) -> None:
            """Raise RunFolderError where the folder holds no folds, or some not wanted."""
            claimed.refuse_others(claimed.names(), FOLDS_NAME, resume or overwrite)

        own = (FOLDS_NAME,)
        self._claimed = ClaimedFolder(path, "cross-validation", own, resume, overwrite, check)

    def begin(self, plan: Plan) -> dict[int, Fold]:
        """Write the plan; the folds that have ended so far by their number.

        Only now do old folds go that are to be overwritten. Raises RunFolderError where those in
        the folder are of another plan.
        """
        known: dict[int, Fold] = {}
        if (self.path / FOLDS_NAME).exists() and not self._overwrite:
            known = self._read(plan)
        self.write(plan, {}, known.values())
        if self._overwrite:
            for old in sorted(self.path.glob("fold-[0-9]*")):
                with closing(RunFolder(old, resume=False, overwrite=True)) as run:
                    run.erase()
        return known

    def _read(self, plan: Plan) -> dict[int, Fold]:
        """The folds that have ended. Raises RunFolderError where they are of another plan."""
        path = self.path / FOLDS_NAME
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            results = given.pop("results")
            given.pop("figures")
            before = build(Plan, given, "the head")
            ended = [build(Fold, each, "a fold", whole=True) for each in results]
            now = make_config(plan.config)
            changes = _changes(before, plan, make_config(before.config), now)
        except (OSError, ValueError, KeyError, AttributeError, TypeError, ConfigError) as error:
            raise RunFolderError(
                Fault(
                    f"damaged, or not from a cross-validation ({error!s:.200}); replace it with "
                    "--overwrite, or choose another folder with --output.",
                    str(path),
                )
            ) from error
        if changes:
            raise RunFolderError(
                Fault(
                    "cannot go on with these folds with another config or other data "
                    f"({'; '.join(changes)}); undo that, or start again with --overwrite.",
                    str(self.path),
                )
            )
        return {fold.fold: fold for fold in ended}

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


def _changes(before: Plan, now: Plan, config: Config, new: Config) -> Sequence[str]:
    """In what two plans, of these configs, differ."""
    changes = changes_of(config, new, (*FREE, "data.test"))
    if before.folds != now.folds:
        changes.append(f"folds: {before.folds} before, {now.folds} now")
    return [*changes, *changed_files(before.data, now.data)]
