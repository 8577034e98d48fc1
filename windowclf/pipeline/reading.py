"""The text that a config names: how it is to be read, and its sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, cast

from windowclf import config as cfg
from windowclf.errors import DataError
from windowclf.pipeline.input_files import files_of
from windowclf.text.corpus_cache import Hashed
from windowclf.text.formats import Layout, guess_format, open_bytes, read_sentences
from windowclf.text.sentence import Sentence, none_longer
from windowclf.text.spans import Scheme, from_spans, to_spans


def layout_of(config: cfg.Config, paths: Sequence[str]) -> Layout:
    """How the data files of a config are to be read; `paths` are those of data.train.

    Raises DataError where these are of several formats.
    """
    data = config.data
    formats = {guess_format(path) for path in paths} if data.format is None else {data.format}
    if len(formats) > 1:
        raise DataError(
            f"data.train: files of several formats ({', '.join(sorted(formats))}); "
            "expected one format, set data.format."
        )
    format_ = formats.pop()
    defaults: dict[str, int | str] = {"conllu": "upos", "csv": "label", "tsv": "label"}
    slots = tuple(feature.column for feature in config.features.use if feature.kind == "column")
    return Layout(
        format=format_,
        task=config.task,
        token=data.token,
        label=data.label if data.label is not None else defaults.get(format_, 1),
        extra=dict(data.extra),
        scheme=data.scheme,
        tokenizer=data.tokenizer,
        misaligned=data.misaligned,
        slots=slots if config.task == "slots" else (),
    )


def inside_scheme(config: cfg.Config) -> Scheme | None:
    """The scheme of the classes; None where labels are not spans."""
    return config.data.inside if config.task == "spans" else None


def longest_sentence(config: cfg.Config) -> int | None:
    """The most tokens that a sentence may have; None where its parts stand for themselves."""
    whole = config.model.recurrence or config.model.output == "crf"
    return config.prediction.longest_sentence if whole else None


def read_all(
    layout: Layout,
    paths: Iterable[str],
    digest: Any = None,
    on_bytes: Callable[[int], None] = lambda _count: None,
) -> Iterator[Sentence]:
    """The sentences of several files, one after the other, without empty ones.

    `digest`, a hash of hashlib, is updated with all that is read, and `on_bytes` told how much.
    """
    for path in paths:
        with open_bytes(path) as file:
            source = file if digest is None else cast(BinaryIO, Hashed(file, digest, on_bytes))
            for sentence in read_sentences(source, layout, path):
                if sentence.tokens:
                    yield sentence


def dev_sentences(config: cfg.Config, layout: Layout) -> list[Sentence] | None:
    """The sentences of the files of data.dev; None where it names no files. Raises DataError."""
    if config.data.dev is None or isinstance(config.data.dev, cfg.Holdout):
        return None
    paths = files_of(config.data.dev, "data.dev")
    sentences = none_longer(read_all(layout, paths), longest_sentence(config))
    dev = [sentence.without_source() for sentence in sentences]
    if not dev:
        raise DataError(f"{', '.join(paths)}: no sentence found; dev must hold at least one.")
    return dev


def learnt_labels(
    layout: Layout, inside: Scheme | None
) -> Callable[[Sentence], Sequence[str | None]]:
    """A function from a sentence to its labels as the network learns them, None for no label.

    For spans these are in the scheme `inside`.
    """

    def labels_of(sentence: Sentence) -> Sequence[str | None]:
        """The labels of a sentence as the network learns them."""
        labels = sentence.gold
        if inside is None or inside == layout.scheme:
            return labels
        known = ["O" if label is None else label for label in labels]
        turned = from_spans(to_spans(known, layout.scheme), len(known), inside)
        return [None if old is None else new for old, new in zip(labels, turned, strict=True)]

    return labels_of
