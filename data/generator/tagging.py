"""data/tagging: universal part-of-speech tags for English text, as CoNLL-U."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from generator.draws import Draws
from generator.grammar import PORTIONS, Expander, Portion, portion_of, read_rules
from generator.sources import hand_written, indefinite_article, read

SIZES: Mapping[Portion, int] = {"train": 1500, "dev": 200, "test": 200}
NO_SPACE_BEFORE = frozenset(".,;:!?)%") | {"°C"}
NO_SPACE_AFTER = frozenset("($£€")


class Word(NamedTuple):
    """What stands between two spaces: a token, or several under one multiword form."""

    forms: tuple[str, ...]
    tags: tuple[str, ...]
    space_after: bool

    @property
    def text(self) -> str:
        """The word as written."""
        return "".join(self.forms)


def tagging_files(sources: Path) -> dict[str, str]:
    """File name -> text of the three portions."""
    core = hand_written(sources / "tagging_sentences.txt")
    names = ("spans_facts.txt", "words.txt", "tagging_templates.txt")
    rules = read_rules("".join(read(sources / name) for name in names))
    seen = {text_of(parse(line)).lower() for line in core}
    files = {}
    for portion in PORTIONS:
        draws = Draws(f"tagging/{portion}")
        sentences = [parse(line) for i, line in enumerate(core) if portion_of(i) == portion]
        expander = Expander(rules, portion, draws)
        while len(sentences) < SIZES[portion]:
            sentence = generated(expander)
            if text_of(sentence).lower() not in seen:
                seen.add(text_of(sentence).lower())
                sentences.append(sentence)
        blocks = enumerate(draws.shuffled(sentences), 1)
        files[f"tagging/{portion}.conllu"] = "".join(
            _render(f"{portion}-{number}", sentence) for number, sentence in blocks
        )
    return files


def generated(expander: Expander) -> list[Word]:
    """A sentence from a template, with a capital letter and one full stop."""
    text = indefinite_article(expander.sentence("sentence"))
    text = text.removesuffix(" ./PUNCT") if text.endswith("./NOUN ./PUNCT") else text
    number, start = re.findall(r"^(\d/X \./PUNCT )?(.*)$", text)[0]
    first = next(i for i, character in enumerate(start) if character.isalnum())
    return parse(number + start[:first] + start[first].upper() + start[first + 1 :])


def parse(text: str) -> list[Word]:
    """`I/PRON do+n't/AUX+PART know/VERB ./PUNCT` -> words with the spacing of ordinary text."""
    pairs = [piece.rsplit("/", 1) for piece in text.split()]
    words = []
    quotes = 0
    for position, (written, tags) in enumerate(pairs):
        following = pairs[position + 1][0] if position + 1 < len(pairs) else ""
        quotes += written == '"'
        opens = written in NO_SPACE_AFTER or (written == '"' and quotes % 2 == 1)
        closes = following in NO_SPACE_BEFORE or (following == '"' and quotes % 2 == 1)
        forms = tuple(written.split("+")) if "+" in tags else (written,)
        words.append(Word(forms, tuple(tags.split("+")), not (opens or closes)))
        assert len(words[-1].forms) == len(words[-1].tags), text
    return words


def text_of(words: list[Word]) -> str:
    """The sentence as it would be written."""
    return "".join(word.text + " " * word.space_after for word in words).strip()


def _render(sent_id: str, words: list[Word]) -> str:
    lines = [f"# sent_id = {sent_id}", f"# text = {text_of(words)}"]
    number = 1
    for word in words:
        misc = "_" if word.space_after else "SpaceAfter=No"
        if len(word.forms) > 1:
            number_range = f"{number}-{number + len(word.forms) - 1}"
            lines.append(_row(number_range, word.text, "_", misc))
            misc = "_"
        for form, tag in zip(word.forms, word.tags, strict=True):
            lines.append(_row(str(number), form, tag, misc))
            number += 1
    return "\n".join(lines) + "\n\n"


def _row(number: str, form: str, tag: str, misc: str) -> str:
    return "\t".join([number, form, "_", tag, "_", "_", "_", "_", "_", misc])
