"""The folder of a run: which files it holds, who may write to it, and in which order."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from windowclf import tensor_file
from windowclf.arrays import Floats
from windowclf.durable import reason, write_whole
from windowclf.errors import RunFolderError
from windowclf.model_file import MODEL_NAME, Model, save_model

CONFIG_NAME = "config.yaml"
STATE_NAME = "state.safetensors"
METRICS_NAME = "metrics.jsonl"
EVALUATION_NAME = "evaluation.json"
_LOCK_NAME = ".lock"
_OWN_NAMES = (CONFIG_NAME, MODEL_NAME, STATE_NAME, METRICS_NAME, EVALUATION_NAME)


class RunFolder:
    """A claimed folder. One process at a time may hold it; `close` gives it back."""

    def __init__(self, path: Path, resume: bool, overwrite: bool):
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = (path / _LOCK_NAME).open("w")
        except OSError as error:
            raise RunFolderError(f"{path}: cannot be the run folder, {reason(error)}.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._refuse_if_taken(resume, overwrite)
        except BlockingIOError as error:
            self._lock.close()
            raise RunFolderError(f"{path}: another run is writing to this folder.") from error
        except RunFolderError:
            self.close()
            raise
        self._clear_temporary_files()

    def _refuse_if_taken(self, resume: bool, overwrite: bool) -> None:
        others = sorted(p.name for p in self.path.iterdir() if p.name != _LOCK_NAME)
        if others and not (resume or overwrite):
            raise RunFolderError(
                f"{self.path}: not empty (it holds {others[0]}); continue that run with --resume, "
                "replace it with --overwrite, or choose another folder with --output."
            )

    def _clear_temporary_files(self) -> None:
        for name in _OWN_NAMES:
            for leftover in self.path.glob(f".{name}.*.tmp"):
                leftover.unlink(missing_ok=True)

    def holds_a_run(self) -> bool:
        """True where files of a run are here."""
        return any((self.path / name).exists() for name in _OWN_NAMES)

    def remove_old_run(self) -> None:
        """Remove what an earlier run wrote, and nothing else; the state is ours already."""
        for name in _OWN_NAMES:
            if name != STATE_NAME:
                (self.path / name).unlink(missing_ok=True)

    def write_config(self, text: str) -> None:
        """The config as resolved."""
        write_whole(self.path / CONFIG_NAME, text.encode())

    def save_model(self, model: Model) -> None:
        """The best model so far."""
        save_model(self.path / MODEL_NAME, model)

    def write_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """The scores of the model that was kept."""
        text = json.dumps(evaluation, indent=2, ensure_ascii=False) + "\n"
        write_whole(self.path / EVALUATION_NAME, text.encode())

    def save_state(self, header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> None:
        """What --resume needs; always after the model that it speaks of."""
        data = tensor_file.to_bytes("state", header, arrays)
        write_whole(self.path / STATE_NAME, data)

    def load_state(self) -> tensor_file.TensorFile | None:
        """The saved state, None where no state was saved yet."""
        path = self.path / STATE_NAME
        return tensor_file.read(path, "state") if path.exists() else None

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """One report as a line of metrics.jsonl, on the disk before this returns."""
        path = self.path / METRICS_NAME
        try:
            with path.open("ab") as file:
                file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunFolderError(f"{path}: cannot write, {reason(error)}.") from error

    def cut_metrics(self, lines: int) -> None:
        """Keep the first `lines` lines: those that the state speaks of."""
        path = self.path / METRICS_NAME
        if path.exists():
            kept = path.read_bytes().split(b"\n")[:lines]
            write_whole(path, b"".join(line + b"\n" for line in kept))

    def close(self) -> None:
        """Give the folder back."""
        self._lock.close()
