"""A model file is checked before it is used: every kind of damage is a sentence."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small

from windowclf.errors import ModelFileError
from windowclf.system import tensor_file
from windowclf.system.tensor_file import pack_strings, unpack_strings
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import load_model, model_bytes, save_model
from windowclf.tagging.tagger import Tagger


def small_model(dtype="float32") -> Model:
    return small.small_model(dtype=dtype, provenance={"train": "0" * 64})


@pytest.fixture
def file(tmp_path) -> Path:
    save_model(tmp_path / "m.safetensors", small_model())
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round_trip(tmp_path, dtype):
    model = small_model(dtype)
    save_model(tmp_path / "m", model)
    again = load_model(tmp_path / "m")
    assert replace(again, parameters={}) == replace(model, parameters={})
    for name, array in model.parameters.items():
        np.testing.assert_array_equal(again.parameters[name], array)
        assert again.parameters[name].dtype == dtype
    assert model_bytes(again) == model_bytes(model)


def test_equal_models_have_equal_bytes():
    assert model_bytes(small_model()) == model_bytes(small_model())


def test_every_flipped_bit_is_found(file):
    data = file.read_bytes()
    rng = random.Random(1)
    for _ in range(400):
        place = rng.randrange(len(data))
        damaged = bytearray(data)
        damaged[place] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        with pytest.raises(ModelFileError):
            load_model(file)


def test_cut_and_extended_files_are_refused(file):
    data = file.read_bytes()
    for part in (b"", data[:1], data[:7], data[:8], data[:100], data[:-1], data + b"\0"):
        file.write_bytes(part)
        with pytest.raises(ModelFileError, match=str(file)):
            load_model(file)


def test_a_header_that_claims_too_much_is_refused(file):
    file.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(ModelFileError, match="cut short or not a windowclf file"):
        load_model(file)


def rewritten(file: Path, kind="model", change=None, arrays=None) -> None:
    """The file with other content under a digest that is right."""
    header, old, _ = tensor_file.read(file, "model")
    if change:
        change(header)
    file.write_bytes(tensor_file.to_bytes(kind, header, {**old, **(arrays or {})}))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"W": np.zeros((2, 2), np.float32)}, "W has shape"),
        ({"b1": np.zeros(6, np.float64)}, "not all float32"),
        ({"b1": np.full(6, np.nan, np.float32)}, "b1 has numbers that are not finite"),
        (pack_strings("labels", ["A"]), "1 labels for 5 output columns"),
        ({"labels.ends": np.array([9999])}, "do not fit"),
    ],
)
def test_parts_that_do_not_fit_are_named(file, arrays, sentence):
    rewritten(file, arrays=arrays)
    with pytest.raises(ModelFileError, match=sentence):
        load_model(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.pop("features"),
        lambda h: h["features"].append({"kind": "word"}),
        lambda h: h.update(model={}),
        lambda h: h["model"].update(units="6"),
        lambda h: h.update(layout=[]),
        lambda h: h.update(tables=["none"]),
    ],
)
def test_headers_that_make_no_sense_are_faults(file, change):
    rewritten(file, change=change)
    with pytest.raises(ModelFileError, match="do not fit"):
        load_model(file)


def test_a_refusal_is_short_however_long_the_names_are(file):
    """An array with the name of a novel, by the header and then by the arrays."""
    for change, arrays in (
        (None, {"A" * 5000: np.zeros(2)}),
        (lambda h: h["features"][0].update(table="A" * 5000), None),
        (lambda h: h.update(task="A" * 5000), None),
    ):
        save_model(file, small_model())
        rewritten(file, change=change, arrays=arrays)
        with pytest.raises(ModelFileError, match="do not fit") as raised:
            load_model(file)
        assert len(str(raised.value)) < 500 + len(str(file))


def test_another_kind_or_version(file, monkeypatch):
    rewritten(file, kind="state")
    with pytest.raises(ModelFileError, match="expected a model file, found a state file"):
        load_model(file)
    monkeypatch.setitem(tensor_file.VERSIONS, "model", 99)
    save_model(file, small_model())
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="expected format version 1 to 2, found 99"):
        load_model(file)


GOLDEN = Path(__file__).parents[1] / "golden"
WRITTEN_ONCE = {  # never to be made again: these are the files that people have
    "model-v1.safetensors": "211e5e5443ca25930b0981485d55c43602d0961aecf7716504089f0ce2f1fec0",
    # The same, compressed: int8, two thirds of the rows, without the forms seen in training.
    "model-v1-int8.safetensors": "4df1b124cb5a3334779285881ce9dfe7a801f66da853ef5e7bb5a9f726233092",
    # A CRF with a dictionary, a list of phrases, clusters and a temperature.
    "model-v1-crf.safetensors": "6eae60e3773f7da78bea394d9a15ffb841ecbe72345125dcf15717c06c39673e",
    # The same, with the config that it was trained with.
    "model-v2.safetensors": "3fe949a2755161cf5044340e8f3c433267e45dbde8e4c1e868deaa4d733203ae",
}


@pytest.mark.parametrize("name", WRITTEN_ONCE)
def test_files_of_every_version_stay_readable(name):
    """Spans in BIO from BIOES: six kinds of features and a two-way recurrence, or a CRF."""
    path = GOLDEN / name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == WRITTEN_ONCE[name]
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    tagger = Tagger(load_model(path))
    assert list(tagger.inside_classes) == expected["classes"]
    assert tagger.predict(expected["sentences"]) == expected["labels"]
    answers = tagger.predict_proba(expected["sentences"], inside=True)
    for found, wanted in zip(answers, expected["probabilities"], strict=True):
        shape = (-1, len(tagger.inside_classes))
        np.testing.assert_allclose(found, np.reshape(wanted, shape), rtol=1e-4, atol=1e-6)


def test_the_current_version_has_a_file_to_be_read_for_ever():
    assert f"model-v{tensor_file.VERSIONS['model']}.safetensors" in WRITTEN_ONCE


def test_the_config_is_there_from_version_2_on():
    assert load_model(GOLDEN / "model-v1-crf.safetensors").config is None
    config = load_model(GOLDEN / "model-v2.safetensors").config
    assert config["training"]["epochs"] == 4
    assert config["features"]["use"][3]["kind"] == "gazetteer"


def with_config(file: Path, change, version=2) -> None:
    """A trained model's file with its config changed, under a digest that is right."""
    header, arrays, _ = tensor_file.read(GOLDEN / "model-v2.safetensors", "model")
    change(header["config"])
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(tensor_file.VERSIONS, "model", version)
        file.write_bytes(tensor_file.to_bytes("model", header, arrays))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.pop("seed"), "config lacks seed"),
        (lambda c: c.update(seed=True), "config.seed cannot be True"),
        (lambda c: c.update(seed=1 << 32), "config.seed is 4294967296"),
        (lambda c: c.update(output="runs/x"), "config has an unknown key 'output'"),
        (lambda c: c.update(training=[]), "config.training cannot be"),
        (lambda c: c.update(task="tagging"), "config.task is 'tagging', that of the model is 'sp"),
        (lambda c: c["data"].update(scheme="IO"), "config.data.scheme is 'IO'"),
        (lambda c: c["data"].update(tokenizer=None), "config.data.tokenizer is None"),
        (lambda c: c["features"].update(window=True), "config.features.window is True"),
        (lambda c: c["model"].update(members=1.0), "config.model.members is 1.0"),
        (lambda c: c["model"].pop("output"), "config.model.output is None"),
        (lambda c: c["model"].update(hidden="relu"), "config.model.hidden is None"),
        (lambda c: c["training"].update(x=json.loads("[" * 40 + "]" * 40)), "the depth of config"),
    ],
)
def test_a_config_that_is_not_that_of_the_model_is_refused(file, change, sentence):
    with_config(file, lambda config: None)
    load_model(file)
    with_config(file, change)
    with pytest.raises(ModelFileError, match="do not fit") as raised:
        load_model(file)
    assert sentence in str(raised.value)


def test_version_1_has_no_config(file):
    with_config(file, lambda config: None, version=1)
    with pytest.raises(ModelFileError, match="version 1 has no config"):
        load_model(file)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/proc"])
def test_devices_and_folders_are_no_files(path):
    """/dev/zero has no end; reading it would take all memory."""
    with pytest.raises(ModelFileError, match=f"^{path}: "):
        load_model(Path(path))


def test_arrays_of_a_file_cannot_be_changed(file):
    model = load_model(file)
    with pytest.raises(ValueError, match="read-only"):
        model.parameters["W"][0, 0] = 1


@pytest.mark.parametrize("strings", [[], [""], ["a", "", "ü🙂", "\ud800"]])
def test_strings_there_and_back(strings):
    assert unpack_strings("x", pack_strings("x", strings)) == tuple(strings)
