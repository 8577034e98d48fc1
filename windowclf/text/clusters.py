"""Word clusters: a word's cluster, whose first bits name a wider one (Brown et al. 1992).

A file is what Brown clustering programs write: cluster, tab, word, and perhaps a tab and a count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from windowclf.errors import quoted
from windowclf.text.formats.lines import Input
from windowclf.text.lexicon import Groups


@dataclass(frozen=True)
class Clusters:
    """The clusters of words: `groups` has the words of each cluster by its name."""

    groups: Groups

    @cached_property
    def _cluster_of(self) -> dict[str, str]:
        """Word -> the name of its cluster."""
        return {word: cluster for cluster, words in self.groups.items() for word in words}

    def of(self, forms: Sequence[str]) -> list[str]:
        """The cluster of each form, or else of the form in lower case, or else an empty string."""
        found = self._cluster_of
        return [found.get(form) or found.get(form.lower(), "") for form in forms]


def read_clusters(source: Input) -> dict[str, str]:
    """Word -> its cluster, from the lines of a file; faults are noted."""
    clusters: dict[str, str] = {}
    for number, text, _end in source.lines:
        if not text.strip():
            continue
        cluster, *rest = text.split("\t")
        word = rest[0] if rest else ""
        counted = len(rest) == 1 or (len(rest) == 2 and rest[1].strip().isdecimal())
        if not (cluster and word and counted):
            source.fault(
                number,
                "expected a cluster, a tab, a word, and perhaps a tab and its count, found "
                f"{quoted(text)}.",
            )
        elif clusters.setdefault(word, cluster) != cluster:
            source.fault(
                number,
                f"the word {quoted(word)} is in the cluster {quoted(clusters[word])} already; "
                "remove one of the lines.",
            )
    return clusters
