"""evaluate and compare: models on labelled files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from windowclf.analysis.comparison import Comparison, compare_taggers, shared_layout
from windowclf.analysis.evaluation import Evaluation, evaluate_tagger, labels_unknown
from windowclf.errors import DataError, named
from windowclf.pipeline import assembly
from windowclf.pipeline.input_files import files_of
from windowclf.system.limits import LONGEST_SENTENCE
from windowclf.tagging.decoding import Decode
from windowclf.tagging.model_file import Model
from windowclf.tagging.tagger import Tagger, load

Notify = Callable[[str], None]


def evaluate(
    model: str | Path,
    data: str,
    on_notice: Notify | None = None,
    longest_sentence: int = LONGEST_SENTENCE,
    decode: Decode = "viterbi",
) -> Evaluation:
    """Score a model on a labelled file of the kind it was trained on; design section 6.

    `longest_sentence` bounds what a model with recurrence takes, in tokens; `decode` is how a CRF
    chooses. Raises ModelFileError or DataError.
    """
    tagger = load(model, longest_sentence, decode=decode)
    notify = on_notice or (lambda _text: None)
    return evaluate_files(tagger, files_of(data, "DATA"), data, notify)


def compare(
    model: str | Path,
    against: str | Path,
    data: str,
    on_notice: Notify | None = None,
    longest_sentence: int = LONGEST_SENTENCE,
    most_sentences: int | None = None,
    decode: Decode = "viterbi",
) -> Comparison:
    """Score two models on one labelled file, and say what of the difference may be chance.

    Both evaluations (`model`, `against`); for each main figure the difference, its 95 % interval
    and the p-value of a two-sided paired bootstrap over sentences (`differences`); the sentences
    to which they give different labels (`differing`, the first `most_sentences` or all) with
    their numbers. The file is read as the first model reads it. Raises ModelFileError, also where
    the models are for different tasks or labels, or DataError.
    """
    taggers = load(model, longest_sentence), load(against, longest_sentence)
    names = str(model), str(against)
    layout = shared_layout(taggers[0].model, taggers[1].model, *names)
    one, other = (
        Tagger(replace(t.model, layout=layout), longest_sentence, decode=decode) for t in taggers
    )
    files = files_of(data, "DATA")
    found = compare_taggers(one, other, assembly.read_all(layout, files), most_sentences)
    notify = on_notice or (lambda _text: None)
    for tagger, name, key in zip((one, other), names, ("model", "against"), strict=True):
        _check_gold(tagger.model, found[key], files, f"{data}, for {name},", notify)
    return found


def evaluate_files(tagger: Tagger, files: Sequence[str], name: str, notify: Notify) -> Evaluation:
    """Score a tagger on files, `name` in notices. Raises DataError where no token has a label."""
    sentences = assembly.read_all(tagger.model.layout, files)
    evaluation = evaluate_tagger(tagger, sentences)
    _check_gold(tagger.model, evaluation, files, name, notify)
    return evaluation


def _check_gold(
    model: Model, evaluation: Evaluation, files: Sequence[str], name: str, notify: Notify
) -> None:
    """Some token must have a label; those that the model cannot give are named."""
    if not evaluation["tokens"]:
        raise DataError(f"{', '.join(files)}: no labelled token found; nothing to score.")
    if model.vocabulary.seen is None:
        kept = "the model does not keep the words seen in training"
        notify(f"in {name} seen and unseen are not split; {kept}.")
    gold = [label for label, row in evaluation["labels"].items() if row["support"]]
    if unknown := labels_unknown(model, gold):
        notify(f"{name} has labels that train lacks, counted as errors: {named(unknown)}.")
