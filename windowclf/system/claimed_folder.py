"""A folder that one process at a time writes to, and that never takes what is not its own."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from filelock import lock_descriptor

from windowclf.errors import Fault, RunFolderError
from windowclf.system.durable import (
    clear_leftovers,
    make_folder,
    reason,
    sync_folder,
    write_whole,
)
from windowclf.system.paths import kind_at, open_regular

LOCK_NAME = ".lock"
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class ClaimedFolder:
    """A folder under a lock, for a run or a search (`what`); `close` gives it back."""

    def __init__(
        self,
        path: Path,
        what: str,
        own: Collection[str],
        resume: bool,
        overwrite: bool,
        check: Callable[[ClaimedFolder], None] = lambda _: None,
    ):
        """Make and lock the folder, and clear what broken writes of its `own` files have left.

        Raises RunFolderError where it is in use or cannot be made, or where what has the name of
        one of its own files is none. `resume` and `overwrite` are what people asked for; both at
        once are refused. Whether its files may be continued or replaced is for `check` to say,
        which raises RunFolderError or OSError.
        """
        self.path, self._what = path, what
        if resume and overwrite:
            raise RunFolderError(Fault("expected --resume or --overwrite, found both.", str(path)))
        try:
            make_folder(path)
            for name in (LOCK_NAME, *own):
                self.refuse_unless(name, "a file")
            self._lock = open_regular(path / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        except (OSError, ValueError) as error:  # a null character in the path
            raise self.unusable(error) from error
        try:
            if not lock_descriptor(self._lock, blocking=False):
                raise RunFolderError(Fault(f"another {what} is writing to this folder.", str(path)))
            clear_leftovers(path, own)
            check(self)
        except BaseException as error:
            self.close()
            raise self.unusable(error) if isinstance(error, OSError) else error from None

    def close(self) -> None:
        """Give the folder back: another process may claim it. Twice is as good as once."""
        lock, self._lock = self._lock, -1
        with contextlib.suppress(OSError):  # nothing was written to the lock
            os.close(lock)

    def refuse_unless(self, name: str, expected: str) -> None:
        """Raise RunFolderError where something else than what is `expected` has a name.

        A link may lead to what is somebody else's, and a pipe would be waited for. Raises OSError.
        """
        if (kind := kind_at(self.path / name)) not in (None, expected):
            raise RunFolderError(
                Fault(
                    f"expected {expected}, found {kind}; move it away, or choose another folder "
                    "with --output.",
                    str(self.path / name),
                )
            )

    def unusable(self, error: OSError | ValueError) -> RunFolderError:
        """The error to raise where the system refuses to read or write the folder."""
        return RunFolderError(
            Fault(f"cannot be the {self._what} folder, {reason(error)}.", str(self.path))
        )

    def names(self) -> list[str]:
        """The names in the folder but for the lock's, sorted. Raises RunFolderError."""
        try:
            return sorted(file.name for file in self.path.iterdir() if file.name != LOCK_NAME)
        except OSError as error:
            raise self.unusable(error) from error

    def refuse_others(self, names: Collection[str], mark: str, wanted: bool) -> None:
        """Raise RunFolderError where a folder with these names has no `mark` of its kind.

        Or where it has one, and nobody `wanted` to go on or to begin again.
        """
        if names and mark not in names:
            found = next(iter(names))
            raise RunFolderError(
                Fault(
                    f"holds {found} and no {mark}, so it is not from a {self._what}; "
                    "choose another folder with --output.",
                    str(self.path),
                )
            )
        if names and not wanted:
            raise self.refuse_taken(mark)

    def refuse_taken(self, found: str) -> RunFolderError:
        """The error to raise where the folder holds `found` and nobody said what to do with it."""
        return RunFolderError(
            Fault(
                f"not empty (it holds {found}); continue that {self._what} with "
                "--resume, replace it with --overwrite, or choose another folder with --output.",
                str(self.path),
            )
        )

    def remove(self, names: Iterable[str]) -> None:
        """Remove the files of these names that are there. Raises RunFolderError."""
        try:
            for name in names:
                (self.path / name).unlink(missing_ok=True)
            sync_folder(self.path)
        except OSError as error:
            raise RunFolderError(
                Fault(
                    f"cannot remove the old {self._what}, {reason(error)}; mend that and "
                    "try again.",
                    str(self.path),
                )
            ) from error

    def append_line(self, name: str, record: Mapping[str, Any]) -> None:
        """Append `record` to a file as a line of JSON, on the disk before this returns.

        Raises RunFolderError.
        """
        path = self.path / name
        data = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        try:
            with os.fdopen(open_regular(path, _APPEND), "ab") as file:
                written = file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if written != len(data):
                raise OSError(errno.EIO, "the line was written in part")
            sync_folder(self.path)  # the file may be a new one
        except OSError as error:
            raise RunFolderError(
                Fault(f"cannot write, {reason(error)}; mend that and try again.", str(path))
            ) from error

    def whole_lines(self, name: str) -> list[bytes]:
        """The lines of a file; a last one without its end was torn by a crash and is left out.

        An empty list where there is no file. Raises RunFolderError.
        """
        path = self.path / name
        try:
            return path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunFolderError(Fault(f"cannot be read, {reason(error)}.", str(path))) from error

    def write_lines(self, name: str, lines: Iterable[bytes]) -> None:
        """Write a file of these lines in place of the old one. Raises RunFolderError."""
        write_whole(self.path / name, b"".join(line + b"\n" for line in lines))


def is_claimed(path: Path) -> bool:
    """Whether a process has claimed a folder just now. Raises OSError."""
    try:
        descriptor = open_regular(path / LOCK_NAME, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not lock_descriptor(descriptor, blocking=False)
    finally:
        os.close(descriptor)
