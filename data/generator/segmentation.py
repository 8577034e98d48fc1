"""data/segmentation: Chinese sentences with spaces between the words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from generator.draws import Draws
from generator.grammar import PORTIONS, Expander, Portion, portion_of, read_rules
from generator.sources import hand_written, read

SIZES: Mapping[Portion, int] = {"train": 1500, "dev": 200, "test": 200}


def segmentation_files(sources: Path) -> dict[str, str]:
    """File name -> text of the three portions."""
    core = hand_written(sources / "segmentation_sentences.txt")
    rules = read_rules(read(sources / "segmentation_templates.txt"))
    seen = {raw(line) for line in core}
    files = {}
    for portion in PORTIONS:
        draws = Draws(f"segmentation/{portion}")
        sentences = [line for i, line in enumerate(core) if portion_of(i) == portion]
        expander = Expander(rules, portion, draws)
        while len(sentences) < SIZES[portion]:
            sentence = expander.sentence("sentence")
            if raw(sentence) not in seen:
                seen.add(raw(sentence))
                sentences.append(sentence)
        lines = draws.shuffled(sentences)
        files[f"segmentation/{portion}.txt"] = "".join(f"{line}\n" for line in lines)
    return files


def raw(line: str) -> str:
    """The sentence as it is written, without spaces."""
    return line.replace(" ", "")
