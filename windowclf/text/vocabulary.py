"""Vocabulary: values <-> rows of the tables, and labels <-> classes.

SlotRows hold what it makes of distinct tokens: the ids, rows of a table, that each slot reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Ints
from windowclf.text.clusters import Clusters
from windowclf.text.derived import Derive, Lexicons, derived_columns
from windowclf.text.features import (
    BOUNDARY,
    FIRST_VALUE,
    UNKNOWN,
    Feature,
    Key,
    form_of,
    ngram_rows,
    spelled,
    values_of,
)
from windowclf.text.label_sets import label_order


class SlotRows(NamedTuple):
    """What one slot reads of T distinct tokens: one id each, or (with offsets) a bag of ids each.

    An id is a row of the slot's table. The bag of token t is ids[offsets[t] : offsets[t + 1]].
    """

    ids: Ints  # (T,) int32, or with offsets all bags one after another (ids,)
    offsets: Ints | None = None  # (T + 1,) int32

    def tokens(self) -> int:
        """T, the number of distinct tokens."""
        return len(self.ids) if self.offsets is None else len(self.offsets) - 1

    def take(self, tokens: Ints) -> SlotRows:
        """What the slot reads of some of the T tokens, in the order given.

        tokens (chosen,), indices of tokens; the result has as many.
        """
        if self.offsets is None:
            return SlotRows(self.ids[tokens])
        starts, ends = self.offsets[tokens], self.offsets[tokens + 1]
        offsets = np.zeros(len(tokens) + 1, np.int32)
        np.cumsum(ends - starts, out=offsets[1:])
        flat = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], ends - starts)
        return SlotRows(self.ids[flat], offsets)


def joined(slots: Sequence[SlotRows]) -> SlotRows:
    """What several slots of one table read, as what one slot reads of all their tokens in turn."""
    if len(slots) == 1:
        return slots[0]
    ids = np.concatenate([slot.ids for slot in slots])
    if all(slot.offsets is None for slot in slots):
        return SlotRows(ids)
    sizes = [
        np.ones(slot.tokens(), np.int32) if slot.offsets is None else np.diff(slot.offsets)
        for slot in slots
    ]
    offsets = np.concatenate([np.zeros(1, np.int32), *sizes])
    return SlotRows(ids, np.cumsum(offsets, dtype=np.int32))


@dataclass(frozen=True)
class Vocabulary:
    """Everything that turns tokens into ids, class indices into labels, and back.

    Row 0 of every table is the sentence boundary, row 1 the unknown value; the values follow from
    row 2, most frequent first, equals in code point order; where a model went on from another one,
    that one's come first; in a compressed model all in code point order. Hashed tables have no list
    of values; those in `kept` have rows for some buckets only, and n-grams of the others are left
    out of the bag.
    """

    features: tuple[Feature, ...]
    columns: tuple[str, ...]
    values: Mapping[str, Sequence[str]]
    labels: tuple[str, ...]
    seen: Sequence[str] | None  # every form of the training data, for scores on unseen words
    kept: Mapping[str, bytes] = field(default_factory=dict)  # a bit a bucket, as np.packbits does
    lexicons: Lexicons = field(default_factory=dict)

    @cached_property
    def derived(self) -> Mapping[str, Derive]:
        """Name -> how to make it, of the columns that features read and no file has."""
        return derived_columns(self.features, self.lexicons)

    @cached_property
    def row_of(self) -> dict[str, dict[str, int]]:
        """Table -> value -> the value's row in that table."""
        return {
            table: {value: row for row, value in enumerate(values, FIRST_VALUE)}
            for table, values in self.values.items()
        }

    @cached_property
    def seen_forms(self) -> frozenset[str]:
        """The forms of the training data; empty where they are not kept."""
        return frozenset(self.seen or ())

    @cached_property
    def class_of(self) -> dict[str, int]:
        """Label -> class index."""
        return {label: index for index, label in enumerate(self.labels)}

    def table_sizes(self) -> dict[str, int]:
        """Table -> V, how many rows it has."""
        sizes = {table: FIRST_VALUE + len(values) for table, values in self.values.items()}
        hashed = {f.table: FIRST_VALUE + f.buckets for f in self.features if f.kind == "ngrams"}
        kept = {
            table: FIRST_VALUE + int.from_bytes(bits).bit_count()
            for table, bits in self.kept.items()
        }
        return sizes | hashed | kept

    @cached_property
    def row_of_bucket(self) -> dict[str, Ints]:
        """Table in `kept` -> the row of each of its buckets (buckets,), 0 for those without."""
        return {table: _rows_of_bits(bits) for table, bits in self.kept.items()}

    def encode(self, keys: Sequence[Key]) -> tuple[SlotRows, ...]:
        """What every feature reads, one SlotRows each, of the boundary (token 0) and of `keys`.

        The keys are the tokens 1, 2, …, so that T = 1 + len(keys).
        """
        return tuple(self._encode_slot(feature, keys) for feature in self.features)

    def _encode_slot(self, feature: Feature, keys: Sequence[Key]) -> SlotRows:
        """What one feature reads of the boundary (token 0) and of `keys` (tokens 1, 2, …)."""
        if feature.kind == "ngrams":
            ids, offsets = ngram_rows([spelled(key) for key in keys], feature)
            if feature.table in self.kept:
                row_of_bucket = self.row_of_bucket[feature.table]
                ids, offsets = _with_rows(row_of_bucket[ids - FIRST_VALUE], offsets)
            boundary = np.array([BOUNDARY], np.int32)
            return SlotRows(np.append(boundary, ids), np.append(np.zeros(1, np.int32), offsets + 1))
        row_of = self.row_of[feature.table]
        if feature.kind == "char_cnn":
            return _characters(row_of, keys)
        values = slot_values(feature, keys, self.columns, self.lexicons)
        if feature.kind == "vectors":  # a row is never 0
            rows = [row_of.get(form) or row_of.get(form.lower(), UNKNOWN) for form in values]
        else:
            rows = [row_of.get(value, UNKNOWN) for value in values]
        return SlotRows(np.array([BOUNDARY, *rows], np.int32))


