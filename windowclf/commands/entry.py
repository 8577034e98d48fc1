"""main, where the command `windowclf` begins and what goes wrong in it becomes a sentence."""

from __future__ import annotations

import os
import sys

from windowclf.commands.quick_predict import quick_predict, run_predict
from windowclf.errors import WindowclfError
from windowclf.system.durable import reason


def main() -> None:
    """The entry point: faults that a user can mend become sentences and exit code 1."""
    try:
        try:
            if (plain := quick_predict(sys.argv[1:])) is not None:
                run_predict(plain)
            else:
                from windowclf.commands.app import app

                app(prog_name="windowclf")
        finally:
            sys.stdout.flush()
    except WindowclfError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone
        _discard_output()
        sys.exit(0)
    except OSError as error:
        _discard_output()
        print(f"{error.filename or 'standard output'}: {reason(error)}.", file=sys.stderr)
        sys.exit(1)


def _discard_output() -> None:
    """Lead standard output nowhere, so that the flush at exit does not raise again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
