"""E (T, D): the features of the distinct tokens of a batch side by side, and dL of every table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from windowclf.arrays import Floats, Gradients, RowGradient
from windowclf.network.architecture import Architecture, Parameters
from windowclf.network.kernels.char_cnn import CharCnnTrace, char_cnn_backward, char_cnn_forward
from windowclf.network.kernels.lookup import lookup_backward, slot_forward
from windowclf.system.threads import ALONE, Workers
from windowclf.text.features import Feature
from windowclf.text.vocabulary import SlotRows, joined


def features_forward(
    a: Architecture, p: Parameters, slots: Sequence[SlotRows], workers: Workers = ALONE
) -> tuple[Floats, dict[str, CharCnnTrace]]:
    """E (T, D), the slots of every distinct token side by side, and the trace of each char_cnn."""
    T = slots[0].tokens()
    E = np.empty((T, a.token_width), p["U"].dtype)
    traces: dict[str, CharCnnTrace] = {}

    def some_tokens(tokens: slice) -> None:
        for columns, feature, slot in _slots(a, slots):
            if feature.kind != "char_cnn":
                E[tokens, columns] = slot_forward(p[f"L.{feature.table}"], *slot, tokens)

    workers.map(some_tokens, workers.pieces(T, a.token_width // len(slots)))
    for columns, feature, (ids, offsets) in _slots(a, slots):
        if feature.kind == "char_cnn":
            assert offsets is not None
            L, C = p[f"L.{feature.table}"], p[f"C.{feature.table}"]
            E[:, columns], traces[feature.table] = char_cnn_forward(
                L, ids, offsets, C, p[f"c.{feature.table}"]
            )
    return E, traces


def features_backward(
    a: Architecture,
    p: Parameters,
    dE: Floats,
    slots: Sequence[SlotRows],
    traces: Mapping[str, CharCnnTrace],
    workers: Workers,
) -> Gradients:
    """dL of every table and dC, dc of every char_cnn, by name, from dE = dJ/dE (T, D).

    dL comes as rows (rows,) and values (rows, d); frozen tables are left out.
    """
    by_table: dict[str, list[tuple[slice, Feature, SlotRows]]] = {}
    for read in _slots(a, slots):
        if read[1].frozen:
            continue
        by_table.setdefault(read[1].table, []).append(read)

    def one_table(table: str) -> Gradients:
        """dL (rows, d) of one table, summed over its slots, and dC, dc of a char_cnn."""
        found: Gradients = {}
        parts: list[tuple[Floats, SlotRows]] = []
        for columns, feature, slot in by_table[table]:
            if feature.kind == "char_cnn":
                rows, values, found[f"C.{table}"], found[f"c.{table}"] = char_cnn_backward(
                    dE[:, columns], traces[table], p[f"C.{table}"]
                )
                parts.append((values, SlotRows(rows)))
            else:
                parts.append((dE[:, columns], slot))
        d_e = np.concatenate([d_e for d_e, _ in parts])
        slot = joined([slot for _, slot in parts])
        found[f"L.{table}"] = RowGradient(*lookup_backward(d_e, *slot, len(p[f"L.{table}"])))
        return found

    shared = workers.for_many(len(by_table), dE.size)
    gradients: Gradients = {}
    for found in shared.map(one_table, list(by_table)):
        gradients |= found
    return gradients


def _slots(a: Architecture, slots: Sequence[SlotRows]) -> Iterator[tuple[slice, Feature, SlotRows]]:
    """The columns of E, the feature and the ids of every slot."""
    start = 0
    for feature, slot in zip(a.features, slots, strict=True):
        end = start + (feature.filters or feature.dim)
        yield slice(start, end), feature, slot
        start = end
