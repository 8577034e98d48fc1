"""BratFolder: records as pairs of files in a folder that is whole or not there."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from windowclf.errors import DataError, Fault
from windowclf.system.durable import reason, sync_folder
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.shapes.brat import lines_of

UNNAMED = "id of a record (a number names its files)"
_NAME = re.compile(r"\w[\w.-]{0,99}")
_LONGEST = 251  # bytes of a name before its .txt or .ann, as most systems have it


class BratFolder:
    """Writes a .txt and an .ann for each record; all take their names at the end.

    They are called by the record's id where that can be a name, or else by its number. A folder
    that is there already stays as it is, and the files are put into it.
    """

    def __init__(self, target: str, left_out: Counter[str]):
        """`left_out` counts the ids that are no names.

        Raises DataError where something is at the target already, but for an empty folder.
        """
        self._left_out = left_out
        self._target = Path(os.path.realpath(target))
        self._is_new = not self._target.exists()
        home = self._target.parent if self._is_new else self._target
        self._folder = home / f".brat.{os.urandom(8).hex()}.tmp"
        try:
            taken = not self._is_new and not self._is_empty()
        except OSError as error:
            raise self._unwritten(error) from error
        if target == "-" or taken:
            raise DataError(f"{target}: expected a new or empty folder for brat's files.")
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
        name = "" if record.get("id") is None else str(record["id"])
        is_name = _NAME.fullmatch(name) and len(name.encode()) <= _LONGEST
        if not is_name or name.lower() in self._names:
            if name:
                self._left_out[UNNAMED] += 1
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
        """Give the folder its name, or the files their place in it. Raises DataError."""
        try:
            if hasattr(os, "sync"):
                os.sync()  # one for all files
            if self._is_new and not self._target.exists():
                self._folder.replace(self._target)
                sync_folder(self._target.parent)
            elif not self._is_new and self._is_empty():
                self._fill()
                sync_folder(self._target)
            else:
                raise DataError(
                    f"{self._target}: somebody has put something there; choose another folder."
                )
        except OSError as error:
            raise self._unwritten(error) from error

    def _is_empty(self) -> bool:
        """Whether the target is a folder with nothing in it but what we have begun."""
        is_folder = self._target.is_dir()
        return is_folder and all(each == self._folder for each in self._target.iterdir())

    def _fill(self) -> None:
        """Move all files into the folder that is there, or none of them. Raises OSError."""
        moved: list[Path] = []
        try:
            for file in sorted(self._folder.iterdir()):
                file.rename(self._target / file.name)
                moved.append(self._target / file.name)
        except BaseException:
            for file in moved:
                file.unlink(missing_ok=True)
            raise

    def _unwritten(self, error: OSError) -> DataError:
        """The error to raise where the system refuses to write."""
        return DataError(Fault(f"cannot write, {reason(error)}.", str(self._target)))
