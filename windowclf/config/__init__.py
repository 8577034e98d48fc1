"""The configuration: a frozen, closed tree with a description, a default and bounds per key."""

from windowclf.config.data import Data, Holdout
from windowclf.config.features import Feature, Features
from windowclf.config.model import Model
from windowclf.config.prediction import Prediction
from windowclf.config.run import Config
from windowclf.config.training import Optimizer, Training
from windowclf.config.tune import Tune

__all__ = [
    "Config",
    "Data",
    "Feature",
    "Features",
    "Holdout",
    "Model",
    "Optimizer",
    "Prediction",
    "Training",
    "Tune",
]
