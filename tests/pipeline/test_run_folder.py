"""The folder of a run: whole files or none, one writer, nothing of others removed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import corpora
import numpy as np
import pytest
from safetensors.numpy import save

import windowclf
from windowclf.errors import ModelFileError, RunFolderError
from windowclf.pipeline.run_folder import RunFolder
from windowclf.system import tensor_file
from windowclf.system.durable import write_whole
from windowclf.system.machine import this_kind_of_machine


def full(*_arguments: object, **_more: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullFile:
    """A file on a disk that is full."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.file.close()

    def write(self, data: bytes) -> None:
        self.file.write(data[: len(data) // 2])
        full()


def opening_half_way(descriptor: int, mode: str):
    return FullFile(open(descriptor, mode))


FAILURES = {
    "open": (os, "open", full),
    "write": (os, "fdopen", opening_half_way),
    "fsync": (os, "fsync", full),
    "replace": (Path, "replace", full),
}


@pytest.mark.parametrize(("owner", "name", "failing"), FAILURES.values(), ids=FAILURES)
def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch, owner, name, failing):
    path = tmp_path / "file"
    write_whole(path, b"old")
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, failing)
        with pytest.raises(RunFolderError) as raised:
            write_whole(path, b"new and longer")
    sentence = (
        f"{path}: cannot write, no space left on device; nothing was lost, mend that and try again."
    )
    assert str(raised.value) == sentence
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    write_whole(path, b"new and longer")
    assert path.read_bytes() == b"new and longer"


def test_a_first_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError):
        write_whole(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []


def test_the_file_and_then_its_folder_are_synced(tmp_path, monkeypatch):
    """fsync, rename, fsync of the folder: in this order and no other."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        done.append("folder" if target == tmp_path else "file")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    write_whole(tmp_path / "file", b"new")
    assert done == ["file", "rename", "folder"]


def test_an_empty_folder_and_one_that_is_not_there_are_taken(tmp_path):
    RunFolder(tmp_path, False, False).close()
    RunFolder(tmp_path / "a" / "b", False, False).close()
    assert (tmp_path / "a" / "b").is_dir()


OWN = ("config.yaml", "model.safetensors", "metrics.jsonl", "evaluation.json")
OURS = tensor_file.to_bytes("model", {}, {"W": np.eye(2)})


@pytest.mark.parametrize("name", ["state.safetensors", "notes.txt"])
def test_a_folder_that_holds_something_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(OURS)
    for _ in range(2):  # the first refusal must not leave the folder locked
        with pytest.raises(RunFolderError, match=rf"not empty \(it holds {name}\)"):
            RunFolder(tmp_path, False, False)
    RunFolder(tmp_path, True, False).close()
    RunFolder(tmp_path, False, True).close()
    assert (tmp_path / name).read_bytes() == OURS


@pytest.mark.parametrize("name", [*OWN, "state.safetensors"])
def test_files_of_somebody_else_are_not_replaced(tmp_path, name):
    """Other programs write a config.yaml or a model.safetensors too."""
    for content in (b"mine", b"", save({"W": np.eye(2)}), save({"W": np.eye(2)}, {"by": "me"})):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RunFolderError, match=rf"{name}: not from a run of windowclf"):
            RunFolder(tmp_path, False, True)
        if name != "state.safetensors":  # it says what is wrong with it when it is read
            with pytest.raises(RunFolderError, match=rf"{name}: not from a run of windowclf"):
                RunFolder(tmp_path, True, False)
        assert (tmp_path / name).read_bytes() == content


def test_a_model_without_a_state_is_not_resumed(tmp_path):
    """Starting afresh would replace a model that may have taken days."""
    (tmp_path / "model.safetensors").write_bytes(OURS)
    with pytest.raises(RunFolderError, match=r"holds a model but no state\.safetensors"):
        RunFolder(tmp_path, True, False)
    RunFolder(tmp_path, False, True).close()


def test_only_files_of_a_run_are_removed(tmp_path):
    others = ["notes.txt", "model.safetensors.bak", ".hidden", "other.tmp"]
    others += [".model.safetensors.77.tmp", f".notes.txt.{'0' * 16}.tmp"]
    ours = f".model.safetensors.{'0' * 16}.tmp"
    for name in [*OWN, *others, ours, "state.safetensors"]:
        (tmp_path / name).write_bytes(OURS)
    (tmp_path / "sub").mkdir()
    folder = RunFolder(tmp_path, False, True)
    folder.remove_old_run()
    folder.close()
    left = [*others, ".lock", "state.safetensors", "sub"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(left)


def test_a_folder_of_another_run_is_refused_until_it_ends(tmp_path):
    first = RunFolder(tmp_path, False, False)
    for resume, overwrite in ((True, False), (False, True), (False, False)):
        with pytest.raises(RunFolderError, match="another run is writing to this folder"):
            RunFolder(tmp_path, resume, overwrite)
    first.close()
    RunFolder(tmp_path, False, False).close()


def test_a_killed_process_holds_no_folder(tmp_path):
    """The lock is the kernel's, so that nothing has to be cleared away by hand."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from windowclf.pipeline.run_folder import RunFolder\n"
        "folder = RunFolder(Path(sys.argv[1]), False, False)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    assert done.returncode == -9
    RunFolder(tmp_path, False, False).close()


def test_the_state_there_and_back(tmp_path):
    folder = RunFolder(tmp_path, False, False)
    assert folder.load_state() is None
    header = {
        "progress": {"step": 3},
        "config": {"task": "tagging", "data": {"train": "x"}},
        "data": {"train": "0" * 64},
        "threads": 2,
        "metrics_lines": 1,
    }
    folder.save_state(header, {"parameter.W": np.eye(2)})
    state = folder.load_state()
    assert state is not None
    assert {name: getattr(state, name) for name in header} == header
    np.testing.assert_array_equal(state.arrays["parameter.W"], np.eye(2))
    for key, value in {"threads": 0, "metrics_lines": -1, "config": {}, "data": {"x": 1}}.items():
        folder.save_state({**header, key: value}, {"W": np.eye(2)})
        with pytest.raises(ModelFileError, match=r"state\.safetensors: does not fit \("):
            folder.load_state()
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="damaged"):
        folder.load_state()
    folder.close()


