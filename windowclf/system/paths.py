"""What a name in the file system leads to, asked before anything is opened, and opening with care.

A folder may hold links, pipes and devices of other people, and a command line may name them.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFSOCK: "a socket",
}
# Where an open descriptor has a name: what is at that name need not be what would be opened anew.
_DESCRIPTORS = re.compile(r"/dev/fd|/proc/\d+(/task/\d+)?/fd")
_MOST_LINKS = 40  # that follow one another, as for Linux
BINARY = getattr(os, "O_BINARY", 0)  # Windows alone has text and binary files
NOT_THROUGH_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | BINARY
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)  # whatever is at the name


def kind_at(path: Path, follow: bool = False) -> str | None:
    """What is at a path, as people call it, or with `follow` what it leads to; None for nothing.

    Raises OSError where the system does not say.
    """
    try:
        mode = path.stat(follow_symlinks=follow).st_mode
    except FileNotFoundError:
        return None
    return _KINDS.get(stat.S_IFMT(mode), "something else")


def endless_kind(path: str | os.PathLike[str]) -> str | None:
    """What a path leads to where that is no data: a directory, a socket, or a device.

    None for a file or a pipe, for the device that is always empty, for what this process has open
    already, and for nothing. Raises OSError.
    """
    kind = kind_at(Path(path), follow=True)
    if kind in (None, "a file", "a pipe") or own_descriptor(path) is not None:
        return None
    is_empty = kind == "a character device" and _is_null(Path(path))
    return None if is_empty else kind


def _is_null(path: Path) -> bool:
    """Whether a device is the one that is always empty. Raises OSError."""
    return path.stat().st_rdev == Path(os.devnull).stat().st_rdev


def descriptor_name(path: str | os.PathLike[str]) -> Path | None:
    """The name of an open descriptor that a path is or leads to, such as /proc/7/fd/1; else None.

    /dev/stdout and /dev/fd/1 are such paths.
    """
    place = Path(path).absolute()
    for _ in range(_MOST_LINKS):
        place = Path(os.path.realpath(place.parent)) / place.name
        if place.name.isdecimal() and _DESCRIPTORS.fullmatch(str(place.parent)):
            return place
        if not place.is_symlink():
            return None
        place = place.parent / place.readlink()
    return None


def own_descriptor(path: str | os.PathLike[str]) -> int | None:
    """The open descriptor of this process that a path leads to; None for any other path."""
    if (name := descriptor_name(path)) is None:
        return None
    return int(name.name) if name.parts[2] in ("fd", str(os.getpid())) else None


def open_regular(path: Path, flags: int) -> int:
    """A descriptor of a file of ours in a folder that may hold anything.

    It is not opened through a link, and nothing but a regular file is; a pipe is not waited for.
    Raises OSError.
    """
    if (kind := kind_at(path)) not in (None, "a file"):
        raise _no_file(path, kind)
    descriptor = os.open(path, flags | NOT_THROUGH_LINKS | _AT_ONCE, 0o666)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):  # it was put there in between
        os.close(descriptor)
        raise _no_file(path, _KINDS.get(stat.S_IFMT(mode)))
    return descriptor


def is_at(path: str | os.PathLike[str], file: Path) -> bool:
    """Whether a path leads to a file, by another name too. Raises OSError."""
    try:
        return Path(path).samefile(file)
    except FileNotFoundError:
        return False


def is_of(stream: BinaryIO, path: str | os.PathLike[str]) -> bool:
    """Whether a stream is of the file on the disk to which a path leads, by any name."""
    try:
        open_, named = os.fstat(stream.fileno()), Path(path).stat()
    except (OSError, ValueError):  # nothing is there, or a stream in memory has no number
        return False
    return stat.S_ISREG(named.st_mode) and os.path.samestat(open_, named)


def same_file(one: BinaryIO, other: BinaryIO) -> bool:
    """Whether two streams are of one file on the disk, so that writing to one feeds the other."""
    try:
        a, b = os.fstat(one.fileno()), os.fstat(other.fileno())
    except OSError:  # a stream in memory has no number
        return False
    return stat.S_ISREG(a.st_mode) and os.path.samestat(a, b)


def _no_file(path: Path, kind: str | None) -> OSError:
    """The error to raise for what is no regular file."""
    return OSError(errno.EINVAL, f"expected a file, found {kind}", str(path))
