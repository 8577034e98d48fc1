"""Random damage to valid text and configs: what is read is given back, the rest is refused well.

`python tests/fuzz_text.py --inputs 100000 --seed 1` tries every format, `--format conll` one of
them. Input number i of a format depends on the seed and i alone; `--first i --inputs 1` tries it
again. Exit 1 where something was found.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fuzz_targets import TARGETS, Target

SLOWEST = 1.0  # seconds of processor time for one input
MOST_MEMORY = 200  # MiB that the process may grow by
SPECIALS = (
    *(b"\x00", b"\x01", b"\x0b", b"\x0c", b"\x1b[31m", b"\x1c", b"\x7f", b"\xff", b"\xe2\x80"),
    *("\u0085".encode(), "\u2028".encode(), "\u2029".encode(), b"\xef\xbb\xbf", b"\r", b"\r\n"),
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", "\u200b".encode(), "\u200d".encode(), "\u200f".encode()),
    *("\u202e".encode(), "\u2066".encode(), "\u00ad".encode(), "\ufffe".encode(), "😀".encode()),
    *("👨\u200d👩\u200d👧\u200d👦".encode(), "🏳\ufe0f\u200d🌈".encode(), "e\u0301\u0302".encode()),
    *("שלום".encode(), "ﷺ".encode(), "İ".encode(), "ß".encode(), "\U0010ffff".encode()),
    *(b"9" * 30, b"9" * 5000, b"-1", b"0", b"1e999", b"NaN", b"k" * 3000, b"[" * 200, b"{" * 200),
)  # fmt: skip


def mutant(target: Target, seed: int, number: int) -> bytes:
    """Input `number` of a target: one of its seeds with one to eight mutations."""
    rng = random.Random(f"{seed} {target.name} {number}")
    data = bytearray(rng.choice(target.seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 8))):
        _mutate(data, target, rng)
    return bytes(data)


def _mutate(data: bytearray, target: Target, rng: random.Random) -> None:
    at, to = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    match rng.randrange(10):
        case 0 if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 1:
            del data[at : min(to, at + rng.choice((1, 3, 20)))]
        case 2:
            data[at:at] = data[at:to] * rng.choice((1, 1, 2, 9))
        case 3:
            other = rng.choice(target.seeds)
            cut = rng.randrange(len(other) + 1)
            data[at:] = other[cut:]
        case 4 | 5:
            data[at:at] = rng.choice(SPECIALS)
        case 6 | 7:
            data[at:at] = rng.choice(target.pieces)
        case 8:
            _move_lines(data, rng)
        case _ if rng.random() < 0.02:
            part = rng.choice((*target.pieces, *SPECIALS, bytes(data[at:to])))
            data[at:at] = (part * (8_000 // max(1, len(part)) + 1))[:8_000]


def _move_lines(data: bytearray, rng: random.Random) -> None:
    """Swap, double or drop whole lines, or change their ends."""
    lines = bytes(data).splitlines(keepends=True)
    if not lines:
        return
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            lines.insert(one, lines[other])
        case 2:
            del lines[one]
        case _:
            lines[one] = lines[one].rstrip(b"\r\n") + rng.choice((b"\n", b"\r\n", b"\r", b""))
    data[:] = b"".join(lines)


@dataclass
class Result:
    """What became of the inputs of one target."""

    read: int = 0
    refused: int = 0
    wrong: int = 0
    slowest: float = 0.0
    slowest_number: int = 0
    findings: dict[str, str] = field(default_factory=dict)
    """By the end of their traceback: the number and the message of the first of them."""

    def note(self, error: Exception, number: int) -> None:
        """Count a finding."""
        self.wrong += 1
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        places = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
        message = f"--first {number}: {type(error).__name__}: {str(error)[:300]!r}"
        self.findings.setdefault(places, message)

    def __str__(self) -> str:
        return (
            f"{self.read + self.refused + self.wrong:,} inputs: {self.read:,} read and given "
            f"back, {self.refused:,} refused, {self.wrong} found wrong; the slowest took "
            f"{1000 * self.slowest:.0f} ms (number {self.slowest_number})"
        )


def fuzz(target: Target, seed: int, first: int, inputs: int) -> Result:
    """Try inputs first … first + inputs − 1 of a target."""
    result = Result()
    for number in range(first, first + inputs):
        data = mutant(target, seed, number)
        began = time.process_time()
        try:
            accepted = target.check(data)
            seconds = time.process_time() - began
            assert seconds < SLOWEST * max(1, len(data) / 10_000), "a second for 10,000 bytes"
        except Exception as error:  # whatever it is, it is what we look for
            result.note(error, number)
            continue
        result.read += accepted
        result.refused += not accepted
        if seconds > result.slowest:
            result.slowest, result.slowest_number = seconds, number
    return result


def _grown() -> Iterator[float]:
    """MiB by which the peak of the process has grown since the first question."""
    first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while True:
        yield (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - first) / 1024


def main() -> None:
    """Try all formats or one, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--format", choices=list(TARGETS))
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    grown = _grown()
    next(grown)
    wrong = 0
    for name in [arguments.format] if arguments.format else TARGETS:
        began = time.perf_counter()
        result = fuzz(TARGETS[name], arguments.seed, arguments.first, arguments.inputs)
        more = next(grown)
        took = time.perf_counter() - began
        print(f"{name}: {result}; {took:.0f} s, {more:.0f} MiB more at the peak", flush=True)
        for places, message in result.findings.items():
            print(f"  --format {name} {message} ({places})")
        wrong += result.wrong + (more > MOST_MEMORY)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
