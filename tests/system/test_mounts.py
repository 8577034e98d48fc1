"""Which file systems other machines may share."""

from __future__ import annotations

import pytest

from windowclf.errors import RunFolderError
from windowclf.system import mounts
from windowclf.system.mounts import network_file_system

LINE = "36 35 98:0 / {} rw,noatime master:1 - {} source rw\n"


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "fuse.glusterfs", "lustre"]
)
def test_a_network_file_system_is_known(tmp_path, kind):
    text = LINE.format("/", "ext4") + LINE.format(tmp_path, kind)
    assert network_file_system(tmp_path / "deep" / "er", text) == kind
    assert network_file_system(tmp_path.parent, text) is None


@pytest.mark.parametrize("kind", ["ext4", "overlay", "tmpfs", "xfs", "zfs", "fuse.fuse-overlayfs"])
def test_a_disk_of_this_machine_is_none(tmp_path, kind):
    assert network_file_system(tmp_path, LINE.format("/", kind)) is None


def test_the_last_mount_of_a_place_counts_and_names_have_spaces(tmp_path):
    place = tmp_path / "a b"
    escaped = str(place).replace(" ", "\\040")
    text = LINE.format(escaped, "nfs") + LINE.format("/", "ext4")
    assert network_file_system(place, text) == "nfs"
    assert network_file_system(place, text + LINE.format(escaped, "ext4")) is None
    assert network_file_system(tmp_path / "a", text) is None


def test_no_service_on_a_network_file_system(tmp_path, monkeypatch):
    pytest.importorskip("fastapi")
    from windowclf.service.home import Home

    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(LINE.format("/", "nfs4"))
    monkeypatch.setattr(mounts, "_MOUNTS", mountinfo)
    with pytest.raises(RunFolderError, match=r"network file system \(nfs4\)"):
        Home(tmp_path / "s")
    assert not (tmp_path / "s").exists()
