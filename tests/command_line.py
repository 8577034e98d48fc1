"""The real commands, run in this process as `windowclf` would be."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

from windowclf.commands import entry


def run(command: list[str], stdin: str | bytes = b"") -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a command."""
    given = io.TextIOWrapper(io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin))
    raw, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(raw, encoding="utf-8", newline="")
    with (
        mock.patch.object(sys, "argv", ["windowclf", *command]),
        mock.patch.object(sys, "stdin", given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            entry.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    out.flush()
    return code, raw.getvalue().decode(), err.getvalue()
