"""The features that a config asks for, and the lists and vectors that they name."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from windowclf import config as cfg
from windowclf.config.features import tables_of
from windowclf.errors import DataError, Fault, Faults
from windowclf.pipeline.input_files import files_of
from windowclf.text.clusters import Clusters, read_clusters
from windowclf.text.corpus_cache import Hashed
from windowclf.text.derived import Lexicons
from windowclf.text.features import Feature, Key, form_of
from windowclf.text.formats.lines import Input, open_bytes, open_input
from windowclf.text.gazetteer import Gazetteer, read_phrases, with_joined_types
from windowclf.text.lexicon import grouped
from windowclf.text.word_vectors import (
    WordVectors,
    read_binary_vectors,
    read_text_vectors,
    width_of,
)


@dataclass(frozen=True)
class FeatureFiles:
    """The slots of a token, and the lists that were read for them."""

    features: tuple[Feature, ...]  # one for each slot
    lexicons: Lexicons
    digests: Mapping[str, str]  # key of the config, features.use.I -> sha256 of the files it names


def read_feature_files(config: cfg.Config) -> FeatureFiles:
    """The features in the config's order, with the files that they name.

    Raises DataError with the faults of all files.
    """
    features: list[Feature] = []
    lexicons: dict[str, Gazetteer | Clusters] = {}
    digests: dict[str, str] = {}
    faults = Faults()
    for i, f in enumerate(config.features.use):
        key, digest = f"features.use.{i}", hashlib.sha256()
        try:
            features += _slots_of(f)
            if f.kind == "gazetteer":
                paths = files_of(f.path, f"{key}.path")
                characters = config.task == "segmentation"
                lexicons[f.table_name] = _gazetteer(paths, f.lower, characters, digest)
            elif f.kind == "cluster":
                lexicons[f.table_name] = _clusters(f.path, digest)
            else:
                continue  # vectors are read when the words of the text are known
        except DataError as error:
            faults.include(error)
        digests[key] = digest.hexdigest()
    faults.raise_if_any()
    return FeatureFiles(tuple(features), lexicons, digests)


def read_vector_files(
    config: cfg.Config, keys: Iterable[Key]
) -> tuple[dict[str, WordVectors], dict[str, str]]:
    """The vectors that features name, by table, and the sha256 of each file by key of the config.

    `keys` are the distinct tokens of the training text. Raises DataError.
    """
    found: dict[str, WordVectors] = {}
    digests: dict[str, str] = {}
    for i, f in enumerate(config.features.use):
        if f.kind == "vectors":
            forms = {form_of(key) for key in keys} if f.rows == "train" else None
            wanted = None if forms is None else forms | {form.lower() for form in forms}
            digest = hashlib.sha256()
            found[f.table_name] = _vectors(f.path, wanted, digest)
            digests[f"features.use.{i}"] = digest.hexdigest()
    return found, digests


def _slots_of(f: cfg.FeatureSetting) -> list[Feature]:
    """The slots of a token that an entry of features.use stands for."""
    table = f.table_name
    match f.kind:
        case "char_cnn":
            return [Feature(f.kind, table, f.dim, f.min_count, filters=f.filters, width=f.width)]
        case "ngrams":
            return [Feature(f.kind, table, f.dim, 1, min=f.min, max=f.max, buckets=f.buckets)]
        case "prefix" | "suffix":
            return [Feature(f.kind, table, f.dim, f.min_count, length=f.length)]
        case "column":
            return [Feature(f.kind, table, f.dim, f.min_count, column=f.column)]
        case "shape":
            return [Feature(f.kind, table, f.dim, f.min_count, position=f.position)]
        case "gazetteer":
            return [Feature(f.kind, table, f.dim, f.min_count, source=table, lower=f.lower)]
        case "vectors":
            return [Feature(f.kind, table, width_of(f.path), frozen=not f.trained)]
        case "cluster":
            return [
                Feature(f.kind, own, f.dim, f.min_count, source=table, length=length)
                for own, length in zip(tables_of(f), f.prefixes, strict=True)
            ]
        case _:
            return [Feature(f.kind, table, f.dim, f.min_count)]


def _gazetteer(paths: Sequence[str], lower: bool, characters: bool, digest: Any) -> Gazetteer:
    """The phrase lists of some files, whose bytes update `digest`. Raises DataError."""
    faults = Faults()

    def pairs() -> Iterator[tuple[str, str]]:
        for path in paths:
            with _input(path, faults, digest) as source:
                yield from read_phrases(source, lower, characters)

    types = with_joined_types(pairs())
    faults.raise_if_any()
    if not types:
        raise DataError(f"{', '.join(paths)}: no phrase found; expected at least one.")
    return Gazetteer(grouped(types), lower)


def _clusters(path: str, digest: Any) -> Clusters:
    """The word clusters of a file, whose bytes update `digest`. Raises DataError."""
    faults = Faults()
    with _input(path, faults, digest) as source:
        cluster_of = read_clusters(source)
    faults.raise_if_any()
    if not cluster_of:
        raise DataError(Fault("no cluster found; expected lines of cluster, tab, word.", str(path)))
    return Clusters(grouped(cluster_of))


def _vectors(path: str, wanted: Collection[str] | None, digest: Any) -> WordVectors:
    """The vectors of the wanted words (None: all) of a file, whose bytes update `digest`.

    Raises DataError.
    """
    faults = Faults()
    if path.endswith(".bin"):
        found = read_binary_vectors(path, wanted, faults, digest)
    else:
        width = width_of(path)
        with _input(path, faults, digest) as source:
            found = read_text_vectors(source, width, wanted)
    faults.raise_if_any()
    if not found.words:
        raise DataError(Fault("no vector found of any word of the training text.", str(path)))
    return found


@contextmanager
def _input(path: str, faults: Faults, digest: Any) -> Iterator[Input]:
    """A file as an Input whose bytes update `digest` as they are read."""
    with open_bytes(path) as file:
        hashed = cast(BinaryIO, Hashed(file, digest, lambda _count: None))
        with open_input(hashed, path, faults) as source:
            yield source
