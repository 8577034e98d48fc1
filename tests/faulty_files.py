"""A disk that fails at the n-th operation below one folder, in a chosen way.

    with FaultyFiles(folder, fail_at=7, fault="ENOSPC") as files:
        windowclf.train(config)
    files.operations    # "open .state.safetensors.tmp", "write .state.safetensors.tmp", …

Faults: ENOSPC, EIO and EACCES raise that OSError, a write after half of its bytes. "short write"
writes half of them and says so, without an error. The others raise Crash, after which no operation
succeeds, as if the process had died there; once the layer is left, the folder is what the next
process would find: after a "crash" all that was written; after a "power cut" only what was synced,
names and content; after a "power cut, names kept" every name, but content only where synced.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

ERRORS = ("ENOSPC", "EIO", "EACCES")
CRASHES = ("crash", "power cut", "power cut, names kept")
FAULTS = (*ERRORS, "short write", *CRASHES)

Action = Callable[[], Any]
OPERATIONS = ("open", "close", "fsync", "replace", "unlink", "mkdir")
REAL = {name: getattr(os, name) for name in OPERATIONS}


class Crash(BaseException):
    """The process has died; nothing it does afterwards reaches the disk."""


class FaultyFiles:
    """Counts the operations on files below `folder`, and makes one of them fail."""

    def __init__(self, folder: Path, fail_at: int | None = None, fault: str = "EIO"):
        assert fault in FAULTS
        self.folder, self.fail_at, self.fault = folder, fail_at, fault
        self.operations: list[str] = []
        self.dead = False
        self._files: list[FaultyFile] = []
        self._paths: dict[int, Path] = {}  # of open descriptors
        self._synced: dict[Path, int] = {}  # bytes that are on the disk, of files not synced since
        self._undo: list[tuple[Path, Action]] = []  # changes of a folder that it was not synced for
        self._patches: list[Any] = []

    def __enter__(self) -> FaultyFiles:
        ours = {name: getattr(self, f"_{name}") for name in REAL} | {"rename": self._replace}
        ours["remove"] = self._unlink
        self._patches = [mock.patch.object(os, name, own) for name, own in ours.items()]
        self._patches += [mock.patch.object(m, "open", self._open_file) for m in (io, builtins)]
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        for patch in reversed(self._patches):
            patch.stop()
        of_files = {file.raw.fileno() for file in self._files if not file.raw.closed}
        for file in self._files:  # as the kernel does when a process ends
            file.raw.close()
        for descriptor in set(self._paths) - of_files:
            REAL["close"](descriptor)
        if self.dead and self.fault != "crash":
            self._lose_what_was_not_synced()

    def do(self, operation: str, path: Path, action: Action, half: Action | None = None) -> Any:
        """Perform an operation, or fail; `half` is what happens to the disk when it fails."""
        if self.dead:
            raise Crash
        self.operations.append(f"{operation} {path.name}")
        if len(self.operations) != self.fail_at:
            return action()
        if self.fault == "short write":
            return half() if half and operation == "write" else action()
        if half:
            half()
        if self.fault in CRASHES:
            self.dead = True
            raise Crash
        code = getattr(errno, self.fault)
        raise OSError(code, os.strerror(code), str(path))

    def _is_ours(self, path: Any) -> bool:
        return not isinstance(path, int) and Path(os.fsdecode(path)).is_relative_to(self.folder)

    def _open_file(self, path: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if isinstance(path, int) and path in self._paths:  # it was counted when it was opened
            self._files.append(FaultyFile(self, self._paths[path], REAL_OPEN(path, mode, 0)))
            return self._files[-1]
        if not self._is_ours(path):
            return REAL_OPEN(path, mode, *rest, **more)
        path = Path(path)
        new = not path.exists()
        raw = self.do("open", path, lambda: REAL_OPEN(path, mode.strip("bt") + "b", buffering=0))
        if new:
            self._undo.append((path.parent, lambda: path.unlink(missing_ok=True)))
        if "w" in mode:
            self._synced[path] = 0
        self._files.append(FaultyFile(self, path, raw))
        self._paths[raw.fileno()] = path
        return self._files[-1]

    def _open(self, path: Any, *rest: Any, **more: Any) -> int:
        if not self._is_ours(path):
            return int(REAL["open"](path, *rest, **more))
        path = Path(path)
        new = not path.exists()
        descriptor = self.do("open", path, lambda: REAL["open"](path, *rest, **more))
        if new:
            self._undo.append((path.parent, lambda: path.unlink(missing_ok=True)))
            self._synced[path] = 0
        self._paths[descriptor] = path
        return int(descriptor)

    def _close(self, descriptor: int) -> None:
        if self.dead and descriptor in self._paths:
            raise Crash
        path = self._paths.pop(descriptor, None)
        if path is None:
            return REAL["close"](descriptor)
        close = lambda: REAL["close"](descriptor)  # noqa: E731 — a descriptor goes in any case
        return self.do("close", path, close, half=close)

    def _fsync(self, descriptor: int) -> None:
        path = self._paths.get(descriptor)
        if path is None:
            return REAL["fsync"](descriptor)
        return self.do("fsync", path, lambda: self._note_synced(path))

    def _note_synced(self, path: Path) -> None:
        """What a real fsync would do; the bytes are with the kernel already."""
        self._synced.pop(path, None)
        self._undo = [(folder, undo) for folder, undo in self._undo if folder != path]

    def _replace(self, source: Any, target: Any) -> None:
        if not self._is_ours(target):
            return REAL["replace"](source, target)
        source, target = Path(source), Path(target)
        undo = _restorer(target)
        self.do("rename", target, lambda: REAL["replace"](source, target))
        self._synced.pop(target, None)
        if source in self._synced:
            self._synced[target] = self._synced.pop(source)
        self._undo.append((target.parent, undo))

    def _unlink(self, path: Any, *rest: Any, **more: Any) -> None:
        if not self._is_ours(path) or not Path(path).exists():
            return REAL["unlink"](path, *rest, **more)
        undo = _restorer(Path(path))
        self.do("unlink", Path(path), lambda: REAL["unlink"](path, *rest, **more))
        self._undo.append((Path(path).parent, undo))

    def _mkdir(self, path: Any, *rest: Any, **more: Any) -> None:
        if not self._is_ours(path) or Path(path).exists():
            return REAL["mkdir"](path, *rest, **more)
        self.do("mkdir", Path(path), lambda: REAL["mkdir"](path, *rest, **more))
        self._undo.append((Path(path).parent, lambda: shutil.rmtree(path, ignore_errors=True)))

    def note_write(self, path: Path, size: int) -> None:
        """The file grew from `size` bytes by some that are not synced."""
        self._synced.setdefault(path, size)

    def _lose_what_was_not_synced(self) -> None:
        for path, size in self._synced.items():
            if path.exists():
                os.truncate(path, size)
        if self.fault == "power cut":
            for _folder, undo in reversed(self._undo):
                undo()


class FaultyFile:
    """An open file; what is written is with the kernel at once, and on the disk when synced."""

    def __init__(self, files: FaultyFiles, path: Path, raw: io.FileIO):
        self.files, self.path, self.raw = files, path, raw

    def __enter__(self) -> FaultyFile:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self.raw.fileno()

    def write(self, data: bytes) -> int:
        self.files.note_write(self.path, os.fstat(self.raw.fileno()).st_size)
        half = memoryview(data)[: len(data) // 2]
        whole = lambda: self.raw.write(data)  # noqa: E731
        return int(self.files.do("write", self.path, whole, half=lambda: self.raw.write(half)))

    def read(self, size: int = -1) -> bytes:
        return bytes(self.files.do("read", self.path, lambda: self.raw.read(size)))

    def flush(self) -> None:
        self.files.do("flush", self.path, lambda: None)

    def close(self) -> None:
        if self.raw.closed:
            return
        self.files._paths.pop(self.raw.fileno(), None)
        self.files.do("close", self.path, self.raw.close, half=self.raw.close)


REAL_OPEN = io.open


def _restorer(path: Path) -> Action:
    """A function that makes `path` again what it is now."""
    if not path.exists():
        return lambda: path.unlink(missing_ok=True)
    with REAL_OPEN(path, "rb") as file:
        content = file.read()
    return lambda: path.parent.is_dir() and path.write_bytes(content)
