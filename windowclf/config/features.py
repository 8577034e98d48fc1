"""`features`: what the network sees of each token, one kind a class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, ModelWrapValidatorHandler, model_validator

from windowclf.config.section import AsTuple, OnePath, Paths, Section
from windowclf.errors import quoted


class _TableSetting(Section):
    """What the settings of every kind share: the table whose rows the feature reads."""

    table: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="features of one table share its rows",
    )
    kind: str

    @property
    def table_name(self) -> str:
        """The table that the feature reads; for clusters what their tables' names begin with."""
        return self.table or self._own_table

    @property
    def _own_table(self) -> str:
        """The name of the table where the config gives none."""
        return self.kind


class WordSetting(_TableSetting):
    """The token as it is."""

    kind: Literal["word"]
    dim: int = Field(default=64, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=2, ge=1, description="rarer values read as unknown")


class LowerSetting(_TableSetting):
    """The token in lower case."""

    kind: Literal["lower"]
    dim: int = Field(default=32, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=2, ge=1, description="rarer values read as unknown")


class AffixSetting(_TableSetting):
    """The first or last code points of the token."""

    kind: Literal["prefix", "suffix"]
    length: int = Field(ge=1, le=32, description="code points")
    dim: int = Field(default=16, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=2, ge=1, description="rarer values read as unknown")

    @property
    def _own_table(self) -> str:
        return f"{self.kind}{self.length}"


class ShapeSetting(_TableSetting):
    """The token with letters as X, x or o and digits as d."""

    kind: Literal["shape"]
    position: bool = Field(
        default=False, description="tell the first, inner and last tokens of a sentence apart"
    )
    dim: int = Field(default=16, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=2, ge=1, description="rarer values read as unknown")


class NgramsSetting(_TableSetting):
    """The sum of the rows of all character n-grams, hashed."""

    kind: Literal["ngrams"]
    min: int = Field(default=2, ge=1, le=16, description="shortest n-gram, in code points")
    max: int = Field(default=5, ge=1, le=16, description="longest n-gram")
    buckets: int = Field(
        default=20_000, ge=1, le=1 << 24, description="rows that the hash chooses from"
    )
    dim: int = Field(default=16, ge=1, le=4096, description="width of the embedding")

    @property
    def _own_table(self) -> str:
        return f"ngrams{self.min}-{self.max}"

    @model_validator(mode="after")
    def _ordered(self) -> NgramsSetting:
        if self.min > self.max:
            raise ValueError(f"expected min <= max, found min {self.min} and max {self.max}")
        return self


class ColumnSetting(_TableSetting):
    """A further column of the file."""

    kind: Literal["column"]
    column: str = Field(min_length=1, description="a name of data.extra; for slots, of the header")
    dim: int = Field(default=16, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=1, ge=1, description="rarer values read as unknown")

    @property
    def _own_table(self) -> str:
        return f"column.{self.column}"


class CharCnnSetting(_TableSetting):
    """Shared filters over windows of characters, and the maximum over positions."""

    kind: Literal["char_cnn"]
    dim: int = Field(default=16, ge=1, le=4096, description="width of a character's embedding")
    filters: int = Field(default=32, ge=1, le=4096, description="width of the slot")
    width: Literal[1, 3, 5, 7, 9] = Field(
        default=3, description="characters that a filter sees; odd"
    )
    min_count: int = Field(default=2, ge=1, description="rarer characters read as unknown")

    @property
    def _own_table(self) -> str:
        return "characters"


class GazetteerSetting(_TableSetting):
    """Whether the token is part of a listed phrase, of which type, and where in it."""

    kind: Literal["gazetteer"]
    path: Paths = Field(description="lists of phrases: a path, a glob or a list of them")
    lower: bool = Field(default=True, description="case does not matter")
    dim: int = Field(default=8, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=1, ge=1, description="rarer values read as unknown")


class ClusterSetting(_TableSetting):
    """The cluster of the token, a slot for each length of prefix."""

    kind: Literal["cluster"]
    path: OnePath = Field(description="lines of cluster, tab, word")
    prefixes: Annotated[tuple[Annotated[int, Field(ge=0, le=1 << 16)], ...], AsTuple] = Field(
        default=(4, 6, 10, 0), min_length=1, description="signs of its id; 0 for all of it"
    )
    dim: int = Field(default=16, ge=1, le=4096, description="width of each embedding")
    min_count: int = Field(default=1, ge=1, description="rarer values read as unknown")


