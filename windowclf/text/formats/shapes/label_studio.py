"""labelstudio: the JSON that Label Studio exports and imports, and the flatter JSON-MIN.

A task has its text in `data`, and annotations whose results are spans or something else. The first
annotation that was not cancelled is gold. Offsets count code points, or in some versions UTF-16
units, as JavaScript does; which it is shows in the text that every span repeats.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from windowclf.errors import quoted
from windowclf.text.formats.json_values import Json, kind
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.json_array import Element, elements_of
from windowclf.text.formats.shapes.label_studio_writer import (
    MinWriter,
    TaskWriter,
    in_points,
    listed,
)
from windowclf.text.formats.shapes.records import span
from windowclf.text.formats.shapes.shape import Entry, Shape

UTF16 = ("record", "offsets of {} count UTF-16 units, as JavaScript does, and are read as such.")
SEVERAL = ("record", "{} with several annotations: the first that was not cancelled is taken.")
_LEFT_ALONE = ("data", "annotations", "completions", "predictions", "meta")


def _read_tasks(source: Input, layout: Layout) -> Iterator[Entry]:
    """The records of a file of tasks."""
    yield from _read(source, layout, _results_of_task)


def _read_min(source: Input, layout: Layout) -> Iterator[Entry]:
    """The records of a file of JSON-MIN."""
    yield from _read(source, layout, _results_of_min)


def _read(source: Input, layout: Layout, results_of: Callable[..., Any]) -> Iterator[Entry]:
    """The records of a file; `results_of` finds in a task what is no span, and its results."""
    key = layout.token if isinstance(layout.token, str) else None
    for element in elements_of(source, "a task, { … }"):
        task, line, own = element
        if not isinstance(task, dict):
            own.fault(line, f"expected a task, {{ … }}, found {kind(task)}.")
            continue
        if (found := results_of(element, key)) is None:
            continue
        record, results = found
        if results is None:
            yield Entry(record, line, own, task, is_gold=False)
        elif layout.has_label_field:
            spans = _spans(record["text"], results, element)
            if spans is not None:
                yield Entry(record | {"spans": spans}, line, own, task)
        else:
            yield Entry(record, line, own, task)


def _results_of_task(element: Element, key: str | None) -> tuple[Json, list[Any] | None] | None:
    """The record of a task and the results of its annotation, if any; None for a fault."""
    task, line, source = element
    data = task.get("data")
    if not isinstance(data, dict):
        source.fault(line, f'expected "data" to be an object with the text, found {kind(data)}.')
        return None
    if (key := _text_key(data, key, element)) is None:
        return None
    record = {k: v for k, v in task.items() if k not in _LEFT_ALONE}
    record["text"] = data[key]
    more = task["meta"] if isinstance(task.get("meta"), dict) else {}
    if meta := {k: v for k, v in data.items() if k != key} | more:
        record["meta"] = meta
    annotations = listed(task.get("annotations", task.get("completions")))
    kept = [
        each for each in annotations if isinstance(each, dict) and not each.get("was_cancelled")
    ]
    if len(annotations) > 1:
        source.remark(*SEVERAL)
    for _prediction in listed(task.get("predictions")):
        source.pass_over("prediction")
    results = kept[0].get("result") if kept else None
    return record, results if isinstance(results, list) else None


def _text_key(data: Json, key: str | None, element: Element) -> str | None:
    """The key of a task's text: the one that is named, `text`, or that of the only string."""
    strings = [k for k, v in data.items() if isinstance(v, str)]
    if key is None:
        key = "text" if "text" in strings or len(strings) != 1 else strings[0]
    if key in strings:
        return key
    _, line, source = element
    found = ", ".join(map(quoted, list(data)[:10])) or "no keys"
    source.fault(
        line, f'expected a text under "{key}" in "data", found {found}; set data.token to its key.'
    )
    return None


def _results_of_min(element: Element, key: str | None) -> tuple[Json, list[Any] | None] | None:
    """The record of a task of JSON-MIN and its spans, if any; None, and a fault, for none."""
    task, line, source = element
    key = key or "text"
    if not isinstance(task.get(key), str):
        source.fault(line, f'expected a text under "{key}", found {kind(task.get(key))}.')
        return None
    marks = next((k for k, v in task.items() if _are_marks(v)), "label")
    record = {k: v for k, v in task.items() if k not in (key, marks)} | {"text": task[key]}
    found = task.get(marks)
    if marks not in task and any(task.get(k) is not None for k in ("annotation_id", "annotator")):
        found = []  # annotated, and nothing is marked
    if not isinstance(found, list):
        return record, None
    return record, [
        {
            "type": "labels",
            "value": {**mark, "labels": mark.get("labels", [])},
            "id": mark.get("id"),
        }
        if isinstance(mark, dict)
        else mark
        for mark in found
    ]


def _are_marks(value: Any) -> bool:
    """Whether a value of JSON-MIN is a list of labelled spans."""
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], dict)
        and "labels" in value[0]
    )


def _spans(text: str, results: list[Any], element: Element) -> list[Json] | None:
    """The labelled spans among the results; None, and a fault, where they are not in the text.

    All other results are passed over and counted.
    """
    _, line, source = element
    marks: list[Json] = []
    for result in results:
        match result:
            case {"type": "labels", "value": {"start": s, "end": e, "labels": [*labels]}} if type(
                s
            ) is type(e) is int and all(isinstance(label, str) for label in labels):
                if not labels:
                    source.pass_over("span without a label")
                marks += [{**result["value"], "label": x, "id": result.get("id")} for x in labels]
            case {"type": "labels"}:
                shown = quoted(json.dumps(result.get("value"), ensure_ascii=False))
                source.fault(line, f"expected a value with start, end and labels, found {shown}.")
                return None
            case _:
                named = result.get("type") if isinstance(result, dict) else None
                source.pass_over(f"result of type {named}")
    points = in_points(text, marks)
    if isinstance(points, str):
        source.fault(line, points)
        return None
    if any(mark["start"] != start for mark, (start, _) in zip(marks, points, strict=True)):
        source.remark(*UTF16)
    return [
        span(start, end, mark["label"], **({"id": mark["id"]} if mark["id"] else {}))
        for mark, (start, end) in zip(marks, points, strict=True)
    ]


SHAPES: dict[Format, Shape] = {
    "labelstudio": Shape(
        _read_tasks,
        TaskWriter,
        "text",
        held=frozenset({"id", "text", "spans", "meta"}),
        held_of_spans=frozenset({"id", "score"}),
    ),
    "labelstudio-min": Shape(
        _read_min, MinWriter, "text", held_of_spans=frozenset({"id", "score"})
    ),
}
