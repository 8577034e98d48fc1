"""The batches of a training, with what dropout and word dropout do to each.

Which sentences a batch has, and all masks, follow from the seed, the epoch and the batch's number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Bytes, Ints
from windowclf.network.architecture import Architecture
from windowclf.network.gradients import Masks
from windowclf.network.kernels.dropout import dropout_mask
from windowclf.network.replay import Replay
from windowclf.network.settings import Purpose, Settings, generator
from windowclf.text.batches import Batch, Pieces, lay_out, make_batch, pack, pools
from windowclf.text.corpus import Corpus
from windowclf.text.vocabulary import SlotRows, with_dropped_variants


class Planned(NamedTuple):
    """A batch before it is laid out."""

    epoch: int  # whole epochs before it
    number: int  # of batches before it in its epoch
    pieces: Pieces
    chosen: Ints  # (chosen,) which of the pieces, in order

    def windows(self) -> int:
        """B, the windows of the batch."""
        return int(self.pieces.sizes()[self.chosen].sum())


class Feed:
    """The batches of every epoch of a corpus; slots describe its distinct tokens."""

    def __init__(
        self, a: Architecture, corpus: Corpus, slots: Sequence[SlotRows], settings: Settings
    ):
        self._a, self._corpus, self._settings = a, corpus, settings
        new = len(corpus.starts) - 1 - corpus.replayed
        self._replay = Replay(corpus.starts, new, settings.replay_share, settings.seed)
        self._slots = tuple(slots)
        if settings.word_dropout > 0:
            self._slots = with_dropped_variants(a.features, slots)

    def tokens_before(self, epoch: int) -> int:
        """The tokens of all epochs before this one."""
        return self._replay.tokens_before(epoch)

    def tokens_about(self, epochs: int) -> int:
        """The tokens of so many epochs; of a replay no epoch draws quite as many as another."""
        return self._replay.tokens_about(epochs)

    def plan(self, epoch: int, behind: int = 0) -> Iterator[Planned]:
        """The batches of an epoch in order, but for the first ones, which are behind us."""
        a, settings = self._a, self._settings
        longest = None if a.needs_whole_sentences else settings.batch_tokens
        rng = generator(settings.seed, Purpose.SHUFFLE, epoch)
        number = 0
        for pieces in pools(*self._replay.sentences(epoch), a.window, longest, rng):
            sizes = pieces.sizes()
            for chosen in pack(sizes, rng.permutation(len(sizes)), settings.batch_tokens):
                if number >= behind:
                    yield Planned(epoch, number, pieces, chosen)
                number += 1

    def batch(self, planned: Planned) -> tuple[Batch, Masks]:
        """The batch itself and its dropout masks."""
        rate, k = self._settings.word_dropout, self._a.window
        places = lay_out(self._corpus.tokens, planned.pieces, planned.chosen, k)
        dropped: Bools | None = None
        if rate > 0:
            rng = self._generator(Purpose.WORD_DROPOUT, planned)
            dropped = rng.random(len(places.tokens), np.float32) < rate
        batch = make_batch(places, self._corpus.labels, self._slots, k, dropped)
        return batch, self._masks(planned, batch)

    def _masks(self, planned: Planned, batch: Batch) -> Masks:
        """The masks of all members: inputs (M, T, D), hidden (M, B, G)."""
        a, objective = self._a, self._settings.objective
        T, B = batch.slots[0].tokens(), len(batch.labels)

        def mask(purpose: Purpose, rows: int, width: int, rate: float) -> Bytes | None:
            """A mask (M, rows, width) uint8 of 0 and 1; None where all is kept."""
            if rate == 0 or width == 0:
                return None
            rng = self._generator(purpose, planned)
            return dropout_mask(rng, (a.members * rows, width), rate).reshape(-1, rows, width)

        return Masks(
            mask(Purpose.INPUT_DROPOUT, T, a.token_width, objective.input_dropout),
            mask(Purpose.DROPOUT, B, a.hidden_width, objective.dropout),
        )

    def _generator(self, purpose: Purpose, planned: Planned) -> np.random.Generator:
        return generator(self._settings.seed, purpose, planned.epoch, planned.number)
