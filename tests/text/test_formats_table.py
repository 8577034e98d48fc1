"""csv and tsv: rows of slots, quotes as Python's csv module has them, and the added columns."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError
from windowclf.text.formats import Layout, Probabilities, lines, make_writer, read_sentences, table
from windowclf.text.sentence import Sentence

CSV = Layout("csv", "slots", label="class", slots=("a", "b"))
TSV = Layout("tsv", "slots", label="class", slots=("a", "b"))


def read(text: str, layout: Layout = CSV) -> list[Sentence]:
    return list(read_sentences(io.BytesIO(text.encode()), layout, "x.csv"))


def rows(text: str, layout: Layout = CSV) -> list[tuple[str, str, str | None]]:
    """Slots a and b and the class of all rows."""
    return [
        (s.columns["a"][0], s.columns["b"][0], s.labels[0] if s.labels else None)
        for s in read(text, layout)
        if s.tokens
    ]


def answered(text: str, layout: Layout = CSV, answer: str | None = None) -> str:
    out = io.StringIO(newline="")
    writer = make_writer(layout, out)
    for sentence in read(text, layout):
        labels = sentence.labels or [None] * len(sentence.tokens)
        writer.write(sentence, [answer or label or "" for label in labels])
    writer.close()
    return out.getvalue()


def faults(text: str, layout: Layout = CSV) -> list[str]:
    with pytest.raises(DataError) as fault:
        read(text, layout)
    return str(fault.value).split("\n")


def test_a_row_is_a_sentence_of_one_token():
    header, one, two = read("class,b,a,z\nX,1,2,3\n,4,5,6\n")
    assert header.tokens == []
    assert (one.tokens, one.labels, one.columns) == ([""], ["X"], {"a": ["2"], "b": ["1"]})
    assert one.place() == "x.csv:2"
    assert two.labels == [None]


def test_quotes_separators_and_line_ends_within_a_field():
    text = 'a,b,class\n"x, ""y""","two\r\nlines\n\n",C\n"",d"e,"C"\n'
    assert rows(text) == [('x, "y"', "two\r\nlines\n\n", "C"), ("", 'd"e', "C")]
    assert [list(s.lines) for s in read(text)] == [[], [2], [6]]
    tsv = 'a\tb\tclass\n"x\ty"\t1,2\tC\n'
    assert rows(tsv, TSV) == [("x\ty", "1,2", "C")]


def test_empty_lines_are_passed_over_and_kept():
    text = "\n\r\na,b,class\n\n1,2,C\n\n\n"
    assert rows(text) == [("1", "2", "C")]
    assert answered(text) == "\n\r\na,b,class,predicted\n\n1,2,C,C\n\n\n"


def test_columns_by_number():
    layout = Layout("csv", "slots", label=-1, slots=("a", "b"), extra={"a": 0, "b": "a"})
    assert rows("x,a,y\n1,2,3\n", layout) == [("1", "2", "3")]
    assert faults("x,a,y\n", Layout("csv", "slots", label=3, slots=("a",))) == [
        "x.csv:1: no column 3; the header has 'x', 'a', 'y'."
    ]


def test_the_label_column_is_not_looked_at_for_prediction():
    layout = Layout("csv", "slots", label="class", slots=("a",), read_labels=False)
    _, one = read("a\n1\n", layout)
    assert (one.columns, one.labels) == ({"a": ["1"]}, None)
    assert answered("a\n1", layout, "C") == "a,predicted\n1,C"


def test_an_answer_is_quoted_where_it_has_to_be():
    assert answered("a,b,class\n1,2,3\n", CSV, 'x,"y"') == 'a,b,class,predicted\n1,2,3,"x,""y"""\n'
    assert answered("a\tb\tclass\n1\t2\t3\n", TSV, "x,y") == (
        "a\tb\tclass\tpredicted\n1\t2\t3\tx,y\n"
    )


def test_probabilities_are_a_column_a_class():
    out = io.StringIO(newline="")
    writer = make_writer(CSV, out, ["X", "Y,Z"])
    header, one, end = read('a,b,class\r\n"1\n",2,X\r\n\r\n')
    writer.write(header, [], Probabilities([], []))
    writer.write(one, ["X"], Probabilities([0.75], [[0.75, 0.25]]))
    writer.write(end, [], Probabilities([], []))
    assert out.getvalue() == (
        'a,b,class,predicted,p_X,"p_Y,Z"\r\n"1\n",2,X,X,0.750000,0.250000\r\n\r\n'
    )


