"""data/spans: entities in English text, as BIO labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from generator import tagging
from generator.draws import Draws
from generator.grammar import PORTIONS, Expander, Portion, portion_of, read_rules
from generator.sources import hand_written, indefinite_article, read
from generator.tokens import is_address, ptb_tokens

SIZES: Mapping[Portion, int] = {"train": 3400, "dev": 400, "test": 400}
WITHOUT_ENTITY = 0.22
LOWER, UPPER, NO_FULL_STOP = 0.07, 0.03, 0.1
MAYBE_ENTITY = frozenset({"PROPN", "NUM", "SYM"})  # tags of names, dates and amounts

TAG = re.compile(r"(?<=[a-z])/[A-Z]{3,5}(?= |$)")  # of the phrases in words.txt
INITIAL = re.compile(r"[A-Z]\.")
SPAN_OR_TOKEN = re.compile(r"\[(?P<span>[^\[\]|]+)\|(?P<label>[A-Z]+)\]|(?P<token>[^\s\[\]]+)")


class Token(NamedTuple):
    """A form and its label."""

    form: str
    label: str


def spans_files(sources: Path) -> dict[str, str]:
    """File name -> text of the three portions."""
    core = hand_written(sources / "spans_sentences.txt")
    shared = read(sources / "spans_facts.txt") + read(sources / "words.txt")
    rules = read_rules(shared + read(sources / "spans_templates.txt"))
    everyday = read_rules(shared + read(sources / "tagging_templates.txt"))
    seen = {_essence(parse(line)) for line in core}
    files = {}
    for portion in PORTIONS:
        draws = Draws(f"spans/{portion}")
        writer = _Writer(Expander(rules, portion, draws), Expander(everyday, portion, draws), draws)
        sentences = [parse(line) for i, line in enumerate(core) if portion_of(i) == portion]
        plain = sum(map(_is_plain, sentences))
        while len(sentences) < SIZES[portion]:
            wanted = plain < WITHOUT_ENTITY * len(sentences)
            sentence = writer.plain() if wanted else writer.with_entities()
            if _essence(sentence) not in seen:
                seen.add(_essence(sentence))
                sentences.append(sentence)
                plain += wanted
        files[f"spans/{portion}.conll"] = "".join(map(_render, draws.shuffled(sentences)))
    return files


def parse(text: str) -> list[Token]:
    """Inline notation -> tokens: `[Anna Berg|PERSON] lives in [Oslo|PLACE] .`"""
    tokens = []
    for piece in SPAN_OR_TOKEN.finditer(text):
        if piece["token"]:
            tokens.extend(Token(form, "O") for form in ptb_tokens(piece["token"]))
            continue
        forms = [form for word in piece["span"].split() for form in ptb_tokens(word)]
        for position, form in enumerate(forms):
            tokens.append(Token(form, f"{'I' if position else 'B'}-{piece['label']}"))
    return tokens


@dataclass(frozen=True)
class _Writer:
    """Makes sentences from the templates of data/spans and, without names, of data/tagging."""

    expander: Expander
    everyday: Expander
    draws: Draws

    def with_entities(self) -> list[Token]:
        """A sentence from a template with entities."""
        return self._finished(self.expander.sentence("sentence"))

    def plain(self) -> list[Token]:
        """A sentence in which everything is O."""
        if self.draws.chance(0.5):
            return self._finished(self.expander.sentence("plain"))
        while True:
            words = tagging.generated(self.everyday)
            if not any(tag in MAYBE_ENTITY for word in words for tag in word.tags):
                tokens = [Token(form, "O") for word in words for form in word.forms]
                return _as_typed(tokens, self.draws)

    def _finished(self, text: str) -> list[Token]:
        tokens = parse(indefinite_article(TAG.sub("", text)))
        tokens[0] = Token(_capitalised(tokens[0].form), tokens[0].label)
        return _as_typed(_with_one_full_stop(tokens), self.draws)


def _with_one_full_stop(tokens: list[Token]) -> list[Token]:
    """At the end, `Acme Ltd. .` is `Acme Ltd .`, and `5 p.m. .` is `5 p.m.`"""
    *rest, last_word, mark = tokens
    if mark.form != "." or not last_word.form.endswith("."):
        return tokens
    if "." in last_word.form[:-1]:
        return [*rest, last_word]
    return [*rest, Token(last_word.form[:-1], last_word.label), mark]


def _as_typed(tokens: list[Token], draws: Draws) -> list[Token]:
    """Sometimes all in lower or upper case, or without the full stop, as people type."""
    if tokens[-1].form == "." and draws.chance(NO_FULL_STOP):
        tokens = tokens[:-1]
    if draws.chance(LOWER):
        return [Token(_lower(token.form), token.label) for token in tokens]
    if draws.chance(UPPER):
        return [Token(_upper(token.form), token.label) for token in tokens]
    return tokens


def _is_plain(sentence: list[Token]) -> bool:
    return all(token.label == "O" for token in sentence)


def _capitalised(form: str) -> str:
    return form if is_address(form) else form[0].upper() + form[1:]


def _lower(form: str) -> str:
    return form if INITIAL.fullmatch(form) else form.lower()


def _upper(form: str) -> str:
    return form if is_address(form) or form[0].isdigit() else form.upper()


def _essence(sentence: list[Token]) -> str:
    """What two sentences share that differ in nothing but case and the final mark."""
    forms = [token.form.lower() for token in sentence]
    return " ".join(forms[:-1] if len(forms) > 1 and forms[-1] in ".!?" else forms)


def _render(sentence: list[Token]) -> str:
    return "".join(f"{form}\t{label}\n" for form, label in sentence) + "\n"
