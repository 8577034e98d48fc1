"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread():
    """Small matrices: more threads only add noise and time."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real corpora; tests that need it skip where it is absent."""
    path = Path(os.environ.get("WINDOWCLF_CORPORA", REPOSITORY.parent / "shared" / "data"))
    if not (path / "ud_en_ewt").is_dir():
        pytest.skip("no real corpora; set WINDOWCLF_CORPORA to their folder")
    return path
