"""Accuracy beside a linear-chain CRF with hand-written features, on the files of our configs.

    pip install -e ".[benchmark]"
    python tests/benchmarks/peers.py DATA [--only CORPUS …] [--peer crfsuite] [--test] [--json FILE]

DATA is the folder that the configs call corpora/. CRFsuite learns the same labels from the same
training files as the config of that corpus, its penalties are chosen on dev, and the functions
that score our own models score it. Test files are read with --test only.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pycrfsuite
from crf_features import features_of
from machine import describe

from windowclf.analysis.metrics import Tally
from windowclf.config import Config, Holdout
from windowclf.config.reading import read_config
from windowclf.pipeline.reading import inside_scheme, layout_of, learnt_labels
from windowclf.pipeline.texts import texts_of
from windowclf.text.formats import Layout
from windowclf.text.sentence import Sentence
from windowclf.text.spans import from_spans, to_spans, words_from_segmentation
from windowclf.text.units import held_out, units_of

CONFIGS = Path(__file__).parents[2] / "configs"
CORPORA = {
    "ud_en_ewt": "ewt",
    "conll2000": "conll2000",
    "wnut17": "wnut17",
    "wikigold": "wikigold",
    "ud_zh_gsd": "zh_gsd",
}
PENALTIES = ((0.0, 1.0), (0.1, 0.1), (0.5, 0.01))  # c1 (L1), c2 (L2)
ITERATIONS = 100  # of L-BFGS


def config_of(corpus: str, data: Path) -> Config:
    """The config of a corpus, its files under `data`."""
    path = CONFIGS / f"{CORPORA[corpus]}.yaml"
    places = read_config(path).data.model_dump(mode="json", include={"train", "dev", "test"})
    settings = [f"data.{name}={json.dumps(_moved(at, data))}" for name, at in places.items()]
    return read_config(path, settings)


def _moved(where: Any, data: Path) -> Any:
    if isinstance(where, list):
        return [str(data / path.removeprefix("corpora/")) for path in where]
    return where


def split(config: Config, layout: Layout, with_test: bool) -> dict[str, list[Sentence]]:
    """The sentences of train, dev and, where asked for, test; a held-out dev as train makes it."""
    texts = texts_of(config)
    if not with_test:
        texts.pop("test", None)
    parts = {name: list(text.read(layout)) for name, text in texts.items()}
    if isinstance(config.data.dev, Holdout):
        units = units_of(parts["train"])
        cut = len(units) - held_out(units, config.data.dev.holdout)
        parts["train"] = list(chain.from_iterable(units[:cut]))
        parts["dev"] = list(chain.from_iterable(units[cut:]))
    return parts


def gather(trainer: Any, config: Config, layout: Layout, sentences: Iterable[Sentence]) -> None:
    """Give a trainer the features and the labels that our network learns too.

    CRFsuite has no token without a label: such a sentence is left out.
    """
    labels_of = learnt_labels(layout, inside_scheme(config))
    for sentence in sentences:
        labels = labels_of(sentence)
        if None not in labels:
            trainer.append(features_of(sentence, layout.task), labels)


def scored(
    model: Path, config: Config, layout: Layout, sentences: Iterable[Sentence], seen: set[str]
) -> float:
    """The task's metric, counted as for our own models."""
    tagger = pycrfsuite.Tagger()
    tagger.open(str(model))
    tally, inside = Tally(), inside_scheme(config)
    for sentence in sentences:
        labels = tagger.tag(features_of(sentence, layout.task))
        gold = list(sentence.labels or ())
        known = [label or "O" for label in gold]
        if inside is not None:
            labels = from_spans(to_spans(labels, inside), len(labels), layout.scheme)
            given = ["O" if g is None else p for g, p in zip(gold, labels, strict=True)]
            tally.add_spans(to_spans(known, layout.scheme), to_spans(given, layout.scheme))
        elif layout.task == "segmentation":
            tally.add_words(words_from_segmentation(known), words_from_segmentation(labels))
        tally.add_tokens(gold, labels, [token in seen for token in sentence.tokens])
    report = tally.report()
    part = {"spans": "spans", "segmentation": "words"}.get(layout.task)
    return 100 * float(report[part]["f1"] if part else report["accuracy"])


def crfsuite(config: Config, with_test: bool, folder: Path) -> dict[str, float]:
    """Train once per penalty and keep the best on dev; seconds are those of that training."""
    layout = layout_of(config, texts_of(config)["train"])
    began = time.perf_counter()
    parts = split(config, layout, with_test)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    gather(trainer, config, layout, parts["train"])
    reading = time.perf_counter() - began
    seen = {token for sentence in parts["train"] for token in sentence.tokens}
    best: dict[str, float] = {"dev": -1.0}
    for c1, c2 in PENALTIES:
        trainer.set_params({"c1": c1, "c2": c2, "max_iterations": ITERATIONS})
        trainer.set("feature.possible_transitions", True)
        model, began = folder / f"{c1}-{c2}.crfsuite", time.perf_counter()
        trainer.train(str(model))
        seconds = time.perf_counter() - began
        dev = scored(model, config, layout, parts["dev"], seen)
        if dev > best["dev"]:
            size = model.stat().st_size / (1 << 20)
            best = {"dev": dev, "seconds": reading + seconds, "mb": size, "c1": c1, "c2": c2}
    if with_test:
        model = folder / f"{best['c1']}-{best['c2']}.crfsuite"
        best["test"] = scored(model, config, layout, parts["test"], seen)
    return best


PEERS = {"crfsuite": crfsuite}


def main() -> None:
    """Train the peer on every corpus and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", choices=list(CORPORA))
    parser.add_argument("--peer", choices=list(PEERS), default="crfsuite")
    parser.add_argument("--test", action="store_true", help="score the test files too")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(describe(), end="\n\n")
    heads = ["corpus", "dev", *(["test"] if arguments.test else []), "seconds", "MB", "c1", "c2"]
    print(f"| {arguments.peer}: {' | '.join(heads)} |\n|---|{'---:|' * (len(heads) - 1)}")
    rows = {}
    for corpus in arguments.only or CORPORA:
        with tempfile.TemporaryDirectory() as folder:
            config = config_of(corpus, arguments.data)
            row = rows[corpus] = PEERS[arguments.peer](config, arguments.test, Path(folder))
        cells = [f"{row[head.lower()]:.2f}" for head in heads[1:]]
        print(f"| {corpus} | {' | '.join(cells)} |", flush=True)
        if arguments.json:
            result = {"machine": describe(), "peer": arguments.peer, "rows": rows}
            arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
