"""label_stream: from a stream of bytes to the same text with a tagger's answers in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import BinaryIO, TextIO

from windowclf.pipeline.listener import SILENT, Listener
from windowclf.tagging.answers import Prediction
from windowclf.tagging.tagger import Tagger
from windowclf.text.formats import Layout, Probabilities, make_writer, read_sentences
from windowclf.text.formats.layout import SCORED


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
    classes = tagger.classes if tagger.options.probabilities else ()
    writer = make_writer(layout, out, classes, version_of(tagger))
    scored = layout.format in SCORED and layout.task == "spans"
    options = replace(tagger.options, span_scores=scored)
    tokens = 0
    for answer in tagger.tag(read_sentences(source, layout, name), options):
        writer.write(answer.sentence, answer.labels, _probabilities(answer))
        tokens += len(answer.labels)
        listener.predicted(tokens, source.tell() / size if size else None)
    writer.close()
    return tokens


def version_of(tagger: Tagger) -> str:
    """A name for a model that tells it from those of other text or another config."""
    made_from = json.dumps(dict(tagger.model.provenance), sort_keys=True)
    return f"windowclf-{hashlib.sha256(made_from.encode()).hexdigest()[:12]}"


def _probabilities(answer: Prediction) -> Probabilities | None:
    """What the writer is given beside the labels of a sentence; None if nothing was asked for."""
    of_label, of_class, scores = answer.certainty, answer.probabilities, answer.span_scores
    if of_label is None and scores is None and answer.n_best is None:
        return None
    return Probabilities(
        () if of_label is None else of_label.tolist(),
        () if of_class is None else of_class.tolist(),
        answer.n_best,
        None if scores is None else scores.tolist(),
    )
