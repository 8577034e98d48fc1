"""What a bootstrap draws: sentences, or documents where many are marked."""

from __future__ import annotations

from collections import Counter

import pytest

from windowclf.analysis.bootstrap import Counts, intervals
from windowclf.analysis.resampling import FEWEST_DOCUMENTS, Resampling
from windowclf.text.sentence import Sentence


def rows_of(documents: list[list[tuple[int, ...]]], path: str = "x") -> Resampling:
    resampling = Resampling()
    for number, document in enumerate(documents):
        for numbers in document:
            resampling.add(Sentence(["w"], path=path, document=number), numbers)
    return resampling


def test_many_documents_are_drawn():
    documents = [[(1, 0), (2, 1)], [(4, 4)]] * 20
    found = rows_of(documents)
    assert found.rows() == Counter({(3, 1): 20, (4, 4): 20})
    assert found.documents() == 40


@pytest.mark.parametrize(("documents", "is_drawn"), [(FEWEST_DOCUMENTS, False), (31, True)])
def test_of_few_documents_the_sentences_are_drawn(documents, is_drawn):
    found = rows_of([[(1, 1), (1, 0)]] * documents)
    assert found.documents() == (documents if is_drawn else None)
    assert sum(found.rows().values()) == (documents if is_drawn else 2 * documents)


def test_documents_of_a_sentence_each_are_sentences():
    found = rows_of([[(1, 1)]] * 50)
    assert (found.documents(), found.rows()) == (None, Counter({(1, 1): 50}))


def test_unmarked_files_are_no_documents():
    resampling = Resampling()
    for number in range(40):
        for _ in range(2):
            resampling.add(Sentence(["w"], path=f"{number}.conll"), (1, 1))
    assert resampling.documents() is None


def test_documents_of_two_files_are_kept_apart():
    resampling = Resampling()
    for path in ("a", "b"):
        for number in range(20):
            for _ in range(2):
                resampling.add(Sentence(["w"], path=path, document=number), (1, 1))
    assert resampling.documents() == 40


def test_a_file_may_have_two_documents():
    resampling = Resampling()
    for path in range(20):
        for number in (0, 0, 1, 1):
            resampling.add(Sentence(["w"], path=str(path), document=number), (1, 1))
    assert resampling.documents() == 40


def test_alike_sentences_of_a_document_make_an_interval_wider():
    """50 documents of 10 sentences, all right or all wrong: 50 draws, not 500, are independent."""
    counts = [[tuple(Counts(1, n % 2))] * 10 for n in range(50)]
    low, high = intervals(rows_of(counts).rows(), None)["accuracy"]
    alone = Counter({tuple(Counts(1, 0)): 250, tuple(Counts(1, 1)): 250})
    low_alone, high_alone = intervals(alone, None)["accuracy"]
    assert (high - low) / (high_alone - low_alone) == pytest.approx(10**0.5, rel=0.1)
