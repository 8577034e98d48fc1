"""What every section of the configuration shares."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """What all sections share: no unknown key, no silent conversion, no change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _as_paths(value: Any) -> Any:
    """One path stands for a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Paths: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_as_paths), Field(min_length=1)]
AsTuple = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
