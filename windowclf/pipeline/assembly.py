"""From a config and its data to what trains: the spec of the model and the settings of a run."""

from __future__ import annotations

from collections.abc import Collection

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
from windowclf.system.threads import available_cores
from windowclf.tagging.spec import Spec
from windowclf.text.dictionary import Dictionary, read_dictionary
from windowclf.text.formats import Layout
from windowclf.text.legality import span_states


def spec_of(config: cfg.Config, layout: Layout, data: TrainingData) -> Spec:
    """The spec of the model to be trained. Raises DataError where the dictionary is wrong."""
    return Spec(
        architecture=architecture_of(config, data),
        vocabulary=data.vocabulary,
        layout=layout,
        inside=inside_scheme(config),
        dictionary=dictionary_of(config, layout, data),
    )


def architecture_of(config: cfg.Config, data: TrainingData) -> Architecture:
    """The architecture that a config asks for, with the sizes that follow from the data."""
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


def dictionary_of(
    config: cfg.Config, layout: Layout, data: TrainingData, without: Collection[str] = ()
) -> Dictionary:
    """Word -> its labels, from the files of data.dictionary; empty without. Raises DataError.

    Those of the vocabulary are known, but for some that are to be `without`.
    """
    if config.data.dictionary is None:
        return {}
    labels = tuple(label for label in data.vocabulary.labels if label not in without)
    inside = inside_scheme(config)
    if data.targets is not None and data.targets.shape[1] > 1:
        raise DataError("data.dictionary: expected null for several labels a token.")
    if inside is not None:
        labels = span_states(labels, inside, layout.scheme).labels
    paths = files_of(config.data.dictionary, "data.dictionary")
    return read_dictionary(paths, list(dict.fromkeys(labels)))


def threads_of(config: cfg.Config) -> int:
    """How many threads share a step, as the config says."""
    threads = config.training.threads
    return available_cores() if threads == "auto" else threads


def settings_of(config: cfg.Config, data: TrainingData) -> Settings:
    """How to train, as a config and its data say."""
    training = config.training
    return Settings(
        seed=config.seed,
        epochs=training.epochs,
        batch_tokens=training.batch_tokens,
        rule=_rule(training.optimizer),
        learning_rate=training.optimizer.learning_rate,
        rows=training.optimizer.rows,
        average=training.average,
        schedule=training.schedule.name,
        warmup=training.schedule.warmup,
        objective=Objective(
            l2=training.l2,
            dropout=training.dropout,
            input_dropout=training.input_dropout,
            class_weights=_class_weights(training.class_weights, data),
            targets=data.targets,
            label_smoothing=training.label_smoothing,
        ),
        word_dropout=training.word_dropout,
        clip_norm=training.clip_norm,
        patience=early.patience if (early := training.early_stopping) and data.dev else None,
        dtype=training.dtype,
        replay_share=training.replay_share,
    )


def _rule(setting: cfg.OptimizerSetting) -> Rule:
    """The update rule that training.optimizer names."""
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
    """The weight of each label of the corpus; None where all have the same.   ->  (labels,).

    Of `balanced`: the tokens with a label / (the number of labels · the tokens with this one). A
    label that a mapping does not name has 1. Raises DataError for one that no token has.
    """
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
