"""Mutants of tests/mutation.py that no test can tell apart, each with the reason."""

from __future__ import annotations

# "module function, what is done: the line after it" -> why what is computed stays the same.
EQUIVALENT: dict[str, str] = {}
