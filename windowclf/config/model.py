"""`model`: the network above the features."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from windowclf.config.section import Section


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
    """Which of its two forms `model.hidden` has: a tag of Hidden."""
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


class ModelSection(Section):
    """The network above the features; sizes that follow from the data never stand here."""

    hidden: Hidden = HiddenLayer()
    recurrence: Recurrence | None = None
    output: Literal["softmax", "sigmoid", "crf"] = Field(
        default="softmax",
        description="sigmoid for labels joined by |, or for two classes in one logit; crf for the "
        "labels of a sentence as a whole",
    )

    members: int = Field(
        default=1,
        ge=1,
        le=64,
        description="networks that are trained side by side, and whose scores are averaged",
    )

    @model_validator(mode="after")
    def _recurrence_needs_hidden(self) -> ModelSection:
        if self.recurrence and self.hidden.activation == "none":
            raise ValueError("expected a hidden layer for recurrence, found hidden: none")
        return self
