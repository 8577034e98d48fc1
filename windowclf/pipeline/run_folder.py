"""RunFolder: which files a run keeps, who may write to them, and in which order.

`config.yaml` (as resolved), `model.safetensors` (the best model, self-contained),
`state.safetensors` (to go on from), `metrics.jsonl` (a line per epoch), `evaluation.json`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windowclf.arrays import Floats
from windowclf.config.reading import make_config
from windowclf.errors import ConfigError, Fault, ModelFileError, RunFolderError
from windowclf.system import tensor_file
from windowclf.system.checked import build, in_range
from windowclf.system.claimed_folder import ClaimedFolder
from windowclf.system.durable import write_whole
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import MODEL_NAME, save_model

CONFIG_NAME = "config.yaml"
STATE_NAME = "state.safetensors"
METRICS_NAME = "metrics.jsonl"
EVALUATION_NAME = "evaluation.json"
_MOST_THREADS = 1024
OWN_NAMES = (CONFIG_NAME, MODEL_NAME, STATE_NAME, METRICS_NAME, EVALUATION_NAME)


def refuse_inputs(folder: Path, paths: Iterable[str], own: Collection[str] = OWN_NAMES) -> None:
    """Raise RunFolderError where a file that is to be read is one that the run replaces.

    `own` are the names in the folder that it writes.
    """
    ours = {(folder / name).resolve() for name in own}
    for path in paths:
        if Path(path).resolve() in ours:
            fault = "the run would replace this file; copy it elsewhere and name the copy."
            raise RunFolderError(Fault(fault, path))


@dataclass(frozen=True)
class SavedState:
    """What --resume starts from; whether it fits the run is for the trainer to say."""

    progress: Mapping[str, Any]
    config: Mapping[str, Any]
    data: Mapping[str, str]  # sha256 of the files by name
    threads: int
    metrics_lines: int  # how many lines of metrics.jsonl belong to the run so far
    arrays: Mapping[str, Floats]  # parameters and accumulators, each of any shape


class RunFolder:
    """A claimed folder with the files of a run; `close` gives it back."""

    def __init__(self, path: Path, resume: bool, overwrite: bool):
        """Claim the folder. Raises RunFolderError unless a run may write here."""
        self.path = path

        def check(claimed: ClaimedFolder) -> None:
            """Raise RunFolderError where what is there may not be continued or replaced."""
            self._refuse_if_taken(claimed, resume, overwrite)

        self._claimed = ClaimedFolder(path, "run", OWN_NAMES, resume, overwrite, check)

    def _refuse_if_taken(self, claimed: ClaimedFolder, resume: bool, overwrite: bool) -> None:
        """Raise RunFolderError where what the folder holds may not be continued or replaced."""
        others = claimed.names()
        if others and not (resume or overwrite):
            raise claimed.refuse_taken(others[0])
        if overwrite or STATE_NAME not in others:
            self._refuse_strangers(others)
        if resume and MODEL_NAME in others and STATE_NAME not in others:
            raise RunFolderError(
                Fault(
                    f"holds a model but no {STATE_NAME} to go on from; replace that run "
                    "with --overwrite, or choose another folder with --output.",
                    str(self.path),
                )
            )

    def _refuse_strangers(self, names: Collection[str]) -> None:
        """Raise RunFolderError where files that a run would replace do not come from a run.

        Those of a run have a state or a model beside them that windowclf wrote.
        """
        ours = [name for name in (STATE_NAME, MODEL_NAME) if name in names]
        strangers = [name for name in ours if not tensor_file.is_ours(self.path / name)]
        if not ours:
            strangers = [name for name in OWN_NAMES if name in names]
        if strangers:
            raise RunFolderError(
                Fault(
                    "not from a run of windowclf (or damaged), and this run would replace it; move "
                    "it away, or choose another folder with --output.",
                    str(self.path / strangers[0]),
                )
            )

    def remove_old_run(self) -> None:
        """Remove what an earlier run wrote, and nothing else; the state is ours already."""
        self._claimed.remove(name for name in OWN_NAMES if name != STATE_NAME)

    def erase(self) -> None:
        """Remove all that a run wrote, and nothing else; the state goes last."""
        self.remove_old_run()
        self._claimed.remove([STATE_NAME])

    def write_config(self, text: str) -> None:
        """Write config.yaml, the config as resolved."""
        write_whole(self.path / CONFIG_NAME, text.encode())

    def save_model(self, model: Model) -> None:
        """Write the best model so far."""
        save_model(self.path / MODEL_NAME, model)

    def write_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Write evaluation.json, the scores of the model that was kept and where they come from."""
        text = json.dumps(evaluation, indent=2, ensure_ascii=False) + "\n"
        write_whole(self.path / EVALUATION_NAME, text.encode())

    def remove_evaluation(self) -> None:
        """Remove evaluation.json, which speaks of a model that may not be kept."""
        self._claimed.remove([EVALUATION_NAME])

    def save_state(self, header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> None:
        """Write the state that --resume needs, always after the model that it speaks of.

        The arrays, parameters and accumulators, are of any shape (…,).
        """
        data = tensor_file.to_bytes("state", header, arrays)
        write_whole(self.path / STATE_NAME, data)

    def load_state(self) -> SavedState | None:
        """The saved state, each field of its type; None where none was saved yet.

        Raises ModelFileError.
        """
        path = self.path / STATE_NAME
        if not os.path.lexists(path):
            return None
        file = tensor_file.read(path, "state")
        try:
            state = build(SavedState, file.header, "the header", arrays=file.arrays)
            in_range(state.threads, 1, _MOST_THREADS, "threads")
            in_range(state.metrics_lines, 0, sys.maxsize, "metrics_lines")
            make_config(state.config)
        except (ValueError, ConfigError) as error:
            raise self.unfit_state(error) from error
        return state

    def unfit_state(self, error: Exception) -> ModelFileError:
        """The error to raise for a state that is whole and yet cannot be gone on from."""
        return ModelFileError(
            Fault(
                f"does not fit ({' '.join(str(error).split()):.300}); use another copy, or start "
                "again with --overwrite.",
                str(self.path / STATE_NAME),
            )
        )

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl, on the disk before this returns."""
        self._claimed.append_line(METRICS_NAME, line)

    def cut_metrics(self, lines: int) -> int:
        """Keep the first `lines` lines of metrics.jsonl, and no other; how many there are."""
        if not os.path.lexists(self.path / METRICS_NAME):
            return 0
        kept = self._claimed.whole_lines(METRICS_NAME)[:lines]
        self._claimed.write_lines(METRICS_NAME, kept)
        return len(kept)

    def close(self) -> None:
        """Give the folder back."""
        self._claimed.close()
