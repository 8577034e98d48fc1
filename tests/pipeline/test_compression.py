"""compress: the same answers from fewer bytes, and rows that are left out read as unknown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import corpora
import numpy as np
import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from small import sentences, small_model

import windowclf
from windowclf.errors import ConfigError, ModelFileError
from windowclf.pipeline import compress as compression
from windowclf.tagging import pruning
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import load_model, model_bytes, save_model
from windowclf.tagging.pruning import ranked_rows, with_rows
from windowclf.tagging.tagger import Tagger
from windowclf.text.features import FIRST_VALUE, UNKNOWN

DTYPES = ("int8", "float16", "float32")


def answers(model: Model) -> list[np.ndarray]:
    unseen = [["Dogs", "sat", "unheard-of"], [""]]
    return Tagger(model).predict_proba([*(s.tokens for s in sentences()), *unseen])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_compressed_file_there_and_back(tmp_path, dtype):
    model = with_rows(replace(small_model(), compressed=dtype), {"ngrams": np.array([2, 5, 12])})
    save_model(tmp_path / "m", model)
    again = load_model(tmp_path / "m")
    assert model_bytes(again) == (tmp_path / "m").read_bytes()
    assert replace(again, parameters={}) == replace(model, parameters={})
    for found, wanted in zip(answers(again), answers(model), strict=True):
        np.testing.assert_allclose(found, wanted, atol={"int8": 0.1, "float16": 2e-2}.get(dtype, 0))


def test_without_pruning_only_the_order_of_the_rows_changes():
    model = small_model()
    assert model.spec.vocabulary.values["word"] != tuple(
        sorted(model.spec.vocabulary.values["word"])
    )
    ordered = with_rows(model, {})
    assert ordered.spec.vocabulary.values["word"] == tuple(
        sorted(model.spec.vocabulary.values["word"])
    )
    assert ordered.spec.vocabulary.kept == {}
    for found, wanted in zip(answers(ordered), answers(model), strict=True):
        np.testing.assert_array_equal(found, wanted)


@settings(max_examples=25)
@given(st.data())
def test_rows_left_out_read_as_unknown_and_n_grams_as_nothing(data):
    model = small_model(members=data.draw(st.integers(1, 2)))
    rows, parameters = {}, {name: p.copy() for name, p in model.parameters.items()}
    for table in ("word", "suffix2", "ngrams"):
        own = range(FIRST_VALUE, len(parameters[f"L.{table}"]))
        rows[table] = np.array(sorted(data.draw(st.sets(st.sampled_from(own)))), np.int64)
        lost = np.setdiff1d(own, rows[table])
        for name in {f"L.{table}", f"L.{table}@2"} & parameters.keys():
            L = parameters[name]
            L[lost] = 0 if table == "ngrams" else L[UNKNOWN]
    pruned = with_rows(model, rows)
    assert {t: len(pruned.parameters[f"L.{t}"]) - 2 for t in rows} == {
        t: len(kept) for t, kept in rows.items()
    }
    expected = replace(model, parameters=parameters)
    for found, wanted in zip(answers(pruned), answers(expected), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "none"])
def test_what_a_row_changes_by_loops(activation):
    """Σ ‖(L[row] − L[unknown]) W_j‖² over the positions and both slots of the shared table."""
    model = small_model(activation)
    a, p = model.spec.architecture, model.parameters
    W = p["U" if activation == "none" else "W"]
    for table, slots in (("word", (0, 4)), ("suffix2", (8,)), ("ngrams", (11,))):
        L = p[f"L.{table}"]
        unknown = np.zeros(L.shape[1]) if table == "ngrams" else L[UNKNOWN]
        found = pruning._changes(a, p, table)
        assert found.shape == (len(L) - 2,)
        for row in range(FIRST_VALUE, len(L)):
            total = 0.0
            for j in range(2 * a.window + 1):
                for slot in slots:
                    first = j * a.token_width + slot
                    change = (L[row] - unknown) @ W[first : first + L.shape[1]]
                    total += float(change @ change)
            np.testing.assert_allclose(found[row - FIRST_VALUE], total, rtol=1e-5)


def test_how_often_a_row_is_read():
    v = small_model().spec.vocabulary
    words = pruning._frequencies(v, "word")
    assert words.sum() == pytest.approx(2)  # two slots read the table
    np.testing.assert_allclose(words[0] / words[1], 3.7 / 2.7)  # Zipf's law
    forms = pruning._frequencies(replace(v, seen=("ab", "a")), "ngrams")
    # Bi- and trigrams of ^ab$: five; of ^a$: three.
    assert forms.sum() == pytest.approx((5 / 2.7 + 3 / 3.7) / (1 / 2.7 + 1 / 3.7))


def test_ranked_rows_are_those_of_every_table_but_characters():
    model = small_model()
    rows = ranked_rows(model, 1)
    sizes = model.spec.architecture.table_sizes
    every = rows.first(len(rows.row))
    assert every.keys() == sizes.keys() - {"characters"}
    for table, own in every.items():
        assert own.tolist() == list(range(FIRST_VALUE, sizes[table]))
    first, more = rows.first(3), rows.first(8)
    assert sum(map(len, first.values())) == 3
    assert all(set(own) <= set(more[table]) for table, own in first.items())


@pytest.mark.parametrize("name", ["L.suffix2", "L.suffix2@2"])
def test_the_row_that_matters_most_to_any_member_comes_first(name):
    model = small_model(members=2)
    parameters = dict(model.parameters)
    parameters[name] = parameters[name].copy()
    parameters[name][4] += 100
    rows = ranked_rows(replace(model, parameters=parameters), 1)
    assert (rows.names[rows.table[0]], rows.row[0]) == ("suffix2", 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a run, its data, and n-grams and a CRF in the model."""
    path = tmp_path_factory.mktemp("compression")
    config = corpora.spans(path)
    config["features"]["use"].append({"kind": "ngrams", "buckets": 300, "dim": 4})
    config["model"]["output"] = "crf"
    windowclf.train(config, [corpora.LEARN])
    return path


