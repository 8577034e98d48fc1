"""Damage model and state files in every way that we can think of, and load them.

    python tests/fuzz_model_files.py --mutants 100000 --seed 1

Most mutants get a digest that is right for their new content, so that they reach the checks behind
it. Of every mutant is expected: a ModelFileError of one sentence (of a state, from the public
`train(resume=True)`, also a RunFolderError), or the original's predictions exactly. Only a mutant
with a right digest may be another model instead, one that windowclf could have written; its answers
must then be labels and, unless a parameter is extreme, finite probabilities. No other exception,
nothing above a second, no memory beyond a small multiple of the file. Exit 1 at findings, each with
its mutant.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import random
import resource
import struct
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import corpora
import numpy as np
from heard import Heard
from small import with_spec
from threadpoolctl import threadpool_limits

import windowclf
from windowclf.errors import DataError, ModelFileError, RunFolderError, TrainingDiverged
from windowclf.tagging.model_file import load_model, model_bytes
from windowclf.tagging.pruning import with_rows
from windowclf.tagging.tagger import Tagger

SENTENCES = [["the", "green", "cat", "sees", "a", "Fish", "."], ["unknown"], [], ["a"] * 5]
SPANS = "the O\ngreen B-A\ncat I-A\nsees O\na B-B\n\n"
DIGEST = b'\\"digest\\":\\"'
DEEP = "@deep@"  # becomes 5,000 brackets
HUGE = "@huge@"  # becomes a number of 400 digits
EVIL = (
    *(None, True, False, 0, 1, -1, 2, 3, 65, 2**31, 2**62, 2**63, 2**64, 10**30, HUGE),
    *(0.0, 1.0, 1.5, -0.5, 1e300, float("nan"), float("inf"), "", "x", "relu", "none", "BIO"),
    *("softmax", "sigmoid", "slots", "\ud800", "\0", "A" * 3000, [], {}, [[]], [None], {"x": 1}),
    DEEP,
)
DTYPES = ("F32", "F64", "U8", "I64", "F16", "BF16", "BOOL", "F8_E4M3", "U64", "f32", "", 1)
NUMPY = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "i1", "I64": "<i8", "U8": "u1"}
SIZES = {name: np.dtype(dtype).itemsize for name, dtype in NUMPY.items()}
EXTREME = 1e6  # a model with such a parameter may overflow, and that is its own business
SLOWEST = 1.0  # seconds of processor time
MEMORY = (16, 4 << 20)  # times the file, and bytes besides


@dataclass
class Parsed:
    """A file taken apart, to be changed and put together again."""

    entries: dict[str, Any]
    fields: dict[str, Any]
    payload: bytearray
    edit_text: Callable[[str], str] = lambda text: text  # of our JSON, before it is quoted
    edit_outer: Callable[[str], str] = lambda text: text

    @classmethod
    def of(cls, data: bytes) -> Parsed:
        (length,) = struct.unpack("<Q", data[:8])
        entries = json.loads(data[8 : 8 + length])
        fields = json.loads(entries.pop("__metadata__")["windowclf"])
        return cls(entries, fields, bytearray(data[8 + length :]))

    def bytes(self) -> bytes:
        text = json.dumps(self.fields, sort_keys=True, separators=(",", ":"))
        outer = {"__metadata__": {"windowclf": self.edit_text(text)}, **self.entries}
        header = self.edit_outer(json.dumps(outer, separators=(",", ":")))
        header = header.replace(f'\\"{DEEP}\\"', "[" * 5000 + "]" * 5000)
        header = header.replace(f'"{DEEP}"', "[" * 5000 + "]" * 5000)
        for quoted in (f'\\"{HUGE}\\"', f'"{HUGE}"'):
            header = header.replace(quoted, "9" * 400)
        raw = header.encode()
        raw += b" " * (-len(raw) % 8)
        return struct.pack("<Q", len(raw)) + raw + bytes(self.payload)

    def span(self, name: str) -> tuple[int, int]:
        first, last = self.entries[name]["data_offsets"]
        return first, last


def sealed(data: bytes) -> bytes:
    """The file with the digest of what it holds, where it has a place for one."""
    place = data.find(DIGEST) + len(DIGEST)
    if place < len(DIGEST) or place + 64 > len(data):
        return data
    zeroed = data[:place] + b"0" * 64 + data[place + 64 :]
    return data[:place] + hashlib.sha256(zeroed).hexdigest().encode() + data[place + 64 :]


# Damage to bytes


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flip_header_bits(data: bytes, rng: random.Random) -> bytes:
    (length,) = struct.unpack("<Q", data[:8])
    changed = bytearray(data)
    changed[rng.randrange(8 + length)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def extend(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.choice((1, 8, 100)))


def move_block(data: bytes, rng: random.Random) -> bytes:
    """A block removed, doubled, zeroed or put in another place."""
    a = rng.randrange(len(data))
    b = min(len(data), a + rng.choice((1, 8, 64, 512)))
    to = rng.randrange(len(data))
    moved = data[:a] + data[b:]
    return rng.choice(
        (
            moved,
            data[:b] + data[a:],
            data[:a] + bytes(b - a) + data[b:],
            moved[:to] + data[a:b] + moved[to:],
        )
    )


def claim_length(data: bytes, rng: random.Random) -> bytes:
    """Another length of the header."""
    (length,) = struct.unpack("<Q", data[:8])
    claims = (
        0,
        1,
        8,
        length - 1,
        length + 1,
        length + 8,
        len(data),
        1 << 24,
        1 << 40,
        (1 << 64) - 1,
    )
    return struct.pack("<Q", rng.choice(claims)) + data[8:]


# Damage to what the header says


def places_in(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a JSON tree."""
    items: Any = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    return [
        place for key, value in items for place in ((*path, key), *places_in(value, (*path, key)))
    ]


