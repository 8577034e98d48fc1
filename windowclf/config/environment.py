"""Keys of a config from variables of the environment: WINDOWCLF_TRAINING__EPOCHS=3.

The command line reads them, below --set and above the file; a function does so only where it is
given them as overrides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from windowclf.config.plain_yaml import parse_yaml
from windowclf.config.schema import known_paths, spelled
from windowclf.errors import SHOWN_CHARACTERS, ConfigError, legible
from windowclf.system.arguments import checked_arguments

PREFIX, BETWEEN = "WINDOWCLF_", "__"
NO_KEYS = frozenset(
    {
        "WINDOWCLF_CORPORA",  # for the tests, which look for their corpora there
        "WINDOWCLF_SERVER",  # for submit and jobs
        "WINDOWCLF_TOKEN",
    }
)


class Variable(NamedTuple):
    """A variable, and the key of a config that it sets."""

    name: str
    key: str  # a.b, as in --set
    value: str  # YAML

    @property
    def override(self) -> str:
        """What --set would be given."""
        return f"{self.key}={self.value}"


@checked_arguments
def overrides_from_environment(environ: Mapping[str, str] | None = None) -> list[str]:
    """The overrides, "a.b=VALUE", that variables such as WINDOWCLF_TRAINING__EPOCHS=3 stand for.

    They are those of the process, or of a mapping. Raises ConfigError for one that is no key.

    >>> windowclf.train("my.yaml", windowclf.overrides_from_environment())
    """
    return [each.override for each in variables_in(os.environ if environ is None else environ)]


def variables_in(environ: Mapping[str, str]) -> list[Variable]:
    """The variables that set keys of a config, a section before what lies in it.

    Raises ConfigError with a fault for each that is no key, or no YAML.
    """
    found: dict[str, Variable] = {}
    faults: list[str] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in NO_KEYS:
            continue
        path = spelled(name.removeprefix(PREFIX).split(BETWEEN))
        if path is None:
            faults.append(_unknown(name))
            continue
        variable = Variable(name, ".".join(path), environ[name])
        if (other := found.setdefault(variable.key, variable)) is not variable:
            faults.append(f"{other.name} and {name} both set {variable.key}; unset one of them.")
        parse_yaml(variable.value, legible(name))  # so that a fault in it names the variable
    if faults:
        raise ConfigError(*faults)
    return sorted(found.values(), key=lambda variable: (variable.key.count("."), variable.key))


def _unknown(name: str) -> str:
    """A sentence about a variable that sets nothing, with the nearest one that does."""
    wanted = name.removeprefix(PREFIX).lower()[:SHOWN_CHARACTERS]
    known = list(dict.fromkeys(path.replace(".", BETWEEN) for path in known_paths()))
    alike = [key for key in known if key.split(BETWEEN)[-1] == wanted.split(BETWEEN)[-1]]
    near = get_close_matches(wanted, alike, 1, 0) or get_close_matches(wanted, known, 1, 0.5)
    if near:
        return f"{legible(name)}: no key of the config; did you mean {PREFIX}{near[0].upper()}?"
    example = f"{PREFIX}TRAINING{BETWEEN}EPOCHS"
    return f"{legible(name)}: no key of the config, as {example} is training.epochs; unset it."
