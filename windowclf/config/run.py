"""The whole tree of a configuration, and the rules that span its sections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from pydantic import Field, model_validator

from windowclf.config.data import DataSection
from windowclf.config.features import FeaturesSection, table_faults
from windowclf.config.model import ModelSection
from windowclf.config.prediction import PredictionSection
from windowclf.config.section import OnePath, Section
from windowclf.config.training import TrainingSection
from windowclf.config.tune import TuneSection
from windowclf.errors import quoted

Task: TypeAlias = Literal["tagging", "spans", "segmentation", "slots"]

WINDOWS = {"slots": 0, "segmentation": 3}
INPUT_DROPOUT = {"spans": 0.6, "segmentation": 0.3, "slots": 0.0}
CHARACTER_FEATURES = [{"kind": "word", "dim": 64, "min_count": 2}, {"kind": "shape", "dim": 16}]


def default_features(task: Any) -> tuple[str, ...]:
    """The names of the features that a task has by default, as their tables are called."""
    if task == "segmentation":
        return tuple(str(feature["kind"]) for feature in CHARACTER_FEATURES)
    return tuple(feature.table_name for feature in FeaturesSection().use)


class Config(Section):
    """A whole run. `task` and `data` alone are a working config."""

    seed: int = Field(default=1, ge=0, lt=1 << 32)
    output: OnePath = Field(default="runs", description="the run folder; runs/<task> by default")
    task: Task
    data: DataSection
    features: FeaturesSection = FeaturesSection()
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    prediction: PredictionSection = PredictionSection()
    tune: TuneSection | None = Field(
        default=None, description="for windowclf tune; train passes it by"
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_task(cls, given: Any) -> Any:
        """Defaults that depend on the task: the run folder, window, features, input dropout."""
        if not isinstance(given, dict) or not isinstance(given.get("task"), str):
            return given
        task = given["task"]
        filled = {"output": f"runs/{task}", "features": {}, "training": {}, **given}
        if isinstance(filled["training"], dict) and task in INPUT_DROPOUT:
            filled["training"] = {"input_dropout": INPUT_DROPOUT[task], **filled["training"]}
        features = filled["features"]
        if isinstance(features, dict):
            by_task: dict[str, Any] = {"window": WINDOWS.get(task, 2)}
            if task == "segmentation":
                by_task["use"] = CHARACTER_FEATURES
            filled["features"] = {**by_task, **features}
        return filled

    @model_validator(mode="after")
    def _sections_agree(self) -> Config:
        faults = [*table_faults(self.features.use), *_task_faults(self)]
        if faults:
            raise ValueError("\n".join(faults))
        return self


def _derives(config: Config) -> bool:
    """Whether a feature reads a column that is made from the text and stands in no file."""
    return any(
        f.kind == "gazetteer" or (f.kind == "shape" and f.position) for f in config.features.use
    )


def _task_faults(config: Config) -> Iterator[str]:
    """A sentence for everything in the sections that does not go with the task or the output."""
    is_slots = config.task == "slots"
    default = FeaturesSection().use
    if is_slots and config.features.use[: len(default)] == default:
        yield "features.use: missing; task: slots needs a feature of kind column for each slot"
        return
    for i, feature in enumerate(config.features.use):
        here = f"features.use.{i}"
        if feature.kind == "column" and not is_slots and feature.column not in config.data.extra:
            yield f"{here}.column: {quoted(feature.column)} is no name of data.extra; add it there"
        if feature.kind == "column" and feature.column.startswith("@") and _derives(config):
            yield f"{here}.column: names that begin with @ are kept for what is made from the text"
        if is_slots and feature.kind != "column":
            yield f"{here}.kind: expected column for task: slots, found {feature.kind}"
    if is_slots and config.features.window:
        yield f"features.window: expected 0 for task: slots, found {config.features.window}"
    if is_slots and config.model.recurrence:
        yield "model.recurrence: expected null for task: slots, whose rows are no sentence"
    if is_slots and config.data.dictionary is not None:
        yield "data.dictionary: expected null for task: slots, whose rows have no words"
    if config.data.replay is not None and config.training.start_from is None:
        yield "data.replay: expected null without training.start_from, the model that has learnt it"
    if config.model.output == "crf" and is_slots:
        yield "model.output: expected softmax or sigmoid for task: slots, found crf"
    if config.model.output == "crf" and config.training.class_weights is not None:
        yield "training.class_weights: expected null for model.output: crf"
    if config.model.output != "softmax" and config.training.label_smoothing:
        yield f"training.label_smoothing: expected 0 for model.output: {config.model.output}"
    if config.model.output == "sigmoid" and config.task in ("spans", "segmentation"):
        yield f"model.output: expected softmax for task: {config.task}, found sigmoid"
