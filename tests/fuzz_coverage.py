"""Fuzzing that follows the branches the code takes; needs `pip install atheris`.

`python tests/fuzz_coverage.py conll -max_total_time=180`: the name of a target of fuzz_targets.py,
then options of libFuzzer. Ends with the first finding, whose bytes it writes to `crash-…`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["windowclf", "yaml"]):
    from fuzz_targets import TARGETS


def main() -> None:
    """Fuzz one target from its seeds, with its pieces as the dictionary."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: fuzz_coverage.py {{{','.join(TARGETS)}}} [OPTIONS OF LIBFUZZER]")
    target = TARGETS[sys.argv[1]]
    with tempfile.TemporaryDirectory() as name:
        corpus, words = Path(name) / "corpus", Path(name) / "words"
        corpus.mkdir()
        for i, seed in enumerate(target.seeds):
            (corpus / str(i)).write_bytes(seed)
        quoted = ("".join(f"\\x{byte:02x}" for byte in piece) for piece in target.pieces)
        words.write_text("".join(f'"{word}"\n' for word in quoted), encoding="ascii")
        options = ["-max_len=4096", "-timeout=5", "-rss_limit_mb=2048", f"-dict={words}"]
        atheris.Setup([sys.argv[0], *options, *sys.argv[2:], str(corpus)], target.check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