def sized(folder: Path, size: int | str | None) -> dict:
    return windowclf.compress(folder / "run", folder / "small", size=size)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_scores_stay(folder, dtype):
    """The corpus is learnt without a fault, and stays so."""
    facts = windowclf.compress(
        folder / "run", folder / "small", dtype, data=str(folder / "dev.conll")
    )
    assert facts["before"]["scores"]["f1"] == facts["after"]["scores"]["f1"] == 1.0
    assert facts["after"]["bytes"] == (folder / "small").stat().st_size
    assert facts["after"]["bytes"] < facts["before"]["bytes"]
    assert facts["after"]["rows"] == facts["before"]["rows"]


def test_any_size_down_to_the_least_is_kept(folder):
    whole = sized(folder, None)["after"]
    assert whole["seen_words"] is not None
    with pytest.raises(ConfigError, match="expected at least") as raised:
        sized(folder, 100)
    least = int(str(raised.value).split("at least ")[1].split()[0].replace(",", ""))
    rows = []
    for size in np.linspace(least, whole["bytes"] - 1, 8).astype(int).tolist():
        facts = sized(folder, size)["after"]
        assert facts["bytes"] <= size
        assert facts["seen_words"] is None
        rows.append(sum(facts["rows"].values()))
        assert windowclf.load(folder / "small").predict([["Ben", "Berg"]])
    assert rows == sorted(rows)
    assert rows[-1] > rows[0]


@pytest.mark.parametrize(
    ("size", "number"),
    [
        (None, None),
        (5, 5),
        ("7", 7),
        ("4.35MB", 4_350_000),
        ("900 kb", 900_000),
        ("2GB", 2 * 10**9),
    ],
)
def test_sizes(size, number):
    assert compression._bytes(size) == number


@pytest.mark.parametrize(
    "size", ["", "MB", "-1", "1e6", "1.MB", "٣kB", "1TB", -5, "inf", "9" * 400]
)
def test_sizes_that_are_none(size):
    with pytest.raises(ConfigError, match=r"--size: expected bytes such as 900kB or 1\.5MB"):
        compression._bytes(size)


def test_the_same_command_gives_the_same_bytes(folder):
    sized(folder, "5.2kB")
    data = (folder / "small").read_bytes()
    sized(folder, 5200)
    assert (folder / "small").read_bytes() == data


def test_the_command_prints_before_and_after(folder):
    dev, small = str(folder / "dev.conll"), str(folder / "small")
    command = ["compress", str(folder / "run"), "--output", small, "--data", dev]
    code, out, err = run([*command, "--size", "5.2kB"])
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["stored", "as", "int8", "before", "after"]
    assert [line[0] for line in lines[1:4]] == ["bytes", "f1", "accuracy"]
    assert out.endswith(f"model: {small}\n")
    assert err.startswith("note: the forms seen in training are left out")
    code, out, err = run([*command, "--json", "--dtype", "float16"])
    assert (code, err) == (0, "")
    assert json.loads(out) == windowclf.compress(folder / "run", small, "float16", data=dev)


def test_info_and_evaluate_say_what_a_compressed_model_holds(folder):
    sized(folder, "5.2kB")
    code, out, _ = run(["info", str(folder / "small")])
    assert code == 0
    assert "stored as: int8" in out
    assert "words seen in training: not kept" in out
    code, out, err = run(["evaluate", str(folder / "small"), str(folder / "dev.conll")])
    assert code == 0
    assert "seen and unseen are not split" in err
    assert "unseen words" not in out
    facts = windowclf.evaluate(folder / "small", str(folder / "dev.conll"))
    assert not {"seen", "unseen"} & facts.keys()


def test_a_failed_compression_leaves_the_old_file(folder):
    sized(folder, None)
    data = (folder / "small").read_bytes()
    with pytest.raises(windowclf.DataError):
        windowclf.compress(folder / "run", folder / "small", data="nowhere.conll")
    with pytest.raises(ModelFileError, match="compressed already"):
        windowclf.compress(folder / "small", folder / "smaller")
    assert (folder / "small").read_bytes() == data
    assert not (folder / "smaller").exists()


def test_numbers_that_int8_cannot_hold(tmp_path):
    model = small_model()
    parameters = model.parameters | {"W": np.full_like(model.parameters["W"], 1e8)}
    save_model(tmp_path / "m", replace(model, parameters=parameters))
    with pytest.raises(ModelFileError, match="W has numbers that are too large for int8"):
        windowclf.compress(tmp_path / "m", tmp_path / "small")
