"""evaluate and compare: one model, or two, scored on labelled files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from windowclf.analysis.comparison import compare_taggers, shared_layout
from windowclf.analysis.evaluation import evaluate_tagger, labels_unknown
from windowclf.analysis.results import Comparison, Evaluation
from windowclf.config.reading import given_of_data
from windowclf.errors import DataError, named
from windowclf.pipeline.input_files import Paths, files_of, with_marks
from windowclf.pipeline.layouts import SAY, format_of, labelled_format, layout_in
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import in_scheme, tell
from windowclf.pipeline.texts import Text
from windowclf.system.arguments import checked_arguments
from windowclf.tagging.options import TagOptions
from windowclf.tagging.spec import Spec
from windowclf.tagging.tagger import Tagger, load
from windowclf.text.formats import Layout, Remarks
from windowclf.text.sentence import Sentence
from windowclf.text.spans import Scheme

STDIN = "/dev/stdin"
ModelLike: TypeAlias = str | os.PathLike[str] | Tagger
"""A run folder, a model file or a Tagger."""
Labels: TypeAlias = Paths | Iterable[Sentence]
"""A path, a glob, several of them, or labelled Sentences."""


@checked_arguments
def evaluate(
    model: ModelLike,
    data: Labels,
    options: TagOptions | None = None,
    listener: Listener = SILENT,
    *,
    format_: str | None = None,
    overrides: Sequence[str] = (),
    errors: int | None = None,
) -> Evaluation:
    """Score a model, or a Tagger, on Sentences or on files: a path, a glob, `-` or several of them.

    Files are read in the format that `format_` names, or else their suffix, or else as the training
    files were; `overrides` are "data.label=-1" and the like, for what a file has elsewhere or in
    another scheme. Of the options, `decode` is how a CRF chooses. With `errors` the answer has
    `wrong`: so many of the first sentences with a wrong label, how many there are, and a token for
    each kind of error. Raises ModelFileError, ConfigError or DataError.
    """
    if errors is not None and errors < 0:
        raise DataError(f"errors: expected a number from 0 on, found {errors}.")
    tagger = _tagger(model, options)
    labelled = labelled_text(tagger.model.spec.layout, data, format_, overrides)
    return evaluate_text(tagger, labelled, listener, errors)


@checked_arguments
def compare(
    model: ModelLike,
    against: ModelLike,
    data: Labels,
    options: TagOptions | None = None,
    listener: Listener = SILENT,
    most_sentences: int | None = None,
    *,
    format_: str | None = None,
    overrides: Sequence[str] = (),
) -> Comparison:
    """Score two models on one labelled text, and say what of the difference may be chance.

    Both evaluations (`model`, `against`); for each main figure the difference, its 95 % interval
    and the p-value of a two-sided paired bootstrap (`differences`); the sentences to which they
    give different labels (`differing`, the first `most_sentences` or all) with their numbers. The
    text is read as for `evaluate`, with the columns of both models. Raises ModelFileError, also
    where the models are for different tasks or labels, ConfigError or DataError.
    """
    taggers = _tagger(model, options), _tagger(against, options)
    names = _name(model, "MODEL"), _name(against, "AGAINST")
    layout = shared_layout(taggers[0].model.spec, taggers[1].model.spec, *names)
    one, other = (_with_layout(each, layout) for each in taggers)
    labelled = labelled_text(layout, data, format_, overrides)
    sentences = labelled.sentences(layout.scheme, listener)
    found = compare_taggers(one, other, sentences, most_sentences)
    evaluations = found["model"], found["against"]
    for tagger, name, evaluation in zip((one, other), names, evaluations, strict=True):
        its = replace(labelled, name=f"{labelled.name}, for {name},")
        _check_gold(tagger.model.spec, evaluation, its, listener)
    return found


def _tagger(model: ModelLike, options: TagOptions | None) -> Tagger:
    """The tagger of a model, with its own options where none are given. Raises ModelFileError."""
    if isinstance(model, Tagger):
        return model if options is None else Tagger(model.model, options)
    return load(model, options or TagOptions())


def _name(model: ModelLike, otherwise: str) -> str:
    """What messages call a model."""
    return otherwise if isinstance(model, Tagger) else os.fspath(model)


def _with_layout(tagger: Tagger, layout: Layout) -> Tagger:
    """A tagger that reads text of another layout."""
    spec = replace(tagger.model.spec, layout=layout)
    return Tagger(replace(tagger.model, spec=spec), tagger.options)


@dataclass(frozen=True)
class Labelled:
    """A labelled text, and how it is read."""

    text: Text
    layout: Layout
    name: str  # in notices
    advice: str  # how to read them where they seem to be in another scheme, {}
    say: str | None = None  # how one names a format, where nobody has

    def sentences(self, scheme: Scheme, listener: Listener) -> Iterable[Sentence]:
        """The sentences with their labels in a scheme; of what is odd the listener is told."""
        remarks = Remarks(self.advice)
        found = self.text.read(self.layout, remarks=remarks, say=self.say)
        yield from in_scheme(found, self.layout, scheme)
        tell(self.name, remarks, self.layout.scheme, listener)


def labelled_text(
    trained: Layout, data: Labels, format_: str | None = None, overrides: Sequence[str] = ()
) -> Labelled:
    """A labelled text for a model, and how it is read; see `evaluate`.

    `trained` is the layout of its training files. Raises ConfigError or DataError.
    """
    text = _text_of(data)
    given = given_of_data(overrides)
    in_config = given.pop("format", None)
    wanted = format_ or in_config
    format_ = format_of(wanted) if wanted else labelled_format(trained, text.files)
    if format_ == "brat":
        text = replace(text, files=with_marks(text.files))
    layout = layout_in(trained, format_, read_labels=True)
    extra = {**layout.extra, **given.pop("extra", {})}
    advice = "give --set data.scheme={}"
    say = None if wanted else SAY
    return Labelled(text, replace(layout, extra=extra, **given), text.name, advice, say)


def _text_of(data: Labels) -> Text:
    """The text that `data` names or is. Raises DataError for a glob that matches nothing."""
    given = [data] if isinstance(data, str | os.PathLike) else list(data)
    if given and all(isinstance(each, str | os.PathLike) for each in given):
        files = files_of(cast(Sequence[str], given), "DATA")
        name = os.fspath(data) if isinstance(data, str | os.PathLike) else ", ".join(files)
        files = [STDIN if file == "-" else file for file in files]
        return Text(STDIN if name == "-" else name, files)
    return Text("DATA", given=cast(list[Sentence], given))


def evaluate_text(
    tagger: Tagger, labelled: Labelled, listener: Listener, errors: int | None = None
) -> Evaluation:
    """Score a tagger on a labelled text. Raises DataError where no token has a label."""
    spec = tagger.model.spec
    sentences = labelled.sentences(spec.layout.scheme, listener)
    evaluation = evaluate_tagger(tagger, sentences, errors)
    _check_gold(spec, evaluation, labelled, listener)
    return evaluation


def _check_gold(spec: Spec, evaluation: Evaluation, labelled: Labelled, listener: Listener) -> None:
    """Raise DataError where no token had a label; tell the listener of labels the model lacks.

    And of a model that does not keep the words seen in training.
    """
    if not evaluation["tokens"]:
        raise DataError(f"{labelled.text.name}: no labelled token found; nothing to score.")
    if spec.vocabulary.seen is None:
        kept = "the model does not keep the words seen in training"
        listener.notice(f"in {labelled.name} seen and unseen are not split; {kept}.")
    gold = [label for label, row in evaluation["labels"].items() if row["support"]]
    if unknown := labels_unknown(spec, gold):
        lacks = f"has labels that train lacks, counted as errors: {named(unknown)}"
        none = f"; it has none that train has, {labelled.text.advice}"
        listener.notice(f"{labelled.name} {lacks}{'.' if set(gold) - set(unknown) else none}")
