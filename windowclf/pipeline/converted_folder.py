"""BratFolder: records as pairs of files in a folder that is whole or not there."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from windowclf.errors import DataError, Fault
from windowclf.system.durable import reason, sync_folder
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.shapes.brat import lines_of

_NAME = re.compile(r"\w[\w.-]{0,99}")


class BratFolder:
    """Writes a .txt and an .ann for each record; the folder takes its name at the end.

    They are called by the record's id where that can be a name, or else by its number.
    """

    def __init__(self, target: str):
        """Raises DataError where something is at the target already, but for an empty folder."""
        self._target = Path(os.path.realpath(target))
        taken = self._target.exists() and not (
            self._target.is_dir() and not any(self._target.iterdir())
        )
        if target == "-" or taken:
            raise DataError(f"{target}: expected a new or empty folder for brat's files.")
        self._folder = self._target.with_name(f".{self._target.name}.{os.urandom(8).hex()}.tmp")
        self._names: set[str] = set()
        self._number = 0

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir()
        except OSError as error:
            raise self._unwritten(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)  # where it has not got its name

    def put(self, record: Json, original: Any = None) -> None:
        """Write the files of a record. Raises DataError."""
        self._number += 1
        name = str(record.get("id", ""))
        if not _NAME.fullmatch(name) or name.lower() in self._names:
            name = f"{self._number:06}"
        while name.lower() in self._names:
            name += "-"
        self._names.add(name.lower())
        lines = lines_of({"spans": [], **record}) if "spans" in record else None
        try:
            (self._folder / f"{name}.txt").write_bytes(record["text"].encode())
            if lines is not None:
                (self._folder / f"{name}.ann").write_bytes(lines.encode())
        except OSError as error:
            raise self._unwritten(error) from error

    def close(self) -> None:
        """Give the folder its name. Raises DataError."""
        try:
            if hasattr(os, "sync"):
                os.sync()  # one for all files
            self._folder.replace(self._target)
            sync_folder(self._target.parent)
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> DataError:
        """The error to raise where the system refuses to write."""
        return DataError(Fault(f"cannot write, {reason(error)}.", str(self._target)))
