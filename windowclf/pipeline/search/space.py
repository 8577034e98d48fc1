"""The space of a search, what it may change in a config: checked, then drawn from by trial."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from windowclf.config import Config
from windowclf.config.model import NoHiddenLayer
from windowclf.config.reading import make_config
from windowclf.config.tune import Dimension, Int, LogInt, LogUniform, Uniform
from windowclf.errors import ConfigError, Fault, legible

Space: TypeAlias = Mapping[str, Dimension]
TrialSettings: TypeAlias = dict[str, Any]  # by path

FIXED = {  # and why
    "seed": "every trial has the config's",
    "task": "trials of different tasks cannot be compared",
    "output": "every trial has a folder of its own",
    "data.dev": "trials are compared on the same sentences",
    "data.test": "tune never reads it",
    "training.epochs": "tune.rungs says how long a trial trains",
    "training.threads": "every trial has one thread",
    "tune": "it is what searches",
}
DIGITS = 4  # of a number that is drawn
_PURPOSE = 5  # part of the generators' seed; training has 1 to 4 and 6
_DRAWS = 50  # for each trial, to find settings that no earlier one has


def default_space(config: Config) -> Space:
    """The space of a config that names none: what is worth trying for most corpora.

    The learning rate is tried around the config's own.
    """
    rate = config.training.optimizer.learning_rate
    space: dict[str, Dimension] = {
        "training.optimizer.learning_rate": LogUniform(log_uniform=(rate / 4, rate * 4)),
        "training.batch_tokens": (256, 512, 1024, 2048),
    }
    if config.task != "slots":
        space["training.word_dropout"] = Uniform(uniform=(0.0, 0.3))
    if not isinstance(config.model.hidden, NoHiddenLayer):
        space["training.dropout"] = Uniform(uniform=(0.1, 0.6))
        space["model.hidden.units"] = LogInt(log_int=(64, 512))
    return space


def as_overrides(settings: TrialSettings) -> list[str]:
    """The settings of a trial as `--set` takes them."""
    return [f"{path}={json.dumps(value, ensure_ascii=False)}" for path, value in settings.items()]


def check_space(tree: Mapping[str, Any], overrides: Sequence[str], space: Space, name: str) -> None:
    """Raise ConfigError where a path or a value of the space does not fit the config."""
    faults = [
        Fault(f"{key}: {sentence}", name, key=key)
        for path in space
        for key in [f"tune.space.{legible(path)}"]
        for sentence in dict.fromkeys(_faults_of(tree, overrides, space, path))
    ]
    if faults:
        raise ConfigError(*faults)


def _faults_of(
    tree: Mapping[str, Any], overrides: Sequence[str], space: Space, path: str
) -> Iterator[str]:
    """Sentences about a path of the space, or a value at it, that does not fit the config."""
    if not path or "=" in path:
        yield "expected a path as in training.dropout."
        return
    for fixed, why in FIXED.items():
        if _overlap(path, fixed):
            yield f"expected a path that a search may change, {fixed} is not one: {why}."
            return
    for other in space:
        if other != path and _overlap(path, other):
            yield f"{legible(other)} stands in the space too, and one holds the other; keep one."
            return
    for value in _extremes(space[path]):
        try:
            make_config(tree, [*overrides, *as_overrides({path: value})], "")
        except ConfigError as error:
            for fault in error.faults:
                sentence = fault.sentence.removeprefix(f"--set {legible(path)}: ")
                yield sentence.removeprefix(f"{path}: ")


def _overlap(one: str, other: str) -> bool:
    """True where one path is the other, or leads to it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _extremes(dimension: Dimension) -> Sequence[Any]:
    """The values of a dimension to be checked: both ends of a range, or all choices."""
    match dimension:
        case Uniform(uniform=ends) | LogUniform(log_uniform=ends):
            return ends
        case Int(int=ends) | LogInt(log_int=ends):
            return ends
        case _:
            return dimension


def draw_trials(space: Space, seed: int, trials: int) -> list[TrialSettings]:
    """The settings of the trials: the first one's are none, no two are the same.

    More trials begin with the same ones. A small space may have fewer than were asked for.
    """
    drawn: list[TrialSettings] = [{}]
    known = {"{}"}
    for attempt in range(_DRAWS * trials):
        if len(drawn) == trials:
            break
        rng = np.random.default_rng((seed, _PURPOSE, attempt))
        settings = {path: _draw(space[path], rng) for path in sorted(space)}
        text = json.dumps(settings, sort_keys=True)
        if text not in known:
            known.add(text)
            drawn.append(settings)
    return drawn


def _draw(dimension: Dimension, rng: np.random.Generator) -> Any:
    """A random value of a dimension of the space."""
    match dimension:
        case Uniform(uniform=(low, high)):
            return _rounded(rng.uniform(low, high), low, high)
        case LogUniform(log_uniform=(low, high)):
            return _rounded(math.exp(rng.uniform(math.log(low), math.log(high))), low, high)
        case Int(int=(least, most)):
            return int(rng.integers(least, most, endpoint=True))
        case LogInt(log_int=(least, most)):
            value = math.exp(rng.uniform(math.log(least), math.log(most + 1)))
            return min(max(int(value), least), most)
        case _:
            return dimension[int(rng.integers(len(dimension)))]


def _rounded(value: float, low: float, high: float) -> float:
    """The value with DIGITS digits, so that people can read it, within its bounds."""
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)
