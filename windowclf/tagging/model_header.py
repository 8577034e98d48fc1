"""The header of a model file: its fields, and the checks that they make sense together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

from windowclf.network.architecture import Architecture
from windowclf.system.checked import build, in_range
from windowclf.system.limits import TEMPERATURES
from windowclf.tagging.model import Model, Stored
from windowclf.text.features import Feature, columns_of
from windowclf.text.formats import Layout
from windowclf.text.spans import Scheme

Json: TypeAlias = Mapping[str, Any]
LARGEST = (1 << 31) - 1
WIDEST = 1 << 16
MOST_MEMBERS = 64
DEEPEST_CONFIG = 32  # lists and objects within each other, as in a config's YAML
_SETTINGS: dict[str, dict[str, tuple[int, int]]] = {  # of each kind: least and greatest value
    "prefix": {"length": (1, 32)},
    "suffix": {"length": (1, 32)},
    "ngrams": {"min": (1, 16), "max": (1, 16), "buckets": (1, 1 << 24)},
    "char_cnn": {"filters": (1, WIDEST), "width": (1, 9)},
    "cluster": {"length": (0, WIDEST)},
}
_MORE = {  # further settings of each kind
    "column": {"column"},
    "shape": {"position"},
    "gazetteer": {"source", "lower"},
    "cluster": {"source"},
    "vectors": {"frozen"},
}
_ALL_KINDS = {"kind", "table", "dim", "min_count"}
_LATER = ("source", "lower", "position", "frozen")  # absent where not used, as in older files
_ALONE = {"ngrams", "char_cnn", "gazetteer", "cluster", "vectors"}  # share no table


@dataclass(frozen=True)
class Compressed:
    """How `windowclf compress` stored the arrays; see compact.py."""

    dtype: Stored
    lists: Mapping[str, tuple[int, ...]]  # of each list in the stream: how many strings and bytes


@dataclass(frozen=True)
class Header:
    """The fields of a model file's header, each of its type."""

    task: str
    layout: Json
    inside: Scheme | None
    features: tuple[Json, ...]
    columns: tuple[str, ...]
    tables: tuple[str, ...]
    model: Json
    provenance: Mapping[str, str]
    temperature: float = 1.0
    compressed: Json | None = None
    config: Json | None = None  # from version 2 on


@dataclass(frozen=True)
class KeptConfig:
    """The sections of a config that a model keeps; see `windowclf.config.kept`."""

    seed: int
    task: str
    data: Json
    features: Json
    model: Json
    training: Json


@dataclass(frozen=True)
class Parts:
    """What the header becomes, without the sizes that follow from the vocabulary."""

    features: tuple[Feature, ...]
    layout: Layout
    inside: Scheme | None
    provenance: Mapping[str, str]
    model: Json
    temperature: float
    compressed: Compressed | None
    config: Json | None


def header_of(model: Model) -> dict[str, Any]:
    """The fields of the header of a model's file; a temperature of 1, and no config, have none."""
    spec = model.spec
    made = ("features", "table_sizes")  # from the other fields, when the file is read
    architecture, layout = spec.architecture, spec.layout
    own = [field for field in fields(architecture) if field.name not in made]
    # What has its default value is left out, as in files from before the field was added.
    named = {field.name: getattr(architecture, field.name) for field in own}
    network = {field.name: named[field.name] for field in own if named[field.name] != field.default}
    return {
        "task": layout.task,
        "layout": _layout_fields(layout),
        "inside": spec.inside,
        "features": [_feature_fields(feature) for feature in architecture.features],
        "columns": list(spec.vocabulary.columns),
        "tables": list(value_tables(architecture.features)),
        "model": network,
        "provenance": dict(model.provenance),
        **({} if model.temperature == 1.0 else {"temperature": model.temperature}),
        **({} if model.config is None else {"config": dict(model.config)}),
    }


def _layout_fields(layout: Layout) -> dict[str, Any]:
    """The fields of a layout, without what was added later and says nothing."""
    own = asdict(layout)
    return {k: v for k, v in own.items() if v is not None or k not in ("names", "sentence")}


def _feature_fields(feature: Feature) -> dict[str, Any]:
    """The fields of a feature as the header has them, later ones only where they are used."""
    return {key: value for key, value in asdict(feature).items() if key not in _LATER or value}


def read_header(given: Json) -> Parts:
    """What a header says, checked. Raises ValueError where it makes no sense."""
    header = build(Header, given, "the header")
    features = tuple(
        build(Feature, feature, f"features.{i}") for i, feature in enumerate(header.features)
    )
    layout = build(Layout, header.layout, "layout")
    for fault in _faults(header, features, layout):
        raise ValueError(fault)
    in_range(header.temperature, *TEMPERATURES, "temperature")
    compressed = header.compressed
    return Parts(
        features,
        layout,
        header.inside,
        header.provenance,
        header.model,
        header.temperature,
        None if compressed is None else build(Compressed, compressed, "compressed"),
        header.config,
    )


