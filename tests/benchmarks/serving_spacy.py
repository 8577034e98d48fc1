"""The side of FastAPI and spaCy: `train FILE MODEL`, then `uvicorn serving_spacy:app`.

A blank English pipeline with an entity recogniser, trained on a file of tokens and BIO labels. No
thread pool for a text, `nlp.pipe` for many, as spaCy's own advice is.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import spacy
from fastapi import FastAPI
from pydantic import BaseModel
from spacy.tokens import Doc
from spacy.training import Example, biluo_tags_to_spans, iob_to_biluo

EPOCHS = 2  # the speed is that of any number


def sentences(path: str):
    for block in Path(path).read_text(encoding="utf-8").split("\n\n"):
        rows = [line.split() for line in block.splitlines() if line.strip()]
        if rows:
            yield [row[0] for row in rows], [row[1] for row in rows]


def train(path: str, model: str) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    examples = []
    for tokens, labels in sentences(path):
        gold = Doc(nlp.vocab, tokens)
        gold.ents = biluo_tags_to_spans(gold, iob_to_biluo(labels))
        examples.append(Example(Doc(nlp.vocab, tokens), gold))
    optimizer = nlp.initialize(lambda: examples)
    random.seed(1)
    for _ in range(EPOCHS):
        random.shuffle(examples)
        for batch in spacy.util.minibatch(examples, 64):
            nlp.update(batch, sgd=optimizer, drop=0.1)
    nlp.to_disk(model)


class Text(BaseModel):
    text: str


class Texts(BaseModel):
    texts: list[str]


def application():
    nlp = spacy.load(os.environ["SPACY_MODEL"])
    app = FastAPI()

    def spans(doc):
        return [
            {"start": e.start_char, "end": e.end_char, "label": e.label_, "text": e.text}
            for e in doc.ents
        ]

    @app.post("/one")
    async def one(given: Text):
        return {"spans": spans(nlp(given.text))}

    @app.post("/many")
    async def many(given: Texts):
        return {"results": [{"spans": spans(doc)} for doc in nlp.pipe(given.texts)]}

    return app


if __name__ == "__main__":
    train(*sys.argv[2:])
elif "SPACY_MODEL" in os.environ:
    app = application()
