"""Which old sentences an epoch has besides the new ones, so that what was learnt is not forgotten.

They stand at the end of the corpus. An epoch draws from all of them anew, each at most once, until
they have the wanted number of tokens; what it draws follows from the seed and the epoch alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from windowclf.arrays import Ints
from windowclf.network.settings import Purpose, generator


@dataclass(frozen=True)
class Replay:
    """The sentences of every epoch."""

    starts: Ints  # (S + 1,) of the corpus
    new: int  # of the S sentences, the first ones; the others are drawn from
    share: float  # tokens to be drawn / tokens of the new sentences
    seed: int

    def sentences(self, epoch: int) -> tuple[Ints, Ints]:
        """The first token of each sentence of an epoch, and the one after its last.

        ->  (sentences,), (sentences,): all new ones in order, then those that are drawn in order.
        """
        first, last = self.starts[:-1], self.starts[1:]
        if self.new == len(first):
            return first, last
        drawn = self._drawn(epoch)
        new = slice(self.new)
        return np.append(first[new], first[drawn]), np.append(last[new], last[drawn])

    def tokens_before(self, epoch: int) -> int:
        """The tokens of all epochs before this one."""
        new = epoch * int(self.starts[self.new])
        if self.new == len(self.starts) - 1:
            return new
        drawn = (self._drawn(before) for before in range(epoch))
        return new + sum(int((self.starts[own + 1] - self.starts[own]).sum()) for own in drawn)

    def tokens_about(self, epochs: int) -> int:
        """The tokens of so many epochs, if all draw as many as the first."""
        return epochs * self.tokens_before(1)

    def _drawn(self, epoch: int) -> Ints:
        """The numbers of the old sentences that an epoch draws, in order.   ->  (drawn,)."""
        old = self.starts[self.new :]
        order = generator(self.seed, Purpose.REPLAY, epoch).permutation(len(old) - 1)
        ends = np.cumsum(np.diff(old)[order])
        count = np.searchsorted(ends, self.share * int(old[0])) + 1
        return np.sort(self.new + order[:count])
