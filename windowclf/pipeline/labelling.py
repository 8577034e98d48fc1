"""label_stream: from a stream of bytes to the same text with a tagger's answers in it."""

from __future__ import annotations

from typing import BinaryIO, TextIO

from windowclf.pipeline.listener import SILENT, Listener
from windowclf.tagging.tagger import Prediction, Tagger
from windowclf.text.formats import Layout, Probabilities, make_writer, read_sentences


def label_stream(
    tagger: Tagger,
    layout: Layout,
    source: BinaryIO,
    name: str,
    out: TextIO,
    size: int = 0,
    listener: Listener = SILENT,
) -> int:
    """Label all of `source` into `out`, as the tagger's options say; how many tokens there were.

    `name` is what messages call the source; `size` how many bytes it has, 0 where unknown. Labels
    that are read are kept. Raises DataError.
    """
    writer = make_writer(layout, out, tagger.classes if tagger.options.probabilities else ())
    tokens = 0
    for answer in tagger.tag(read_sentences(source, layout, name)):
        writer.write(answer.sentence, answer.labels, _probabilities(answer))
        tokens += len(answer.labels)
        listener.predicted(tokens, source.tell() / size if size else None)
    writer.close()
    return tokens


def _probabilities(answer: Prediction) -> Probabilities | None:
    """What the writer is given beside the labels of a sentence; None if nothing was asked for."""
    if answer.probabilities is None or answer.certainty is None:
        return None if answer.n_best is None else Probabilities((), (), answer.n_best)
    of_class = answer.probabilities.tolist()
    return Probabilities(answer.certainty.tolist(), of_class, answer.n_best)
