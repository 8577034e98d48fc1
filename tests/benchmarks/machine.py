"""What the benchmarks run on: the BLAS in use, its core type, and the peak of its GEMM."""

from __future__ import annotations

import os
import time

os.environ.pop("OPENBLAS_CORETYPE", None)  # it makes the BLAS choose slower kernels

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits


def describe() -> str:
    """One line."""
    blas = [info for info in threadpool_info() if info["user_api"] == "blas"]
    known = ", ".join(
        f"{info['internal_api']} {info['version']} ({info.get('architecture', '?')})"
        for info in blas
    )
    return f"{os.cpu_count()} cores, numpy {np.__version__}, {known}, OPENBLAS_CORETYPE unset"


def peak_flops(threads: int, size: int = 2048, repeats: int = 12) -> float:
    """Operations a second of the best of some large float32 GEMMs."""
    a, b = np.ones((size, size), np.float32), np.ones((size, size), np.float32)
    out = np.empty_like(a)
    best = float("inf")
    with threadpool_limits(threads):
        for _ in range(repeats):
            began = time.perf_counter()
            np.matmul(a, b, out=out)
            best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best
