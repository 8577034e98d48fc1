"""What a run that goes on must have in common with the one that was saved: config and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from windowclf.config import Config
from windowclf.config.reading import differences, make_config
from windowclf.errors import Fault, RunFolderError
from windowclf.pipeline.input_files import config_key
from windowclf.pipeline.run_folder import SavedState

FREE = ("output:", "training.checkpoint", "prediction.", "tune")  # on which no model depends
_EPOCHS = "training.epochs:"


def refuse_other_run(
    path: Path, state: SavedState, config: Config, digests: Mapping[str, str]
) -> None:
    """Raise RunFolderError unless a state in the folder `path` came from this config and data.

    The digests are those of the data by name. The epochs may be more than they were.
    """
    before = make_config(state.config)
    epochs = before.training.epochs
    if config.training.epochs < epochs:
        raise RunFolderError(
            Fault(
                f"training.epochs: expected at least the {epochs} that this run has, found "
                f"{config.training.epochs}; a run can be made longer and not shorter: undo that, "
                "or start again with --overwrite.",
                str(path),
            )
        )
    changes = [
        change for change in changes_of(before, config, FREE) if not change.startswith(_EPOCHS)
    ]
    changes += changed_files(state.data, digests)
    if changes:
        raise RunFolderError(
            Fault(
                "cannot continue this run with another config or other data "
                f"({'; '.join(changes)}); undo that, or start again with --overwrite.",
                str(path),
            )
        )


def changes_of(before: Config, now: Config, free: Sequence[str]) -> list[str]:
    """Where two configs differ, but for what begins as one of `free`."""
    return [each for each in differences(before, now) if not each.startswith(tuple(free))]


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """A sentence's part for each name under which two sets of digests differ."""
    return [
        f"{config_key(name)}: the files have changed"
        for name in dict.fromkeys([*now, *before])
        if before.get(name) != now.get(name)
    ]


def added_epochs(state: SavedState, config: Config) -> str | None:
    """What to say of a run that is now to have more epochs than its state; None where it is not."""
    before, now = make_config(state.config).training.epochs, config.training.epochs
    if now == before:
        return None
    return (
        f"training.epochs: {before} before, {now} now: the learning rate follows the new total "
        f"from here on, and the bytes of the model will differ from those of one run of {now}."
    )
