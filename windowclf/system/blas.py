"""One thread for the linear algebra while somebody tags.

Matrices of one text are small: more threads wait for each other longer than they work, six times as
long where the machine is busy. And a process that forks while they work may never return.
"""

from __future__ import annotations

import os
import threading
from typing import Any


class _OneBlasThread:
    """A context that any number of threads may be in; the last one out puts back what was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._libraries: list[Any] | None = None
        self._before: list[int] = []

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._libraries = _libraries() if self._libraries is None else self._libraries
                self._before = [library.num_threads for library in self._libraries]
                for library in self._libraries:
                    library.set_num_threads(1)

    def __exit__(self, *_exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                for library, before in zip(self._libraries or (), self._before, strict=True):
                    library.set_num_threads(before)

    def forget(self) -> None:
        """Nobody is inside: in the child of a fork, whose threads have gone."""
        self._lock, self._inside = threading.Lock(), 0


def _libraries() -> list[Any]:
    """The BLAS libraries of this process that use more than one thread.

    None without threadpoolctl, which a plain installation has and tagging alone can do without.
    """
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":  # numpy began with it
        return []
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    every = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library for library in every if library.num_threads > 1]


one_blas_thread = _OneBlasThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=one_blas_thread.forget)
