"""Write the corpora of this folder, byte for byte the same every time.

python data/generate.py                 write them
python data/generate.py --check         write nothing; exit 1 if a file is not what would be written
python data/generate.py --output DIR    write (or check) another folder
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generator.segmentation import segmentation_files
from generator.slots import slots_files
from generator.spans import spans_files
from generator.tagging import tagging_files

HERE = Path(__file__).resolve().parent


def corpora() -> dict[str, str]:
    """Path relative to this folder -> text, for every generated file."""
    sources = HERE / "sources"
    return {
        **spans_files(sources),
        **tagging_files(sources),
        **segmentation_files(sources),
        **slots_files(sources),
    }


def write(folder: Path) -> None:
    """Write every corpus below a folder."""
    for name, text in corpora().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))


def differing(folder: Path) -> list[str]:
    """The names of corpora that are missing or not what would be written."""
    return [
        name
        for name, text in corpora().items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != text.encode("utf-8")
    ]


def main() -> int:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(description="Write the corpora of this folder.")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if they differ")
    parser.add_argument("--output", type=Path, default=HERE, help="the folder to write or check")
    arguments = parser.parse_args()
    if not arguments.check:
        write(arguments.output)
        return 0
    names = differing(arguments.output)
    for name in names:
        print(f"{arguments.output / name}: differs from what generate.py writes.", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
