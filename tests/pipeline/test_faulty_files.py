"""Every operation on the run folder fails in turn: nothing is torn, lost or passed over.

Afterwards model and state are the old ones or the new ones, whole; the fault was one sentence; and
--resume ends in the bytes of the run that nothing happened to.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import corpora
import pytest
from faulty_files import CRASHES, ERRORS, FAULTS, Crash, FaultyFiles

import windowclf
from windowclf.config import Config
from windowclf.config.reading import as_config
from windowclf.errors import ModelFileError, RunFolderError, WindowclfError
from windowclf.pipeline import run_folder
from windowclf.system import tensor_file
from windowclf.tagging.model_file import load_model

SETTINGS = (
    "training.checkpoint={seconds: 0}",  # every step saves
    "training.threads=1",
    "training.epochs=2",
    "training.batch_tokens=40",
)
HARMLESS = {"close .lock"}  # nothing was written to it


@dataclass(frozen=True)
class Unbroken:
    """A run that nothing happens to: its operations, the versions of its files, its end."""

    config: Config
    folder: Path
    operations: list[str]
    versions: dict[str, list[bytes | None]]  # name -> contents, one after the other
    model: str
    log: list[dict[str, Any]]


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Unbroken:
    """Two epochs of two steps, on a few sentences."""
    place = tmp_path_factory.mktemp("faulty")
    folder = place / "deep" / "run"
    train = corpora.write(place / "train.conll", corpora.conll(corpora.tagged_sentences(12, 1)))
    dev = corpora.write(place / "dev.conll", corpora.conll(corpora.tagged_sentences(4, 2)))
    given = corpora.small_config(place, "tagging", {"train": train, "dev": dev})
    config = as_config({**given, "output": str(folder)}, SETTINGS)
    versions: dict[str, list[bytes | None]] = {name: [None] for name in corpora.WHOLE}
    real = os.replace

    def noted(source: Path, target: Path) -> None:
        real(source, target)
        if target.name in versions:
            versions[target.name].append(target.read_bytes())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "replace", noted)
        windowclf.train(config)
    ends = corpora.digest(folder), corpora.log(folder)
    corpora.remove(place / "deep")
    with FaultyFiles(place / "deep") as files:
        windowclf.train(config)
    assert (corpora.digest(folder), corpora.log(folder)) == ends
    return Unbroken(config, folder, files.operations, versions, *ends)


def test_the_layer_sees_every_save(unbroken):
    """Initial state, a state a step and an epoch, a model an epoch and one with its temperature."""
    names = [operation.split()[0] for operation in unbroken.operations]
    assert unbroken.operations.count("rename state.safetensors") == 1 + 2 * (2 + 1)
    assert unbroken.operations.count("rename model.safetensors") == 2 + 1
    start = unbroken.operations.index("rename model.safetensors")
    temporary = unbroken.operations[start - 1].split()[1]
    assert re.fullmatch(r"\.model\.safetensors\.[0-9a-f]{16}\.tmp", temporary)
    assert unbroken.operations[start - 9 : start] == [
        f"{name} {temporary}"
        for name in ("open", "write", "flush", "fsync", "close", "open", "read", "read", "close")
    ]
    assert unbroken.operations[start + 1 : start + 4] == ["open run", "fsync run", "close run"]
    assert names.count("mkdir") >= 2


def broken_run(unbroken: Unbroken, n: int, fault: str, overwrite: bool) -> tuple[str, Any]:
    """A run whose n-th operation fails: that operation, and what was raised."""
    with FaultyFiles(unbroken.folder.parent, n, fault) as files:
        try:
            windowclf.train(unbroken.config, overwrite=overwrite)
        except (RunFolderError, ModelFileError, Crash) as error:
            return files.operations[n - 1], error
    return files.operations[n - 1], None


def check_report(operation: str, fault: str, error: Any, where: str) -> None:
    """A fault is one sentence with the place and the system's words, never passed over."""
    if fault in CRASHES:
        assert isinstance(error, Crash), where
    elif fault == "short write" and not operation.startswith("write"):
        assert error is None, where
    elif operation not in HARMLESS:
        assert isinstance(error, WindowclfError), where
        text = str(error)
        assert "\n" not in text, where
        assert "run" in text.split(": ")[0], where
        if fault in ERRORS:
            assert os.strerror(getattr(errno, fault)).lower() in text, where


def check_files(unbroken: Unbroken, where: str) -> None:
    """Model, state and config are whole versions that belong together."""
    found = {name: content(unbroken.folder / name) for name in corpora.WHOLE}
    for name, data in found.items():
        assert data in unbroken.versions[name], f"{where}: {name} is torn"
    if found["model.safetensors"] is not None:
        load_model(unbroken.folder / "model.safetensors")
    if found["state.safetensors"] is None:
        assert found["model.safetensors"] is None, f"{where}: a model without a state"
        return
    state = tensor_file.read(unbroken.folder / "state.safetensors", "state")
    best = state.header["progress"]["best_epoch"]
    models = unbroken.versions["model.safetensors"]
    assert found["model.safetensors"] in models[best:], f"{where}: a state newer than its model"


