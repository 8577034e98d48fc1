"""Train and run window classifiers with hand-derived gradients.

    >>> import windowclf
    >>> result = windowclf.train("configs/quickstart.yaml")
    >>> tagger = windowclf.load(result.model_path)
    >>> tagger.predict_text("Anna Berg moved to Oslo in May 2019.")

`init`, `check`, `train`, `cross_validate`, `plan`, `tune`, `evaluate`, `compare`, `predict_file`,
`gradcheck`, `info`, `benchmark`, `compress` and `convert` are what the commands call; `load` gives
a `Tagger` with `predict`, `predict_proba`, `n_best` and `predict_text`. `Client` is for a server
that trains. Names are imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windowclf.analysis.figures import Check
    from windowclf.analysis.results import Comparison, Evaluation
    from windowclf.client import Client, ServerError
    from windowclf.config.environment import overrides_from_environment
    from windowclf.config.reading import ConfigLike
    from windowclf.errors import (
        ConfigError,
        DataError,
        Fault,
        ModelFileError,
        RunFolderError,
        TrainingDiverged,
        WindowclfError,
    )
    from windowclf.network.reports import EpochReport, Report, StepReport
    from windowclf.pipeline.benchmark import Benchmark, benchmark
    from windowclf.pipeline.check import check
    from windowclf.pipeline.compress import Compression, compress
    from windowclf.pipeline.convert import Conversion, convert
    from windowclf.pipeline.evaluate import compare, evaluate
    from windowclf.pipeline.folds.cross_validate import CrossValidation, cross_validate
    from windowclf.pipeline.folds.fold import Fold
    from windowclf.pipeline.gradcheck import gradcheck
    from windowclf.pipeline.info import ModelInfo, info
    from windowclf.pipeline.init import Project, init
    from windowclf.pipeline.listener import Listener
    from windowclf.pipeline.plan import Plan, plan
    from windowclf.pipeline.predict import predict_file
    from windowclf.pipeline.search.tune import TuningResult, tune
    from windowclf.pipeline.texts import GivenTexts
    from windowclf.pipeline.train import TrainingResult, train
    from windowclf.tagging.answers import TextSpan
    from windowclf.tagging.options import TagOptions
    from windowclf.tagging.tagger import Tagger, load
    from windowclf.text.sentence import Sentence

__version__ = "0.1.0"

__all__ = [
    "Benchmark",
    "Check",
    "Client",
    "Comparison",
    "Compression",
    "ConfigError",
    "ConfigLike",
    "Conversion",
    "CrossValidation",
    "DataError",
    "EpochReport",
    "Evaluation",
    "Fault",
    "Fold",
    "GivenTexts",
    "Listener",
    "ModelFileError",
    "ModelInfo",
    "Plan",
    "Project",
    "Report",
    "RunFolderError",
    "Sentence",
    "ServerError",
    "StepReport",
    "TagOptions",
    "Tagger",
    "TextSpan",
    "TrainingDiverged",
    "TrainingResult",
    "TuningResult",
    "WindowclfError",
    "benchmark",
    "check",
    "compare",
    "compress",
    "convert",
    "cross_validate",
    "evaluate",
    "gradcheck",
    "info",
    "init",
    "load",
    "overrides_from_environment",
    "plan",
    "predict_file",
    "train",
    "tune",
]

_HOMES = {
    "windowclf.analysis.figures": ("Check",),
    "windowclf.analysis.results": ("Comparison", "Evaluation"),
    "windowclf.client": ("Client", "ServerError"),
    "windowclf.config.environment": ("overrides_from_environment",),
    "windowclf.config.reading": ("ConfigLike",),
    "windowclf.network.reports": ("EpochReport", "Report", "StepReport"),
    "windowclf.pipeline.benchmark": ("Benchmark", "benchmark"),
    "windowclf.pipeline.check": ("check",),
    "windowclf.pipeline.compress": ("Compression", "compress"),
    "windowclf.pipeline.convert": ("Conversion", "convert"),
    "windowclf.pipeline.evaluate": ("compare", "evaluate"),
    "windowclf.pipeline.folds.cross_validate": ("CrossValidation", "cross_validate"),
    "windowclf.pipeline.folds.fold": ("Fold",),
    "windowclf.pipeline.gradcheck": ("gradcheck",),
    "windowclf.pipeline.info": ("ModelInfo", "info"),
    "windowclf.pipeline.init": ("Project", "init"),
    "windowclf.pipeline.listener": ("Listener",),
    "windowclf.pipeline.plan": ("Plan", "plan"),
    "windowclf.pipeline.predict": ("predict_file",),
    "windowclf.pipeline.search.tune": ("TuningResult", "tune"),
    "windowclf.pipeline.texts": ("GivenTexts",),
    "windowclf.pipeline.train": ("TrainingResult", "train"),
    "windowclf.tagging.options": ("TagOptions",),
    "windowclf.tagging.answers": ("TextSpan",),
    "windowclf.tagging.tagger": ("Tagger", "load"),
    "windowclf.text.sentence": ("Sentence",),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'windowclf' has no attribute {name!r}")
    home = next((module for module, names in _HOMES.items() if name in names), "windowclf.errors")
    try:
        return getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        from windowclf.system.requirements import explained

        raise explained(error, f"windowclf.{name}") or error from None


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
