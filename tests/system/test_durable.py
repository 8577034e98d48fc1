"""Where writes go: to the end of links, into pipes, never through the name of a temporary file."""

from __future__ import annotations

import os
import re
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from windowclf.errors import RunFolderError
from windowclf.system.durable import clear_leftovers, whole_file, write_whole

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")


def names_in(folder: str | Path) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def write(path: Path, data: bytes = b"new") -> None:
    with whole_file(path) as file:
        file.write(data)


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "target").write_text("old")
    (tmp_path / "link").symlink_to("sub/target")
    (tmp_path / "second").symlink_to("link")
    write(tmp_path / "second")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert (tmp_path / "sub" / "target").read_text() == "new"
    assert names_in(tmp_path) == ["link", "second", "sub"]
    assert names_in(tmp_path / "sub") == ["target"]


def test_the_target_of_a_dangling_link_is_made(tmp_path):
    (tmp_path / "link").symlink_to("target")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()


def test_links_in_a_circle_and_folders_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for path, why in ((tmp_path / "a", "too many levels"), (tmp_path, "found a directory")):
        with pytest.raises(RunFolderError, match=rf"^{path}: cannot write, .*{why}"):
            write_whole(path, b"new")
    assert names_in(tmp_path) == ["a", "b"]


def test_the_other_name_of_a_file_keeps_its_text(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "hard").hardlink_to(tmp_path / "file")
    write(tmp_path / "file")
    assert ((tmp_path / "file").read_text(), (tmp_path / "hard").read_text()) == ("new", "old")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_permissions_stay(tmp_path, mode):
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(mode)
    modes = []
    with whole_file(tmp_path / "file"):
        modes += [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()]
    assert modes == [mode, mode]  # while it is written too
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@as_root
def test_the_owner_stays(tmp_path):
    (tmp_path / "file").touch()
    os.chown(tmp_path / "file", 1234, 4321)
    write(tmp_path / "file")
    status = (tmp_path / "file").stat()
    assert (status.st_uid, status.st_gid) == (1234, 4321)


def test_a_write_protected_file_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write to all
    with pytest.raises(RunFolderError, match="cannot write, permission denied"):
        write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_text() == "old"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127])
def test_the_longest_names(tmp_path, name):
    write(tmp_path / name)
    assert names_in(tmp_path) == [name]


def test_temporary_names_cannot_be_foreseen(tmp_path, monkeypatch):
    """And what is at one all the same, a link above all, is neither followed nor removed."""
    names = []
    for _ in range(2):
        with whole_file(tmp_path / "file"):
            names += names_in(tmp_path)
        (tmp_path / "file").unlink()
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"\.file\.[0-9a-f]{16}\.tmp", name) for name in names)
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / "mine").write_text("kept")
    trap = tmp_path / f".file.{'0' * 16}.tmp"
    trap.symlink_to("mine")
    with pytest.raises(RunFolderError, match="file exists"):
        write_whole(tmp_path / "file", b"new")
    assert trap.is_symlink()
    assert (tmp_path / "mine").read_text() == "kept"


def test_into_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_whole(tmp_path / "pipe", b"new")
    reader.join()
    assert heard == [b"new"]
    assert names_in(tmp_path) == ["pipe"]


@as_root
def test_into_a_device(tmp_path):
    for name, device in (("null", os.makedev(1, 3)), ("full", os.makedev(1, 7))):
        os.mknod(tmp_path / name, 0o666 | stat.S_IFCHR, device)
    write_whole(tmp_path / "null", b"new")
    (tmp_path / "link").symlink_to("null")
    write_whole(tmp_path / "link", b"new")
    with pytest.raises(RunFolderError, match="no space left on device"):
        write_whole(tmp_path / "full", b"new")
    os.mknod(tmp_path / "disk", 0o666 | stat.S_IFBLK, os.makedev(7, 99))
    with pytest.raises(RunFolderError, match="expected a file, found a block device"):
        write_whole(tmp_path / "disk", b"new")
    assert all((tmp_path / name).is_char_device() for name in ("null", "full"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors have no names here")
@pytest.mark.parametrize("mode", ["w", "a"])
def test_into_an_open_file(tmp_path, mode):
    """What the descriptor leads to goes on from where it is; nothing takes its name."""
    code = (
        "from pathlib import Path; from windowclf.system.durable import write_whole\n"
        "print('first', flush=True)\n"
        "write_whole(Path('/proc/self/fd/1'), b'new\\n')\n"
        "print('last', flush=True)"
    )
    (tmp_path / "file").write_text("old\n")
    inode = (tmp_path / "file").stat().st_ino
    with (tmp_path / "file").open(mode) as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    old = "old\n" if mode == "a" else ""
    assert (tmp_path / "file").read_text() == f"{old}first\nnew\nlast\n"
    assert (tmp_path / "file").stat().st_ino == inode


def test_two_who_write_one_file_leave_one_of_both(tmp_path):
    texts = [letter.encode() * 100_000 for letter in "abcd"]
    path = tmp_path / "file"
    threads = [threading.Thread(target=write_whole, args=(path, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in texts
    assert names_in(tmp_path) == ["file"]


def test_only_our_leftovers_are_cleared(tmp_path):
    ours = f".a.{'0' * 16}.tmp"
    others = [".a.77.tmp", f".b.{'0' * 16}.tmp", f".a.{'g' * 16}.tmp", "a", f".a.{'1' * 16}.tmp"]
    for name in (ours, *others[:-1]):
        (tmp_path / name).touch()
    (tmp_path / others[-1]).symlink_to("a")
    clear_leftovers(tmp_path, ["a"])
    assert names_in(tmp_path) == sorted(others)


def test_an_access_list_stays(tmp_path):
    entries = [(1, 6, -1), (2, 6, 1500), (4, 0, -1), (0x10, 6, -1), (0x20, 0, -1)]
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    path = tmp_path / "shared"
    path.write_text("old")
    path.chmod(0o600)
    try:
        os.setxattr(path, "system.posix_acl_access", access)
    except OSError:
        pytest.skip("the file system has no access lists")
    write(path)
    assert (path.read_text(), os.getxattr(path, "system.posix_acl_access")) == ("new", access)


def as_member(folder: Path, group: int | None) -> None:
    """Write folder/shared as somebody else, who may be of a further group."""
    child = os.fork()
    if not child:
        os.setgroups([] if group is None else [group])
        os.setgid(1500)
        os.setuid(1500)
        write(folder / "shared")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@as_root
@pytest.mark.parametrize(("group", "left"), [(2000, (2000, 0o660)), (None, (1500, 0o606))])
def test_a_group_keeps_what_it_shares_and_no_other_group_gets_it(group, left):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shared").write_text("old")
        os.chown(folder / "shared", 2001, 2000)
        (folder / "shared").chmod(0o660 if group else 0o666)
        folder.chmod(0o777)
        as_member(folder, group)
        status = (folder / "shared").stat()
        assert (status.st_gid, stat.S_IMODE(status.st_mode)) == left
