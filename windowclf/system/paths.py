"""What a name in the file system leads to, asked before anything is opened, and opening with care.

A folder may hold links, pipes and devices of other people, and a command line may name them.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

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
_DESCRIPTORS = re.compile(r"/dev/fd|/proc/(\d+)(?:/task/\d+)?/fd")
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


def is_null(path: Path) -> bool:
    """Whether a device is the one that is always empty. Raises OSError where there is none."""
    return path.stat().st_rdev == os.stat(os.devnull).st_rdev


def descriptor_name(path: str | os.PathLike[str]) -> str | None:
    """The name of an open descriptor that a path is or leads to, such as /proc/7/fd/1; else None.

    /dev/stdout and /dev/fd/1 are such paths.
    """
    place = os.path.abspath(path)
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(place)
        folder = os.path.realpath(folder)
        place = os.path.join(folder, name)
        if name.isdecimal() and _DESCRIPTORS.fullmatch(folder):
            return place
        if not os.path.islink(place):
            return None
        place = os.path.join(folder, os.readlink(place))
    return None


def own_descriptor(path: str | os.PathLike[str]) -> int | None:
    """The open descriptor of this process that a path leads to; None for any other path."""
    name = descriptor_name(path)
    if name is None:
        return None
    folder, number = os.path.split(name)
    owner = _DESCRIPTORS.fullmatch(folder)
    assert owner is not None
    return int(number) if owner[1] in (None, str(os.getpid())) else None


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


def _no_file(path: Path, kind: str | None) -> OSError:
    """The error to raise for what is no regular file."""
    return OSError(errno.EINVAL, f"expected a file, found {kind}", str(path))
