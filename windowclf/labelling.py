"""From a stream of bytes to the same text with the answers in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TextIO

from windowclf.prediction import Prediction, Tagger
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
) -> int:
    """Label all of `source`, `name` in messages, and say how many tokens it had.

    `size` is how many bytes there are to read, 0 where unknown. Raises DataError.
    """
    writer = make_writer(layout, out, tagger.classes if probabilities else ())
    tokens = 0
    for answer in tagger.tag(read_sentences(source, layout, name), probabilities):
        writer.write(answer.sentence, answer.labels, _probabilities(answer))
        tokens += len(answer.labels)
        if on_progress:
            on_progress(tokens, source.tell() / size if size else None)
    writer.close()
    return tokens


def _probabilities(answer: Prediction) -> Probabilities | None:
    if answer.probabilities is None or answer.certainty is None:
        return None
    return Probabilities(answer.certainty.tolist(), answer.probabilities.tolist())
