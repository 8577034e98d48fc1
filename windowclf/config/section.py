"""The base of every section of the configuration, and types of keys that several sections have."""

from __future__ import annotations

import os
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """The base of all sections: no unknown key, no silent conversion, no change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _as_path(value: Any) -> Any:
    """A Path of Python as text; anything else as it is, for pydantic to take or refuse."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _as_paths(value: Any) -> Any:
    """A path, or a list of paths, as a tuple; anything else as it is, for pydantic to refuse."""
    if isinstance(value, str | os.PathLike):
        return (_as_path(value),)
    return tuple(map(_as_path, value)) if isinstance(value, list | tuple) else value


OnePath: TypeAlias = Annotated[str, Field(min_length=1), BeforeValidator(_as_path)]
Paths: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_as_paths), Field(min_length=1)]
AsTuple = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
