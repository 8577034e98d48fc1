"""Writes that a crash or a full disk cannot tear: the file is the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from windowclf.errors import Fault, RunFolderError
from windowclf.system.paths import (
    BINARY,
    NOT_THROUGH_LINKS,
    descriptor_name,
    kind_at,
    own_descriptor,
)

_ACCESS_LIST = "system.posix_acl_access"
_BLOCK = 1 << 20  # bytes compared at a time
_SHOWN_NAME = 50  # characters of a name in that of its temporary file, which has a limit
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{16}\.tmp", re.DOTALL)


@contextmanager
def whole_file(path: Path, proof: bytes | None = None) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path` once it is whole and on the disk.

    Until then, and where anything fails, `path` holds what it held before. A link stays, and what
    it leads to is replaced; the permissions of what is replaced stay too. With `proof` the file is
    read back first and must hold these bytes. What is no file but a pipe, a device or an open
    descriptor such as /dev/stdout is written into as it comes. Raises OSError.
    """
    target = target_of(path)
    if target is None:
        with _opened(path) as file:
            yield file
        return
    temporary = target.with_name(f".{target.name[:_SHOWN_NAME]}.{os.urandom(8).hex()}.tmp")
    descriptor = _created(temporary, target, _replaceable(target))
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if proof is not None and not _holds(temporary, proof):
            raise OSError(errno.EIO, "what was written does not read back")
        temporary.replace(target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path` as `whole_file` does; what was there goes once every byte reads back.

    Raises RunFolderError with the system's reason; `path` then holds what it held before, or all
    of `data`. Raises BrokenPipeError where `path` is a pipe whose reader has gone.
    """
    try:
        with whole_file(path, data) as file:
            file.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise RunFolderError(
            Fault(
                f"cannot write, {reason(error)}; nothing was lost, mend that and try again.",
                str(path),
            )
        ) from error
    try:
        if (target := target_of(path)) is not None:
            sync_folder(target.parent)
    except OSError as error:
        raise RunFolderError(
            Fault(
                f"written, but the system does not say that it would outlive a power cut, "
                f"{reason(error)}; mend that and try again.",
                str(path),
            )
        ) from error


def target_of(path: Path) -> Path | None:
    """The file that is replaced or made where `path` is written, at the end of all links.

    None for a pipe, a device of characters and an open descriptor, which are written into. Raises
    OSError for anything else that is no file.
    """
    if descriptor_name(path) is not None:
        return None
    kind = kind_at(path, follow=True)
    if kind in ("a pipe", "a character device"):
        return None
    if kind not in (None, "a file"):
        raise OSError(errno.EINVAL, f"expected a file, found {kind}", str(path))
    return Path(os.path.realpath(path))


def clear_leftovers(folder: Path, names: Collection[str]) -> None:
    """Remove from a folder what writes of files of these names left when a crash broke them off.

    Raises OSError.
    """
    for path in folder.iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match and match[1] in names and kind_at(path) == "a file":
            path.unlink(missing_ok=True)


def remove_folder(folder: Path, names: Collection[str]) -> None:
    """Remove a folder of ours with its files of these names; what others keep in it stays.

    A link is not followed. Raises OSError.
    """
    if kind_at(folder) != "a directory":
        return
    clear_leftovers(folder, names)
    for name in names:
        if kind_at(folder / name) == "a file":
            (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds something of somebody else
        folder.rmdir()


def make_folder(path: Path) -> None:
    """Make a folder and its parents, their names on the disk before this returns.

    Raises OSError.
    """
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(new):
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk before this returns. Raises OSError."""
    if os.name == "nt":
        return  # Windows opens no folders
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: OSError | ValueError) -> str:
    """The system's words for what went wrong, in lower case as part of a sentence."""
    return (getattr(error, "strerror", None) or str(error)).lower()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """What is written into as it is: nothing that it holds goes. Raises OSError."""
    number = own_descriptor(path)
    if number is not None:
        descriptor = os.dup(number)  # opened anew, a file would be written from its beginning
    else:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | BINARY)
    with os.fdopen(descriptor, "wb") as file:
        yield file


def _replaceable(path: Path) -> os.stat_result | None:
    """What the system says of a file; None where there is none. Raises OSError.

    Also for a file that is write-protected, which a new one of its name would get round.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return status


def _created(path: Path, target: Path, old: os.stat_result | None) -> int:
    """A descriptor of a new file, with owner, permissions and access list of `target`, if any.

    Never is it open to more people than that. Raises OSError, also where anything is at `path`.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | NOT_THROUGH_LINKS
    descriptor = os.open(path, flags, 0o666 if old is None else 0o600)
    try:
        if old is not None:
            _take_over(descriptor, target, old)
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise
    return descriptor


def _take_over(descriptor: int, target: Path, old: os.stat_result) -> None:
    """Give a file the owner and group of another one, as far as this user may, and who may read it.

    What was for a group that it cannot be given to, or for an access list, is for nobody.
    """
    if not hasattr(os, "fchown"):
        return
    new = os.fstat(descriptor)
    for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
        if owner not in (-1, new.st_uid) or group not in (-1, new.st_gid):
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, owner, group)
    permissions, access = stat.S_IMODE(old.st_mode) & 0o777, _access_list(target)
    if access is not None or os.fstat(descriptor).st_gid != old.st_gid:
        permissions &= 0o707  # with an access list these bits are its mask
    os.fchmod(descriptor, permissions)
    if access is not None:
        with contextlib.suppress(OSError):
            os.setxattr(descriptor, _ACCESS_LIST, access)


def _access_list(path: Path) -> bytes | None:
    """The access list of a file, as the system keeps it; None where it has none."""
    try:
        return os.getxattr(path, _ACCESS_LIST)
    except (OSError, AttributeError):  # some systems have none, or none of this name
        return None


def _holds(path: Path, data: bytes) -> bool:
    """True where the file at `path` has exactly the bytes of `data`."""
    offset = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if block != data[offset : offset + len(block)]:
                return False
            offset += len(block)
    return offset == len(data)
