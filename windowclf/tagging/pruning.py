"""Which rows of the tables a model can do without, and the model without them.

A row that is left out reads as unknown; one of a hashed table as nothing. What that changes in z is
(L[row] − L[unknown]) W_j at every window position j, so that rows are ranked by how often they are
read, times the squares of that change, for each byte that they take. How often is Zipf's law, for
values stand in their tables by frequency, as words do in most files of vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network.architecture import Architecture, Parameters, parameters_of, with_member
from windowclf.tagging.model import Model
from windowclf.text.features import FIRST_VALUE, UNKNOWN, Feature, ngram_rows, spelled
from windowclf.text.vocabulary import Vocabulary

ZIPF_OFFSET = 2.7  # Mandelbrot's, for words of English; 0 and 100 serve as well
ROW_BYTES = 4  # of a row besides its numbers: its scale and its string, about


class Rows(NamedTuple):
    """Rows of several tables in some order: the i-th is row[i] of the table names[table[i]]."""

    names: tuple[str, ...]
    table: Ints  # (rows of all tables,)
    row: Ints  # (rows of all tables,)

    def first(self, count: int) -> dict[str, Ints]:
        """Table -> those of its rows that are among the first `count`, ascending (its rows,)."""
        table, row = self.table[:count], self.row[:count]
        return {name: np.sort(row[table == i]) for i, name in enumerate(self.names)}


def ranked_rows(model: Model, itemsize: int) -> Rows:
    """The rows of values and n-grams of a model, those that matter most first; none of characters.

    `itemsize`: bytes of a stored number. The model's values, and `seen`, must stand by frequency.
    """
    a = model.spec.architecture
    own = a.of_one_member()
    members = [parameters_of(own, model.parameters, i) for i in range(a.members)]
    names = tuple(dict.fromkeys(f.table for f in a.features if f.kind != "char_cnn"))
    gains = [
        sum(_changes(own, p, name) for p in members)
        * _frequencies(model.spec.vocabulary, name)
        / (model.parameters[f"L.{name}"].shape[1] * itemsize + ROW_BYTES)
        for name in names
    ]
    order = np.argsort(-np.concatenate(gains), kind="stable")
    tables = np.repeat(np.arange(len(names)), [len(gain) for gain in gains])
    rows = np.concatenate([np.arange(FIRST_VALUE, FIRST_VALUE + len(gain)) for gain in gains])
    return Rows(names, tables[order], rows[order])


def _changes(a: Architecture, p: Parameters, table: str) -> Floats:
    """How much z changes where each row of a table is left out.   ->  (V − 2,), from row 2 on.

    Σ over the slots that read the table and the window positions j of ‖(L[row] − e) W_j‖², where e
    is what is read instead: the unknown row, or nothing from a hashed table.
    """
    L = p[f"L.{table}"]
    hashed = any(f.kind == "ngrams" and f.table == table for f in a.features)
    lost = L[FIRST_VALUE:] - (0 if hashed else L[UNKNOWN])
    matrix = p["U" if a.activation == "none" else "W"]
    blocks = matrix.reshape(2 * a.window + 1, a.token_width, -1)
    total, start = np.zeros(len(lost), np.float64), 0
    for f in a.features:
        end = start + (f.filters or f.dim)
        if f.table == table:
            own = blocks[:, start:end]  # (2k + 1, d, G) what the slot's e is multiplied with
            total += np.sum(lost @ np.tensordot(own, own, ([0, 2], [0, 2])) * lost, axis=1)
        start = end
    return total


def _frequencies(v: Vocabulary, table: str) -> Floats:
    """How often a token reads each row of a table, in the mean.   ->  (V − 2,), from row 2 on."""
    readers = [f for f in v.features if f.table == table]
    if readers[0].kind == "ngrams":
        return _ngram_frequencies(v.seen or (), readers[0])
    return len(readers) * _zipf(len(v.values[table]))


def _ngram_frequencies(forms: Sequence[str], feature: Feature) -> Floats:
    """How often a token reads each bucket of a hashed table, in the mean.   ->  (buckets,).

    The forms stand by frequency.
    """
    rows, offsets = ngram_rows([spelled(form) for form in forms], feature)
    weights = np.repeat(_zipf(len(forms)), np.diff(offsets))
    return np.bincount(rows - FIRST_VALUE, weights, feature.buckets).astype(np.float64)


def _zipf(count: int) -> Floats:
    """The share of each of some values that stand by frequency, by Zipf's law.   ->  (count,)."""
    shares = 1 / (np.arange(count) + ZIPF_OFFSET)
    zipf: Floats = shares / shares.sum()
    return zipf


def with_rows(model: Model, rows: Mapping[str, Ints]) -> Model:
    """The model with these rows only, its values and `seen` in code point order.

    rows: table -> (rows that stay,) ascending, from 2 on. A table that is not named keeps all.
    """
    v = model.spec.vocabulary
    parameters, values, kept = dict(model.parameters), dict(v.values), dict(v.kept)
    for feature in v.features:
        table, name = feature.table, f"L.{feature.table}"
        chosen = rows.get(table, np.arange(FIRST_VALUE, len(model.parameters[name])))
        if feature.kind == "ngrams":
            if len(chosen) < feature.buckets:
                kept[table] = _bits(chosen - FIRST_VALUE, feature.buckets)
        else:
            listed = v.values[table]
            pairs = sorted((listed[row - FIRST_VALUE], row) for row in chosen.tolist())
            values[table] = tuple(value for value, _ in pairs)
            chosen = np.array([row for _, row in pairs], np.int64)
        read = np.concatenate([np.arange(FIRST_VALUE), chosen])
        for member in range(model.spec.architecture.members):
            each = with_member(name, member)
            if each in model.parameters:  # members share what is frozen
                parameters[each] = model.parameters[each][read]
    seen = None if v.seen is None else tuple(sorted(v.seen))
    vocabulary = replace(v, values=values, kept=kept, seen=seen)
    architecture = replace(model.spec.architecture, table_sizes=vocabulary.table_sizes())
    spec = replace(model.spec, architecture=architecture, vocabulary=vocabulary)
    return replace(model, spec=spec, parameters=parameters)


def _bits(buckets: Ints, count: int) -> bytes:
    """A bit for each of `count` buckets, set for buckets (kept,), as np.packbits packs them."""
    held = np.zeros(count, np.uint8)
    held[buckets] = 1
    return np.packbits(held).tobytes()
