"""Shapes: files of annotation tools and data sets, each read into records and written from them.

What stands between any two shapes is a record in the words of jsonl: `id`, `text` or `tokens` (a
list of words, or beside a text objects with `start` and `end`), `spans` or `labels`, `meta`, and
whatever else a file says. A shape is a function that reads such records and a writer of them.
"""

from __future__ import annotations

from importlib import import_module

from windowclf.text.formats.layout import Format
from windowclf.text.formats.shapes.shape import Shape

_HOMES: dict[Format, str] = {  # the module of each; imported when a file asks for it
    "conll": "columns",
    "conllu": "columns",
    "jsonl": "json_lines",
    "text": "brackets",
    "labelstudio": "label_studio",
    "labelstudio-min": "label_studio",
    "doccano": "json_lines",
    "doccano-relations": "json_lines",
    "prodigy": "json_lines",
    "spacy": "spacy_docs",
    "spacy-json": "spacy_tuples",
    "brat": "brat",
    "webanno": "webanno",
    "token-csv": "token_table",
    "parquet": "arrow",
    "arrow": "arrow",
    "brackets": "brackets",
}


def shape_of(format_: Format) -> Shape:
    """The shape of a format; every one but tables of slots has one."""
    home = import_module(f"{__name__}.{_HOMES[format_]}")
    shapes: dict[Format, Shape] = home.SHAPES
    return shapes[format_]