def read_architecture(parts: Parts, table_sizes: Mapping[str, int]) -> Architecture:
    """The network that a header describes, with V of every table. Raises ValueError."""
    a = build(Architecture, parts.model, "model", features=parts.features, table_sizes=table_sizes)
    hidden = a.activation != "none"
    in_range(a.window, 0, 64, "model.window")
    in_range(a.units, int(hidden), WIDEST * int(hidden), "model.units")
    in_range(a.directions, 0, 2 * int(hidden), "model.directions")
    in_range(a.classes, 1, LARGEST, "model.classes")
    in_range(a.members, 1, MOST_MEMBERS, "model.members")
    if a.truncate is not None:
        in_range(a.truncate, 1, LARGEST, "model.truncate")
    return a


def check_config(given: Json | None, layout: Layout, a: Architecture) -> None:
    """Raise ValueError unless a config that a model keeps is one of this layout and network."""
    if given is None:
        return
    config = build(KeptConfig, given, "config")
    in_range(config.seed, 0, (1 << 32) - 1, "config.seed")
    in_range(_depth(given), 1, DEEPEST_CONFIG, "the depth of config")
    hidden = config.model.get("hidden")
    for name, said, found in (
        ("task", config.task, layout.task),
        ("data.tokenizer", config.data.get("tokenizer"), layout.tokenizer),
        ("data.scheme", config.data.get("scheme"), layout.scheme),
        ("features.window", config.features.get("window"), a.window),
        ("model.output", config.model.get("output"), a.output),
        ("model.members", config.model.get("members"), a.members),
        ("model.hidden", hidden.get("activation") if type(hidden) is dict else None, a.activation),
    ):
        if type(said) is not type(found) or said != found:
            raise ValueError(f"config.{name} is {said!r:.40}, that of the model is {found!r:.40}")


def _depth(tree: Any) -> int:
    """How many lists and objects lie within each other, counted without recursion."""
    depth, level = 0, [tree]
    while level := [each for each in level if type(each) in (dict, list)]:
        depth += 1
        level = [one for each in level for one in (each.values() if type(each) is dict else each)]
        if depth > DEEPEST_CONFIG:
            break
    return depth


def _faults(header: Header, features: tuple[Feature, ...], layout: Layout) -> Iterator[str]:
    """What does not go together in a header. Raises ValueError for a number out of its bounds."""
    if header.task != layout.task:
        yield f"task {header.task!r:.40} is not that of the layout, {layout.task!r}"
    if (layout.task == "spans") != (header.inside is not None):
        yield f"the inside scheme {header.inside} does not go with task {layout.task}"
    derived = {f.reads for f in features if f.kind != "column"}
    if header.columns != columns_of(features) or derived & {f.column for f in features if f.column}:
        yield "columns are not those that the features read"
    if header.tables != value_tables(features):
        yield "tables are not those that the features read"
    for column in (layout.token, layout.label, *layout.extra.values()):
        if isinstance(column, int):
            in_range(column, -LARGEST, LARGEST, "layout")
    if not features:
        yield "there are no features"
    for i, feature in enumerate(features):
        yield from _feature_faults(feature, f"features.{i}")
    yield from _table_faults(features)


def value_tables(features: Sequence[Feature]) -> tuple[str, ...]:
    """The tables whose rows stand for listed values, in the order of the features."""
    return tuple(dict.fromkeys(f.table for f in features if f.kind != "ngrams"))


def lexicon_kinds(features: Sequence[Feature]) -> tuple[tuple[str, str, bool], ...]:
    """(source, kind, lower) of the phrase lists and clusters that features read, each once."""
    return tuple(dict.fromkeys((f.source, f.kind, f.lower) for f in features if f.source))


def _feature_faults(feature: Feature, name: str) -> Iterator[str]:
    """What does not go together in a feature. Raises ValueError for a number out of its bounds."""
    in_range(feature.dim, 1, WIDEST, f"{name}.dim")
    in_range(feature.min_count, 1, LARGEST, f"{name}.min_count")
    if not feature.table:
        yield f"{name}.table is empty"
    own = _SETTINGS.get(feature.kind, {})
    for key, (low, high) in own.items():
        in_range(getattr(feature, key), low, high, f"{name}.{key}")
    if (feature.kind == "column") != bool(feature.column):
        yield f"{name}.column does not go with the kind {feature.kind}"
    if feature.kind == "char_cnn" and feature.width % 2 == 0:
        yield f"{name}.width is even"
    if feature.min > feature.max:
        yield f"{name}.min is above max"
    if (feature.kind in ("gazetteer", "cluster")) != bool(feature.source):
        yield f"{name}.source does not go with the kind {feature.kind}"
    plain = asdict(Feature(feature.kind, feature.table, feature.dim))
    set_ = {key for key, value in asdict(feature).items() if value != plain[key]}
    if set_ - _ALL_KINDS - own.keys() - _MORE.get(feature.kind, set()):
        yield f"{name} has settings of another kind"


def _table_faults(features: Sequence[Feature]) -> Iterator[str]:
    """Where features of one table, or with one list to look tokens up in, do not agree.

    Features of one table need one width; only tables of plain values are shared.
    """
    sources = [source for source, *_ in lexicon_kinds(features)]
    if len(set(sources)) != len(sources):
        yield "two features do not agree on what they look tokens up in"
    first: dict[str, Feature] = {}
    for feature in features:
        other = first.setdefault(feature.table, feature)
        alone = {feature.kind, other.kind} & _ALONE
        if other is not feature and (alone or other.dim != feature.dim):
            yield f"two features do not agree on the table {feature.table!r:.40}"
