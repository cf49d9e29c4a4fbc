"""Which kind of file system a directory lies on."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK_KIND: Final = re.compile(
    r"9p|afs|beegfs|ceph|cifs|davfs|fuse\.(glusterfs|sshfs)|gfs2|glusterfs|gpfs|lustre|ncpfs"
    r"|nfs4?|ocfs2|orangefs|smb2|smb3|smbfs"
)


def network_kind(directory: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of network file system ``directory`` lies on, None for a local or unknown one.

    Known on Linux only, from ``mounts``, whose format proc(5) tells.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    path = os.path.realpath(directory)
    kinds = {}
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), fields.split(" ")[4])
        if path == point or path.startswith(point.rstrip("/") + "/"):
            kinds[point] = rest.split(" ")[0]  # of two mounts on one point, the later one shows
    kind = kinds[max(kinds, key=len)] if kinds else None
    return kind if kind and _NETWORK_KIND.fullmatch(kind) else None
