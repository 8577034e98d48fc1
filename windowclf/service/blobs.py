"""Blobs: files by the sha256 of what they hold, each on the disk before anything names it."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from windowclf.system.durable import make_folder, sync_folder
from windowclf.system.paths import BINARY, NOT_THROUGH_LINKS

DIGEST = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20


class Blobs:
    """A folder of blobs; `incoming` holds what is still on its way."""

    def __init__(self, folder: Path):
        """Make the folders, and clear what a crash has left on its way. Raises OSError."""
        self.folder = folder
        self.incoming_folder = folder / "incoming"
        make_folder(self.incoming_folder)
        for left in self.incoming_folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def path(self, digest: str) -> Path:
        """Where a blob is, or would be."""
        return self.folder / digest[:2] / digest

    def __contains__(self, digest: str) -> bool:
        return DIGEST.fullmatch(digest) is not None and self.path(digest).is_file()

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """A blob to be written; gone again unless it is kept."""
        path = self.incoming_folder / os.urandom(16).hex()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOT_THROUGH_LINKS | BINARY
        descriptor = os.open(path, flags, 0o600)
        try:
            yield Incoming(self, path, descriptor)
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)

    def copy(self, source: Path) -> tuple[str, int]:
        """Keep what a file holds: (digest, size). Raises OSError."""
        with self.incoming() as coming, source.open("rb") as file:
            while block := file.read(_BLOCK):
                coming.write(block)
            return coming.keep(), coming.size

    def remove(self, digest: str) -> None:
        """Remove a blob that no row names. Raises OSError."""
        self.path(digest).unlink(missing_ok=True)


class Incoming:
    """A blob on its way."""

    def __init__(self, blobs: Blobs, path: Path, descriptor: int):
        self.size = 0
        self._blobs, self._path, self._descriptor = blobs, path, descriptor
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """sha256 of what has been written."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Append some of the blob. Raises OSError."""
        self._hash.update(data)
        view = memoryview(data)
        while view:
            written = os.write(self._descriptor, view)
            if not written:
                raise OSError(errno.EIO, "nothing could be written")
            view = view[written:]
        self.size += len(data)

    def keep(self) -> str:
        """Have the blob on the disk under its name, which is returned. Raises OSError."""
        os.fsync(self._descriptor)
        target = self._blobs.path(self.digest)
        make_folder(target.parent)
        os.replace(self._path, target)  # noqa: PTH105 — what was there holds the same
        sync_folder(target.parent)
        return self.digest
