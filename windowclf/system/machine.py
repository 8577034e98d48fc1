"""What the work runs on: processor, cores and versions; and how long a fresh Python takes."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, TypedDict

from threadpoolctl import threadpool_info

from windowclf.system.threads import available_cores


class MachineKind(TypedDict):
    """What scores depend on beside data, config and threads; it names no machine."""

    processor: str
    blas: str  # the linear algebra, and for which kind of processor it has chosen its kernels
    numpy: str
    windowclf: str


class Machine(MachineKind):
    """What figures of speed depend on."""

    cores: int  # that this process may run on
    system: str
    python: str


class Ended(NamedTuple):
    """A process that has ended well."""

    seconds: float  # from before it began
    output: str


def this_machine() -> Machine:
    """The machine and the versions of this process."""
    return {
        **this_kind_of_machine(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def this_kind_of_machine() -> MachineKind:
    """What of this machine and its versions the last digits of a sum depend on."""
    return {
        "processor": _processor(),
        "blas": _blas(),
        "numpy": version("numpy"),
        "windowclf": version("windowclf"),
    }


def run_python(code: str, *arguments: str, given: str = "") -> Ended:
    """Run code in a fresh Python like this one, with `given` as its standard input.

    Raises OSError where that cannot be done, or it ends badly.
    """
    command = [sys.executable, "-P", "-c", code, *arguments]  # -P: modules from nowhere else
    began = time.perf_counter()
    done = subprocess.run(command, input=given, capture_output=True, encoding="utf-8")
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ChildProcessError(0, last, "python")
    return Ended(seconds, done.stdout)


def _blas() -> str:
    """The library of the linear algebra, as in `openblas 0.3.31 (Haswell)`."""
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    names = [f"{each['internal_api']} {each['version']}" for each in found]
    kinds = [f" ({each['architecture']})" if "architecture" in each else "" for each in found]
    return ", ".join(sorted(map(str.__add__, names, kinds))) or "unknown"  # numpy's and scipy's


def _processor() -> str:
    """The name of the processor; of its family where the system keeps the name to itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()
