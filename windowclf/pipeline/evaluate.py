"""evaluate and compare: one model, or two, scored on labelled files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from windowclf.analysis.comparison import Comparison, compare_taggers, shared_layout
from windowclf.analysis.evaluation import Evaluation, evaluate_tagger, labels_unknown
from windowclf.errors import DataError, named
from windowclf.pipeline.input_files import files_of
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import read_all
from windowclf.tagging.options import TagOptions
from windowclf.tagging.spec import Spec
from windowclf.tagging.tagger import Tagger, load


def evaluate(
    model: str | Path,
    data: str,
    options: TagOptions = TagOptions(),
    listener: Listener = SILENT,
) -> Evaluation:
    """Score a model on a labelled file of the kind it was trained on.

    Of the options, `decode` is how a CRF chooses. Raises ModelFileError or DataError.
    """
    tagger = load(model, options)
    return evaluate_files(tagger, files_of(data, "DATA"), data, listener)


def compare(
    model: str | Path,
    against: str | Path,
    data: str,
    options: TagOptions = TagOptions(),
    listener: Listener = SILENT,
    most_sentences: int | None = None,
) -> Comparison:
    """Score two models on one labelled file, and say what of the difference may be chance.

    Both evaluations (`model`, `against`); for each main figure the difference, its 95 % interval
    and the p-value of a two-sided paired bootstrap over sentences (`differences`); the sentences
    to which they give different labels (`differing`, the first `most_sentences` or all) with
    their numbers. The file is read as the first model reads it. Raises ModelFileError, also where
    the models are for different tasks or labels, or DataError.
    """
    models = load(model).model, load(against).model
    names = str(model), str(against)
    layout = shared_layout(models[0].spec, models[1].spec, *names)
    one, other = (
        Tagger(replace(each, spec=replace(each.spec, layout=layout)), options) for each in models
    )
    files = files_of(data, "DATA")
    found = compare_taggers(one, other, read_all(layout, files), most_sentences)
    for tagger, name, key in zip((one, other), names, ("model", "against"), strict=True):
        _check_gold(tagger.model.spec, found[key], files, f"{data}, for {name},", listener)
    return found


def evaluate_files(
    tagger: Tagger, files: Sequence[str], name: str, listener: Listener
) -> Evaluation:
    """Score a tagger on files, `name` in notices. Raises DataError where no token has a label."""
    sentences = read_all(tagger.model.spec.layout, files)
    evaluation = evaluate_tagger(tagger, sentences)
    _check_gold(tagger.model.spec, evaluation, files, name, listener)
    return evaluation


def _check_gold(
    spec: Spec, evaluation: Evaluation, files: Sequence[str], name: str, listener: Listener
) -> None:
    """Raise DataError where no token had a label; tell the listener of labels the model lacks.

    And of a model that does not keep the words seen in training.
    """
    if not evaluation["tokens"]:
        raise DataError(f"{', '.join(files)}: no labelled token found; nothing to score.")
    if spec.vocabulary.seen is None:
        kept = "the model does not keep the words seen in training"
        listener.notice(f"in {name} seen and unseen are not split; {kept}.")
    gold = [label for label, row in evaluation["labels"].items() if row["support"]]
    if unknown := labels_unknown(spec, gold):
        listener.notice(f"{name} has labels that train lacks, counted as errors: {named(unknown)}.")
