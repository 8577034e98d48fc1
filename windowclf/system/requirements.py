"""The packages that windowclf needs: which of them are missing, and how to have them.

Loading a model and tagging need numpy and safetensors alone, so the others may be left out.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution, requires

_OF_IMPORT = {"yaml": "pyyaml"}  # packages whose modules have another name
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def explained(error: ModuleNotFoundError, what: str) -> ModuleNotFoundError | None:
    """The error to raise where `what` cannot import a module: it says what to install.

    None where the module is no part of a requirement.
    """
    needed = {name: each for each in _requirements() if (name := _name_of(each))}
    module = (error.name or "").partition(".")[0].lower()
    if (name := _OF_IMPORT.get(module, module)) not in needed:
        return None
    missing = {each: needed[each] for each in needed if not _is_installed(each)} or {name: name}
    are = "which are" if len(missing) > 1 else "which is"
    packages = " ".join(f'"{each}"' for each in missing.values())
    return ModuleNotFoundError(
        f"{what} needs {', '.join(missing)}, {are} not installed: pip install {packages}",
        name=error.name,
    )


def _requirements() -> list[str]:
    """The requirements of windowclf as pip takes them, without those of extras."""
    try:
        return [each for each in requires("windowclf") or [] if "extra ==" not in each]
    except PackageNotFoundError:  # run from a folder, without having been installed
        return []


def _name_of(requirement: str) -> str:
    """The name of the package of a requirement, in lower case."""
    found = _NAME.match(requirement)
    return found[0].lower() if found else ""


def _is_installed(package: str) -> bool:
    """Whether a package is there."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
