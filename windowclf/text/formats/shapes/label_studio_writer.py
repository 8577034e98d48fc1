"""The writers of Label Studio's JSON and JSON-MIN, and how its offsets are counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from windowclf.errors import quoted
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.shapes.records import units_before

VERSION = "windowclf"  # what predictions are said to be of
FROM, TO = "label", "text"  # the names of the controls, where no file has others


def in_points(text: str, marks: list[Json]) -> list[tuple[int, int]] | str:
    """Where marks stand in code points, by the text that they repeat; a fault where they do not."""
    given = [(mark["start"], mark["end"]) for mark in marks]
    wrong = next(
        (
            m
            for m, (s, e) in zip(marks, given, strict=True)
            if m.get("text", text[s:e]) != text[s:e]
        ),
        None,
    )
    if wrong is None:
        return given
    points = {unit: point for point, unit in enumerate(units_before(text))}
    turned = [(points.get(start, -1), points.get(end, -1)) for start, end in given]
    for mark, (start, end) in zip(marks, turned, strict=True):
        if start < 0 or end < 0 or mark.get("text", text[start:end]) != text[start:end]:
            break
    else:
        return turned
    start, end = wrong["start"], wrong["end"]
    return (
        f"expected {quoted(str(wrong['text']))} at {start}–{end}, found {quoted(text[start:end])}, "
        "nor is it there in UTF-16 units; mend the span."
    )


def listed(value: Any) -> list[Any]:
    """A value that should be a list, and none where it is something else."""
    return value if isinstance(value, list) else []


class _Array:
    """Writes an array, an element a line."""

    def __init__(self, out: TextIO):
        self._out, self._before = out, "[\n"

    def add(self, value: Any) -> None:
        """Write one more element."""
        self._out.write(self._before + json.dumps(value, ensure_ascii=False))
        self._before = ",\n"

    def close(self) -> None:
        """Write the end of the array."""
        self._out.write("\n]\n" if self._before == ",\n" else "[]\n")


class TaskWriter:
    """Writes tasks with an annotation, or gives read ones back with a prediction more."""

    def __init__(self, out: TextIO, layout: Layout):
        self._array = _Array(out)
        self._names = FROM, TO

    def put(self, record: Json, original: Any = None) -> None:
        """Write a record as a task."""
        self._array.add(self._answered(record, original) if original else self._task(record))

    def _task(self, record: Json) -> Json:
        """A record as a task with an annotation, where anybody has annotated it."""
        named = {"id": record["id"]} if "id" in record else {}
        meta = record.get("meta")
        data = {"text": record["text"], **(meta if isinstance(meta, dict) else {})}
        task = {**named, "data": data | {"text": record["text"]}}
        if "spans" in record:
            results = self._results(record, list(_points(record["text"])))
            task["annotations"] = [{"result": results}]
        return task

    def _answered(self, record: Json, task: Json) -> Json:
        """A task as it was read with a prediction more, its offsets counted as its own are."""
        for result in _all_results(task):
            if isinstance(result, dict) and result.get("type") == "labels":
                self._names = result.get("from_name", FROM), result.get("to_name", TO)
                break
        units = _units_in(task, record["text"])
        results = self._results(record, units)
        prediction: Json = {
            "model_version": record.get("model_version", VERSION),
            "result": results,
        }
        if scores := [each["score"] for each in results if "score" in each]:
            prediction["score"] = min(scores)
        return {**task, "predictions": [*listed(task.get("predictions")), prediction]}

    def _results(self, record: Json, units: list[int]) -> list[Json]:
        """The spans of a record as results; `units` are the offsets of its code points."""
        text, (from_, to) = record["text"], self._names
        results = []
        for number, each in enumerate(record["spans"], 1):
            start, end = each["start"], each["end"]
            value = {"start": units[start], "end": units[end], "text": text[start:end]}
            result = {
                "id": str(each.get("id") or f"span-{number}"),
                "from_name": from_,
                "to_name": to,
                "type": "labels",
                "value": value | {"labels": [each["label"]]},
            }
            results.append(result | ({"score": each["score"]} if "score" in each else {}))
        return results

    def close(self) -> None:
        """Write the end of the file."""
        self._array.close()


def _all_results(task: Json) -> Iterator[Any]:
    """The results of all annotations of a task, and of its predictions."""
    for key in ("annotations", "completions", "predictions"):
        for each in listed(task.get(key)):
            if isinstance(each, dict):
                yield from listed(each.get("result"))


def _points(text: str) -> Iterator[int]:
    """The offsets of the code points of a text, and of its end, counted in code points."""
    yield from range(len(text) + 1)


def _units_in(task: Json, text: str) -> list[int]:
    """The offsets of the code points of a task's text, counted as its results do."""
    marks = [
        result["value"]
        for result in _all_results(task)
        if isinstance(result, dict) and result.get("type") == "labels"
    ]
    marks = [
        m
        for m in marks
        if isinstance(m, dict) and type(m.get("start")) is type(m.get("end")) is int
    ]
    points = in_points(text, marks)
    are_points = isinstance(points, str) or points == [(m["start"], m["end"]) for m in marks]
    return list(_points(text)) if are_points else units_before(text)


class MinWriter:
    """Writes JSON-MIN."""

    def __init__(self, out: TextIO, layout: Layout):
        self._array = _Array(out)

    def put(self, record: Json, original: Any = None) -> None:
        """Write a record."""
        text = record["text"]
        marks = [
            {**({"id": s["id"]} if "id" in s else {}), "start": s["start"], "end": s["end"],
             "text": text[s["start"] : s["end"]], "labels": [s["label"]],
             **({"score": s["score"]} if "score" in s else {})}
            for s in record.get("spans", ())
        ]  # fmt: skip
        rest = {k: v for k, v in record.items() if k != "spans"}
        self._array.add(rest | ({"label": marks} if "spans" in record else {}))

    def close(self) -> None:
        """Write the end of the file."""
        self._array.close()