def _rows_of_bits(bits: bytes) -> Ints:
    """The row of each bucket from a bit for each, as np.packbits packs them.   ->  (buckets,).

    Buckets whose bit is set have the rows 2, 3, …; the others 0. The buckets that fill up the last
    byte are among them.
    """
    held = np.unpackbits(np.frombuffer(bits, np.uint8))
    rows = np.cumsum(held, dtype=np.int32) + np.int32(FIRST_VALUE - 1)
    return np.where(held, rows, np.int32(0))


def _with_rows(rows: Ints, offsets: Ints) -> tuple[Ints, Ints]:
    """Bags of rows without those that are 0.

    rows (ids,), all bags one after another, offsets (T + 1,)  ->  (ids that are kept,), (T + 1,).
    """
    held = rows > 0
    ends = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(held, out=ends[1:])
    return rows[held], ends[offsets]


def slot_values(
    feature: Feature, keys: Sequence[Key], columns: Sequence[str], lexicons: Lexicons
) -> list[str]:
    """The value of each token that a feature with listed values looks up in its table.

    A token of no cluster has an empty string.
    """
    values = values_of(feature, keys, columns)
    if feature.kind == "cluster":
        clusters = lexicons[feature.source]
        assert isinstance(clusters, Clusters)
        return [cluster[: feature.length or None] for cluster in clusters.of(values)]
    return values


def _characters(row_of: Mapping[str, int], keys: Sequence[Key]) -> SlotRows:
    """The rows of the characters of the boundary and of each key, a bag each, in order.

    A token without characters is written as the boundary, so that a maximum exists.
    """
    bags = [[BOUNDARY]]
    for key in keys:
        bags.append([row_of.get(c, UNKNOWN) for c in spelled(key)] or [BOUNDARY])
    offsets = np.zeros(len(bags) + 1, np.int32)
    np.cumsum([len(bag) for bag in bags], out=offsets[1:])
    return SlotRows(np.array([row for bag in bags for row in bag], np.int32), offsets)


def with_dropped_variants(
    features: Sequence[Feature], rows: Sequence[SlotRows]
) -> tuple[SlotRows, ...]:
    """What each feature reads of 2T tokens, from what it reads of T.

    The tokens T … 2T − 1 are the tokens 0 … T − 1 as word dropout shows them.
    """
    doubled = []
    for feature, (ids, offsets) in zip(features, rows, strict=True):
        hidden = feature.hides_when_dropped
        if offsets is None:
            again = np.full_like(ids, UNKNOWN) if hidden else ids
            doubled.append(SlotRows(np.concatenate([ids, again])))
        else:
            again = np.full(len(offsets) - 1, UNKNOWN, np.int32) if hidden else ids
            ends = np.arange(1, len(offsets), dtype=np.int32) if hidden else offsets[1:]
            doubled.append(
                SlotRows(np.concatenate([ids, again]), np.concatenate([offsets, len(ids) + ends]))
            )
    return tuple(doubled)


def build_vocabulary(
    features: Sequence[Feature],
    columns: Sequence[str],
    counts: Mapping[Key, int],
    labels: Sequence[str],
    lexicons: Lexicons | None = None,
    words: Mapping[str, Sequence[str]] | None = None,
) -> Vocabulary:
    """The vocabulary of a corpus given as its distinct tokens with their counts.

    Values that occur fewer than `min_count` times read as unknown. The order of the values depends
    neither on the order of `counts` nor on hash seeds. `words`: those of each table of vectors.
    """
    lexicons = lexicons or {}
    by_table: dict[str, Counter[str]] = {}
    least: dict[str, int] = {}
    for feature in features:
        if feature.kind in ("ngrams", "vectors"):
            continue
        counter = by_table.setdefault(feature.table, Counter())
        least[feature.table] = feature.min_count
        _count(feature, columns, lexicons, counts, counter)
    forms: Counter[str] = Counter()
    for key, count in counts.items():
        forms[form_of(key)] += count
    return Vocabulary(
        features=tuple(features),
        columns=tuple(columns),
        values={
            **{table: _ranked(counter, least[table]) for table, counter in by_table.items()},
            **(words or {}),
        },
        labels=tuple(sorted(labels, key=label_order)),
        seen=_ranked(forms, 1),
        lexicons=lexicons,
    )


def _count(
    feature: Feature,
    columns: Sequence[str],
    lexicons: Lexicons,
    counts: Mapping[Key, int],
    counter: Counter[str],
) -> None:
    """Add to `counter` how often each value that the feature reads occurs in the corpus."""
    if feature.kind == "char_cnn":
        for key, count in counts.items():
            for character in spelled(key):
                counter[character] += count
        return
    values = slot_values(feature, list(counts), columns, lexicons)
    for value, count in zip(values, counts.values(), strict=True):
        counter[value] += count
    if feature.kind == "cluster":
        del counter[""]  # words of no cluster are what the unknown row learns from


def _ranked(counter: Counter[str], least: int) -> tuple[str, ...]:
    """The values that occur at least so often, most frequent first, equals in code point order."""
    kept = [(-count, value) for value, count in counter.items() if count >= least]
    return tuple(value for _, value in sorted(kept))
