"""What a path leads to is asked before anything is opened."""

from __future__ import annotations

import io
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from windowclf.system.paths import (
    descriptor_name,
    endless_kind,
    is_at,
    kind_at,
    open_regular,
    own_descriptor,
    same_file,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
ZERO, NULL = os.makedev(1, 5), os.makedev(1, 3)


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def test_what_is_there_and_what_it_leads_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    bound_socket(Path("socket"))
    kinds = {path.name: kind_at(path) for path in tmp_path.iterdir()}
    assert kinds == {
        "file": "a file",
        "link": "a link",
        "dangling": "a link",
        "pipe": "a pipe",
        "socket": "a socket",
    }
    assert kind_at(tmp_path / "link", follow=True) == "a file"
    assert kind_at(tmp_path / "dangling", follow=True) is None
    assert kind_at(tmp_path / "none") is None
    assert kind_at(tmp_path) == "a directory"


def test_only_what_ends_is_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    os.mkfifo("pipe")
    bound_socket(Path("socket"))
    assert [endless_kind(name) for name in ("file", "pipe", "none")] == [None] * 3
    assert endless_kind("socket") == "a socket"
    assert endless_kind(tmp_path) == "a directory"


@as_root
def test_of_devices_only_the_empty_one_is_data(tmp_path):
    for name, kind, device in (
        ("zero", stat.S_IFCHR, ZERO),
        ("null", stat.S_IFCHR, NULL),
        ("disk", stat.S_IFBLK, os.makedev(7, 99)),
    ):
        os.mknod(tmp_path / name, 0o666 | kind, device)
    assert endless_kind(tmp_path / "zero") == "a character device"
    assert endless_kind(tmp_path / "disk") == "a block device"
    if Path(os.devnull).is_char_device():
        assert endless_kind(tmp_path / "null") is None


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors have no names here")
def test_descriptors_and_links_to_them(tmp_path):
    (tmp_path / "link").symlink_to("/proc/self/fd/1")
    (tmp_path / "link2").symlink_to("link")
    (tmp_path / "1").touch()
    for path in ("/proc/self/fd/1", "/proc/thread-self/fd/1", tmp_path / "link2"):
        assert own_descriptor(path) == 1
    assert own_descriptor(f"/proc/{os.getppid()}/fd/1") is None
    assert descriptor_name(f"/proc/{os.getppid()}/fd/1") is not None
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for path in (tmp_path / "1", tmp_path / "a", tmp_path / "a" / "1", tmp_path):
        assert descriptor_name(path) is None


def test_nothing_but_a_file_is_opened(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    for name, found in (("link", "a link"), ("pipe", "a pipe"), (".", "a directory")):
        with pytest.raises(OSError, match=f"expected a file, found {found}"):
            open_regular(tmp_path / name, os.O_RDWR | os.O_CREAT)
    os.close(open_regular(tmp_path / "file", os.O_RDWR | os.O_CREAT))
    assert (tmp_path / "file").read_text() == "kept"
    descriptor = open_regular(tmp_path / "new", os.O_RDWR | os.O_CREAT)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("put", ["link", "pipe"])
def test_what_is_put_there_in_between_is_refused(tmp_path, monkeypatch, put):
    (tmp_path / "file").touch()
    (tmp_path / "x").symlink_to("file") if put == "link" else os.mkfifo(tmp_path / "x")
    monkeypatch.setattr("windowclf.system.paths.kind_at", lambda _path: None)
    with pytest.raises(OSError, match=r"symbolic links|expected a file, found a pipe"):
        open_regular(tmp_path / "x", os.O_RDWR | os.O_CREAT)


def test_one_file_by_two_names(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "hard").hardlink_to(tmp_path / "file")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "other").touch()
    assert is_at(tmp_path / "hard", tmp_path / "file")
    assert is_at(tmp_path / "link", tmp_path / "file")
    assert not is_at(tmp_path / "other", tmp_path / "file")
    assert not is_at(tmp_path / "none", tmp_path / "file")
    with (tmp_path / "file").open("rb") as one, (tmp_path / "hard").open("ab") as other:
        assert same_file(one, other)
        assert not same_file(io.BytesIO(), other)


def test_training_and_its_lock_need_no_fcntl():
    """As on Windows, where there is none; loading a model takes no locks at all."""
    code = (
        "import sys\n"
        "import windowclf; windowclf.load; assert 'filelock' not in sys.modules\n"
        "import ast, pathlib\n"
        "for path in pathlib.Path(windowclf.__file__).parent.rglob('*.py'):\n"
        "    for node in ast.parse(path.read_text(encoding='utf-8')).body:\n"
        "        names = [a.name for a in getattr(node, 'names', [])]\n"
        "        assert not {'fcntl', 'resource', 'termios', 'pwd', 'grp'} & {*names}, path\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