def test_wrong_headers_are_faults():
    assert faults("a,colour,class,x\n", Layout("csv", "slots", label="clas", slots=("color",))) == [
        "x.csv:1: no column 'color'; did you mean 'colour'? "
        "the header has 'a', 'colour', 'class', 'x'.",
        "x.csv:1: no column 'clas'; did you mean 'class'? "
        "the header has 'a', 'colour', 'class', 'x'.",
    ]
    assert faults("\na,b,a,class,b\n") == [
        "x.csv:2: the column 'a' stands twice in the header.",
        "x.csv:2: the column 'b' stands twice in the header.",
    ]
    for empty in ("", "\n\n", "\ufeff"):
        assert faults(empty) == [
            "x.csv: expected a header line with the names of the columns, found none."
        ]


def test_a_header_of_very_many_columns_takes_no_time():
    names = ",".join(f"c{i}" for i in range(100_000))
    began = time.process_time()
    (fault,) = faults(names + "\n", Layout("csv", "slots", label="c7", slots=("colour",)))
    assert fault.startswith("x.csv:1: no column 'colour'; ")
    assert time.process_time() - began < 1


def test_a_header_alone_is_given_back():
    assert answered("a,b,class") == "a,b,class,predicted"


def test_wrong_rows_are_faults():
    text = 'a,b,class\n1,2\n1,2,3\n1,2,3,4\n"x"y,2,3\n1,"2\n"z,3\n1,2,"3\n4\n'
    assert faults(text) == [
        "x.csv:2: expected 3 fields, as many as the header has, found 2: '1,2'.",
        "x.csv:4: expected 3 fields, as many as the header has, found 4: '1,2,3,4'.",
        "x.csv:5: expected ',' or the line's end after a closing quote, found 'y,2,3'.",
        "x.csv:6: expected ',' or the line's end after a closing quote, found 'z,3'.",
        "x.csv:8: a quoted field begins here or further on and never ends.",
    ]


def test_a_field_that_does_not_end_is_not_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table, "LONGEST_LINE", 50)
    text = 'a,b,class\n1,2,"3\n' + "x\n" * 100
    assert faults(text)[0].startswith("x.csv:2: a quoted field is longer than ")
    assert lines.LONGEST_LINE == 1 << 24


def test_a_column_named_as_the_answer_is_a_sentence():
    message = "^x.csv:1: the column 'predicted' is there already; give it another name, "
    with pytest.raises(DataError, match=message):
        answered("a,b,class,predicted\n1,2,3,4\n")


def test_mark_and_line_ends_are_kept():
    assert answered("\ufeffa,b,class\r\n1,2,3\r\n4,5,6") == (
        "\ufeffa,b,class,predicted\r\n1,2,3,3\r\n4,5,6,6"
    )
    assert rows("\ufeffa,b,class\r\n1,2,3\r\n") == [("1", "2", "3")]


FIELD = st.text(alphabet='ab,\t"\n\x00é\u2028 ', max_size=5)
TABLE = st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=4)
QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])


@given(table=TABLE, quoting=QUOTING, layout=st.sampled_from([CSV, TSV]))
@settings(derandomize=True, deadline=None)
def test_what_pythons_csv_writes_is_read(
    table: list[tuple[str, str, str]], quoting: int, layout: Layout
):
    file = io.StringIO(newline="")
    separator = "," if layout.format == "csv" else "\t"
    written = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator="\n")
    written.writerows([("a", "b", "class"), *table])
    assert rows(file.getvalue(), layout) == [(a, b, label or None) for a, b, label in table]
    # … and with the answer Python's csv reads it again.
    answer = io.StringIO(answered(file.getvalue(), layout), newline="")
    predicted = [tuple(row) for row in csv.reader(answer, delimiter=separator)]
    assert predicted == [
        ("a", "b", "class", "predicted"),
        *((a, b, label, label) for a, b, label in table),
    ]


@given(text=st.text(alphabet='a,"\n', max_size=25))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_whatever_is_read_is_what_pythons_csv_reads(text: str):
    layout = Layout("csv", "slots", slots=("x", "y"), read_labels=False)
    try:
        expected = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        wrong = any(len(row) != 2 for row in expected)
    except csv.Error:
        wrong = True
    if wrong:
        assert faults("x,y\n" + text, layout)
    else:
        found = [s.columns for s in read("x,y\n" + text, layout) if s.tokens]
        assert [[c["x"][0], c["y"][0]] for c in found] == expected
