"""The commands: each parses its arguments, calls the Python function of its name, shows the result.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

import windowclf
from windowclf.commands.quick_predict import prediction_progress
from windowclf.system.limits import CACHE_MB, LONGEST_SENTENCE

app = typer.Typer(
    name="windowclf",
    help="Train and run small window classifiers: tagging, spans, segmentation, slots.",
    epilog="Start with `windowclf train configs/quickstart.yaml`; the README shows every command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="YAML file; configs/ holds one per use.")
]
ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A run folder, or the model file in it.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one key of the config, as in `--set training.epochs=5`; VALUE is YAML.",
    ),
]


LongestSentenceOption = Annotated[
    int,
    typer.Option(
        metavar="TOKENS",
        min=1,
        help="Longest sentence that a model with recurrence or a CRF takes; others take any.",
    ),
]
DecodeOption = Annotated[
    Literal["viterbi", "posterior"],
    typer.Option(
        help="How a CRF chooses: the most probable sequence, or the legal one with the largest "
        "product of the labels' own probabilities."
    ),
]


@app.command()
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
) -> None:
    """Train a model from labelled files and print its score.

    The run folder gets the best model by dev score, a state for --resume, a line per epoch in
    metrics.jsonl, the config as resolved, and the scores in evaluation.json.
    """
    if resume and overwrite:
        raise typer.BadParameter("--resume goes on and --overwrite begins again; give one of them.")
    from windowclf.commands import display

    overrides = [*(set_ or []), *([f"output={json.dumps(str(output))}"] if output else [])]
    said = "Finishing the step and saving; once more to stop at once."
    with _stop_signals(said) as signalled, display.TrainingDisplay() as shown:
        result = windowclf.train(
            config,
            overrides,
            resume=resume,
            overwrite=overwrite,
            on_report=shown.report,
            on_notice=shown.notice,
            should_stop=lambda: bool(signalled),
            on_reading=shown.reading,
        )
    if result.stopped:
        _say_how_to_go_on("train", config, overrides, "the run is saved")
        raise typer.Exit(128 + signalled[0])
    display.print_training_result(result)


@app.command()
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
    for more. The folder gets best.yaml, which train takes as it is, and a line per trial in
    trials.jsonl. Trials are compared by their score on dev; the test files are never read.
    """
    if resume and overwrite:
        raise typer.BadParameter("--resume goes on and --overwrite begins again; give one of them.")
    seconds = None if time_budget is None else _seconds(time_budget)
    from windowclf.commands import tuning_display

    overrides = [
        *(set_ or []),
        *([f"tune.trials={trials}"] if trials is not None else []),
        *([f"tune.output={json.dumps(str(output))}"] if output else []),
    ]
    said = "Ending the trials; those that have ended are kept."
    with _stop_signals(said) as signalled, tuning_display.TuningDisplay() as shown:
        result = windowclf.tune(
            config,
            overrides,
            jobs=jobs,
            time_budget=seconds,
            resume=resume,
            overwrite=overwrite,
            on_trial=shown.trial,
            on_progress=shown.fraction,
            on_notice=shown.notice,
            should_stop=lambda: bool(signalled),
        )
    if result.stopped:
        _say_how_to_go_on("tune", config, overrides, f"trials that are kept: {len(result.trials)}")
        raise typer.Exit(128 + signalled[0])
    tuning_display.print_tuning_result(result)


