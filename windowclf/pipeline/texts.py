"""Text: labelled sentences to be read, as often as one likes, from files or from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeAlias, cast

from windowclf import config as cfg
from windowclf.errors import Faults
from windowclf.pipeline.input_files import digest_of, files_of, with_marks
from windowclf.pipeline.layouts import refuse_strange
from windowclf.text.corpus_cache import Hashed
from windowclf.text.formats import BINARY, Layout, Remarks, open_bytes, read_sentences
from windowclf.text.formats.in_memory import canonical, checked_sentences
from windowclf.text.formats.lines import read_block
from windowclf.text.sentence import Sentence

NAMES = ("train", "dev", "replay", "test")
GivenTexts: TypeAlias = Mapping[str, Iterable[Sentence]]
"""Sentences in memory by what they are for: train, dev, replay or test."""


@dataclass(frozen=True)
class Text:
    """The sentences of files, or of a list in their place."""

    name: str  # in messages
    files: Sequence[str] = ()
    given: Sequence[Sentence] | None = None
    first: int = 0  # the number of the first file among those of a larger text

    @property
    def advice(self) -> str:
        """What to look at where no label is found, or strange ones are."""
        if self.given is not None:
            return "are those the labels of the Sentences?"
        return "is data.label the right column?"

    @property
    def parts(self) -> list[Text]:
        """A text for each of its files; of sentences in memory itself."""
        if self.given is not None:
            return [self]
        return [Text(file, [file], first=number) for number, file in enumerate(self.files)]

    def read(
        self,
        layout: Layout,
        digest: Any = None,
        on_bytes: Callable[[int], None] = lambda _: None,
        remarks: Remarks | None = None,
        say: str | None = None,
        faults: Faults | None = None,
    ) -> Iterator[Sentence]:
        """The sentences one after the other, without empty ones. Raises DataError.

        `digest`, a hash of hashlib, is updated with all that is read, `on_bytes` told how much of
        files that is, and in `remarks` stands at the end what was passed over or seems odd. With
        `say`, how one names a format, that of the layout is a guess, and a file that begins as
        none is refused. With `faults` the faults in files go there, see `read_sentences`.
        """
        noted = Remarks() if remarks is None else remarks
        if self.given is not None:
            for sentence in checked_sentences(self.given, layout, self.name, noted):
                if digest is not None:
                    digest.update(canonical(sentence))
                yield sentence
            return
        is_document = layout.format == "brat"  # each file
        for number, path in enumerate(self.files, self.first):
            is_text = layout.format not in BINARY
            with open_bytes(path, is_text) as file:
                if say is not None:
                    refuse_strange(file, path, layout, say)
                source = file
                if digest is not None:
                    source = cast(BinaryIO, Hashed(file, digest, on_bytes))
                if digest is not None and not is_text:
                    source = _hashed(source, file)
                for sentence in read_sentences(source, layout, path, noted, faults):
                    if sentence.tokens:
                        yield replace(sentence, document=number) if is_document else sentence

    def digest(self) -> str:
        """sha256 of the bytes of the files, or of those that stand for the sentences of a list."""
        if self.given is None:
            return digest_of(self.files)
        whole = hashlib.sha256()
        for sentence in self.given:
            whole.update(canonical(sentence) if len(sentence.tokens) else b"")
        return whole.hexdigest()


def _hashed(hashed: BinaryIO, file: BinaryIO) -> BinaryIO:
    """A file whose bytes are all hashed before anybody reads it from here to there."""
    while read_block(hashed, "<input>"):
        pass
    file.seek(0)
    return file


def text_of_files(files: Sequence[str]) -> Text:
    """The text of some files, by their own names."""
    return Text(", ".join(files), files)


def texts_of(
    config: cfg.Config, given: GivenTexts | None = None, names: Sequence[str] = NAMES
) -> dict[str, Text]:
    """The texts of a run by name, those that are given in place of what the config names.

    Raises DataError for a glob that matches nothing.
    """
    texts: dict[str, Text] = {}
    for name in names:
        where = getattr(config.data, name)
        if given and name in given:
            texts[name] = Text(f"<{name}>", given=list(given[name]))
        elif isinstance(where, str | tuple):
            files = files_of(where, f"data.{name}")
            texts[name] = text_of_files(
                with_marks(files) if config.data.format == "brat" else files
            )
    return texts


def other_digests(config: cfg.Config, texts: Mapping[str, Text]) -> dict[str, str]:
    """The sha256 of what a run reads besides train: dev, replay, test, dictionary, if there."""
    found = {name: text.digest() for name, text in texts.items() if name != "train"}
    if config.data.dictionary is not None:
        found["dictionary"] = digest_of(files_of(config.data.dictionary, "data.dictionary"))
    return found


def in_memory(name: str) -> str:
    """The override of a config for a text that is given in memory. Raises TypeError."""
    if name not in NAMES:
        raise TypeError(f"data: expected the keys {', '.join(NAMES)}, found {name!r:.60}.")
    return f"data.{name}=<{name}>"
