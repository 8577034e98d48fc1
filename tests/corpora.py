"""Tiny corpora that tests make for themselves, and the config of a network that learns them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from windowclf.text.spans import Scheme, from_spans, to_spans

TAGS = {
    "the": "DET",
    "a": "DET",
    "cat": "NOUN",
    "dog": "NOUN",
    "bird": "NOUN",
    "fish": "NOUN",
    "sees": "VERB",
    "eats": "VERB",
    "hears": "VERB",
    "green": "ADJ",
    "small": "ADJ",
    ".": "PUNCT",
}
NAMES = {
    ("Anna",): "PER",
    ("Ben", "Berg"): "PER",
    ("Oslo",): "LOC",
    ("New", "Town", "Bay"): "LOC",
}
FILLERS = ("met", "in", "left", "saw", "then", "near")
LEXICON = ("猫", "小鸟", "看见", "图书馆", "我们", "的")

Labelled = list[tuple[str, str]]  # a sentence of (token, label)


def tagged_sentences(count: int, seed: int, longest: int = 9) -> list[Labelled]:
    """Words whose tag is always the same."""
    rng = np.random.default_rng(seed)
    words = list(TAGS)
    return [
        [(word, TAGS[word]) for word in rng.choice(words, rng.integers(1, longest + 1)).tolist()]
        for _ in range(count)
    ]


def span_sentences(count: int, seed: int) -> list[Labelled]:
    """Names between fillers, in BIO."""
    rng = np.random.default_rng(seed)
    names = list(NAMES.items())
    sentences = []
    for _ in range(count):
        sentence: Labelled = []
        for _part in range(int(rng.integers(1, 4))):
            sentence.append((str(rng.choice(FILLERS)), "O"))
            tokens, kind = names[rng.integers(len(names))]
            sentence += [
                (token, f"{'B' if i == 0 else 'I'}-{kind}") for i, token in enumerate(tokens)
            ]
        sentences.append(sentence)
    return sentences


def in_scheme(sentences: Sequence[Labelled], scheme: Scheme) -> list[Labelled]:
    """Sentences in BIO with their labels in another scheme."""
    turned = []
    for sentence in sentences:
        tokens, labels = zip(*sentence, strict=True)
        own = from_spans(to_spans(labels, "BIO"), len(tokens), scheme)
        turned.append(list(zip(tokens, own, strict=True)))
    return turned


def segmented_lines(count: int, seed: int) -> str:
    """Lines of words with spaces between them."""
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(LEXICON, rng.integers(1, 6))) + "\n" for _ in range(count))


def slots_rows(count: int, seed: int) -> str:
    """A table whose class is that of the pair (a, b)."""
    rng = np.random.default_rng(seed)
    rows = ["a,b,label"]
    for _ in range(count):
        a, b = rng.integers(0, 3, 2).tolist()
        rows.append(f"a{a},b{b},{'same' if a == b else 'less' if a < b else 'more'}")
    return "\n".join(rows) + "\n"


def conll(sentences: Sequence[Labelled]) -> str:
    """Token, tab, label; an empty line after each sentence."""
    return "".join("".join(f"{t}\t{tag}\n" for t, tag in s) + "\n" for s in sentences)


def conllu(sentences: Sequence[Labelled]) -> str:
    """Ten columns, with comments, a multiword range and an empty node in the first sentence."""
    blocks = []
    for n, sentence in enumerate(sentences):
        lines = [f"# sent_id = {n}", "# text = " + " ".join(token for token, _ in sentence)]
        for i, (token, tag) in enumerate(sentence, 1):
            if n == 0 and i == 1 and len(sentence) > 1:
                lines.append(f"1-2\t{token}x" + "\t_" * 8)
            lines.append(f"{i}\t{token}\t{token}\t{tag}\tX{tag}\t_\t0\troot\t_\t_")
            if n == 0 and i == 1:
                lines.append("1.1\tnothing" + "\t_" * 8)
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks)


def jsonl(sentences: Sequence[Labelled]) -> str:
    """Tokens and labels as lists."""
    rows = ({"tokens": [t for t, _ in s], "labels": [tag for _, tag in s]} for s in sentences)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(path: Path, text: str) -> str:
    """Put a text into a file, and give its path back."""
    path.write_text(text, encoding="utf-8", newline="")
    return str(path)


def small_config(folder: Path, task: str, data: dict[str, Any]) -> dict[str, Any]:
    """A network of a few hundred numbers."""
    words = [{"kind": "word", "dim": 6, "min_count": 1}, {"kind": "suffix", "length": 2, "dim": 3}]
    columns = [{"kind": "column", "column": name, "dim": 4} for name in ("a", "b")]
    return {
        "task": task,
        "output": str(folder / "run"),
        "data": data,
        "features": {"use": columns if task == "slots" else words},
        "model": {"hidden": {"activation": "relu", "units": 8}},
        "training": {"epochs": 3, "batch_tokens": 40},
    }


def tagging(folder: Path) -> dict[str, Any]:
    """The config of a tagging run whose files are in `folder`."""
    train = write(folder / "train.conll", conll(tagged_sentences(40, 1)))
    dev = write(folder / "dev.conll", conll(tagged_sentences(12, 2)))
    return small_config(folder, "tagging", {"train": train, "dev": dev})


def spans(folder: Path) -> dict[str, Any]:
    """The same for spans."""
    train = write(folder / "train.conll", conll(span_sentences(40, 1)))
    dev = write(folder / "dev.conll", conll(span_sentences(12, 2)))
    return small_config(folder, "spans", {"train": train, "dev": dev})


def segmentation(folder: Path) -> dict[str, Any]:
    """The same for segmentation."""
    train = write(folder / "train.txt", segmented_lines(60, 1))
    dev = write(folder / "dev.txt", segmented_lines(15, 2))
    return small_config(folder, "segmentation", {"train": train, "dev": dev})


def slots(folder: Path) -> dict[str, Any]:
    """The same for slots."""
    train = write(folder / "train.csv", slots_rows(120, 1))
    dev = write(folder / "dev.csv", slots_rows(30, 2))
    return small_config(folder, "slots", {"train": train, "dev": dev})


TASKS = {"tagging": tagging, "spans": spans, "segmentation": segmentation, "slots": slots}

# What a run needs to learn one of the corpora above to zero error.
LEARN = (
    "training={epochs: 40, batch_tokens: 40, dropout: 0, input_dropout: 0, word_dropout: 0, "
    "early_stopping: null, optimizer: {learning_rate: 0.02}}"
)


WHOLE = ("config.yaml", "model.safetensors", "state.safetensors")  # never seen half-written


def copy(source: Path, target: Path) -> None:
    """A run folder as another."""
    shutil.copytree(source, target)


def remove(folder: Path) -> None:
    """A folder with all that is in it, where it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def digest(folder: Path | str) -> str:
    """sha256 of the model in a run folder."""
    return hashlib.sha256((Path(folder) / "model.safetensors").read_bytes()).hexdigest()


def log(folder: Path | str) -> list[dict[str, Any]]:
    """metrics.jsonl without what depends on the clock."""
    lines = (Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        del row["seconds"], row["tokens_per_second"]
    return rows
