"""Small jobs for a service: short ones, and such as last until they are stopped."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpora

import windowclf
from windowclf.config.reading import make_config

LONG = {"epochs": 5_000, "checkpoint": {"steps": 100}}


def until(happened: Callable[[], Any], seconds: float = 30) -> Any:
    """What comes of a function once that is something."""
    end = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
    return found


def config_in(folder: Path, **training: Any) -> dict[str, Any]:
    """The config of a small tagging run whose files are in `folder`."""
    config = corpora.tagging(folder)
    config["training"] |= {"early_stopping": None, **training}
    return config


def without_paths(config: dict[str, Any]) -> dict[str, Any]:
    """The same as a client sends it, who names the files apart."""
    config = copy.deepcopy(config)
    del config["output"], config["data"]["train"], config["data"]["dev"]
    return config


def digest_of(config: dict[str, Any], output: Path, threads: int = 1) -> str:
    """sha256 of the model that `train` makes of a config."""
    tree = {**config, "output": str(output)}
    tree["training"] = {**tree["training"], "threads": threads}
    windowclf.train(make_config(tree), resume=True)
    return corpora.digest(output)
