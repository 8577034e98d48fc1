"""From a config and its files to the objects that train: the one place where they meet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from windowclf import config as cfg
from windowclf.arrays import Bytes, Floats
from windowclf.errors import DataError, legible, named, quoted
from windowclf.network.architecture import Architecture, Parameters
from windowclf.network.gradients import Objective
from windowclf.network.settings import Settings
from windowclf.network.update_rules import Adagrad, Adam, Momentum, RmsProp, Rule, Sgd
from windowclf.pipeline.feature_files import read_feature_files, read_vector_files
from windowclf.pipeline.input_files import files_of
from windowclf.tagging.model_file import Model
from windowclf.text.corpus import Corpus, encode_corpus
from windowclf.text.corpus_cache import FOLDER_NAME, Hashed, Source, find_or_make
from windowclf.text.derived import derived_columns, with_derived
from windowclf.text.dictionary import Dictionary, read_dictionary
from windowclf.text.features import columns_of
from windowclf.text.formats import Layout, guess_format, open_bytes, read_sentences
from windowclf.text.sentence import Sentence, none_longer
from windowclf.text.spans import Scheme, from_spans, span_states, to_spans
from windowclf.text.vocabulary import SlotRows, Vocabulary, build_vocabulary

MOST_LABELS = 5000  # more distinct labels than this is a wrong column, not a task
NO_LABELS_AT_ALL = "-"


@dataclass(frozen=True)
class TrainingData:
    """The training corpus as numbers, with the vocabulary made from it, and the dev sentences."""

    corpus: Corpus  # labels are class indices, or rows of `targets`
    vocabulary: Vocabulary
    slots: tuple[SlotRows, ...]
    targets: Bytes | None  # (label strings, K) for a sigmoid output
    dev: list[Sentence] | None
    digest: str  # sha256 of the training files
    feature_digests: Mapping[str, str]  # place in the config -> sha256 of the files it names
    given: Mapping[str, Floats]  # initial values of tables that come from files


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


def layout_of(config: cfg.Config, paths: Sequence[str]) -> Layout:
    """How the data files are to be read."""
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


def learnt_labels(
    layout: Layout, inside: Scheme | None
) -> Callable[[Sentence], Sequence[str | None]]:
    """The labels of a sentence as the network learns them, None for a token without."""

    def labels_of(sentence: Sentence) -> Sequence[str | None]:
        labels = sentence.labels if sentence.labels is not None else [None] * len(sentence.tokens)
        if inside is None or inside == layout.scheme:
            return labels
        known = ["O" if label is None else label for label in labels]
        turned = from_spans(to_spans(known, layout.scheme), len(known), inside)
        return [None if old is None else new for old, new in zip(labels, turned, strict=True)]

    return labels_of


def training_data(
    config: cfg.Config,
    layout: Layout,
    train: Sequence[str],
    beside: Path | None = None,
    notify: Callable[[str], None] = lambda _text: None,
    on_reading: Callable[[float], None] = lambda _fraction: None,
) -> TrainingData:
    """Read the training files (and dev) once, and make the vocabulary.

    With `beside`, a text above data.cache_above_mb is kept there as numbers, for later runs too.
    `on_reading` is told which fraction of the training files has been read.
    """
    read = read_feature_files(config)
    columns = columns_of(read.features)
    labels_of = learnt_labels(layout, inside_scheme(config))
    longest = longest_sentence(config)
    how: dict[str, Any] = {
        "layout": asdict(layout),
        "inside": inside_scheme(config),
        "columns": columns,
    }
    if derived := derived_columns(read.features, read.lexicons):
        how["derived"] = [[f.reads, f.lower] for f in read.features if f.reads in derived]
        how["lists"] = dict(read.digests)
    source = Source(train, {**how, "longest": longest, "most": config.data.distinct_tokens})

    digest, size, done = hashlib.sha256(), max(1.0, _megabytes(source) * (1 << 20)), 0

    def on_bytes(count: int) -> None:
        nonlocal done
        done += count
        on_reading(min(1.0, done / size))

    text = with_derived(none_longer(read_all(layout, train, digest, on_bytes), longest), derived)

    def encode(folder: Path | None = None) -> tuple[Corpus, str]:
        most = config.data.distinct_tokens
        return encode_corpus(text, columns, labels_of, most, folder), digest.hexdigest()

    dev = _dev_sentences(config, layout, longest)
    if isinstance(config.data.dev, cfg.Holdout):
        everything = [replace(sentence, source=None) for sentence in text]
        kept = len(everything) - max(1, round(config.data.dev.holdout * len(everything)))
        raw = encode_corpus(everything[:kept], columns, labels_of, config.data.distinct_tokens)
        sha256, dev = digest.hexdigest(), everything[kept:]
    elif beside is not None and _megabytes(source) > config.data.cache_above_mb:
        raw, sha256, known = find_or_make(beside, source, encode)
        _describe(raw, known, beside, notify)
    else:
        raw, sha256 = encode()
    _refuse_unusable(raw, train, layout)
    if raw.rare:
        notify(
            f"{raw.rare:,} tokens are beyond the first {config.data.distinct_tokens:,} distinct "
            "ones (data.distinct_tokens) and share one entry."
        )
    multilabel = config.model.output == "sigmoid" and is_multilabel(raw.label_names)
    labels = parts_of(raw.label_names) if multilabel else raw.label_names
    vectors, digests = read_vector_files(config, raw.keys)
    vocabulary = build_vocabulary(
        read.features,
        columns,
        raw.counts(),
        labels,
        read.lexicons,
        {table: found.words for table, found in vectors.items()},
    )
    targets = _targets(raw.label_names, vocabulary) if config.model.output == "sigmoid" else None
    return TrainingData(
        corpus=raw,
        vocabulary=vocabulary,
        slots=vocabulary.encode(raw.keys),
        targets=targets,
        dev=dev,
        digest=sha256,
        feature_digests={**read.digests, **digests},
        given={f"L.{table}": found.rows for table, found in vectors.items()},
    )


def _dev_sentences(
    config: cfg.Config, layout: Layout, longest: int | None
) -> list[Sentence] | None:
    if config.data.dev is None or isinstance(config.data.dev, cfg.Holdout):
        return None
    paths = files_of(config.data.dev, "data.dev")
    dev = [replace(s, source=None) for s in none_longer(read_all(layout, paths), longest)]
    if not dev:
        raise DataError(f"{', '.join(paths)}: no sentence found; dev must hold at least one.")
    return dev


def _megabytes(source: Source) -> float:
    try:
        return source.megabytes()
    except OSError:
        return 0.0  # reading it says what is wrong


def _describe(corpus: Corpus, known: bool, beside: Path, notify: Callable[[str], None]) -> None:
    done = "taken from" if known else "kept for later runs in"
    notify(
        f"train: {len(corpus.tokens):,} tokens, {len(corpus.keys):,} of them distinct, "
        f"{done} {beside / FOLDER_NAME}."
    )


def _refuse_unusable(corpus: Corpus, paths: Sequence[str], layout: Layout) -> None:
    where = ", ".join(paths)
    if not len(corpus.tokens):
        raise DataError(f"{where}: no sentence found; expected at least one labelled sentence.")
    names = corpus.label_names
    if not names:
        raise DataError(f"{where}: no token has a label; is data.label the right column?")
    if len(names) > MOST_LABELS:
        raise DataError(
            f"{where}: {len(names):,} different labels in {len(corpus.tokens):,} tokens "
            f"(such as {quoted(names[0])}); is data.label the right column?"
        )
    if layout.task == "tagging" and all(_is_decimal(name) for name in names):
        raise DataError(
            f"{where}: every label is a number with decimals (such as {quoted(names[0])}); "
            "expected classes; is data.label the right column?"
        )


def _is_decimal(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return not text.lstrip("+-").isdigit()


def is_multilabel(label_names: Sequence[str]) -> bool:
    """True unless the labels are two plain classes, which one logit tells apart."""
    return len(label_names) != 2 or any("|" in name for name in label_names)


def parts_of(label_names: Iterable[str]) -> list[str]:
    """The labels that strings such as `Number=Sing|Person=3` are made of; `_` stands for none."""
    return sorted({part for name in label_names if name != "_" for part in name.split("|")})


def _targets(label_names: Sequence[str], vocabulary: Vocabulary) -> Bytes:
    """Row i: which classes label string i means; one column for two plain classes."""
    class_of = vocabulary.class_of
    if not is_multilabel(label_names):
        return np.array([[class_of[name]] for name in label_names], np.uint8)
    rows = np.zeros((len(label_names), len(vocabulary.labels)), np.uint8)
    for row, name in zip(rows, label_names, strict=True):
        if name != "_":
            row[[class_of[part] for part in name.split("|")]] = 1
    return rows


def architecture_of(config: cfg.Config, data: TrainingData) -> Architecture:
    """Names and shapes of the parameters: the config with the sizes that follow from the data."""
    hidden, recurrence = config.model.hidden, config.model.recurrence
    K = len(data.vocabulary.labels) if data.targets is None else data.targets.shape[1]
    return Architecture(
        features=data.vocabulary.features,
        table_sizes=data.vocabulary.table_sizes(),
        window=config.features.window,
        activation=hidden.activation,
        units=0 if hidden.activation == "none" else hidden.units,
        directions=recurrence.directions if recurrence else 0,
        truncate=recurrence.truncate if recurrence else None,
        output=config.model.output,
        classes=K,
        members=config.model.members,
    )


def settings_of(config: cfg.Config, data: TrainingData) -> Settings:
    """How to train."""
    t = config.training
    return Settings(
        seed=config.seed,
        epochs=t.epochs,
        batch_tokens=t.batch_tokens,
        rule=_rule(t.optimizer),
        learning_rate=t.optimizer.learning_rate,
        rows=t.optimizer.rows,
        average=t.average,
        schedule=t.schedule.name,
        warmup=t.schedule.warmup,
        objective=Objective(
            l2=t.l2,
            dropout=t.dropout,
            input_dropout=t.input_dropout,
            class_weights=_class_weights(t.class_weights, data),
            targets=data.targets,
            label_smoothing=t.label_smoothing,
        ),
        word_dropout=t.word_dropout,
        clip_norm=t.clip_norm,
        patience=t.early_stopping.patience if t.early_stopping and data.dev else None,
        dtype=t.dtype,
    )


def _rule(o: cfg.Optimizer) -> Rule:
    match o.name:
        case "sgd":
            return Sgd()
        case "momentum":
            return Momentum(o.momentum)
        case "adagrad":
            return Adagrad(o.epsilon)
        case "rmsprop":
            return RmsProp(o.decay, o.epsilon)
        case "adam":
            return Adam(o.beta1, o.beta2, o.epsilon)


def _class_weights(wanted: str | dict[str, float] | None, data: TrainingData) -> Floats | None:
    """w_y per label index; `balanced` is N/(number of labels · n_y); a label not named has 1."""
    names = data.corpus.label_names
    if wanted is None:
        return None
    if wanted == "balanced":
        counts = data.corpus.label_counts()
        balanced: Floats = counts.sum() / (len(names) * np.maximum(counts, 1.0))
        return balanced
    assert isinstance(wanted, dict)
    for name in wanted:
        if name not in names:
            raise DataError(
                f"training.class_weights.{legible(name)}: no training token has this label; "
                f"the labels are {named(sorted(names))}."
            )
    return np.array([wanted.get(name, 1.0) for name in names])


def model_of(
    config: cfg.Config,
    layout: Layout,
    data: TrainingData,
    architecture: Architecture,
    parameters: Parameters,
    provenance: dict[str, str],
    thresholds: Floats | None = None,
    dictionary: Dictionary | None = None,
) -> Model:
    """What the model file holds; without `thresholds` a sigmoid output gives labels above 0.5."""
    if thresholds is None and data.targets is not None:
        thresholds = np.full(architecture.classes, 0.5)
    return Model(
        architecture=architecture,
        vocabulary=data.vocabulary,
        layout=layout,
        inside=inside_scheme(config),
        thresholds=thresholds,
        provenance=provenance,
        parameters=parameters,
        dictionary=dictionary or {},
    )


def dictionary_of(config: cfg.Config, layout: Layout, data: TrainingData) -> Dictionary:
    """The words of data.dictionary and their labels; none without it. Raises DataError."""
    if config.data.dictionary is None:
        return {}
    labels, inside = data.vocabulary.labels, inside_scheme(config)
    if data.targets is not None and data.targets.shape[1] > 1:
        raise DataError("data.dictionary: expected null for several labels a token.")
    if inside is not None:
        labels = span_states(labels, inside, layout.scheme).labels
    paths = files_of(config.data.dictionary, "data.dictionary")
    return read_dictionary(paths, list(dict.fromkeys(labels)))