def check_end(unbroken: Unbroken, where: str, resume: bool) -> None:
    """Going on ends in the bytes of the unbroken run, and leaves nothing else behind."""
    with FaultyFiles(unbroken.folder.parent):
        windowclf.train(unbroken.config, resume=resume, overwrite=not resume)
    assert corpora.digest(unbroken.folder) == unbroken.model, where
    assert corpora.log(unbroken.folder) == unbroken.log, where
    left = {p.name for p in unbroken.folder.iterdir()}
    assert left == {".lock", "evaluation.json", "metrics.jsonl", *corpora.WHOLE}, where


def check_fresh(unbroken: Unbroken, n: int, fault: str) -> None:
    """The promises, for a run in a folder that was not there."""
    corpora.remove(unbroken.folder.parent)
    operation, error = broken_run(unbroken, n, fault, overwrite=False)
    where = f"operation {n} of {len(unbroken.operations)}, {operation}: {fault}"
    check_report(operation, fault, error, where)
    check_files(unbroken, where)
    check_end(unbroken, where, resume=True)


def check_overwriting(unbroken: Unbroken, other: Path, n: int, fault: str) -> None:
    """The promises, for a run that replaces a finished one of another seed."""
    corpora.remove(unbroken.folder.parent)
    corpora.copy(other, unbroken.folder)
    operation, error = broken_run(unbroken, n, fault, overwrite=True)
    where = f"overwriting, operation {n}, {operation}: {fault}"
    check_report(operation, fault, error, where)
    state = content(unbroken.folder / "state.safetensors")
    assert state is not None, f"{where}: neither the old nor the new run is there"
    is_old = state == content(other / "state.safetensors")
    if is_old:
        for name in (*corpora.WHOLE, "metrics.jsonl", "evaluation.json"):
            assert content(unbroken.folder / name) == content(other / name), where
    else:
        assert state in unbroken.versions["state.safetensors"], where
    check_end(unbroken, where, resume=not is_old)


def in_turn(operations: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(n, fault) for every third operation, errors and crashes one after the other."""
    return zip(range(1, len(operations) + 1, 3), itertools.cycle((*ERRORS, *CRASHES)))


def test_operations_of_a_run_fail_in_turn(unbroken):
    for n, fault in in_turn(unbroken.operations):
        check_fresh(unbroken, n, fault)


def test_every_write_of_a_run_is_short_in_turn(unbroken):
    for n, operation in enumerate(unbroken.operations, 1):
        if operation.startswith("write"):
            check_fresh(unbroken, n, "short write")


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_operation_fails_in_every_way(unbroken, fault):
    for n, _ in enumerate(unbroken.operations, 1):
        check_fresh(unbroken, n, fault)


@pytest.fixture(scope="module")
def other(unbroken) -> Path:
    """A finished run of another seed."""
    folder = unbroken.folder.parents[1] / "other"
    windowclf.train(unbroken.config, ["seed=2"], overwrite=True)
    corpora.copy(unbroken.folder, folder)
    return folder


@pytest.fixture(scope="module")
def overwriting(unbroken, other) -> list[str]:
    """The operations up to the first step of a run that replaces the other one."""
    with FaultyFiles(unbroken.folder.parent) as files:
        windowclf.train(unbroken.config, overwrite=True)
    return files.operations[: files.operations.index("rename config.yaml") + 6]


def test_only_a_whole_state_replaces_an_old_run(overwriting):
    """Removing comes after the new state is known to be on the disk, name and all."""
    removed = [i for i, operation in enumerate(overwriting) if operation.startswith("unlink")]
    assert len(removed) == 4
    renamed = overwriting.index("rename state.safetensors")
    assert overwriting[renamed : renamed + 4] == [
        "rename state.safetensors",
        "open run",
        "fsync run",
        "close run",
    ]
    assert min(removed) == renamed + 4


def test_operations_of_overwriting_fail_in_turn(unbroken, other, overwriting):
    for n, fault in in_turn(overwriting):
        check_overwriting(unbroken, other, n, fault)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_every_operation_of_overwriting_fails_in_every_way(unbroken, other, overwriting, fault):
    for n, _ in enumerate(overwriting, 1):
        check_overwriting(unbroken, other, n, fault)


NAIVE = {
    "in place": lambda path, data: path.write_bytes(data),
    "no fsync": lambda path, data: (
        path.with_name(".new").write_bytes(data),
        path.with_name(".new").replace(path),
    ),
}


@pytest.mark.parametrize("name", NAIVE)
def test_the_layer_finds_writers_that_tear(unbroken, monkeypatch, name):
    """The promises above are ones that a writer without care does not keep."""
    monkeypatch.setattr(run_folder, "write_whole", NAIVE[name])
    torn = 0
    for n in range(1, 30):
        try:
            check_fresh(unbroken, n, "power cut, names kept")
        except (AssertionError, WindowclfError):
            torn += 1
    assert torn
