"""What a tagger forgets when it goes on with other text, with replay of the old and without.

    python tests/benchmarks/forgetting.py CORPORA [--seeds 1 2 3] [--test] [--json FILE]

CORPORA is the folder that holds ud_en_ewt/. A tagger (UPOS, the default network) learns from the
weblog sentences of EWT's train, and then from 1,000 sentences of its reviews; beside it spaCy's
tagger learns from the same sentences by `nlp.update`, where spaCy is installed. What is said of it
is accuracy on weblog and on review sentences, before and after, mean over the seeds: on those of
train that were not learnt from (of the weblogs the last fifth is then left out) or, with --test, on
those of dev and test together.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from machine import describe  # first: it frees the choice of BLAS kernels

import windowclf
from windowclf import Sentence
from windowclf.analysis.bootstrap import differences
from windowclf.analysis.results import Difference
from windowclf.text.formats import Layout, open_bytes, read_sentences

NEW = 1000  # sentences of reviews
HELD_OUT = 5  # one part in so many of the weblogs, but with --test
SPACY_EPOCHS, SPACY_WORDS, SPACY_DROPOUT = 10, 500, 0.2
LAYOUT = Layout(format="conllu", task="tagging", label="upos")

Text = list[Sentence]
Tag = Callable[[list[list[str]]], Sequence[Sequence[str]]]
"""From sentences of tokens to their labels."""
Side = Callable[[int, Text, Text], Iterator[tuple[str, Tag]]]
"""From a seed, old and new text to taggers by name: before, new text alone, with replay."""


def of_genre(corpora: Path, part: str, genre: str) -> Text:
    """The sentences of a part of EWT whose document's id begins with a genre."""
    path = corpora / "ud_en_ewt" / f"en_ewt-ud-{part}.conllu"
    genres = re.findall(r"^# newdoc id = ([a-z]+)", path.read_text(encoding="utf-8"), re.M)
    with open_bytes(str(path)) as file:
        every = [each.without_source() for each in read_sentences(file, LAYOUT, str(path))]
    return [sentence for sentence in every if genres[sentence.document] == genre]


def our_taggers(seed: int, old: Text, new: Text) -> Iterator[tuple[str, Tag]]:
    """windowclf with its defaults."""
    config: dict[str, Any] = {"task": "tagging", "seed": seed}
    with tempfile.TemporaryDirectory() as folder:
        first = {**config, "output": f"{folder}/old"}
        model = windowclf.train(first, data={"train": old}).model_path
        yield "before", windowclf.load(model).predict
        second = {**config, "training": {"start_from": str(model)}}
        for name, data in {
            "after, without replay": {"train": new},
            "after, with replay": {"train": new, "replay": old},
        }.items():
            own = {**second, "output": f"{folder}/{name}"}
            yield name, windowclf.load(windowclf.train(own, data=data).model_path).predict


