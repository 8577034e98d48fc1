"""The commands that look at a model: evaluate, info and benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import windowclf
from windowclf.commands.options import DecodeOption, JsonOption, ModelArgument, print_json


def evaluate(
    model: ModelArgument,
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="A labelled file, a glob, or - for standard input."),
    ],
    as_json: JsonOption = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="MODEL2", help="A second model, to be compared on the same file."),
    ] = None,
    decode: DecodeOption = "viterbi",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="conll, conllu, jsonl, text, labelstudio and others, see the README; by the "
            "suffix of DATA if left out, or else as the training files were.",
        ),
    ] = None,
    calibration: Annotated[
        bool,
        typer.Option("--calibration", help="Show how often the model is right for how sure it is."),
    ] = False,
    errors: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, show_default=False, help="Show the first N sentences with an error."
        ),
    ] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="How DATA is read where it is not as the training files were, as in `--set "
            "data.label=-1` or `--set data.scheme=IOB1`.",
        ),
    ] = None,
) -> None:
    """Score a model on a labelled file.

    DATA may have another format than the training files, and with --set its
    labels elsewhere (data.label, data.token, data.extra) or in another
    scheme (data.scheme).

    Intervals are 95 % percentile intervals of 1,000 bootstrap samples of
    the sentences, or of the documents where more than 30 are marked. The
    macro f1 is the mean over labels, for spans over their types. The
    calibration error is the mean distance between certainty and accuracy
    over 15 bins of certainty, which --calibration shows.

    With --against: both models' scores, the difference MODEL − MODEL2 and
    its p-value: the share of the samples whose difference lies at least as
    far from the observed one as that lies from 0, which is the paired
    bootstrap of Berg-Kirkpatrick et al. (2012), two-sided. Then sentences to
    which the models give different labels, 20 or, with --json, all.
    """
    from windowclf.commands.comparison_display import SENTENCES_SHOWN, print_comparison
    from windowclf.commands.evaluation_display import print_evaluation
    from windowclf.commands.progress import Notices

    options, overrides = windowclf.TagOptions(decode=decode), set_ or []
    if against is None:
        kept = errors if errors or not as_json else None
        result = windowclf.evaluate(
            model, data, options, Notices(), format_=format_, overrides=overrides, errors=kept
        )
        print_json(result) if as_json else print_evaluation(result, calibration=calibration)
        return
    if errors or calibration:
        raise typer.BadParameter(
            "--errors and --calibration are of one model; leave them out with --against, which "
            "shows the sentences where the models differ."
        )
    most = None if as_json else SENTENCES_SHOWN
    compared = windowclf.compare(
        model, against, data, options, Notices(), most, format_=format_, overrides=overrides
    )
    if as_json:
        print_json(compared)
    else:
        print_comparison(compared, str(model), str(against))


def info(
    model: ModelArgument,
    as_json: JsonOption = False,
    config: Annotated[
        bool,
        typer.Option(
            "--config", help="Print the config that the model was trained with, as YAML for train."
        ),
    ] = False,
) -> None:
    """Say what a model file holds.

    A model keeps the config that it was trained with, every default
    written out, but for the paths of data and of the run:
    `windowclf info MODEL --config > again.yaml`, then
    `windowclf train again.yaml --set data.train=FILE --output FOLDER`.
    """
    from windowclf.commands.model_display import kept_config_of, print_config, print_info

    facts = windowclf.info(model)
    if config and not as_json:
        print_config(facts)
    elif config:
        print_json(kept_config_of(facts))
    else:
        print_json(facts) if as_json else print_info(facts)


def benchmark(
    model: ModelArgument,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="A file to tag; the model's own words if left out."),
    ] = None,
    as_json: JsonOption = False,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="conll, conllu, jsonl, text, labelstudio and others, see the README; by the "
            "suffix of DATA if left out.",
        ),
    ] = None,
) -> None:
    """Measure how fast a model is on this machine.

    Tokens a second in batches on one core, how long one sentence takes,
    how soon a fresh Python gives its first answer, and the memory that it
    takes; in a few seconds. Of DATA the first 50,000 tokens are tagged.
    Without DATA the text is made of words that the model has learnt, the
    frequent ones often, and one in fourteen new.
    """
    from windowclf.commands.benchmark_display import print_benchmark
    from windowclf.commands.progress import WorkDisplay

    with WorkDisplay() as shown:
        found = windowclf.benchmark(model, data, shown, format_=format_)
    print_json(found) if as_json else print_benchmark(found)