class VectorsSetting(_TableSetting):
    """A vector of the token that was trained elsewhere; its width is that of the file."""

    kind: Literal["vectors"]
    path: OnePath = Field(description="vectors of GloVe, word2vec or fastText (.vec)")
    rows: Literal["all", "train"] = Field(
        default="all", description="words to keep: all of the file, or those of train"
    )
    trained: bool = Field(default=False, description="trained further, or left as they are")


FeatureSetting: TypeAlias = Annotated[
    WordSetting
    | LowerSetting
    | AffixSetting
    | ShapeSetting
    | NgramsSetting
    | ColumnSetting
    | CharCnnSetting
    | GazetteerSetting
    | ClusterSetting
    | VectorsSetting,
    Discriminator("kind"),
]
_ALONE = ("ngrams", "char_cnn", "gazetteer", "cluster", "vectors")  # kinds that share no table


def tables_of(feature: FeatureSetting) -> tuple[str, ...]:
    """The tables that a feature reads, one for each of its slots."""
    if feature.kind == "cluster":
        return tuple(f"{feature.table_name}{length or '.all'}" for length in feature.prefixes)
    return (feature.table_name,)


class FeaturesSection(Section):
    """What the network sees of each token of a window."""

    window: int = Field(default=2, ge=0, le=16, description="tokens on either side; 0 for slots")
    use: Annotated[tuple[FeatureSetting, ...], AsTuple] = Field(
        default=(
            WordSetting(kind="word"),
            LowerSetting(kind="lower"),
            *(AffixSetting(kind="prefix", length=length) for length in (1, 2, 3)),
            *(AffixSetting(kind="suffix", length=length) for length in (1, 2, 3, 4)),
            ShapeSetting(kind="shape"),
            NgramsSetting(kind="ngrams"),
        ),
        min_length=1,
        description="one slot of a token each",
    )
    add: Annotated[tuple[FeatureSetting, ...], AsTuple] = Field(
        default=(),
        exclude=True,  # a whole config has them in use
        description="further ones, behind those of use or of the task",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _with_added(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """The section with the features of `add` behind those of `use`."""
        section = validate(given)
        if not section.add:
            return section
        return section.model_copy(update={"use": (*section.use, *section.add), "add": ()})


def table_faults(features: tuple[FeatureSetting, ...]) -> Iterator[str]:
    """A sentence for every feature that stands twice or shares a table with one it does not fit.

    Features of one table need one width and one min_count.
    """
    first: dict[str, tuple[int, FeatureSetting]] = {}
    index_of: dict[FeatureSetting, int] = {}
    for i, feature in enumerate(features):
        here = f"features.use.{i}"
        if index_of.setdefault(feature, i) != i:
            yield f"{here}: the same as features.use.{index_of[feature]}; remove one of them"
            continue
        if len(set(tables_of(feature))) != len(tables_of(feature)):
            yield f"{here}.prefixes: a length stands twice; remove one of them"
        for table in dict.fromkeys((feature.table_name, *tables_of(feature))):
            yield from _shared_faults(table, i, feature, *first.setdefault(table, (i, feature)))


def _shared_faults(
    table: str, i: int, feature: FeatureSetting, j: int, other: FeatureSetting
) -> Iterator[str]:
    """What keeps `feature`, number i in features.use, from sharing the table with `other`, j."""
    if j == i:
        return
    if feature.kind in _ALONE or other.kind in _ALONE or _dim(other) != _dim(feature):
        yield (
            f"features.use.{i}: shares the table {quoted(table)} with features.use.{j}, "
            "which needs the same dim and rows of values; give one of them another table"
        )
    elif _min_count(feature) != _min_count(other):
        yield (
            f"features.use.{i}.min_count: expected {_min_count(other)} as in features.use.{j}, "
            f"whose table it shares, found {_min_count(feature)}"
        )


def _min_count(feature: FeatureSetting) -> int:
    """The least count of a value that gets a row; 1 for the kinds that have no such setting."""
    return 1 if feature.kind == "ngrams" or feature.kind == "vectors" else feature.min_count


def _dim(feature: FeatureSetting) -> int:
    """The width of the feature's rows; 0 for vectors, whose file says it."""
    return 0 if feature.kind == "vectors" else feature.dim
