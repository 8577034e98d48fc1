"""Models of spans with scores of chance, in all schemes, and their answers by enumeration."""

from __future__ import annotations

import itertools
from dataclasses import replace

import corpora
import numpy as np
from small import untrained

from windowclf.tagging.tagger import Tagger
from windowclf.text.sentence import Sentence
from windowclf.text.spans import from_spans, to_spans

SCHEMES = ("BIO", "IOB1", "BIOES")
WORDS = ["Anna", "Ben", "Berg", "met", "Oslo", "New", "Town", "?"]


def scrambled(model, seed=1):
    """The model with scores of chance, so that its best labels are hardly ever legal."""
    rng = np.random.default_rng(seed)
    chance = {
        n: rng.normal(scale=0.7, size=p.shape).astype(p.dtype)
        for n, p in sorted(model.parameters.items())
    }
    return replace(model, parameters=chance)


def models_of_chance(folder, schemes=SCHEMES):
    """(scheme, inside, output) -> a model of spans with scores of chance."""
    config = corpora.spans(folder)
    text = corpora.span_sentences(40, 1)
    # Two names side by side, so that every label of every scheme has a class.
    text.append([("Anna", "B-PER"), ("Ben", "B-PER"), ("Berg", "I-PER")])
    text.append([("Oslo", "B-LOC"), ("New", "B-LOC"), ("Town", "I-LOC"), ("Bay", "I-LOC")])
    text.append([("Ben", "B-PER"), ("Al", "I-PER"), ("Berg", "I-PER")])
    found = {}
    for scheme, inside, output in itertools.product(schemes, (*SCHEMES, "IO"), ("softmax", "crf")):
        turned = [in_scheme(sentence, scheme) for sentence in text]
        corpora.write(folder / "train.conll", corpora.conll(turned))
        settings = [f"data.scheme={scheme}", f"data.inside={inside}", f"model.output={output}"]
        found[scheme, inside, output] = scrambled(untrained(config, "data.dev=null", *settings))
    return found


def in_scheme(sentence, scheme):
    labels = from_spans(to_spans([la for _, la in sentence], "BIO"), len(sentence), scheme)
    return [(token, label) for (token, _), label in zip(sentence, labels, strict=True)]


def some_sentences(seed, count=60):
    rng = np.random.default_rng(seed)
    return [rng.choice(WORDS, n).tolist() for n in rng.integers(0, 9, count)]


def is_legal(labels, scheme):
    return from_spans(to_spans(labels, scheme), len(labels), scheme) == labels


def every_path(model, tokens, allowed):
    """(score, labels in the files) of every legal path, by going through all sequences."""
    theta = Tagger(model)._scores([Sentence(tokens)]).astype(float)
    names = model.spec.vocabulary.labels
    p = model.parameters
    for path in itertools.product(range(len(names)), repeat=len(tokens)):
        own = [names[k] for k in path]
        if not is_legal(own, model.spec.inside):
            continue
        labels = from_spans(to_spans(own, model.spec.inside), len(own), model.spec.layout.scheme)
        if all(not ok or la in ok for ok, la in zip(allowed, labels, strict=True)):
            score = theta[np.arange(len(path)), path].sum()
            if model.spec.architecture.output == "crf":
                score += p["crf.start"][path[0]] + p["crf.end"][path[-1]]
                score += sum(p["crf.transitions"][a, b] for a, b in itertools.pairwise(path))
            yield float(score), labels
