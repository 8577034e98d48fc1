"""From a corpus of ids to batches of whole sentences, padded by k boundary tokens on each side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Ints, distinct, ragged
from windowclf.text.vocabulary import SlotRows

BLOCK = 4096  # sentences that stay neighbours until their pool is shuffled
POOL = 64 * BLOCK  # sentences that are shuffled together


class Pieces(NamedTuple):
    """Stretches of the corpus that are never split: sentences, or exact cuts of very long ones.

    The windows of piece p are those of tokens core_begin[p] … core_end[p] − 1; begin and end reach
    up to k tokens further where a sentence was cut, so that every window sees what it should.
    """

    begin: Ints
    end: Ints
    core_begin: Ints
    core_end: Ints

    def sizes(self) -> Ints:
        """Windows per piece."""
        return self.core_end - self.core_begin


def pieces_of(starts: Ints, k: int, longest: int | None) -> Pieces:
    """Cut sentences longer than `longest` tokens (None: never) with k tokens of overlap."""
    first, last = starts[:-1], starts[1:]
    if longest is not None and len(first) and int((last - first).max()) > longest:
        parts = np.maximum(-(-(last - first) // longest), 1)
        sentence = np.repeat(np.arange(len(first)), parts)
        nth = ragged(parts)
        core_begin = first[sentence] + nth * longest
        core_end = np.minimum(core_begin + longest, last[sentence])
        begin = np.maximum(core_begin - k, first[sentence])
        end = np.minimum(core_end + k, last[sentence])
        return Pieces(begin, end, core_begin, core_end)
    return Pieces(first, last, first, last)


def pools(starts: Ints, k: int, longest: int | None, rng: np.random.Generator) -> Iterator[Pieces]:
    """All sentences once, in pools that are shuffled as wholes; up to POOL of them are one pool.

    More are dealt in blocks of neighbours in random order, so that memory does not grow with their
    number and the disk is read in stretches.
    """
    count = len(starts) - 1
    if count <= POOL:
        yield pieces_of(starts, k, longest)
        return
    blocks = rng.permutation(-(-count // BLOCK)) * BLOCK
    for i in range(0, len(blocks), POOL // BLOCK):
        parts = [
            pieces_of(starts[begin : begin + BLOCK + 1], k, longest)
            for begin in blocks[i : i + POOL // BLOCK].tolist()
        ]
        yield Pieces(*map(np.concatenate, zip(*parts, strict=True)))


def pack(sizes: Ints, order: Ints, batch_tokens: int) -> list[Ints]:
    """Pieces in the order given, as batches of about `batch_tokens` windows.

    A batch closes with the piece that brings it to batch_tokens or past it, at the nearer side.
    """
    ends = np.cumsum(sizes[order])
    total = int(ends[-1]) if len(ends) else 0
    if total == 0:
        return []
    count = max(1, round(total / batch_tokens))
    cuts = np.searchsorted(ends, np.arange(1, count) * (total / count), side="left") + 1
    return [part for part in np.split(order, cuts) if len(part) and sizes[part].sum()]


class Places(NamedTuple):
    """Pieces laid out with k boundary tokens before, between and after them."""

    tokens: Ints  # (Q,) distinct token at each padded place, 0 for the boundary
    windows: Ints  # (B,) the place of each window's middle
    corpus: Ints  # (B,) where in the corpus that token stands
    lengths: Ints  # (S,) windows per piece

    def neighbours(self, k: int) -> Ints:
        """(2k + 1, B) the token at each position of each window."""
        return np.stack([self.tokens[self.windows + j] for j in range(-k, k + 1)])


def lay_out(tokens: Ints, pieces: Pieces, chosen: Ints, k: int) -> Places:
    """The padded places of the chosen pieces, in their order."""
    begin, end = pieces.begin[chosen], pieces.end[chosen]
    sizes = end - begin
    total = int(sizes.sum())
    piece = np.repeat(np.arange(len(chosen)), sizes)
    position = np.arange(total)
    corpus = position + (begin - (np.cumsum(sizes) - sizes))[piece]
    places = position + k * (piece + 1)
    padded = np.zeros(total + k * (len(chosen) + 1), np.int32)
    padded[places] = tokens[corpus]
    core_begin, core_end = pieces.core_begin[chosen], pieces.core_end[chosen]
    lengths = core_end - core_begin
    if int(lengths.sum()) != total:
        core = (corpus >= core_begin[piece]) & (corpus < core_end[piece])
        places, corpus = places[core], corpus[core]
    return Places(padded, places, corpus, lengths)


@dataclass(frozen=True)
class Batch:
    """What the network sees: B windows over T distinct tokens."""

    slots: tuple[SlotRows, ...]  # one per feature, for the T distinct tokens
    neighbours: Ints  # (2k + 1, B) the distinct token at each position of each window
    labels: Ints  # (B,) int32 class indices, NO_CLASS for none
    lengths: Ints  # (S,) windows per sentence, in order


def make_batch(
    places: Places, labels: Ints, slots: Sequence[SlotRows], k: int, dropped: Bools | None = None
) -> Batch:
    """The batch of some places; `dropped` (Q,) marks those whose token word dropout hides.

    `slots` describes all distinct tokens of the corpus, and with `dropped` their dropped variants
    after them (with_dropped_variants).
    """
    tokens = places.tokens
    if dropped is not None:
        hidden = slots[0].tokens() // 2
        tokens = tokens + hidden * (dropped & (tokens > 0))
    used, local = distinct(tokens, slots[0].tokens())
    return Batch(
        slots=tuple(slot.take(used) for slot in slots),
        neighbours=places._replace(tokens=local).neighbours(k),
        labels=labels[places.corpus],
        lengths=places.lengths,
    )