def spacy_taggers(seed: int, old: Text, new: Text) -> Iterator[tuple[str, Tag]]:
    """spaCy's tagger as `spacy.blank` makes it; each epoch draws what is replayed as ours does."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example
    from spacy.training.batchers import minibatch_by_words

    spacy.util.fix_random_seed(seed)
    rng = random.Random(seed)
    nlp = spacy.blank("en")
    nlp.add_pipe("tagger")

    def examples(text: Text) -> list[Any]:
        docs = ((Doc(nlp.vocab, words=list(s.tokens)), list(s.gold)) for s in text)
        return [Example.from_dict(doc, {"tags": tags}) for doc, tags in docs]

    def learn(text: list[Any], replayed: list[Any], optimizer: Any) -> None:
        wanted = sum(len(each) for each in text)
        for _ in range(SPACY_EPOCHS):
            rng.shuffle(replayed)
            epoch, words = list(text), 0
            for each in replayed:
                if words >= wanted:
                    break
                epoch.append(each)
                words += len(each)
            rng.shuffle(epoch)
            for batch in minibatch_by_words(epoch, size=SPACY_WORDS):
                nlp.update(batch, sgd=optimizer, drop=SPACY_DROPOUT)

    def tag(sentences: list[list[str]]) -> list[list[str]]:
        docs = nlp.pipe(Doc(nlp.vocab, words=words) for words in sentences)
        return [[token.tag_ for token in doc] for doc in docs]

    learn(examples(old), [], nlp.initialize(lambda: examples([*old, *new])))
    yield "before", tag
    learnt = nlp.to_bytes()
    for name, replayed in {"after, without replay": [], "after, with replay": old}.items():
        nlp.from_bytes(learnt)
        learn(examples(new), examples(replayed), nlp.resume_training())
        yield name, tag


def right(tag: Tag, text: Text) -> list[int]:
    """Of each sentence, how many labels are right."""
    answers = tag([list(sentence.tokens) for sentence in text])
    return [
        sum(gold == own for gold, own in zip(sentence.gold, answer, strict=True))
        for sentence, answer in zip(text, answers, strict=True)
    ]


def fall(text: Text, before: list[list[int]], after: list[list[int]]) -> Difference:
    """Accuracy after minus before, the mean over the seeds, by a bootstrap of the sentences."""
    columns = zip(text, zip(*before, strict=True), zip(*after, strict=True), strict=True)
    rows: Counter[tuple[int, ...]] = Counter()
    for sentence, olds, news in columns:
        tokens = len(sentence.tokens) * len(olds)
        rows[tokens, sum(news), 0, 0, 0, tokens, sum(olds), 0, 0, 0] += 1
    return differences(rows, None)["accuracy"]


def measured(side: Side, seeds: list[int], old: Text, new: Text, eyes: dict[str, Text]) -> Any:
    """Each tagger's name -> genre -> what `right` says, one list a seed."""
    found: dict[str, dict[str, list[list[int]]]] = {}
    for seed in seeds:
        for name, tag in side(seed, old, new):
            for genre, text in eyes.items():
                found.setdefault(name, {}).setdefault(genre, []).append(right(tag, text))
    return found


def rows_of(found: Any, eyes: dict[str, Text]) -> Iterator[tuple[str, str, float, Difference]]:
    """(tagger, genre, accuracy in per cent, its difference from before) of each."""
    for name, genres in found.items():
        for genre, by_seed in genres.items():
            tokens = sum(len(sentence.tokens) for sentence in eyes[genre])
            accuracy = 100 * sum(map(sum, by_seed)) / (tokens * len(by_seed))
            yield name, genre, accuracy, fall(eyes[genre], found["before"][genre], by_seed)


def texts_of(corpora: Path, test: bool) -> tuple[Text, Text, dict[str, Text]]:
    """What is learnt first, what then, and what is scored by genre."""
    old, reviews = (of_genre(corpora, "train", genre) for genre in ("weblog", "reviews"))
    new = reviews[:NEW]
    if not test:
        cut = len(old) - len(old) // HELD_OUT
        return old[:cut], new, {"weblog": old[cut:], "reviews": reviews[NEW:]}
    parts = ("dev", "test")
    eyes = {g: [s for p in parts for s in of_genre(corpora, p, g)] for g in ("weblog", "reviews")}
    return old, new, eyes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--test", action="store_true", help="score dev and test, at the end")
    parser.add_argument("--only", choices=["windowclf", "spaCy"])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    old, new, eyes = texts_of(args.corpora, args.test)
    print(describe(), end="\n\n")
    print("| | weblog | difference, 95 % interval | reviews | difference, 95 % interval |")
    print("|---|---:|---:|---:|---:|", flush=True)
    sides: dict[str, Side] = {"windowclf": our_taggers}
    if find_spec("spacy"):
        sides["spaCy"] = spacy_taggers
    kept: dict[str, Any] = {}
    for side in [args.only] if args.only else sides:
        rows = list(rows_of(measured(sides[side], args.seeds, old, new, eyes), eyes))
        kept[side] = rows
        for name in dict.fromkeys(name for name, *_ in rows):
            cells = [cell for row in rows if row[0] == name for cell in cells_of(*row)]
            print(f"| {side} {name} | {' | '.join(cells)} |", flush=True)
    if args.json:
        whole = {"machine": describe(), "seeds": args.seeds, "test": args.test, "rows": kept}
        args.json.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def cells_of(name: str, _genre: str, accuracy: float, by: Difference) -> tuple[str, str]:
    """An accuracy and its difference as a table shows them."""
    if name == "before":
        return f"{accuracy:.2f}", ""
    low, high = (100 * end for end in by["interval"])
    return f"{accuracy:.2f}", f"{100 * by['difference']:+.2f} ({low:+.2f} … {high:+.2f})"


if __name__ == "__main__":
    main()
