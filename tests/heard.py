"""A listener made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from windowclf import Listener


class Heard(Listener):
    """Calls the functions that it is given."""

    def __init__(self, stop: Callable[[], bool] = lambda: False, **functions: Callable[..., Any]):
        self.should_stop = stop
        for name, function in functions.items():
            assert hasattr(Listener, name)
            setattr(self, name, function)
