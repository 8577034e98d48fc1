"""Home: the folder of a service, claimed by one server at a time, and all that is kept in it.

`service.sqlite`, `blobs/`, `jobs/NUMBER/` with the run folder and the log of a job, `token`, which
is the first one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from windowclf.errors import Fault, RunFolderError
from windowclf.service import jobs, records
from windowclf.service.blobs import DIGEST, Blobs
from windowclf.service.database import Database, Rows
from windowclf.service.inputs import RUN
from windowclf.system.claimed_folder import LOCK_NAME, ClaimedFolder
from windowclf.system.durable import make_folder, reason, sync_folder
from windowclf.system.mounts import network_file_system
from windowclf.system.paths import NOT_THROUGH_LINKS

DATABASE, BLOBS, JOBS, TOKEN = "service.sqlite", "blobs", "jobs", "token"
OURS = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", BLOBS, JOBS, TOKEN, LOCK_NAME}
_LOST = "lost+found"  # of the file system itself
LOG = "log.txt"


class Home:
    """The folder of a service; `close` gives it back."""

    def __init__(self, path: Path):
        """Claim the folder, or make it, and bring it in order. Raises RunFolderError."""
        self.path = path
        if kind := network_file_system(path):
            raise RunFolderError(
                Fault(
                    f"is on a network file system ({kind}), where a database may be damaged; "
                    "choose a folder on a disk of this machine.",
                    str(path),
                )
            )
        _refuse_strangers(path)
        _make_private(path)
        self._claimed = ClaimedFolder(path, "server", (), resume=True, overwrite=False)
        try:
            self.blobs = Blobs(path / BLOBS)
            (path / JOBS).mkdir(exist_ok=True)
            self.database = Database(path / DATABASE)
        except BaseException as error:
            self._claimed.close()
            raise self._claimed.unusable(error) if isinstance(error, OSError) else error from None
        try:
            self.recovered = self.database.write(jobs.recover).result()
            self._collect()
            self._keep_first_token()
        except BaseException as error:
            self.close()
            raise self._claimed.unusable(error) if isinstance(error, OSError) else error from None

    def close(self) -> None:
        """Close the database and give the folder back."""
        self.database.close()
        self._claimed.close()

    def job_folder(self, number: int) -> Path:
        """The folder of a job."""
        return self.path / JOBS / str(number)

    def run_folder(self, number: int) -> Path:
        """The run folder of a job."""
        return self.job_folder(number) / RUN

    def log_of(self, number: int) -> Path:
        """What the processes of a job have said."""
        return self.job_folder(number) / LOG

    def remove_job(self, number: int) -> None:
        """Remove the folder of a job that no row names. Raises OSError."""
        shutil.rmtree(self.job_folder(number), ignore_errors=True)

    @property
    def token_path(self) -> Path:
        """The file of the first token."""
        return self.path / TOKEN

    def _collect(self) -> None:
        """Remove blobs and folders of jobs that no row names: a crash came between."""
        named = self.database.write(records.named_blobs).result()
        for path in self.blobs.folder.glob("??/*"):
            if DIGEST.fullmatch(path.name) and path.name not in named:
                self.blobs.remove(path.name)
        known = self.database.read(_numbers)
        for folder in (self.path / JOBS).iterdir():
            if folder.name.isdecimal() and int(folder.name) not in known:
                self.remove_job(int(folder.name))

    def _keep_first_token(self) -> None:
        """Make the first token, once; its file comes after the row and holds what that knows.

        So that nobody else may read it the file is made with its permissions. Where it is lost, or
        a crash came between, the token is made anew.
        """
        with contextlib.suppress(FileNotFoundError):
            token = self.token_path.read_text(encoding="ascii", errors="replace").strip()
            if self.database.read(lambda rows: records.has_token(rows, token)):
                return
        token = self.database.write(_first_token).result()
        temporary = self.path / f".{TOKEN}.{secrets.token_hex(8)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOT_THROUGH_LINKS
        with os.fdopen(os.open(temporary, flags, 0o600), "w") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.token_path)


def _first_token(rows: Rows) -> str:
    """The token of whoever started the server, in the place of one that is lost."""
    rows.execute("DELETE FROM tokens WHERE name = ?", (records.FIRST,))
    return records.add_token(rows, records.FIRST, "admin")


def _numbers(rows: Rows) -> set[Any]:
    """The numbers of all jobs."""
    return {row["id"] for row in rows.execute("SELECT id FROM jobs")}


def _make_private(path: Path) -> None:
    """Make the folder where it is missing, for its owner alone. Raises RunFolderError."""
    try:
        if not path.exists():
            make_folder(path.parent)
            path.mkdir(mode=0o700)
            sync_folder(path.parent)
    except OSError as error:
        fault = f"cannot be made, {reason(error)}; choose another folder."
        raise RunFolderError(Fault(fault, str(path))) from error


def _refuse_strangers(path: Path) -> None:
    """Raise RunFolderError where a folder holds something, and no service. Raises OSError."""
    try:
        names = {each.name for each in path.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        fault = f"cannot be the server folder, {reason(error)}."
        raise RunFolderError(Fault(fault, str(path))) from error
    temporary = {name for name in names if name.startswith(f".{TOKEN}.")}
    strange = sorted(names - OURS - temporary - {_LOST})
    if DATABASE not in names and strange:
        raise RunFolderError(
            Fault(
                f"holds {strange[0]} and no service; choose an empty folder, or one that "
                "`windowclf serve` has made.",
                str(path),
            )
        )
