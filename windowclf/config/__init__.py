"""The configuration: a frozen, closed tree with a description, a default and bounds per key."""

from windowclf.config.data import DataSection, Holdout
from windowclf.config.features import FeatureSetting, FeaturesSection
from windowclf.config.model import ModelSection
from windowclf.config.prediction import PredictionSection
from windowclf.config.run import Config
from windowclf.config.training import OptimizerSetting, TrainingSection
from windowclf.config.tune import TuneSection

__all__ = [
    "Config",
    "DataSection",
    "FeatureSetting",
    "FeaturesSection",
    "Holdout",
    "ModelSection",
    "OptimizerSetting",
    "PredictionSection",
    "TrainingSection",
    "TuneSection",
]
