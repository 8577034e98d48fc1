"""--output onto what is there already, and inputs that are no files."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import corpora
import pytest
from command_line import run

import windowclf

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")


class World(NamedTuple):
    config: str
    model: Path
    data: Path
    answer: bytes  # to `data`


@pytest.fixture
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("outputs")
    config = corpora.tagging(folder)
    config["training"] |= {"epochs": 1}
    windowclf.train(config)
    model, data = folder / "run" / "model.safetensors", folder / "dev.conll"
    path = corpora.write(folder / "c.yaml", json.dumps(config))
    return World(path, model, data, run(["predict", str(model), str(data)])[1].encode())


def predict(world: World, output: Path) -> tuple[int, str]:
    code, out, err = run(["predict", str(world.model), str(world.data), "-o", str(output)])
    assert out == ""
    return code, err


def compress(world: World, output: Path, *more: str) -> tuple[int, str]:
    code, _, err = run(["compress", str(world.model), "-o", str(output), *more])
    return code, err


@as_root
def test_a_device_stays_a_device(world, tmp_path):
    os.mknod(tmp_path / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (tmp_path / "link").symlink_to("null")
    for output in (tmp_path / "null", tmp_path / "link"):
        assert predict(world, output) == (0, "")
        assert compress(world, output, "--data", str(world.data)) == (0, "")
    assert (tmp_path / "null").is_char_device()
    assert (tmp_path / "link").is_symlink()


def test_links_lead_to_what_is_written(world, tmp_path):
    (tmp_path / "link").symlink_to("target")
    for text in (None, "old"):  # made, and replaced
        if text:
            (tmp_path / "target").write_text(text)
        assert predict(world, tmp_path / "link") == (0, "")
        assert (tmp_path / "target").read_bytes() == world.answer
    assert compress(world, tmp_path / "link") == (0, "")
    assert (tmp_path / "link").is_symlink()
    windowclf.load(tmp_path / "target").predict([["cat"]])


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="descriptors have no names here")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_by_name(world, tmp_path, name):
    """A file that it leads to is gone on with: the shell says where."""
    (tmp_path / "file").write_text("old\n")
    command = [sys.executable, "-m", "windowclf", "predict", str(world.model), str(world.data)]
    with (tmp_path / "file").open("a") as file:
        subprocess.run([*command, "-o", name], stdout=file, check=True)
    assert (tmp_path / "file").read_bytes() == b"old\n" + world.answer
    piped = subprocess.run([*command, "-o", name], stdout=subprocess.PIPE, check=True)
    assert piped.stdout == world.answer
    assert Path(name).exists()


@pytest.mark.parametrize("name", ["same", "link", "hard"])
def test_an_output_is_never_the_input(world, name):
    folder = world.data.parent
    (folder / "link").symlink_to(world.data.name)
    (folder / "hard").hardlink_to(world.data)
    old = world.data.read_bytes()
    output = world.data if name == "same" else folder / name
    said = f"--output: expected another file than the input, {output}.\n"
    assert predict(world, output) == (1, said)
    assert world.data.read_bytes() == old


@pytest.mark.parametrize("output", ["-", "/proc/self/fd/1"])
def test_a_file_is_not_added_to_itself(world, output):
    old = world.data.read_bytes()
    command = [sys.executable, "-m", "windowclf", "predict", str(world.model), str(world.data)]
    with world.data.open("a") as file:
        done = subprocess.run([*command, "-o", output], stdout=file, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"--output: expected another file than the input, it would grow.\n"
    assert world.data.read_bytes() == old


def test_another_model_is_not_written_over(world, tmp_path):
    other = tmp_path / "other.safetensors"
    shutil.copy(world.model, other)
    said = f"--output: expected another file than a model or state, {other}.\n"
    assert predict(world, other) == (1, said)
    assert other.read_bytes() == world.model.read_bytes()


def test_a_compressed_model_in_standard_output_is_alone_there(world, tmp_path):
    command = [sys.executable, "-m", "windowclf", "compress", str(world.model), "-o", "/dev/stdout"]
    with (tmp_path / "x.safetensors").open("wb") as file:
        subprocess.run(command, stdout=file, check=True)
    windowclf.load(tmp_path / "x.safetensors").predict([["cat"]])


def test_a_model_and_data_are_not_written_over(world):
    folder = world.model.parent
    (folder / "link").symlink_to(world.model.name)
    (folder / "hard").hardlink_to(world.model)
    kept, data = world.model.read_bytes(), world.data.read_bytes()
    for output in (world.model, folder / "link", folder / "hard"):
        for write in (predict, compress):
            code, err = write(world, output)
            assert code == 1
            assert err.startswith("--output: expected another file than the model itself, ")
    code, err = compress(world, world.data, "--data", str(world.data))
    assert (code, err) == (1, f"--output: expected another file than the data, {world.data}.\n")
    assert (world.model.read_bytes(), world.data.read_bytes()) == (kept, data)


@as_root
def test_a_device_without_an_end_is_no_data(world, tmp_path):
    os.mknod(tmp_path / "zero.conll", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    sentence = f"{tmp_path}/zero.conll: expected a file, found a character device.\n"
    zero = str(tmp_path / "zero.conll")
    for command in (
        ["predict", str(world.model), zero],
        ["evaluate", str(world.model), zero],
        ["train", world.config, "--set", f"data.train={zero}", "--overwrite"],
        ["train", world.config, "--set", f"data.dev={zero}", "--overwrite"],
        ["tune", world.config, "--set", f"data.train={zero}", "--output", str(tmp_path / "t")],
    ):
        assert run(command) == (1, "", sentence)


def test_a_pipe_is_data(world, tmp_path):
    os.mkfifo(tmp_path / "in.conll")
    command = [sys.executable, "-m", "windowclf", "predict", str(world.model)]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, str(tmp_path / "in.conll")], stdout=pipe) as process:
        (tmp_path / "in.conll").write_bytes(world.data.read_bytes())
        assert process.communicate(timeout=60)[0] == world.answer


def test_python_m(world):
    command = [sys.executable, "-m", "windowclf", "predict", str(world.model), str(world.data)]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout == world.answer
