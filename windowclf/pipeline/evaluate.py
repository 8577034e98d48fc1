"""evaluate and compare: one model, or two, scored on labelled files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from windowclf.analysis.comparison import Comparison, compare_taggers, shared_layout
from windowclf.analysis.evaluation import Evaluation, evaluate_tagger, labels_unknown
from windowclf.config.reading import given_of_data
from windowclf.errors import DataError, named
from windowclf.pipeline.input_files import Paths, files_of
from windowclf.pipeline.layouts import SAY, format_of, labelled_format, layout_in
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import in_scheme, read_all, tell
from windowclf.tagging.options import TagOptions
from windowclf.tagging.spec import Spec
from windowclf.tagging.tagger import Tagger, load
from windowclf.text.formats import Layout, Remarks
from windowclf.text.sentence import Sentence
from windowclf.text.spans import Scheme

STDIN = "/dev/stdin"


def evaluate(
    model: str | os.PathLike[str],
    data: Paths,
    options: TagOptions = TagOptions(),
    listener: Listener = SILENT,
    *,
    format_: str | None = None,
    overrides: Sequence[str] = (),
) -> Evaluation:
    """Score a model on labelled files: a path, a glob or several of them; `-` is standard input.

    They are read in the format that `format_` names, or else their suffix, or else as the training
    files were; `overrides` are "data.label=-1" and the like, for what a file has elsewhere or in
    another scheme. Of the options, `decode` is how a CRF chooses. Raises ModelFileError,
    ConfigError or DataError.
    """
    tagger = load(model, options)
    labelled = labelled_files(tagger.model.spec.layout, data, format_, overrides)
    return evaluate_files(tagger, labelled, listener)


def compare(
    model: str | os.PathLike[str],
    against: str | os.PathLike[str],
    data: Paths,
    options: TagOptions = TagOptions(),
    listener: Listener = SILENT,
    most_sentences: int | None = None,
    *,
    format_: str | None = None,
    overrides: Sequence[str] = (),
) -> Comparison:
    """Score two models on one labelled file, and say what of the difference may be chance.

    Both evaluations (`model`, `against`); for each main figure the difference, its 95 % interval
    and the p-value of a two-sided paired bootstrap (`differences`); the sentences to which they
    give different labels (`differing`, the first `most_sentences` or all) with their numbers. The
    file is read as for `evaluate`, with the columns of both models. Raises ModelFileError, also
    where the models are for different tasks or labels, ConfigError or DataError.
    """
    models = load(model).model, load(against).model
    names = os.fspath(model), os.fspath(against)
    layout = shared_layout(models[0].spec, models[1].spec, *names)
    one, other = (
        Tagger(replace(each, spec=replace(each.spec, layout=layout)), options) for each in models
    )
    labelled = labelled_files(layout, data, format_, overrides)
    sentences = labelled.sentences(layout.scheme, listener)
    found = compare_taggers(one, other, sentences, most_sentences)
    for tagger, name, key in zip((one, other), names, ("model", "against"), strict=True):
        its = replace(labelled, name=f"{labelled.name}, for {name},")
        _check_gold(tagger.model.spec, found[key], its, listener)
    return found


@dataclass(frozen=True)
class Labelled:
    """Labelled files, and how they are read."""

    files: Sequence[str]
    layout: Layout
    name: str  # in notices
    advice: str  # how to read them where they seem to be in another scheme, {}
    say: str | None = None  # how one names a format, where nobody has

    def sentences(self, scheme: Scheme, listener: Listener) -> Iterable[Sentence]:
        """The sentences with their labels in a scheme; of what is odd the listener is told."""
        remarks = Remarks(self.advice)
        found = read_all(self.layout, self.files, remarks=remarks, say=self.say)
        yield from in_scheme(found, self.layout, scheme)
        tell(self.name, remarks, self.layout.scheme, listener)


def labelled_files(
    trained: Layout, data: Paths, format_: str | None = None, overrides: Sequence[str] = ()
) -> Labelled:
    """Labelled files for a model, and how they are read; see `evaluate`.

    `trained` is the layout of its training files. Raises ConfigError or DataError.
    """
    files = [STDIN if file == "-" else file for file in files_of(data, "DATA")]
    given = given_of_data(overrides)
    in_config = given.pop("format", None)
    wanted = format_ or in_config
    format_ = format_of(wanted) if wanted else labelled_format(trained, files)
    layout = layout_in(trained, format_, read_labels=True)
    extra = {**layout.extra, **given.pop("extra", {})}
    advice = "give --set data.scheme={}"
    say = None if wanted else SAY
    name = os.fspath(data) if isinstance(data, str | os.PathLike) else ", ".join(files)
    name = STDIN if name == "-" else name
    return Labelled(files, replace(layout, extra=extra, **given), name, advice, say)


def evaluate_files(tagger: Tagger, labelled: Labelled, listener: Listener) -> Evaluation:
    """Score a tagger on labelled files. Raises DataError where no token has a label."""
    spec = tagger.model.spec
    sentences = labelled.sentences(spec.layout.scheme, listener)
    evaluation = evaluate_tagger(tagger, sentences)
    _check_gold(spec, evaluation, labelled, listener)
    return evaluation


def _check_gold(spec: Spec, evaluation: Evaluation, labelled: Labelled, listener: Listener) -> None:
    """Raise DataError where no token had a label; tell the listener of labels the model lacks.

    And of a model that does not keep the words seen in training.
    """
    if not evaluation["tokens"]:
        files = ", ".join(labelled.files)
        raise DataError(f"{files}: no labelled token found; nothing to score.")
    if spec.vocabulary.seen is None:
        kept = "the model does not keep the words seen in training"
        listener.notice(f"in {labelled.name} seen and unseen are not split; {kept}.")
    gold = [label for label, row in evaluation["labels"].items() if row["support"]]
    if unknown := labels_unknown(spec, gold):
        lacks = f"has labels that train lacks, counted as errors: {named(unknown)}."
        listener.notice(f"{labelled.name} {lacks}")
