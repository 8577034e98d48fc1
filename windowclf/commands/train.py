"""The commands that take a config: train, plan, tune and gradcheck."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import windowclf
from windowclf.commands.again import line_to_go_on
from windowclf.commands.check import check_line
from windowclf.commands.options import (
    ConfigArgument,
    JsonOption,
    SetOption,
    overrides_of,
    print_json,
)
from windowclf.commands.signals import stop_signals


def train(
    config: ConfigArgument,
    set_: SetOption = None,
    output: Annotated[
        Path | None, typer.Option(help="Run folder, in place of the config's `output`.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, to the byte.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run in the folder.")
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Cross-validate: N models, each without one part of train and scored on it. The "
            "folder is the run folder with -folds at its end; data.test is not read.",
        ),
    ] = None,
) -> None:
    """Train a model from labelled files and print its score.

    The run folder gets the best model by dev score, a state for --resume, a line per epoch in
    metrics.jsonl, the config as resolved, and the scores in evaluation.json. With --resume
    training.epochs may be more than it was, but for --folds. training.start_from goes on from a
    trained model.

    With --folds the parts are whole documents where train marks them. The folder gets folds.json
    with all scores and a run folder with a model for each fold, and no model of all parts.
    """
    if folds is not None:
        _cross_validate(config, overrides_of(set_), folds, output, resume, overwrite)
        return
    from windowclf.commands.training_display import TrainingDisplay, print_training_result

    overrides = overrides_of(set_, *([f"output={json.dumps(str(output))}"] if output else []))
    said = "Finishing the step and saving; once more to stop at once."
    line = check_line(config, set_ or [])
    with stop_signals(said) as signalled, TrainingDisplay(signalled, line) as shown:
        result = windowclf.train(
            config, overrides, resume=resume, overwrite=overwrite, listener=shown
        )
    if result.stopped:
        _say_how_to_go_on("the run is saved")
        raise typer.Exit(128 + signalled.numbers[0])
    print_training_result(result)


def _cross_validate(
    config: Path,
    overrides: Sequence[str],
    folds: int,
    output: Path | None,
    resume: bool,
    overwrite: bool,
) -> None:
    """`train --folds`: every fold as it ends, and the mean of all."""
    from windowclf.commands.folds_display import FoldsDisplay, print_folds

    said = "Finishing the step and saving; once more to stop at once."
    with stop_signals(said) as signalled, FoldsDisplay(signalled) as shown:
        result = windowclf.cross_validate(
            config,
            overrides,
            folds=folds,
            output=output,
            resume=resume,
            overwrite=overwrite,
            listener=shown,
        )
    if result.stopped:
        kept = f"folds that are kept: {len(result.folds)}, and the one that was begun"
        _say_how_to_go_on(kept)
        raise typer.Exit(128 + signalled.numbers[0])
    print_folds(result)


def plan(config: ConfigArgument, set_: SetOption = None, as_json: JsonOption = False) -> None:
    """Say what train would take: parameters, memory, disk and time.

    Reads the data, takes real steps for two seconds and tries the other
    parts of a run once; nothing is written, and the test files are not
    opened. The time is that of all epochs, as the machine is now. Then
    come the keys that the config leaves open with their defaults, as YAML.
    """
    from windowclf.commands.plan_display import print_plan
    from windowclf.commands.progress import WorkDisplay

    overrides = overrides_of(set_)
    with WorkDisplay() as shown:
        found = windowclf.plan(config, overrides, shown)
    print_json(found) if as_json else print_plan(found)


def tune(
    config: ConfigArgument,
    set_: SetOption = None,
    trials: Annotated[
        int | None, typer.Option(metavar="N", help="In place of `tune.trials`, 30 by default.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", metavar="N", min=1, max=256, help="Processes; all cores."),
    ] = None,
    time_budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As in 90s, 20m or 2h; no rung begins after it."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder of the search; the run folder with -tune at its end."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the trials that have ended, and go on.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the search in the folder.")
    ] = False,
) -> None:
    """Search for a good config and print every trial.

    Draws settings from the config's `tune.space`, trains each for a few epochs and the best ones
    for more. The folder gets best.yaml, which train takes as it is to a run folder of its
    own, and a line per trial in
    trials.jsonl. Trials are compared by their score on dev; the test files are never read.
    """
    seconds = None if time_budget is None else _seconds(time_budget)
    from windowclf.commands.tuning_display import TuningDisplay, print_tuning_result

    overrides = overrides_of(
        set_,
        *([f"tune.trials={trials}"] if trials is not None else []),
        *([f"tune.output={json.dumps(str(output))}"] if output else []),
    )
    said = "Ending the trials; those that have ended are kept."
    with stop_signals(said) as signalled, TuningDisplay(signalled) as shown:
        result = windowclf.tune(
            config,
            overrides,
            jobs=jobs,
            time_budget=seconds,
            resume=resume,
            overwrite=overwrite,
            listener=shown,
        )
    if result.stopped:
        _say_how_to_go_on(f"trials that are kept: {len(result.trials)}")
        raise typer.Exit(128 + signalled.numbers[0])
    print_tuning_result(result)


def gradcheck(config: ConfigArgument, set_: SetOption = None) -> None:
    """Check the hand-derived gradients of a config's own network and data.

    Central differences in float64 on a small part of the first batch, a row per parameter array.
    """
    from windowclf.commands.model_display import print_gradient_checks
    from windowclf.commands.progress import GradientDisplay

    checks = windowclf.gradcheck(config, overrides_of(set_), GradientDisplay())
    print_gradient_checks(checks)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _seconds(text: str) -> float:
    """The seconds of a time such as 90, 90s, 20m or 2h. Raises typer.BadParameter."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    if not (number.isascii() and number.isdecimal()) or len(number) > 9:
        raise typer.BadParameter(f"expected a time as in 90s, 20m or 2h, found {text!r}.")
    return float(number) * unit


def _say_how_to_go_on(kept: str) -> None:
    """Print, after a signal, what is kept and the command line that goes on from there."""
    print(f"Stopped; {kept}. Go on with: {line_to_go_on()}", file=sys.stderr)
