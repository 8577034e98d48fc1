"""`data`: where the text is and how it is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag

from windowclf.config.section import AsTuple, Paths, Section


class Holdout(Section):
    """Dev data taken from the end of the training sentences, whole documents where marked."""

    holdout: float = Field(gt=0, lt=1, description="share of the training sentences")


def _dev_kind(value: Any) -> str:
    """Which of its three forms `data.dev` has: a tag of Dev."""
    if isinstance(value, dict | Holdout):
        return "holdout"
    return "none" if value is None else "paths"


Dev: TypeAlias = Annotated[
    Annotated[Paths, Tag("paths")]
    | Annotated[Holdout, Tag("holdout")]
    | Annotated[None, Tag("none")],
    Discriminator(_dev_kind),
]


SAME_SCHEMES = {"IOB2": "BIO", "IOBES": "BIOES", "BILUO": "BILOU"}


def _scheme(value: Any) -> Any:
    """The name of a scheme for another that it has; anything else as it is."""
    return SAME_SCHEMES.get(value, value) if isinstance(value, str) else value


Scheme: TypeAlias = Annotated[
    Literal["BIO", "IOB1", "IO", "BIOES", "BILOU", "BMES", "BMEWO"], BeforeValidator(_scheme)
]
Format: TypeAlias = Literal[
    "conll",
    "conllu",
    "jsonl",
    "csv",
    "tsv",
    "text",
    "labelstudio",
    "labelstudio-min",
    "doccano",
    "doccano-relations",
    "prodigy",
    "spacy",
    "spacy-json",
    "brat",
    "webanno",
    "token-csv",
    "parquet",
    "arrow",
    "brackets",
]
READING_KEYS = (
    *("format", "token", "label", "extra", "sentence", "names"),
    *("scheme", "tokenizer", "misaligned"),
)
"""The keys of `data` that say how a file is read, whichever it is."""


class DataSection(Section):
    """Where the text is and how it is written."""

    format: Format | None = Field(
        default=None, description="by the file's suffix and beginning if left out"
    )
    token: int | str = Field(
        default=0, description="column of the token: 0-based number (-1: last) or name"
    )
    label: int | str | None = Field(
        default=None,
        description="column of the label: a number for conll (default 1), upos, xpos, feats or "
        "misc.KEY for conllu (default upos), a name for csv and tsv (default label)",
    )
    extra: dict[str, int | str] = Field(
        default={}, description="further columns by name, for features"
    )
    sentence: int | str | None = Field(
        default=None,
        description="token-csv: the column that says which rows are of one sentence; `Sentence #`, "
        "`sentence_id` and the like if left out",
    )
    names: Annotated[tuple[str, ...], AsTuple, Field(min_length=1)] | None = Field(
        default=None,
        description="the labels that the integers 0, 1, … of a file stand for, where it does not "
        "name them itself",
    )
    scheme: Scheme = Field(
        default="BIO", description="scheme of the span labels in the files, and of the answers"
    )
    inside: Scheme = Field(
        default="BIOES", description="scheme of the span labels that the network learns"
    )
    tokenizer: Literal["unicode", "ptb", "whitespace", "character"] = Field(
        default="unicode", description="for raw text; kept in the model"
    )
    misaligned: Literal["error", "skip"] = Field(
        default="error", description="what to do with a span of a raw text that cuts a token"
    )
    train: Paths = Field(description="a path, a glob or a list of them")
    dev: Dev = Field(
        default=None,
        description="the same, or {holdout: 0.1} for the last tenth of train's sentences, in whole "
        "documents where train marks them",
    )
    replay: Paths | None = Field(
        default=None,
        description="what the model of training.start_from has learnt from; read as train is, "
        "every epoch draws sentences from it beside those of train, see training.replay_share",
    )
    test: Paths | None = Field(default=None, description="scored once, after the training")
    dictionary: Paths | None = Field(
        default=None,
        description="files of words and the only labels that they may have, kept in the model: a "
        "word a line, a tab, its labels with spaces between them",
    )
    distinct_tokens: int = Field(
        default=2_000_000, ge=1, description="different tokens of train that get an entry each"
    )
    cache_above_mb: float = Field(
        default=64.0,
        ge=0,
        description="size of train from which on it is kept as numbers on the disk, beside the "
        "run folder, and not in memory",
    )