def holder(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        tree = tree[key]
    return tree


def edit_tree(tree: Any, rng: random.Random) -> None:
    """One value replaced, left out, doubled, renamed or exchanged with another."""
    path = rng.choice(places_in(tree))
    within, key = holder(tree, path), path[-1]
    match rng.randrange(8):
        case 0:
            del within[key]
        case 1 if isinstance(within, list):
            within.insert(rng.randrange(len(within) + 1), copy.deepcopy(rng.choice(within)))
        case 1:
            within[rng.choice(("x", "", "kind", "W", key + " "))] = within.pop(key)
        case 2 if isinstance(within, list):
            within.reverse()
        case 2:
            within[rng.choice(("extra", "dim", "__class__"))] = rng.choice(EVIL)
        case 3:
            other = rng.choice(places_in(tree))
            value = copy.deepcopy(holder(tree, other)[other[-1]])
            holder(tree, path)[key] = value
        case 4 if type(within[key]) is int:
            within[key] += rng.choice((-1, 1, 8, 1 << 20))
        case 5 if type(within[key]) in (int, bool):
            within[key] = rng.choice((float(within[key]), bool(within[key]), str(within[key])))
        case _:
            within[key] = copy.deepcopy(rng.choice(EVIL))


def edit_fields(file: Parsed, rng: random.Random) -> None:
    edit_tree(file.fields, rng)
    if rng.random() < 0.2 and file.fields:
        edit_tree(file.fields, rng)


def edit_text(file: Parsed, rng: random.Random) -> None:
    """Other JSON of the same or of no meaning: spaces, keys twice, escapes, infinities."""
    key = rng.choice(sorted(file.fields))
    edits: tuple[Callable[[str], str], ...] = (
        lambda text: text.replace(",", ", ", 1),
        lambda text: text.replace(f'"{key}":', f'"{key}":0,"{key}":', 1),
        lambda text: text + rng.choice((" ", "\n", "}", "{}")),
        lambda text: text.replace("0", rng.choice(("-0", "00", "0e1", "1e999", "NaN"))),
        lambda text: rng.choice(("", "null", "[]", '"x"', "1", "{}", f'"{DEEP}"')),
        lambda text: text.replace("t", "\\u0074", 1),
    )
    file.edit_text = rng.choice(edits)


def edit_entries(file: Parsed, rng: random.Random) -> None:
    """A shape, type, place or name of an array; entries left out, added, exchanged."""
    name, other = rng.choice(sorted(file.entries)), rng.choice(sorted(file.entries))
    entry = file.entries[name]
    offsets, shape = entry["data_offsets"], entry["shape"]
    match rng.randrange(11):
        case 0:
            entry["dtype"] = rng.choice(DTYPES)
        case 1:
            entry["shape"] = shape[::-1] if rng.random() < 0.5 else [int(np.prod(shape))]
        case 2 if shape:
            shape[rng.randrange(len(shape))] = rng.choice(EVIL)
        case 3:
            shift = rng.choice((-8, -4, -1, 1, 4, 8, 1 << 40))
            offsets[rng.randrange(2)] += shift
        case 4:
            offsets[rng.randrange(2)] = rng.choice(EVIL)
        case 5:
            del file.entries[name]
        case 6:
            file.entries[rng.choice(("extra", "W", "", "L.x", "thresholds", name + "\0"))] = entry
        case 7:
            file.entries[name], file.entries[other] = file.entries[other], entry
        case 8:
            file.entries[name] = copy.deepcopy(file.entries[other])
        case 9:
            text = json.dumps(name) + ":"
            file.edit_outer = lambda outer: outer.replace(text, f"{text}{{}},{text}", 1)
        case _:
            edit_tree(file.entries, rng)


def edit_sizes(file: Parsed, rng: random.Random) -> None:
    """An array with more or fewer bytes, and all that follows it in its new place."""
    name = rng.choice(sorted(file.entries))
    first, last = file.span(name)
    item = SIZES[file.entries[name]["dtype"]]
    shape = file.entries[name]["shape"]
    row = item * int(np.prod(shape[1:]))
    grow = rng.random() < 0.5 or last - first < row
    if grow:
        file.payload[last:last] = file.payload[first : first + row] or bytes(row)
    else:
        del file.payload[last - row : last]
    shape[0] += 1 if grow else -1
    for entry in file.entries.values():
        entry["data_offsets"] = [
            place
            + (row if grow else -row)
            * (place >= last and not (place == last and i == 0 and entry is file.entries[name]))
            for i, place in enumerate(entry["data_offsets"])
        ]


def edit_numbers(file: Parsed, rng: random.Random) -> None:
    """NaN and extremes in a float array; ends of strings out of order; bytes of text."""
    name = rng.choice(sorted(file.entries))
    first, last = file.span(name)
    if first == last:
        return
    dtype = NUMPY[file.entries[name]["dtype"]]
    values = np.frombuffer(bytes(file.payload[first:last]), dtype).copy()
    i = rng.randrange(len(values))
    if dtype == "i1":
        values[i] = rng.choice((-128, -127, 0, 1, 127))
    elif dtype == "u1":
        values[i] = rng.choice((0, 0x80, 0xC3, 0xED, 0xFF, 65))
    elif dtype == "<i8":
        values[i] = rng.choice((-1, 0, 1, int(values[-1]) + 1, 2**62, -(2**63)))
        if rng.random() < 0.3:
            values = values[::-1].copy()
    else:
        with np.errstate(over="ignore"):  # a half cannot hold all of them
            values[i] = rng.choice((np.nan, np.inf, -np.inf, 0.0, -1.0, 1.5, 3e38, 1e-45))
    file.payload[first:last] = values.tobytes()


BYTES = (flip_bits, flip_header_bits, cut, extend, move_block, claim_length)
PARTS = (edit_fields, edit_fields, edit_text, edit_entries, edit_entries, edit_sizes, edit_numbers)


def mutant(data: bytes, rng: random.Random) -> tuple[str, bytes, bool]:
    """(what was done, the file, whether its digest was made right)."""
    seal = rng.random() < 0.5
    if rng.random() < 0.35:
        damage = rng.choice(BYTES)
        changed = damage(data, rng)
        return damage.__name__, sealed(changed) if seal else changed, seal
    edit, file = rng.choice(PARTS), Parsed.of(data)
    edit(file, rng)
    changed = file.bytes()
    seal = seal or rng.random() < 0.8
    return edit.__name__, sealed(changed) if seal else changed, seal


# What is loaded


Outcome = tuple[str, str | None]  # what happened, and the finding if it should not have


@dataclass
class ModelSubject:
    """A valid model and what it answers."""

    name: str
    data: bytes
    path: Path
    answers: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.write_bytes(self.data)
        self.answers = Tagger(load_model(self.path)).predict_proba(SENTENCES)

    def attempt(self, data: bytes, seal: bool) -> Outcome:
        self.path.write_bytes(data)
        try:
            tagger = Tagger(load_model(self.path))
        except ModelFileError as error:
            return "refused", fault_in(str(error), self.path)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                answers, labels = tagger.predict_proba(SENTENCES), tagger.predict(SENTENCES)
        except DataError as error:  # it reads a further column now
            return "another model", None if seal else str(error)
        same = all(np.array_equal(a, b) for a, b in zip(answers, self.answers, strict=True))
        if same:
            return "the same", None
        sizes = [len(s) for s in SENTENCES]
        fine = [len(a) for a in answers] == [len(own) for own in labels] == sizes
        largest = max(np.abs(p).max(initial=0) for p in tagger.model.parameters.values())
        fine &= bool(largest > EXTREME) or all(np.isfinite(a).all() for a in answers)
        return "another model", None if seal and fine else "answers that are none"


@dataclass
class StateSubject:
    """A run that was stopped, to be gone on with."""

    name: str
    config: dict[str, Any]
    files: dict[str, bytes]

    @property
    def data(self) -> bytes:
        return self.files["state.safetensors"]

    def attempt(self, data: bytes, seal: bool) -> Outcome:
        folder = Path(self.config["output"])
        for name, content in (self.files | {"state.safetensors": data}).items():
            (folder / name).write_bytes(content)
        try:
            result = windowclf.train(self.config, resume=True, listener=Heard(stop=lambda: True))
        except (ModelFileError, RunFolderError) as error:
            return "refused", fault_in(str(error), folder)
        except TrainingDiverged as error:
            return "another state", None if seal else str(error)
        if data == self.data:
            return "the same", None
        return "another state", None if seal else f"accepted, {result}"


def fault_in(sentence: str, path: Path) -> str | None:
    """What is wrong with a refusal: not one sentence of bearable length that names the file."""
    fine = sentence.startswith(str(path)) and "\n" not in sentence and len(sentence) < 800
    return None if fine else f"refused with {sentence!r:.900}"


def subjects(folder: Path) -> list[ModelSubject | StateSubject]:
    """Models of several architectures, and a stopped run."""
    word = {"kind": "word", "dim": 3, "min_count": 1}
    ngrams = {"kind": "ngrams", "min": 2, "max": 3, "buckets": 7, "dim": 2}
    characters = {"kind": "char_cnn", "dim": 3, "filters": 4, "min_count": 1}
    phrases = corpora.write(folder / "phrases.txt", "green cat\tX\nfish\n")
    clusters = corpora.write(folder / "clusters.tsv", "00\tthe\n01\tcat\n1\tsees\n")
    vectors = corpora.write(folder / "v.txt", "the 1 2\nfish 0.5 -1\n")
    looked_up = [
        {"kind": "gazetteer", "path": phrases, "dim": 2},
        {"kind": "cluster", "path": clusters, "prefixes": [1, 0], "dim": 2},
        {"kind": "vectors", "path": vectors},
        {"kind": "shape", "position": True, "dim": 2, "min_count": 1},
    ]
    several = {"the": "A|B", "cat": "B", "sees": "C|A"}
    text = "".join(f"{t}\t{several.get(t, '_')}\n" for t in corpora.TAGS) + "\n"
    plans: dict[str, dict[str, Any]] = {
        "softmax": {"features": {"use": [word, ngrams]}},
        "lists and vectors": {"features": {"use": looked_up, "window": 1}},
        "char_cnn and recurrence": {
            "features": {"use": [word, characters], "window": 1},
            "model": {
                "hidden": {"activation": "tanh", "units": 4},
                "recurrence": {"directions": 2},
            },
        },
        "several labels": {
            "features": {"use": [word]},
            "model": {"hidden": {"activation": "none"}, "output": "sigmoid"},
            "data": {"train": corpora.write(folder / "several.conll", text)},
        },
        "crf and a dictionary": {
            "task": "spans",
            "features": {"use": [word], "window": 1},
            "model": {"hidden": {"activation": "none"}, "output": "crf"},
            "data": {
                "train": corpora.write(folder / "spans.conll", SPANS),
                "dictionary": corpora.write(folder / "words.tsv", "the\tO\ncat\tB-A I-A\n"),
            },
        },
    }
    found: list[ModelSubject | StateSubject] = []
    for name, change in plans.items():
        config = corpora.tagging(folder) | change
        config |= {"output": str(folder / name), "training": {"epochs": 1, "threads": 1}}
        path = windowclf.train(config).model_path
        found.append(ModelSubject(name, path.read_bytes(), folder / f"{name}.safetensors"))
    found += compressed(folder / "softmax")
    config = corpora.tagging(folder) | {"output": str(folder / "stopped")}
    config["training"] |= {"threads": 1}
    calls = iter(range(100))
    windowclf.train(config, listener=Heard(stop=lambda: next(calls) == 8))
    files = {p.name: p.read_bytes() for p in (folder / "stopped").iterdir() if p.name != ".lock"}
    found.append(StateSubject("state", config, files))
    return found


def compressed(run: Path) -> list[ModelSubject]:
    """The model of a run with words and n-grams as halves, and as int8 with some of its rows."""
    model = load_model(run)
    halves = replace(model, compressed="float16")
    unseen = with_spec(model, vocabulary=replace(model.spec.vocabulary, seen=None))
    rows = {"word": np.array([2, 4, 5]), "ngrams2-3": np.array([3, 4, 8])}
    pruned = with_rows(replace(unseen, compressed="int8"), rows)
    return [
        ModelSubject(name, model_bytes(each), run.with_name(f"{name}.safetensors"))
        for name, each in (("halves", halves), ("int8", pruned))
    ]


def attempt(subject: ModelSubject | StateSubject, data: bytes, seal: bool, trace: bool) -> Outcome:
    """Load one mutant within time and memory, whatever it raises."""
    if trace:
        tracemalloc.start()
    began = time.process_time()
    try:
        outcome, finding = subject.attempt(data, seal)
    except Exception as error:  # every one is a finding
        outcome, finding = "crashed", f"{type(error).__name__}: {error!s:.300}"
    seconds = time.process_time() - began
    if trace:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if peak > MEMORY[0] * len(data) + MEMORY[1]:
            finding = finding or f"{peak:,} bytes of memory for a file of {len(data):,}"
    if seconds > SLOWEST:
        finding = finding or f"{seconds:.1f} seconds"
    return outcome, finding


def fuzz(
    folder: Path, mutants: int, seed: int, states: float = 0.1, traced: float = 0.05
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """(how many mutants of each kind came to what, the findings); `states` is their share."""
    rng = random.Random(seed)
    counts: Counter[tuple[str, str]] = Counter()
    findings: list[str] = []
    with mock.patch("os.fsync"), threadpool_limits(limits=1):
        *models, state = subjects(folder)
        for number in range(mutants):
            subject = state if rng.random() < states else rng.choice(models)
            what, data, seal = mutant(subject.data, rng)
            outcome, finding = attempt(subject, data, seal, rng.random() < traced)
            kind = f"{subject.name}, {what}{', digest made right' if seal else ''}"
            counts[kind, outcome] += 1
            if finding:
                findings.append(f"mutant {number} of seed {seed}: {kind}: {finding}")
    return counts, findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    limit = 4 << 30  # of addresses: an allocation that follows a claim of the file fails at once
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts, findings = fuzz(Path(folder), arguments.mutants, arguments.seed)
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{count:7,}  {kind}: {outcome}")
    print(*findings[:50], sep="\n")
    total = Counter[str]()
    for (_kind, outcome), count in counts.items():
        total[outcome] += count
    print(
        f"{arguments.mutants:,} mutants in {time.monotonic() - began:.0f} s: "
        f"{', '.join(f'{n:,} {outcome}' for outcome, n in total.most_common())}; "
        f"{len(findings)} findings"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
