"""From a config and its data to the objects that train: the one place where they meet."""

from __future__ import annotations

import numpy as np

from windowclf import config as cfg
from windowclf.arrays import Floats
from windowclf.errors import DataError, legible, named
from windowclf.network.architecture import Architecture
from windowclf.network.gradients import Objective
from windowclf.network.settings import Settings
from windowclf.network.update_rules import Adagrad, Adam, Momentum, RmsProp, Rule, Sgd
from windowclf.pipeline.input_files import files_of
from windowclf.pipeline.reading import inside_scheme
from windowclf.pipeline.training_data import TrainingData
from windowclf.tagging.spec import Spec
from windowclf.text.dictionary import Dictionary, read_dictionary
from windowclf.text.formats import Layout
from windowclf.text.spans import span_states


def spec_of(config: cfg.Config, layout: Layout, data: TrainingData) -> Spec:
    """All of the model but its numbers. Raises DataError where the dictionary is wrong."""
    return Spec(
        architecture=architecture_of(config, data),
        vocabulary=data.vocabulary,
        layout=layout,
        inside=inside_scheme(config),
        dictionary=dictionary_of(config, layout, data),
    )


def architecture_of(config: cfg.Config, data: TrainingData) -> Architecture:
    """Names and shapes of the parameters: the config with the sizes that follow from the data."""
    hidden, recurrence = config.model.hidden, config.model.recurrence
    return Architecture(
        features=data.vocabulary.features,
        table_sizes=data.vocabulary.table_sizes(),
        window=config.features.window,
        activation=hidden.activation,
        units=0 if hidden.activation == "none" else hidden.units,
        directions=recurrence.directions if recurrence else 0,
        truncate=recurrence.truncate if recurrence else None,
        output=config.model.output,
        classes=len(data.vocabulary.labels) if data.targets is None else data.targets.shape[1],
        members=config.model.members,
    )


def dictionary_of(config: cfg.Config, layout: Layout, data: TrainingData) -> Dictionary:
    """The words of data.dictionary and their labels; none without it. Raises DataError."""
    if config.data.dictionary is None:
        return {}
    labels, inside = data.vocabulary.labels, inside_scheme(config)
    if data.targets is not None and data.targets.shape[1] > 1:
        raise DataError("data.dictionary: expected null for several labels a token.")
    if inside is not None:
        labels = span_states(labels, inside, layout.scheme).labels
    paths = files_of(config.data.dictionary, "data.dictionary")
    return read_dictionary(paths, list(dict.fromkeys(labels)))


def settings_of(config: cfg.Config, data: TrainingData) -> Settings:
    """How to train."""
    t = config.training
    return Settings(
        seed=config.seed,
        epochs=t.epochs,
        batch_tokens=t.batch_tokens,
        rule=_rule(t.optimizer),
        learning_rate=t.optimizer.learning_rate,
        rows=t.optimizer.rows,
        average=t.average,
        schedule=t.schedule.name,
        warmup=t.schedule.warmup,
        objective=Objective(
            l2=t.l2,
            dropout=t.dropout,
            input_dropout=t.input_dropout,
            class_weights=_class_weights(t.class_weights, data),
            targets=data.targets,
            label_smoothing=t.label_smoothing,
        ),
        word_dropout=t.word_dropout,
        clip_norm=t.clip_norm,
        patience=t.early_stopping.patience if t.early_stopping and data.dev else None,
        dtype=t.dtype,
    )


def _rule(setting: cfg.OptimizerSetting) -> Rule:
    match setting.name:
        case "sgd":
            return Sgd()
        case "momentum":
            return Momentum(setting.momentum)
        case "adagrad":
            return Adagrad(setting.epsilon)
        case "rmsprop":
            return RmsProp(setting.decay, setting.epsilon)
        case "adam":
            return Adam(setting.beta1, setting.beta2, setting.epsilon)


def _class_weights(wanted: str | dict[str, float] | None, data: TrainingData) -> Floats | None:
    """w_y (label indices,); `balanced` is N/(number of labels · n_y); a label not named has 1."""
    names = data.corpus.label_names
    if wanted is None:
        return None
    if wanted == "balanced":
        counts = data.corpus.label_counts()
        balanced: Floats = counts.sum() / (len(names) * np.maximum(counts, 1.0))
        return balanced
    assert isinstance(wanted, dict)
    for name in wanted:
        if name not in names:
            raise DataError(
                f"training.class_weights.{legible(name)}: no training token has this label; "
                f"the labels are {named(sorted(names))}."
            )
    return np.array([wanted.get(name, 1.0) for name in names])