@pytest.mark.parametrize(("kept", "left"), [(0, 0), (1, 1), (2, 2), (3, 3)])
def test_metrics_are_cut_to_what_the_state_speaks_of(tmp_path, kept, left):
    folder = RunFolder(tmp_path, False, False)
    folder.cut_metrics(kept)  # without a file: nothing to do
    for epoch in range(3):
        folder.append_metrics({"epoch": epoch, "note": "é"})
    whole = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    folder.cut_metrics(kept)
    folder.close()
    assert (tmp_path / "metrics.jsonl").read_text(encoding="utf-8") == "".join(whole[:left])


@pytest.mark.parametrize("spoken_of", [1, 2, 9])
def test_a_line_torn_by_a_crash_is_cut_away(tmp_path, spoken_of):
    folder = RunFolder(tmp_path, False, False)
    folder.append_metrics({"epoch": 1})
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + '{"epo', encoding="utf-8")
    assert folder.cut_metrics(spoken_of) == 1
    folder.close()
    assert path.read_text(encoding="utf-8") == '{"epoch": 1}\n'


def test_what_does_not_read_back_never_takes_the_old_files_place(tmp_path, monkeypatch):
    """A disk that says nothing and keeps other bytes than it was given."""
    path = tmp_path / "file"
    write_whole(path, b"old")
    fsync = os.fsync

    def forgetful(descriptor: int) -> None:
        for temporary in tmp_path.glob(".file.*.tmp"):
            temporary.write_bytes(temporary.read_bytes()[:-1] + b"?")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", forgetful)
    with pytest.raises(RunFolderError, match="what was written does not read back"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_metrics_on_a_full_disk(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path, False, False)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError, match=r"metrics\.jsonl: cannot write, no space left"):
        folder.append_metrics({"epoch": 1})
    folder.close()


def test_a_run_replaces_no_file_that_it_reads(tmp_path):
    config = corpora.tagging(tmp_path)
    folder = Path(windowclf.train(config, ["training.epochs=1"]).model_path).parent
    own = folder / "config.yaml"
    windowclf.train(own, overwrite=True)  # as it was written, it may be named
    edited = "# precious\n" + own.read_text()
    own.write_text(edited)
    for how in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(RunFolderError, match=r"config\.yaml: the run would replace this file"):
            windowclf.train(own, **how)
    assert own.read_text() == edited
    text = folder / "evaluation.json"
    text.write_text(Path(config["data"]["train"]).read_text())
    with pytest.raises(RunFolderError, match=r"evaluation\.json: the run would replace this file"):
        windowclf.train(config, [f"data.train={text}", "data.format=conll"], overwrite=True)
    assert text.read_text() == Path(config["data"]["train"]).read_text()


def test_a_run_replaces_no_list_of_its_features(tmp_path):
    config = corpora.tagging(tmp_path)
    folder = Path(windowclf.train(config, ["training.epochs=1"]).model_path).parent
    listed = folder / "metrics.jsonl"
    listed.write_text("sleeps\nsees\n")
    config["features"]["use"] = [{"kind": "gazetteer", "path": str(listed)}, {"kind": "word"}]
    with pytest.raises(RunFolderError, match=r"metrics\.jsonl: the run would replace this file"):
        windowclf.train(config, overwrite=True)
    assert listed.read_text() == "sleeps\nsees\n"


def test_evaluation_says_on_which_kind_of_machine(tmp_path):
    """And so does `info` of the folder; no file of another shape makes it stumble."""
    windowclf.train(corpora.tagging(tmp_path), ["training.epochs=1"])
    run = tmp_path / "run"
    machine = this_kind_of_machine()
    assert set(machine) == {"processor", "blas", "numpy", "windowclf"}  # and no name of a host
    assert windowclf.info(run)["machine"] == machine
    assert windowclf.info(run / "model.safetensors")["machine"] is None
    for text in ("", "[]", '{"machine": 3}', '{"machine": {"blas": "x"}}', "[" * 99999, "\xff"):
        (run / "evaluation.json").write_text(text, encoding="latin-1")
        assert windowclf.info(run)["machine"] is None
    (run / "evaluation.json").unlink()
    assert windowclf.info(run)["machine"] is None
