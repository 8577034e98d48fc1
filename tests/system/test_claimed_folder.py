"""A claimed folder may hold anything: nothing of it is emptied, followed or waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from windowclf.errors import RunFolderError
from windowclf.system.claimed_folder import ClaimedFolder


def names_in(folder: str | Path) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def claimed(path: Path) -> ClaimedFolder:
    return ClaimedFolder(path, "run", ["own"], False, False)


@pytest.mark.parametrize("name", [".lock", "own"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "directory", "socket"])
def test_what_is_no_file_is_refused(tmp_path, monkeypatch, name, kind):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    Path("elsewhere").write_text("mine")
    Path("run").mkdir()
    path = Path("run") / name
    match kind:
        case "link":
            path.symlink_to("../elsewhere")
        case "dangling link":
            path.symlink_to("../nowhere")
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(str(path))
    found = kind.split()[-1]
    sentence = f"run/{name}: expected a file, found a {found}; move it away, or choose another"
    with pytest.raises(RunFolderError, match=sentence):
        claimed(Path("run"))
    assert names_in("run") == [name]
    assert Path("elsewhere").read_text() == "mine"
    assert not Path("nowhere").exists()


def test_a_lock_of_somebody_else_keeps_its_text(tmp_path):
    (tmp_path / ".lock").write_text("mine")
    claimed(tmp_path).close()
    assert (tmp_path / ".lock").read_text() == "mine"


def test_one_at_a_time(tmp_path):
    first = claimed(tmp_path)
    with pytest.raises(RunFolderError, match="another run is writing to this folder"):
        claimed(tmp_path)
    first.close()
    with (tmp_path / "file").open("w") as file:  # which has the lock's old descriptor
        first.close()
        file.write("whole")
    claimed(tmp_path).close()


def test_a_refusal_leaves_no_descriptor_open(tmp_path, monkeypatch):
    def refuse(*_arguments: object, **_more: object) -> bool:
        raise OSError(37, "No locks available")

    before = len(names_in("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    monkeypatch.setattr("windowclf.system.claimed_folder.lock_descriptor", refuse)
    with pytest.raises(RunFolderError, match="cannot be the run folder, no locks available"):
        claimed(tmp_path)
    after = len(names_in("/proc/self/fd")) if before else 0
    assert before == after


def test_leftovers_of_own_files_go(tmp_path):
    (tmp_path / f".own.{'0' * 16}.tmp").touch()
    (tmp_path / f".other.{'0' * 16}.tmp").touch()
    claimed(tmp_path).close()
    assert names_in(tmp_path) == [".lock", f".other.{'0' * 16}.tmp"]


def test_a_folder_that_is_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    folder = claimed(tmp_path / "link")
    folder.append_line("own", {"a": 1})
    folder.close()
    assert (tmp_path / "real" / "own").read_text() == '{"a": 1}\n'
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(RunFolderError, match="cannot be the run folder, file exists"):
        claimed(tmp_path / "dangling")


def test_a_line_goes_into_no_link(tmp_path):
    folder = claimed(tmp_path)
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "own").symlink_to("mine")
    with pytest.raises(RunFolderError, match="expected a file, found a link"):
        folder.append_line("own", {"a": 1})
    folder.close()
    assert (tmp_path / "mine").read_text() == "kept"
