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

    The windows of piece i are those of the tokens core_begin[i] … core_end[i] − 1 of the corpus;
    begin and end reach up to k tokens further where a sentence was cut, so that every window sees
    what it should.
    """

    begin: Ints  # (pieces,) first token of a piece, those of its neighbours included
    end: Ints  # (pieces,) the token after its last one
    core_begin: Ints  # (pieces,) first token that has a window
    core_end: Ints  # (pieces,) the token after the last one that has a window

    def sizes(self) -> Ints:
        """How many windows each piece has.   ->  (pieces,)."""
        return self.core_end - self.core_begin


def pieces_of(starts: Ints, k: int, longest: int | None) -> Pieces:
    """The sentences of a corpus as pieces; see `cut`.

    starts (S + 1,), sentence s has the tokens starts[s] … starts[s + 1] − 1.
    """
    return cut(starts[:-1], starts[1:], k, longest)


def cut(first: Ints, last: Ints, k: int, longest: int | None) -> Pieces:
    """Sentences as pieces, those longer than `longest` tokens (None: any) cut into several.

    first, last (S,), sentence s has the tokens first[s] … last[s] − 1. At a cut both pieces hold k
    tokens of the other.
    """
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


def pools(
    first: Ints, last: Ints, k: int, longest: int | None, rng: np.random.Generator
) -> Iterator[Pieces]:
    """The pieces of all sentences once, in pools that are to be shuffled as wholes.

    first, last (S,) as in `cut`. Up to POOL sentences are one pool; more are dealt in blocks
    of neighbours in random order, so that memory does not grow with their number and the disk is
    read in stretches.
    """
    count = len(first)
    if count <= POOL:
        yield cut(first, last, k, longest)
        return
    blocks = rng.permutation(-(-count // BLOCK)) * BLOCK
    for i in range(0, len(blocks), POOL // BLOCK):
        parts = [
            cut(first[begin : begin + BLOCK], last[begin : begin + BLOCK], k, longest)
            for begin in blocks[i : i + POOL // BLOCK].tolist()
        ]
        yield Pieces(*map(np.concatenate, zip(*parts, strict=True)))


def pack(sizes: Ints, order: Ints, batch_tokens: int) -> list[Ints]:
    """The numbers of pieces, in the order given, as batches of about `batch_tokens` windows each.

    sizes (pieces,) windows per piece; order (pieces,) their numbers  ->  (pieces of a batch,) each.
    All batches have the same share of the windows, as far as whole pieces allow: one closes with
    the piece that brings the windows so far to its share or past it. Empty ones are left out.
    """
    ends = np.cumsum(sizes[order])
    total = int(ends[-1]) if len(ends) else 0
    if total == 0:
        return []
    count = max(1, round(total / batch_tokens))
    cuts = np.searchsorted(ends, np.arange(1, count) * (total / count), side="left") + 1
    return [part for part in np.split(order, cuts) if len(part) and sizes[part].sum()]


class Places(NamedTuple):
    """Pieces laid out one after another, with k boundary tokens before, between and after them.

    Each piece is a sentence to the network, S in all.
    """

    tokens: Ints  # (Q,) distinct token at each padded place, 0 for the boundary
    windows: Ints  # (B,) the padded place of each window's middle
    corpus: Ints  # (B,) the index in the corpus of the token in the middle
    lengths: Ints  # (S,) windows per piece

    def neighbours(self, k: int) -> Ints:
        """The distinct token at each position of each window.   ->  (2k + 1, B)."""
        return np.stack([self.tokens[self.windows + j] for j in range(-k, k + 1)])


def lay_out(tokens: Ints, pieces: Pieces, chosen: Ints, k: int) -> Places:
    """The padded places of the chosen pieces, in their order.

    tokens (N,) of the corpus, chosen (S,) numbers of pieces; k tokens on either side of a window.
    """
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


def sentence_windows(tokens: Ints, lengths: Ints, k: int) -> Ints:
    """The token at each position of each window of whole sentences, 0 beyond their borders.

    tokens (N,) of the sentences one after another, lengths (S,)  ->  (2k + 1, N) int32.
    """
    N, S = len(tokens), len(lengths)
    middle = np.arange(k, k + N)
    if S > 1:
        middle += k * np.repeat(np.arange(S), lengths)
    padded = np.zeros(N + k * (S + 1), np.int32)
    padded[middle] = tokens
    return padded.take(middle + np.arange(-k, k + 1)[:, None])


@dataclass(frozen=True)
class Batch:
    """What the network sees at a time: B windows over T distinct tokens, with the boundary."""

    slots: tuple[SlotRows, ...]  # one per feature: what it reads of the T distinct tokens
    neighbours: Ints  # (2k + 1, B) the distinct token, 0 … T − 1, at each position of each window
    labels: Ints  # (B,) int32 label indices, NO_CLASS for none
    lengths: Ints  # (S,) windows per sentence, in order


def make_batch(
    places: Places, labels: Ints, slots: Sequence[SlotRows], k: int, dropped: Bools | None = None
) -> Batch:
    """The batch of the windows that `places` lays out.

    labels (N,) of the corpus; dropped (Q,) marks the padded places whose token word dropout hides.
    `slots` describes all distinct tokens of the corpus, and with `dropped` their dropped variants
    after them (with_dropped_variants); the batch holds those that it sees.
    """
    tokens = places.tokens
    if dropped is not None:
        variant = slots[0].tokens() // 2  # how much further on the dropped one stands
        tokens = tokens + variant * (dropped & (tokens > 0))
    used, local = distinct(tokens, slots[0].tokens())
    return Batch(
        slots=tuple(slot.take(used) for slot in slots),
        neighbours=places._replace(tokens=local).neighbours(k),
        labels=labels[places.corpus],
        lengths=places.lengths,
    )
