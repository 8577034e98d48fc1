"""How the text of a config is to be read, and what the network learns from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from windowclf import config as cfg
from windowclf.errors import DataError
from windowclf.pipeline.layouts import format_seen
from windowclf.pipeline.listener import Listener
from windowclf.pipeline.texts import Text
from windowclf.text.formats import Format, Layout, Remarks, Task
from windowclf.text.formats.layout import OWN
from windowclf.text.sentence import Sentence, none_longer
from windowclf.text.spans import Scheme, from_spans, to_spans

SAY_FORMAT = "set data.format: {}"
LIKE_TRAIN = "set data.scheme: {} if train has it too"  # of files that are read as train is


def guessed(config: cfg.Config) -> str | None:
    """How a format is named that a config leaves to the names of its files; else None."""
    return SAY_FORMAT if config.data.format is None else None


def tell(name: str, remarks: Remarks, scheme: Scheme, listener: Listener) -> None:
    """Tell a listener what there is to say of labelled files, called `name`."""
    for sentence in remarks.sentences(scheme):
        listener.notice(f"{name}: {sentence}")


def layout_of(config: cfg.Config, train: Text) -> Layout:
    """How the texts of a config are to be read. Raises DataError for train files of many formats.

    Of sentences in memory it is how files are read that the model is used on.
    """
    data = config.data
    formats = {data.format} if data.format else {_seen(path, config.task) for path in train.files}
    if "brat" in formats:
        formats.discard("text")  # the texts beside what is marked in them
    if not formats:
        formats = {"csv" if config.task == "slots" else "conll"}
    if len(formats) > 1:
        raise DataError(
            f"data.train: files of several formats ({', '.join(sorted(formats))}); "
            "expected one format, set data.format."
        )
    format_ = formats.pop()
    defaults: dict[str, int | str] = {"conllu": "upos", "csv": "label", "tsv": "label"}
    usual = 1 if format_ in OWN else None
    slots = tuple(feature.column for feature in config.features.use if feature.kind == "column")
    return Layout(
        format=format_,
        task=config.task,
        token=data.token,
        label=data.label if data.label is not None else defaults.get(format_, usual),
        extra=dict(data.extra),
        scheme=data.scheme,
        tokenizer=data.tokenizer,
        misaligned=data.misaligned,
        slots=slots if config.task == "slots" else (),
        names=data.names,
        sentence=data.sentence,
    )


def _seen(path: str, task: Task) -> Format:
    """The format of a file by its name and beginning; columns where these say nothing."""
    return format_seen(path, task, True) or "conll"


def inside_scheme(config: cfg.Config) -> Scheme | None:
    """The scheme of the classes; None where labels are not spans."""
    return config.data.inside if config.task == "spans" else None


def longest_sentence(config: cfg.Config) -> int | None:
    """The most tokens that a sentence may have; None where its parts stand for themselves."""
    whole = config.model.recurrence or config.model.output == "crf"
    return config.prediction.longest_sentence if whole else None


def dev_sentences(
    config: cfg.Config, layout: Layout, text: Text | None, listener: Listener
) -> list[Sentence] | None:
    """The sentences of the dev text; None without one. Raises DataError."""
    if text is None:
        return None
    remarks = Remarks(LIKE_TRAIN)
    sentences = text.read(layout, remarks=remarks, say=guessed(config))
    short = none_longer(sentences, longest_sentence(config))
    dev = [sentence.without_source() for sentence in short]
    tell("dev", remarks, layout.scheme, listener)
    if not dev:
        raise DataError(f"{text.name}: no sentence found; dev must hold at least one.")
    return dev


def learnt_labels(
    layout: Layout, inside: Scheme | None
) -> Callable[[Sentence], Sequence[str | None]]:
    """A function from a sentence to its labels as the network learns them, None for no label.

    For spans these are in the scheme `inside`.
    """

    def labels_of(sentence: Sentence) -> Sequence[str | None]:
        """The labels of a sentence as the network learns them."""
        return sentence.gold if inside is None else turned(sentence.gold, layout.scheme, inside)

    return labels_of


def in_scheme(sentences: Iterable[Sentence], layout: Layout, scheme: Scheme) -> Iterable[Sentence]:
    """Sentences read in a layout with their labels in another scheme."""
    if layout.task != "spans" or layout.scheme == scheme:
        return sentences
    return (replace(s, labels=turned(s.gold, layout.scheme, scheme)) for s in sentences)


def turned(labels: Sequence[str | None], before: Scheme, now: Scheme) -> Sequence[str | None]:
    """The labels of a sentence in another scheme; a token without a label stays without."""
    if before == now:
        return labels
    known = ["O" if label is None else label for label in labels]
    other = from_spans(to_spans(known, before), len(known), now)
    return [None if old is None else new for old, new in zip(labels, other, strict=True)]
