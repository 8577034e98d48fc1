"""The command line as it was typed, for people to give it again."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from windowclf.config.environment import variables_in


def line_to_go_on() -> str:
    """For a shell: the command line that was typed, with --resume in place of --overwrite.

    Variables of the environment that took part in it stand before it.
    """
    used = [f"{each.name}={shlex.quote(each.value)}" for each in variables_in(os.environ)]
    typed = [part for part in sys.argv[1:] if part not in ("--resume", "--overwrite")]
    return " ".join([*used, shlex.join([*_program(), *typed, "--resume"])])


def _program() -> list[str]:
    """How to call this program again: by its name where the shell finds it, else as it was."""
    called = sys.argv[0]
    if Path(called).name == "__main__.py":
        return [sys.executable, "-m", "windowclf"]
    found = shutil.which("windowclf")
    is_path = Path(called).name == "windowclf" and os.sep in called and Path(called).exists()
    if is_path and not (found and Path(found).samefile(called)):
        return [called]
    return ["windowclf"]
