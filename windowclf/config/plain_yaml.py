"""YAML as configs use it: text, numbers, true, false, null, lists and mappings, all of it counted.

No tags, no dates, no octal and no base 60; a key is text and stands once; an alias counts as the
value it repeats, so that neither a small file nor a short one can become a large tree.
"""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn, cast

import yaml

from windowclf.errors import ConfigError

MOST_NODES = 20_000  # keys and values, those that aliases repeat once more each time
DEEPEST = 32  # lists and mappings within each other
LONGEST_PROBLEM = 200  # characters of what the parser says

_TAG = "tag:yaml.org,2002:"
_KEPT = {_TAG + name for name in ("null", "bool", "merge")}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,40})$")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
)
_READ_AS = {  # where a key stands
    _TAG + "null": "what YAML reads as nothing",
    _TAG + "bool": "a yes, no, on or off that YAML reads as true or false",
    _TAG + "int": "a number",
    _TAG + "float": "a number",
}
_SIGNS = tuple("*&!%@`")  # of aliases, anchors, tags, directives and what may come
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def parse_yaml(text: str, name: str, as_text: str | None = None) -> Any:
    """The value of a YAML text. Raises ConfigError with name:line:column.

    `as_text` is how one gives all of it as a text, should it begin with a sign of YAML's own.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        problem = _short(error.problem or error.context) + _advice(text, error, as_text)
        raise ConfigError(f"{place}: not YAML, {problem}.") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"found the character U+{ord(text[error.position]):04X}"
        raise ConfigError(f"{name}:{line}: not YAML, {found}; remove it.") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # an escape beyond Unicode
        raise ConfigError(f"{name}: not YAML, {_short(str(error))}.") from None


def _advice(text: str, error: yaml.MarkedYAMLError, as_text: str | None) -> str:
    """How a sentence goes on about a text that YAML takes for an alias or the like: *.conll."""
    start, mark = text.lstrip()[:1], error.context_mark
    if as_text is not None and start in _SIGNS:
        return f"; a text that begins with {start} has to be given in quotes ({as_text})"
    if mark and isinstance(error, yaml.scanner.ScannerError) and text[mark.index] in _SIGNS:
        return f"; a text that begins with {text[mark.index]} has to be given in quotes"
    return ""


def write_yaml(value: Any) -> str:
    """YAML that reads back to an equal value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def write_inline(value: Any) -> str:
    """YAML in one line that reads back to an equal value, as what stands behind a key."""
    whole = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=math.inf,
        default_flow_style=True,
    )
    return whole.removesuffix("\n").removesuffix("\n...")


def _short(problem: str | None) -> str:
    """What the parser says on one line, cut where it is long."""
    line = " ".join((problem or "").split())
    return line if len(line) <= LONGEST_PROBLEM else f"{line[:LONGEST_PROBLEM]}…"


class _Loader(yaml.SafeLoader):
    """Safe YAML, and of that the part that the module describes."""

    yaml_implicit_resolvers = {  # noqa: RUF012 — as the base class has it
        first: [(tag, pattern) for tag, pattern in known if tag in _KEPT]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.nodes = 0
        self.depth = 0
        self.nodes_of: dict[str, int] = {}  # by anchor, once its value is whole

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Any value, counted in `nodes`; an alias counts as all the values that it stands for."""
        event = cast(Any, self).peek_event()
        before = self.nodes
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in self.anchors and event.anchor not in self.nodes_of:
                _refuse(f"the alias *{event.anchor} stands within its own value", event)
            self.nodes += self.nodes_of.get(event.anchor or "", 1)
        else:
            self.nodes += 1
            if event.tag is not None:
                _refuse(f"expected a plain value, found the tag {event.tag!r}; remove it", event)
        self.depth += 1
        if self.nodes > MOST_NODES or self.depth > DEEPEST:
            _refuse("the config is too large or too deep", event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if event.anchor is not None:
            self.nodes_of[event.anchor] = self.nodes - before
        return node

    def compose_scalar_node(self, anchor: Any) -> Any:
        """A text, number or word; refused with a NUL or half a surrogate pair in it.

        No file can be called so, and no UTF-8 can hold it.
        """
        node = super().compose_scalar_node(anchor)
        if _NO_TEXT.search(node.value):
            _refuse("found \\0 or half a surrogate pair, which no text holds", node)
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        """A mapping; refused unless every key is a text that stands once in it."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                _refuse("expected text as a key, found a list or mapping", key)
            if key.tag not in (_TAG + "str", _TAG + "merge"):
                _refuse(f"expected text as a key, found {_READ_AS[key.tag]}; quote it", key)
            if key.value in seen:
                _refuse(f"the key {key.value!r} stands twice", key)
            seen.add(key.value)
        return node


class _Dumper(yaml.SafeDumper):
    """Quotes every text that the loader would not read as it stands."""


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """A text as YAML: in double quotes where it has signs that are not seen."""
    # PyYAML's other styles fold U+0085, U+2028 and their like.
    return dumper.represent_scalar(_TAG + "str", text, None if text.isprintable() else '"')


_Dumper.add_representer(str, _represent_text)

for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(_TAG + "int", _INT, list("-+0123456789"))
    _class.add_implicit_resolver(_TAG + "float", _FLOAT, list("-+0123456789."))


def _refuse(problem: str, found: Any) -> NoReturn:
    """Raise the parser's own error, at the line and column where a node or event begins."""
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=found.start_mark)