def _seconds(text: str) -> float:
    """90, 90s, 20m or 2h."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    if not (number.isascii() and number.isdecimal()) or len(number) > 9:
        raise typer.BadParameter(f"expected a time as in 90s, 20m or 2h, found {text!r}.")
    return float(number) * unit


@app.command()
def evaluate(
    model: ModelArgument,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A labelled file of the same kind.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="MODEL2", help="A second model, to be compared on the same file."),
    ] = None,
    longest_sentence: LongestSentenceOption = LONGEST_SENTENCE,
    decode: DecodeOption = "viterbi",
) -> None:
    """Score a model on a labelled file.

    Intervals are 95 % percentile intervals of 1,000 bootstrap samples of
    the sentences. The calibration error is the mean distance between
    certainty and accuracy over 15 bins of certainty.

    With --against: both models' scores, the difference MODEL − MODEL2 and
    its p-value: the share of the samples whose difference lies at least as
    far from the observed one as that lies from 0, which is the paired
    bootstrap of Berg-Kirkpatrick et al. (2012), two-sided. Then sentences to
    which the models give different labels, 20 or, with --json, all.
    """
    from windowclf.commands import display

    if against is not None:
        from windowclf.commands.comparison_display import SENTENCES_SHOWN, print_comparison

        most = None if as_json else SENTENCES_SHOWN
        result = windowclf.compare(
            model, against, data, display.print_notice, longest_sentence, most, decode
        )
    else:
        result = windowclf.evaluate(model, data, display.print_notice, longest_sentence, decode)
    if as_json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    elif against is not None:
        print_comparison(result, str(model), str(against))
    else:
        display.print_evaluation(result)


@app.command()
def predict(
    model: ModelArgument,
    input_: Annotated[
        str, typer.Argument(metavar="[INPUT]", help="A file to tag; - is standard input.")
    ] = "-",
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to write; - is standard output."
        ),
    ] = "-",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="conll, conllu, jsonl, csv, tsv or text; by the input's suffix if left out, and "
            "text for standard input.",
        ),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Add the probabilities of the labels.")
    ] = False,
    longest_sentence: LongestSentenceOption = LONGEST_SENTENCE,
    cache_mb: Annotated[
        float,
        typer.Option(
            "--cache-mb",
            metavar="MB",
            min=0,
            max=1 << 20,
            help="Memory for what frequent tokens share, for each process.",
        ),
    ] = CACHE_MB,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, max=256, help="Processes that share a large file."
        ),
    ] = 1,
    keep_labels: Annotated[
        bool,
        typer.Option(
            "--keep-labels",
            help="Keep the labels that the input has, and choose the missing ones (- or empty, _ "
            "in conllu, null in jsonl) around them; not for several labels a token.",
        ),
    ] = False,
    n_best: Annotated[
        int,
        typer.Option(
            "--n-best",
            metavar="N",
            min=0,
            max=1000,
            show_default=False,
            help="Add the N most probable label sequences of each sentence; jsonl, of a CRF.",
        ),
    ] = 0,
    decode: DecodeOption = "viterbi",
) -> None:
    """Label text: the input comes back with the answer in it.

    Reads what train read, or raw text with one sentence or document a line. Without --keep-labels
    the label field of the input is never looked at.
    """
    windowclf.predict_file(
        model,
        input_,
        output,
        format_,
        probabilities,
        prediction_progress(input_),
        longest_sentence,
        cache_mb,
        jobs,
        keep_labels,
        n_best,
        decode,
    )


@app.command()
def gradcheck(config: ConfigArgument, set_: SetOption = None) -> None:
    """Check the hand-derived gradients of a config's own network and data.

    Central differences in float64 on a small part of the first batch, a row per parameter array.
    """
    from windowclf.commands import display

    checks = windowclf.gradcheck(config, set_ or [], on_progress=display.print_progress)
    display.print_gradient_checks(checks)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


@app.command()
def info(
    model: ModelArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what a model file holds."""
    from windowclf.commands import display

    facts = windowclf.info(model)
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        display.print_info(facts)


@app.command()
def compress(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The smaller model file.")
    ],
    dtype: Annotated[
        str, typer.Option(metavar="DTYPE", help="What matrices become: int8, float16 or float32.")
    ] = "int8",
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="The most that the file may have, such as 900kB or 1.5MB; rows of the tables "
            "that matter least are left out for it.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A labelled file to score before and after, not test."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    longest_sentence: LongestSentenceOption = LONGEST_SENTENCE,
) -> None:
    """Write a smaller model file: coarser numbers, packed words and, with --size, fewer rows.

    The other commands read it as any model; it cannot be trained further or compressed again.
    """
    from windowclf.commands import display

    facts = windowclf.compress(
        model, output, dtype, size, data, display.print_notice, longest_sentence
    )
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        display.print_compression(facts)


def _say_how_to_go_on(command: str, config: Path, overrides: Sequence[str], kept: str) -> None:
    settings = [part for item in overrides for part in ("--set", item)]
    again = shlex.join(["windowclf", command, str(config), *settings, "--resume"])
    print(f"Stopped; {kept}. Go on with: {again}", file=sys.stderr)


@contextmanager
def _stop_signals(said: str) -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM, so that work can finish; a second one ends at once."""
    signalled: list[int] = []

    def stop(number: int, _frame: object) -> None:
        for each in watched:  # before it is said, so that the next signal ends it in any case
            signal.signal(each, signal.SIG_DFL)
        signalled.append(number)
        print(said, file=sys.stderr)

    watched = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, stop) for each in watched]
    try:
        yield signalled
    finally:
        for each, handler in zip(watched, before, strict=True):
            signal.signal(each, handler)
