"""Search: the config of a search, the settings of its trials, the sizes of its rungs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windowclf.config import Config, TuneSection
from windowclf.config.reading import ConfigLike, make_config, read_tree
from windowclf.errors import ConfigError
from windowclf.pipeline.search.space import (
    TrialSettings,
    as_overrides,
    check_space,
    default_space,
    draw_trials,
)


@dataclass(frozen=True)
class Search:
    """A config, and the settings that are tried on it."""

    tree: Mapping[str, Any]  # the config as it was given
    overrides: Sequence[str]  # as `--set` takes them
    name: str  # what messages call the config
    config: Config  # with the overrides; what all trials share
    tune: TuneSection
    settings: Sequence[TrialSettings]  # of trial 1, 2, …

    def config_of(self, epochs: int, trial: int, *more: str) -> Config:
        """The config of a trial (from 1) for so many epochs, with `more` overrides.

        Raises ConfigError where its settings do not go together.
        """
        changes = as_overrides(self.settings[trial - 1])
        changes += [f"training.epochs={epochs}", "tune=null", *more]
        return make_config(self.tree, [*self.overrides, *changes], self.name)

    def sizes(self) -> list[int]:
        """How many trials each rung has, if none are lost."""
        sizes = [len(self.settings)]
        while len(sizes) < len(self.tune.rungs):
            sizes.append(self.kept(sizes[-1]))
        return sizes

    def kept(self, trials: int) -> int:
        """How many of a rung's trials the next one takes on."""
        return max(1, round(self.tune.keep * trials))


def plan(config: ConfigLike, overrides: Sequence[str]) -> Search:
    """The search that a config's section `tune` asks for, checked. Raises ConfigError."""
    name = os.fspath(config) if isinstance(config, str | os.PathLike) else "config"
    if isinstance(config, Config):
        tree: Any = config.model_dump(mode="json")
    else:
        tree = config if isinstance(config, Mapping) else read_tree(config)
    whole = make_config(tree, overrides, name)
    if whole.data.dev is None:
        raise ConfigError(
            f"{name}: data.dev: missing; tune compares by the score on dev: give a path, or "
            "{holdout: 0.1} for the last tenth of train."
        )
    tune = whole.tune or TuneSection()
    tune = tune.model_copy(
        update={
            "space": tune.space or default_space(whole),
            "output": tune.output or f"{whole.output}-tune",
        }
    )
    check_space(tree, overrides, tune.space, name)
    settings = draw_trials(tune.space, whole.seed, tune.trials)
    return Search(tree, overrides, name, whole.model_copy(update={"tune": tune}), tune, settings)
