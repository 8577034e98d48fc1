"""Which file system a path is on, and whether other machines may share it."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"nfs\d*|cifs|smb\w*|9p|afs|ceph|gpfs|lustre|beegfs|pvfs2|ocfs2|gfs2|"
    r"fuse\.(?:sshfs|s3fs|glusterfs|ceph|rclone|gcsfuse|moosefs).*|fuse\.?glusterfs"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """The kind of the network file system that a path is on, or would be; None on any other.

    Also None where the system does not say. `mounts` is the text of mountinfo(5).
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    place, kind, depth = Path(os.path.realpath(path)), "", -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), before.split()[4]))
        if place.is_relative_to(point) and len(point.parts) >= depth:  # the last one covers it
            kind, depth = after.split()[0], len(point.parts)
    return kind if _NETWORK.fullmatch(kind) else None
