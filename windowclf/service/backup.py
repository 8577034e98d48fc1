"""Backup: all that a service keeps as one tar, made while it works, and a folder made of it again.

The snapshot of the database comes first, then the blobs that it names. Blobs never change, and go
only when a server begins, so that none is missed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from windowclf.errors import Fault, RunFolderError
from windowclf.service.blobs import DIGEST
from windowclf.service.database import snapshot
from windowclf.service.home import BLOBS, DATABASE, Home
from windowclf.system.durable import reason, sync_folder

_BLOCK = 1 << 20
_END = bytes(2 * tarfile.BLOCKSIZE)
_Member = tuple[str, Path, int]  # its name, where it is and how large


@dataclass(frozen=True)
class Backup:
    """A copy that is about to be sent."""

    members: list[_Member]
    scratch: tempfile.TemporaryDirectory[str]  # of the snapshot

    @classmethod
    async def of(cls, home: Home) -> Backup:
        """A copy of what a home keeps now."""
        return await asyncio.to_thread(cls._of, home)

    @classmethod
    def _of(cls, home: Home) -> Backup:
        scratch = tempfile.TemporaryDirectory(dir=home.blobs.incoming_folder)
        copy = Path(scratch.name, DATABASE)
        snapshot(home.database.path, copy)
        members = [(DATABASE, copy, copy.stat().st_size)]
        with closing(sqlite3.connect(copy)) as rows:
            for (digest,) in rows.execute(_NAMED):
                path = home.blobs.path(digest)
                members.append((_place(digest), path, path.stat().st_size))
        return cls(members, scratch)

    @property
    def size(self) -> int:
        """Bytes of the tar."""
        return sum(tarfile.BLOCKSIZE + size + _padding(size) for *_, size in self.members) + len(
            _END
        )

    def pieces(self) -> Iterator[bytes]:
        """The tar, piece by piece."""
        with self.scratch:
            for name, path, size in self.members:
                info = tarfile.TarInfo(name)
                info.size, info.mode = size, 0o600
                yield info.tobuf(tarfile.GNU_FORMAT)
                with path.open("rb") as file:
                    while block := file.read(_BLOCK):
                        yield block
                yield bytes(_padding(size))
            yield _END


_NAMED = (
    "SELECT digest FROM datasets UNION SELECT digest FROM versions "
    "UNION SELECT i.value ->> '$.digest' FROM jobs, json_each(jobs.inputs) i "
    "WHERE state IN ('queued', 'running')"
)


def restore(file: Path, folder: Path) -> int:
    """Make the folder of a service from a backup; how many files besides the database.

    The folder appears whole or not at all. Raises RunFolderError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunFolderError(
            Fault("is not empty; choose a folder that is not there yet.", str(folder))
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise RunFolderError(Fault(f"cannot be made, {reason(error)}.", str(folder))) from error
    try:
        count = _unpack(file, scratch)
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        where = error.filename or str(folder)
        raise RunFolderError(Fault(f"cannot be restored, {reason(error)}.", where)) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return count


def _unpack(file: Path, folder: Path) -> int:
    """Write the files of a backup into a folder; how many blobs. Raises RunFolderError, OSError."""
    found: set[str] = set()
    try:
        with tarfile.open(file, "r:") as tar:
            for info in tar:
                digest = info.name.rpartition("/")[2]
                is_blob = bool(DIGEST.fullmatch(digest)) and info.name == _place(digest)
                source = tar.extractfile(info) if info.isreg() else None
                if source is None or not (is_blob or info.name == DATABASE):
                    raise _damaged(file, f"holds {info.name!r:.80}, which no backup has")
                written = _write(source, folder / info.name)
                if is_blob and written != digest:
                    raise _damaged(file, f"{info.name} is not what it was")
                found |= {digest} if is_blob else {DATABASE}
    except tarfile.TarError as error:
        raise _damaged(file, f"{error}") from error
    missing = _named(file, folder / DATABASE) - found if DATABASE in found else {DATABASE}
    if missing:
        raise _damaged(file, f"{min(missing)} is missing")
    return len(found) - 1


def _write(source: IO[bytes], path: Path) -> str:
    """Have a file hold what another one does, on the disk; its sha256. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while block := source.read(_BLOCK):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _named(file: Path, database: Path) -> set[str]:
    """The blobs that a snapshot names. Raises RunFolderError for one that is damaged."""
    try:
        with closing(sqlite3.connect(database)) as rows:
            (state,) = rows.execute("PRAGMA integrity_check").fetchone()
            if state != "ok":
                raise _damaged(file, f"its database has {state}")
            return {digest for (digest,) in rows.execute(_NAMED)}
    except sqlite3.Error as error:
        raise _damaged(file, f"its database cannot be read, {error}") from error


def _damaged(file: Path, what: str) -> RunFolderError:
    """The error of a file that is no whole backup."""
    fault = f"is no whole backup of a service: {what}; use another copy."
    return RunFolderError(Fault(fault, str(file)))


def _place(digest: str) -> str:
    """The name of a blob in a backup."""
    return f"{BLOBS}/{digest[:2]}/{digest}"


def _padding(size: int) -> int:
    """Zeros up to a whole block."""
    return -size % tarfile.BLOCKSIZE
