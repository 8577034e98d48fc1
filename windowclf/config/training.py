"""`training`: how the parameters are found."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag

from windowclf.config.section import OnePath, Section


class _Rule(Section):
    """What the update rules share: a learning rate, and which rows of the tables a step changes."""

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
    """The keys of `training.optimizer` with `name: adam` where they have no name."""
    return {"name": "adam", **value} if isinstance(value, dict) else value


OptimizerSetting: TypeAlias = Annotated[
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
    """How often the state for --resume is saved, and how finely the log is written."""

    seconds: float = Field(
        default=60.0, ge=0, description="after the last save; 0 saves after every step"
    )
    steps: int | None = Field(
        default=None, ge=1, description="also after every so many steps, whatever the clock says"
    )
    log_every: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="metrics.jsonl gets a line after each such share of the run, as 0.02, besides "
        "the one for each epoch",
    )


def _class_weights_kind(value: Any) -> str:
    """Which of its three forms `training.class_weights` has: a tag of its union."""
    if isinstance(value, dict):
        return "weights"
    return "none" if value is None else "name"


class TrainingSection(Section):
    """How the parameters are found."""

    start_from: OnePath | None = Field(
        default=None,
        description="a run folder or model file: go on from its parameters, with the words and "
        "labels of these data added to its own",
    )
    replay_share: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="tokens that an epoch draws from data.replay / tokens of train",
    )
    epochs: int = Field(default=10, ge=1, le=1_000_000, description="--resume may raise it")
    batch_tokens: int = Field(
        default=256, ge=1, description="about as many; sentences are never cut"
    )
    optimizer: OptimizerSetting = AdamRule(name="adam")
    schedule: Schedule = Schedule()
    dropout: float = Field(
        default=0.2, ge=0, lt=1, description="on h; without effect where hidden is none"
    )
    input_dropout: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="on the features of each distinct token of a batch; 0.6 for spans, 0.3 for "
        "segmentation and 0 for slots by default",
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
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each label given to all classes alike"
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
