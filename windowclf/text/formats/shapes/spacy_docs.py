"""spacy: a DocBin of spaCy (.spacy), read and written by spaCy itself; in memory as a whole.

Labels are the entities, or for tagging the fine-grained tags, or else the coarse ones.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, TextIO

from windowclf.errors import DataError, quoted
from windowclf.text.formats.json_values import Json, in_json
from windowclf.text.formats.jsonl import offsets_in
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.records import border_fault, span, token_objects, words_in
from windowclf.text.formats.shapes.shape import Entry, Shape, optional
from windowclf.text.tokenizer import Offsets

KEPT = ("id", "meta")  # of a record, in the user_data of its Doc
UNPACKED = 20  # times its size that a file may have unpacked, and
LEAST_UNPACKED = 64 << 20  # bytes more
_NOT_HELD = ("TAG", "POS", "DEP", "LEMMA", "MORPH")


def _read(source: Input, layout: Layout) -> Iterator[Entry]:
    """The records of a file, a Doc each."""
    spacy = optional("spacy.tokens", "spacy", "spacy")
    vocab = optional("spacy.vocab", "spacy", "spacy").Vocab()
    assert source.stream is not None
    data = source.stream.read()
    if (most := _too_large(data)) is not None:
        source.fault(None, f"expected a DocBin of at most {most >> 20} MiB unpacked, found more.")
        return
    try:
        docs = spacy.DocBin().from_bytes(data)
        for number, doc in enumerate(docs.get_docs(vocab), 1):
            yield _entry(doc, number, source, layout)
    except (
        *(ValueError, TypeError, KeyError, IndexError, EOFError),
        *(AttributeError, ZeroDivisionError, OverflowError),  # what spaCy makes of odd parts
    ) as error:
        found = quoted(str(error).split("\n")[0])
        source.fault(None, f"expected a DocBin of spaCy, which says {found}.")
    except Exception as error:
        if type(error).__module__ not in (
            "zlib",
            "srsly.msgpack._unpacker",
            "srsly.msgpack.exceptions",
        ):
            raise
        source.fault(None, f"expected a DocBin of spaCy, found other bytes ({error}).")


def _too_large(data: bytes) -> int | None:
    """How many bytes packed ones may be unpacked, where they are more; else None."""
    most = UNPACKED * len(data) + LEAST_UNPACKED
    unpacker, rest, size = zlib.decompressobj(), data, 0
    try:
        while rest and not unpacker.eof:
            size += len(unpacker.decompress(rest, 1 << 20))
            rest = unpacker.unconsumed_tail
            if size > most:
                return most
    except zlib.error:
        return None  # which spaCy says in its words
    return None


def _entry(doc: Any, number: int, source: Input, layout: Layout) -> Entry:
    """A Doc as a record."""
    lost = Counter[str]()
    record: Json = {key: in_json(doc.user_data[key], lost) for key in KEPT if key in doc.user_data}
    for what in lost.elements():
        source.pass_over(f"value of {what}")
    words = [token for token in doc if not token.text.isspace()]  # the flag is of a full vocabulary
    offsets = [(token.idx, token.idx + len(token)) for token in words]
    if layout.task == "tagging" and layout.has_label_field:
        attribute = "tag_" if doc.has_annotation("TAG") else "pos_"
        tags = [getattr(token, attribute) or None for token in words]
        record |= {"tokens": [token.text for token in words], "labels": tags}
        return Entry(record, number, source, doc, is_gold=any(tags))
    record |= {"text": doc.text, "tokens": token_objects(doc.text, offsets)}
    if doc.has_annotation("SENT_START"):
        record["sentences"] = _starts(doc)
    is_gold = doc.has_annotation("ENT_IOB")
    if is_gold and layout.has_label_field:
        record["spans"] = [
            span(e.start_char, e.end_char, e.label_, **({"id": e.id_} if e.id_ else {}))
            for e in doc.ents
        ]
    others = (("cats", doc.cats), ("span groups", doc.spans))
    more = any(key not in KEPT for key in doc.user_data)
    for what, value in (*others, ("other user_data", more)):
        if value:
            source.pass_over(f"text with {what}")
    for _ in filter(lambda entity: entity.kb_id, doc.ents):
        source.pass_over("kb_id of an entity")
    for name in _NOT_HELD:
        if doc.has_annotation(name):
            source.pass_over(f"text with {name}")
    return Entry(record, number, source, doc, is_gold)


def _starts(doc: Any) -> list[int]:
    """The numbers of the tokens that begin a sentence, white space not counted."""
    starts: list[int] = []
    number, begins = 0, True
    for token in doc:
        begins = begins or bool(token.is_sent_start)
        if not token.text.isspace():
            starts += [number] if begins else []
            number, begins = number + 1, False
    return starts


class _Writer:
    """Gathers Docs, and writes them at the end."""

    def __init__(self, out: TextIO, layout: Layout):
        tokens = optional("spacy.tokens", "spacy", "spacy")
        self._vocab = optional("spacy.vocab", "spacy", "spacy").Vocab()
        self._new_doc = tokens.Doc
        self._docs = tokens.DocBin(store_user_data=True)
        self._out, self._layout = out, layout

    def put(self, record: Json, original: Any = None) -> None:
        """Add a record, or the Doc that was read with other entities."""
        doc = original if original is not None else self._doc(record)
        if "labels" in record:
            words = (token for token in doc if not token.text.isspace())
            for token, label in zip(words, record["labels"], strict=True):
                token.tag_ = label
        if "spans" in record:
            found = []
            for each in record["spans"]:
                id_ = str(each.get("id") or "")
                entity = doc.char_span(each["start"], each["end"], each["label"], span_id=id_)
                if entity is None:
                    raise DataError(border_fault(record["text"], each))
                found.append(entity)
            doc.set_ents(found)
        self._docs.add(doc)

    def _doc(self, record: Json) -> Any:
        """The text and tokens of a record as a Doc."""
        text, offsets = record["text"], words_in(record, self._layout)
        words, spaces = words_and_spaces(text, offsets)
        doc = self._new_doc(self._vocab, words=words, spaces=spaces)
        starts = record.get("sentences")
        if isinstance(starts, list) and offsets_in(record) == offsets:
            begins = {offsets[i][0] for i in starts if i < len(offsets)}
            for token in doc:
                token.is_sent_start = token.idx in begins
        doc.user_data.update({key: record[key] for key in KEPT if key in record})
        return doc

    def close(self) -> None:
        """Write all Docs."""
        self._out.flush()
        self._out.buffer.write(self._docs.to_bytes())


def words_and_spaces(text: str, offsets: list[Offsets]) -> tuple[list[str], list[bool]]:
    """The tokens of a text and whether a space follows each; more white space is a token."""
    words: list[str] = []
    spaces: list[bool] = []
    done = 0
    for start, end in [*offsets, (len(text), len(text))]:
        gap = text[done:start]
        if gap and words and gap[0] == " ":
            spaces[-1], gap = True, gap[1:]
        if gap:
            words.append(gap)
            spaces.append(False)
        if start < end:
            words.append(text[start:end])
            spaces.append(False)
        done = end
    return words, spaces


SHAPES: dict[Format, Shape] = {
    "spacy": Shape(
        _read,
        _Writer,
        "words",
        overlaps=False,
        held=frozenset({"text", "tokens", "spans", "sentences", *KEPT}),
        held_of_spans=frozenset({"id"}),
    ),
}
