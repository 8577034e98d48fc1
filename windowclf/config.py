"""The configuration: one frozen, closed model with a description, a default and bounds per key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

Task: TypeAlias = Literal["tagging", "spans", "segmentation", "slots"]


class Section(BaseModel):
    """What all sections share: no unknown key, no silent conversion, no change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _as_paths(value: Any) -> Any:
    """One path stands for a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Paths: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_as_paths), Field(min_length=1)]
AsTuple = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)


class Holdout(Section):
    """Dev data taken from the end of the training sentences."""

    holdout: float = Field(gt=0, lt=1, description="share of the training sentences")


def _dev_kind(value: Any) -> str:
    if isinstance(value, dict | Holdout):
        return "holdout"
    return "none" if value is None else "paths"


Dev: TypeAlias = Annotated[
    Annotated[Paths, Tag("paths")]
    | Annotated[Holdout, Tag("holdout")]
    | Annotated[None, Tag("none")],
    Discriminator(_dev_kind),
]


class Data(Section):
    """Where the text is and how it is written."""

    format: Literal["conll", "conllu", "jsonl", "csv", "tsv", "text"] | None = Field(
        default=None, description="by the file's suffix if left out"
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
    scheme: Literal["BIO", "IOB1", "IO", "BIOES"] = Field(
        default="BIO", description="scheme of the span labels in the files"
    )
    inside: Literal["BIO", "IOB1", "IO", "BIOES"] = Field(
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
        default=None, description="the same, or {holdout: 0.1} for the last tenth of train"
    )
    test: Paths | None = Field(default=None, description="scored once, after the training")


class _Sized(Section):
    table: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="features of one table share its rows",
    )


class Word(_Sized):
    """The token as it is."""

    kind: Literal["word"]
    dim: int = Field(default=64, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=2, ge=1, description="rarer values read as unknown")

    @property
    def table_name(self) -> str:
        """The table that it reads."""
        return self.table or "word"


class Lower(_Sized):
    """The token in lower case."""

    kind: Literal["lower"]
    dim: int = Field(default=32, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=2, ge=1, description="rarer values read as unknown")

    @property
    def table_name(self) -> str:
        """The table that it reads."""
        return self.table or "lower"


class Affix(_Sized):
    """The first or last code points of the token."""

    kind: Literal["prefix", "suffix"]
    length: int = Field(ge=1, le=32, description="code points")
    dim: int = Field(default=16, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=2, ge=1, description="rarer values read as unknown")

    @property
    def table_name(self) -> str:
        """The table that it reads."""
        return self.table or f"{self.kind}{self.length}"


class Shape(_Sized):
    """The token with letters as X, x or o and digits as d."""

    kind: Literal["shape"]
    dim: int = Field(default=16, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=2, ge=1, description="rarer values read as unknown")

    @property
    def table_name(self) -> str:
        """The table that it reads."""
        return self.table or "shape"


class Ngrams(_Sized):
    """The sum of the rows of all character n-grams, hashed."""

    kind: Literal["ngrams"]
    min: int = Field(default=2, ge=1, le=16, description="shortest n-gram, in code points")
    max: int = Field(default=5, ge=1, le=16, description="longest n-gram")
    buckets: int = Field(
        default=20_000, ge=1, le=1 << 24, description="rows that the hash chooses from"
    )
    dim: int = Field(default=16, ge=1, le=4096, description="width of the embedding")

    @property
    def table_name(self) -> str:
        """The table that it reads."""
        return self.table or f"ngrams{self.min}-{self.max}"

    @model_validator(mode="after")
    def _ordered(self) -> Ngrams:
        if self.min > self.max:
            raise ValueError(f"expected min <= max, found min {self.min} and max {self.max}")
        return self


class Column(_Sized):
    """A further column of the file."""

    kind: Literal["column"]
    column: str = Field(min_length=1, description="a name of data.extra; for slots, of the header")
    dim: int = Field(default=16, ge=1, le=4096, description="width of the embedding")
    min_count: int = Field(default=1, ge=1, description="rarer values read as unknown")

    @property
    def table_name(self) -> str:
        """The table that it reads."""
        return self.table or f"column.{self.column}"


class CharCnn(_Sized):
    """Shared filters over windows of characters, and the maximum over positions."""

    kind: Literal["char_cnn"]
    dim: int = Field(default=16, ge=1, le=4096, description="width of a character's embedding")
    filters: int = Field(default=32, ge=1, le=4096, description="width of the slot")
    width: Literal[1, 3, 5, 7, 9] = Field(
        default=3, description="characters that a filter sees; odd"
    )
    min_count: int = Field(default=2, ge=1, description="rarer characters read as unknown")

    @property
    def table_name(self) -> str:
        """The table that it reads."""
        return self.table or "characters"


Feature: TypeAlias = Annotated[
    Word | Lower | Affix | Shape | Ngrams | Column | CharCnn, Discriminator("kind")
]


class Features(Section):
    """What the network sees of each token of a window."""

    window: int = Field(default=2, ge=0, le=16, description="tokens on either side; 0 for slots")
    use: Annotated[tuple[Feature, ...], AsTuple] = Field(
        default=(
            Word(kind="word"),
            Lower(kind="lower"),
            *(Affix(kind="prefix", length=n) for n in (1, 2, 3)),
            *(Affix(kind="suffix", length=n) for n in (1, 2, 3, 4)),
            Shape(kind="shape"),
            Ngrams(kind="ngrams"),
        ),
        min_length=1,
        description="one slot of a token each",
    )


class HiddenLayer(Section):
    """h = f(x W + b1)."""

    activation: Literal["relu", "sigmoid", "tanh", "hard_tanh"] = Field(
        default="relu", description="f"
    )
    units: int = Field(default=256, ge=1, le=65536, description="H")


class NoHiddenLayer(Section):
    """theta = x U + b2: softmax or logistic regression on the window."""

    activation: Literal["none"]


def _hidden_kind(value: Any) -> str:
    found = value.get("activation") if isinstance(value, dict) else getattr(value, "activation", 0)
    return "none" if found == "none" else "layer"


Hidden: TypeAlias = Annotated[
    Annotated[HiddenLayer, Tag("layer")] | Annotated[NoHiddenLayer, Tag("none")],
    Discriminator(_hidden_kind),
]


class Recurrence(Section):
    """An Elman network over the sentence in place of the hidden layer."""

    directions: Literal[1, 2] = Field(default=1, description="2 runs it from both ends")
    truncate: int | None = Field(
        default=None, ge=1, description="blocks of the backward pass, in tokens"
    )


class Model(Section):
    """The network above the features; sizes that follow from the data never stand here."""

    hidden: Hidden = HiddenLayer()
    recurrence: Recurrence | None = None
    output: Literal["softmax", "sigmoid"] = Field(
        default="softmax",
        description="sigmoid for labels joined by |, or for two classes in one logit",
    )

    @model_validator(mode="after")
    def _recurrence_needs_hidden(self) -> Model:
        if self.recurrence and self.hidden.activation == "none":
            raise ValueError("expected a hidden layer for recurrence, found hidden: none")
        return self


class _Rule(Section):
    learning_rate: float = Field(gt=0)
    rows: Literal["lazy", "dense"] = Field(
        default="lazy", description="lazy updates only the rows of L that a batch touched"
    )


class SgdRule(_Rule):
    """p −= lr·g."""

    name: Literal["sgd"]
    learning_rate: float = Field(default=0.1, gt=0)


class MomentumRule(_Rule):
    """v = μ v + g; p −= lr·v."""

    name: Literal["momentum"]
    learning_rate: float = Field(default=0.05, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)


class AdagradRule(_Rule):
    """a += g²; p −= lr·g/(√a + ε)."""

    name: Literal["adagrad"]
    learning_rate: float = Field(default=0.02, gt=0)
    epsilon: float = Field(default=1e-8, gt=0)


class RmsPropRule(_Rule):
    """a = ρ a + (1 − ρ) g²; p −= lr·g/(√a + ε)."""

    name: Literal["rmsprop"]
    learning_rate: float = Field(default=0.001, gt=0)
    decay: float = Field(default=0.9, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0)


class AdamRule(_Rule):
    """Adam with the global step count."""

    name: Literal["adam"]
    learning_rate: float = Field(default=0.004, gt=0)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0)


def _adam_by_default(value: Any) -> Any:
    return {"name": "adam", **value} if isinstance(value, dict) else value


Optimizer: TypeAlias = Annotated[
    SgdRule | MomentumRule | AdagradRule | RmsPropRule | AdamRule,
    Discriminator("name"),
    BeforeValidator(_adam_by_default),
]


class Schedule(Section):
    """How the learning rate changes with progress, tokens trained on / all tokens of the run."""

    name: Literal["constant", "linear", "cosine"] = "linear"
    warmup: float = Field(
        default=0.0, ge=0, lt=1, description="share of the run in which it rises from 0"
    )


class EarlyStopping(Section):
    """Stop when the dev score has not improved."""

    patience: int = Field(default=3, ge=1, description="epochs without a better score")


class Checkpoint(Section):
    """How often the state for --resume is saved."""

    seconds: float = Field(default=60.0, gt=0)


def _class_weights_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "weights"
    return "none" if value is None else "name"


class Training(Section):
    """How the parameters are found."""

    epochs: int = Field(default=10, ge=1)
    batch_tokens: int = Field(
        default=512, ge=1, description="about as many; sentences are never cut"
    )
    optimizer: Optimizer = AdamRule(name="adam")
    schedule: Schedule = Schedule()
    dropout: float = Field(
        default=0.4, ge=0, lt=1, description="on h; without effect where hidden is none"
    )
    word_dropout: float = Field(
        default=0.1, ge=0, lt=1, description="tokens that read as unknown words"
    )
    l2: float = Field(default=0.0, ge=0, description="(l2/2)·Σ‖·‖² over W, U, R and filters")
    clip_norm: float | None = Field(
        default=5.0, gt=0, description="limit of the global gradient norm"
    )
    average: float | None = Field(
        default=0.99, ge=0, lt=1, description="decay of averaged parameters"
    )
    class_weights: Annotated[
        Annotated[Literal["balanced"], Tag("name")]
        | Annotated[dict[str, Annotated[float, Field(gt=0)]], Tag("weights")]
        | Annotated[None, Tag("none")],
        Discriminator(_class_weights_kind),
    ] = Field(default=None, description="balanced, or {LABEL: weight}")
    early_stopping: EarlyStopping | None = EarlyStopping()
    dtype: Literal["float32", "float64"] = "float32"
    threads: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto", description="threads of the linear algebra; auto: the available cores"
    )
    checkpoint: Checkpoint = Checkpoint()


class Prediction(Section):
    """How the model tags."""

    cache_mb: int = Field(default=64, ge=0, description="memory for rows of frequent tokens")


class Config(Section):
    """A whole run. `task` and `data` alone are a working config."""

    seed: int = Field(default=1, ge=0, lt=1 << 32)
    output: str = Field(
        default="runs", min_length=1, description="the run folder; runs/<task> by default"
    )
    task: Task
    data: Data
    features: Features = Features()
    model: Model = Model()
    training: Training = Training()
    prediction: Prediction = Prediction()

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_task(cls, given: Any) -> Any:
        """Defaults that depend on the task: the run folder, the window and the features."""
        if not isinstance(given, dict) or not isinstance(given.get("task"), str):
            return given
        task = given["task"]
        filled = {"output": f"runs/{task}", "features": {}, **given}
        features = filled["features"]
        if isinstance(features, dict):
            by_task: dict[str, Any] = {"window": WINDOWS.get(task, 2)}
            if task == "segmentation":
                by_task["use"] = CHARACTER_FEATURES
            filled["features"] = {**by_task, **features}
        return filled

    @model_validator(mode="after")
    def _sections_agree(self) -> Config:
        faults = [*_table_faults(self.features.use), *_task_faults(self)]
        if faults:
            raise ValueError("\n".join(faults))
        return self


WINDOWS = {"slots": 0, "segmentation": 3}
CHARACTER_FEATURES = [{"kind": "word", "dim": 64, "min_count": 2}, {"kind": "shape", "dim": 16}]


def _table_faults(features: tuple[Feature, ...]) -> Iterator[str]:
    """Features of one table need one width and one min_count; none may stand twice."""
    first: dict[str, tuple[int, Feature]] = {}
    for i, feature in enumerate(features):
        here = f"features.use.{i}"
        earlier = [j for j, other in enumerate(features[:i]) if other == feature]
        if earlier:
            yield f"{here}: the same as features.use.{earlier[0]}; remove one of them"
            continue
        j, other = first.setdefault(feature.table_name, (i, feature))
        hashed = {f.kind for f in (feature, other)} & {"ngrams", "char_cnn"}
        if j != i and (hashed or other.dim != feature.dim):
            yield (
                f"{here}: shares the table {feature.table_name!r} with features.use.{j}, which "
                "needs the same dim and rows of values; give one of them another table"
            )
        elif j != i and _min_count(feature) != _min_count(other):
            yield (
                f"{here}.min_count: expected {_min_count(other)} as in features.use.{j}, whose "
                f"table it shares, found {_min_count(feature)}"
            )


def _min_count(feature: Feature) -> int:
    return 1 if feature.kind == "ngrams" else feature.min_count


def _task_faults(config: Config) -> Iterator[str]:
    slots = config.task == "slots"
    if slots and config.features.use == Features().use:
        yield "features.use: missing; task: slots needs a feature of kind column for each slot"
        return
    for i, feature in enumerate(config.features.use):
        here = f"features.use.{i}"
        if feature.kind == "column" and not slots and feature.column not in config.data.extra:
            yield f"{here}.column: {feature.column!r} is no name of data.extra; add it there"
        if slots and feature.kind != "column":
            yield f"{here}.kind: expected column for task: slots, found {feature.kind}"
    if slots and config.features.window:
        yield f"features.window: expected 0 for task: slots, found {config.features.window}"
    if slots and config.model.recurrence:
        yield "model.recurrence: expected null for task: slots, whose rows are no sentence"
    if config.model.output == "sigmoid" and config.task in ("spans", "segmentation"):
        yield f"model.output: expected softmax for task: {config.task}, found sigmoid"
