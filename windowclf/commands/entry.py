"""main, where the command `windowclf` begins and what goes wrong in it becomes a sentence.

What takes long to import is imported inside, when signals are looked after.
"""

from __future__ import annotations

import os
import sys

from windowclf.commands.signals import ending_signals
from windowclf.commands.streams import lead_nowhere, prepare_streams

COMPLETING = "_WINDOWCLF_COMPLETE"  # set by a shell that asks how a command line may go on


def main() -> None:
    """The entry point: faults that a user can mend become sentences and exit code 1."""
    with ending_signals():
        prepare_streams()
        if "numpy" not in sys.modules:  # no command gains by threads of its own, see system.blas
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        if COMPLETING in os.environ:  # a help of several lines would be several completions
            os.environ["TERMINAL_WIDTH"] = "10000"
        sys.exit(_run(sys.argv[1:]))


def _complete(arguments: list[str]) -> None:
    """Install or show completion, for the shell that is named where one is."""
    if arguments[1:]:  # the parser would take the shell that it runs in all the same
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    from windowclf.commands.app import app

    app(prog_name="windowclf")


def _run(arguments: list[str]) -> int:
    """Run a command and say what goes wrong in it; its exit code."""
    from windowclf import __version__
    from windowclf.commands.quick_predict import quick_predict, run_predict
    from windowclf.errors import WindowclfError
    from windowclf.system.durable import reason

    code = 0
    try:
        try:
            if arguments == ["--version"]:
                print(f"windowclf {__version__}")
            elif arguments[:1] in (["--install-completion"], ["--show-completion"]):
                _complete(arguments)
            elif (plain := quick_predict(arguments)) is not None:
                run_predict(plain)
            else:
                from windowclf.commands.app import app

                app(prog_name="windowclf")
        except WindowclfError as error:
            print(error, file=sys.stderr)
            code = 1
        except ModuleNotFoundError as error:
            from windowclf.system.requirements import explained

            what = " ".join(["windowclf", *arguments[:1]])
            if (sentence := explained(error, what)) is None:
                raise
            print(f"{sentence}.", file=sys.stderr)
            code = 1
        except SystemExit as end:  # of the parser; a number, or None
            code = int(end.code or 0)
        sys.stdout.flush()
    except OSError as error:
        lead_nowhere(sys.stdout.fileno())  # or the flush at the end of Python would raise again
        print(f"{error.filename or 'standard output'}: {reason(error)}.", file=sys.stderr)
        code = 1
    return code
