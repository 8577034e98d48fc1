"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

# Small matrices: more threads only add noise and time, here and in every process that is started.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import corpora as tiny
import pytest
from threadpoolctl import threadpool_limits

import windowclf
from windowclf.system.threads import available_cores

REPOSITORY = Path(__file__).parents[1]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process a core, four at most; none for single files, which are done before they start."""
    given = [argument.partition("::")[0] for argument in config.option.file_or_dir]
    return 0 if any(map(os.path.isfile, given)) else min(4, available_cores())


@pytest.fixture(autouse=True, scope="session")
def one_blas_thread():
    """Small matrices: more threads only add noise and time."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk():
    """What must be synced, and in which order, faulty_files.py sees; no test pulls the plug."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _descriptor: None)
        yield


class Learnt(dict[str, Path]):
    """task -> the run folder of a model that has learnt its tiny corpus by heart.

    Made when first asked for; the corpus lies beside the run. No test writes to either.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = folder

    def __missing__(self, task: str) -> Path:
        place = self.folder / task
        place.mkdir()
        windowclf.train(tiny.TASKS[task](place), [tiny.LEARN])
        self[task] = place / "run"
        return self[task]


@pytest.fixture(scope="session")
def learnt(tmp_path_factory) -> Learnt:
    return Learnt(tmp_path_factory.mktemp("learnt"))


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real corpora; tests that need it skip where it is absent."""
    path = Path(os.environ.get("WINDOWCLF_CORPORA", REPOSITORY.parent / "shared" / "data"))
    if not (path / "ud_en_ewt").is_dir():
        pytest.skip("no real corpora; set WINDOWCLF_CORPORA to their folder")
    return path
