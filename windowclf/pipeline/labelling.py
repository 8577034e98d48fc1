"""From a stream of bytes to the same text with the answers in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TextIO

from windowclf.tagging.tagger import Prediction, Tagger
from windowclf.text.formats import Layout, Probabilities, make_writer, read_sentences

OnProgress = Callable[[int, float | None], None]  # tokens so far, fraction of the input if known


def label_stream(
    tagger: Tagger,
    layout: Layout,
    source: BinaryIO,
    name: str,
    out: TextIO,
    probabilities: bool,
    size: int = 0,
    on_progress: OnProgress | None = None,
    n_best: int = 0,
) -> int:
    """Label all of `source`, `name` in messages, and say how many tokens it had.

    Labels that are read are kept. `size` is how many bytes there are to read, 0 where unknown;
    `n_best` how many label sequences jsonl gets for each sentence. Raises DataError.
    """
    writer = make_writer(layout, out, tagger.classes if probabilities else ())
    tokens = 0
    sentences = read_sentences(source, layout, name)
    for answer in tagger.tag(sentences, probabilities, layout.read_labels, n_best):
        writer.write(answer.sentence, answer.labels, _probabilities(answer))
        tokens += len(answer.labels)
        if on_progress:
            on_progress(tokens, source.tell() / size if size else None)
    writer.close()
    return tokens


def _probabilities(answer: Prediction) -> Probabilities | None:
    if answer.probabilities is None or answer.certainty is None:
        return None if answer.n_best is None else Probabilities((), (), answer.n_best)
    of_class = answer.probabilities.tolist()
    return Probabilities(answer.certainty.tolist(), of_class, answer.n_best)
