"""A large training text is encoded once, on the disk, and gives the model that memory gives."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import corpora
import numpy as np
import pytest
from heard import Heard

import windowclf
from windowclf.text import batches, corpus, corpus_cache
from windowclf.text.batches import pools
from windowclf.text.corpus import count_values, encode_corpus
from windowclf.text.corpus_cache import FOLDER_NAME
from windowclf.text.sentence import Sentence

ON_DISK = ["data.cache_above_mb=0", "training.epochs=2"]


def train(config, output, *settings):
    notices: list[str] = []
    windowclf.train(config, [f"output={output}", *settings], listener=Heard(notice=notices.append))
    return [notice for notice in notices if notice.startswith("train: ")]


def test_the_same_model_as_from_memory_and_the_second_run_reads_no_text(tmp_path, monkeypatch):
    config = corpora.tagging(tmp_path)
    train(config, tmp_path / "memory", "training.epochs=2")
    (first,) = train(config, tmp_path / "disk", *ON_DISK)
    assert "kept for later runs in" in first

    def not_again(*_arguments):
        raise AssertionError("encoded again")

    monkeypatch.setattr("windowclf.pipeline.training_text.encode_corpus", not_again)
    (second,) = train(config, tmp_path / "again", *ON_DISK)
    assert "taken from" in second
    digests = {corpora.digest(tmp_path / name) for name in ("memory", "disk", "again")}
    assert len(digests) == 1
    assert len(list((tmp_path / FOLDER_NAME).iterdir())) == 1


def test_further_columns_and_spans(tmp_path):
    path = tmp_path / "train.conll"
    path.write_text("".join(f"a{i % 7} P{i % 3} B-X\nb P0 I-X\nc P1 O\n\n" for i in range(40)))
    config = {
        "task": "spans",
        "data": {"train": str(path), "label": 2, "extra": {"pos": 1}},
        "features": {"use": [{"kind": "word"}, {"kind": "column", "column": "pos"}]},
        "training": {"epochs": 2},
    }
    train(config, tmp_path / "memory")
    for output in ("disk", "again"):
        train(config, tmp_path / output, *ON_DISK)
        assert corpora.digest(tmp_path / output) == corpora.digest(tmp_path / "memory")


def test_changed_text_is_encoded_again_in_the_old_ones_place(tmp_path):
    config = corpora.tagging(tmp_path)
    path = Path(config["data"]["train"])
    train(config, tmp_path / "one", *ON_DISK)
    path.write_text(path.read_text() + "\nnew\tX\n")
    (notice,) = train(config, tmp_path / "two", *ON_DISK)
    assert "kept for later runs in" in notice
    os.utime(path, ns=(1, 1))
    (notice,) = train(config, tmp_path / "three", *ON_DISK)
    assert "kept for later runs in" in notice
    assert corpora.digest(tmp_path / "two") == corpora.digest(tmp_path / "three")
    assert len(list((tmp_path / FOLDER_NAME).iterdir())) == 1


@pytest.mark.parametrize("name", ["tokens", "labels", "starts", "corpus.safetensors"])
@pytest.mark.parametrize("spoil", ["flip", "cut", "remove"])
def test_what_is_damaged_is_encoded_again(tmp_path, name, spoil):
    config = corpora.tagging(tmp_path)
    train(config, tmp_path / "one", *ON_DISK)
    (folder,) = (tmp_path / FOLDER_NAME).iterdir()
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).unlink()
    if spoil != "remove":
        (folder / name).write_bytes(data if spoil == "flip" else data[:-4])
    (notice,) = train(config, tmp_path / "two", *ON_DISK)
    assert "kept for later runs in" in notice
    assert corpora.digest(tmp_path / "one") == corpora.digest(tmp_path / "two")


def test_a_fault_in_the_text_leaves_nothing_behind(tmp_path):
    config = corpora.tagging(tmp_path)
    path = Path(config["data"]["train"])
    path.write_text(path.read_text() + "\nno_label\n")
    with pytest.raises(windowclf.DataError, match=r"train\.conll:\d+: expected at least 2 columns"):
        train(config, tmp_path / "one", *ON_DISK)
    assert list((tmp_path / FOLDER_NAME).iterdir()) == []


def test_what_a_killed_process_left_is_cleared(tmp_path):
    dead, living = (f"{'0' * 16}.{process}.tmp" for process in (1 << 30, os.getpid()))
    for name in (dead, living):
        (tmp_path / FOLDER_NAME / name).mkdir(parents=True)
        (tmp_path / FOLDER_NAME / name / "tokens").touch()
    train(corpora.tagging(tmp_path), tmp_path / "one", *ON_DISK)
    names = {path.name for path in (tmp_path / FOLDER_NAME).iterdir()}
    assert dead not in names
    assert living in names


def test_what_a_killed_process_of_the_same_number_left_is_no_part_of_the_text(tmp_path):
    """As in a container, where every first process has the same one."""
    config = corpora.tagging(tmp_path)
    train(config, tmp_path / "one", *ON_DISK)
    (made,) = (tmp_path / FOLDER_NAME).iterdir()
    left = made.rename(made.with_name(f"{made.name}.{os.getpid()}.tmp"))
    (left / "corpus.safetensors").unlink()
    train(config, tmp_path / "two", *ON_DISK)
    assert corpora.digest(tmp_path / "one") == corpora.digest(tmp_path / "two")


def test_what_somebody_else_keeps_there_stays(tmp_path):
    names = {f"notes.{1 << 30}.tmp", "old.tmp", ".tmp"}
    for name in names:
        (tmp_path / FOLDER_NAME / name).mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").touch()
    (tmp_path / FOLDER_NAME / f"{'0' * 16}.{1 << 30}.tmp").symlink_to("../elsewhere")
    train(corpora.tagging(tmp_path), tmp_path / "one", *ON_DISK)
    assert names <= {path.name for path in (tmp_path / FOLDER_NAME).iterdir()}
    assert (tmp_path / "elsewhere" / "mine").exists()


def test_a_pipe_in_it_is_not_waited_for(tmp_path):
    config = corpora.tagging(tmp_path)
    train(config, tmp_path / "one", *ON_DISK)
    (folder,) = (tmp_path / FOLDER_NAME).iterdir()
    (folder / "tokens").unlink()
    os.mkfifo(folder / "tokens")
    with pytest.raises(windowclf.RunFolderError, match="tokens: expected files of windowclf alone"):
        train(config, tmp_path / "two", *ON_DISK)
    (folder / "tokens").unlink()
    (notice,) = train(config, tmp_path / "two", *ON_DISK)
    assert "kept for later runs in" in notice


def test_what_others_keep_in_it_stays(tmp_path):
    config, cache = corpora.tagging(tmp_path), tmp_path / FOLDER_NAME
    train(config, tmp_path / "one", *ON_DISK)
    (folder,) = cache.iterdir()
    (folder / "notes.txt").write_text("mine")
    foreign = cache / f"0123456789abcdef.{'0' * 16}.99999999.tmp"
    foreign.mkdir()
    (foreign / "f").write_text("mine")
    text = Path(config["data"]["train"])
    text.write_text(text.read_text() + "\n")
    with pytest.raises(windowclf.RunFolderError, match=r"notes\.txt: expected files of windowclf"):
        train(config, tmp_path / "two", *ON_DISK)
    assert (folder / "notes.txt").read_text() == (foreign / "f").read_text() == "mine"


def test_it_is_no_link(tmp_path):
    (tmp_path / "user").mkdir()
    (tmp_path / FOLDER_NAME).symlink_to("user")
    with pytest.raises(windowclf.RunFolderError, match="expected a directory, found a link"):
        train(corpora.tagging(tmp_path), tmp_path / "one", *ON_DISK)
    assert list((tmp_path / "user").iterdir()) == []


def test_a_file_that_kept_its_size_and_time_is_read_again(tmp_path):
    config = corpora.tagging(tmp_path)
    train(config, tmp_path / "one", *ON_DISK)
    text = Path(config["data"]["train"])
    before = text.stat()
    text.write_text(text.read_text().replace("NOUN", "NAME"))
    os.utime(text, ns=(before.st_atime_ns, before.st_mtime_ns))
    (notice,) = train(config, tmp_path / "two", *ON_DISK)
    assert "kept for later runs in" in notice
    assert "NAME" in windowclf.load(tmp_path / "two").classes


def test_no_room_for_it_is_one_sentence(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(corpus_cache, "write_whole", full)
    sentence = "no space left on device; make room, or raise data.cache_above_mb"
    with pytest.raises(windowclf.RunFolderError, match=sentence):
        train(corpora.tagging(tmp_path), tmp_path / "one", *ON_DISK)
    assert list((tmp_path / FOLDER_NAME).iterdir()) == []


def test_tokens_beyond_the_most_distinct_share_an_entry(tmp_path):
    sentences = [Sentence(["a", "b", "c", "a", "d"], ["X", "Y", "X", "X", "X"])]
    found = encode_corpus(sentences, (), lambda s: s.labels, most_distinct=2)
    assert found.tokens.tolist() == [1, 2, 3, 1, 3]
    assert list(found.keys) == ["a", "b", ""]
    assert found.rare == 2
    notices: list[str] = []
    windowclf.train(
        corpora.tagging(tmp_path), ["data.distinct_tokens=5"], listener=Heard(notice=notices.append)
    )
    assert any("beyond the first 5 distinct ones" in notice for notice in notices)


def test_parts_are_spilled_and_counted_alike(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    sentences = [
        Sentence([f"w{i}" for i in row], [f"L{i % 3}" for i in row])
        for row in (rng.integers(0, 30, n) for n in rng.integers(1, 9, 50))
    ]
    memory = encode_corpus(sentences, (), lambda s: s.labels)
    monkeypatch.setattr(corpus, "AT_ONCE", 7)
    disk = encode_corpus(sentences, (), lambda s: s.labels, folder=tmp_path)
    for name in ("tokens", "labels", "starts"):
        assert isinstance(getattr(disk, name), np.memmap)
        np.testing.assert_array_equal(getattr(disk, name), getattr(memory, name))
    assert disk.counts() == memory.counts()
    assert count_values(memory.labels, 3).tolist() == np.bincount(memory.labels).tolist()


def test_pools_hold_every_sentence_once(monkeypatch):
    monkeypatch.setattr(batches, "BLOCK", 4)
    monkeypatch.setattr(batches, "POOL", 12)
    sizes = np.random.default_rng(1).integers(1, 9, 50)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    for longest in (None, 3):
        rng = np.random.default_rng(2)
        made = list(pools(starts[:-1], starts[1:], 2, longest, rng))
        assert len(made) == 5
        cores = [
            range(a, b)
            for pieces in made
            for a, b in zip(pieces.core_begin.tolist(), pieces.core_end.tolist(), strict=True)
        ]
        assert sorted(itertools.chain.from_iterable(cores)) == list(range(int(starts[-1])))
    assert len(list(pools(starts[:9], starts[1:10], 2, None, np.random.default_rng(1)))) == 1


def test_resumed_in_the_middle_of_a_pool(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BLOCK", 3)
    monkeypatch.setattr(batches, "POOL", 9)
    config = corpora.tagging(tmp_path)
    settings = [*ON_DISK, "training.batch_tokens=20"]
    train(config, tmp_path / "whole", *settings)
    steps = itertools.count(1)
    windowclf.train(
        config,
        [f"output={tmp_path / 'cut'}", *settings],
        listener=Heard(stop=lambda: next(steps) == 13),
    )
    windowclf.train(config, [f"output={tmp_path / 'cut'}", *settings], resume=True)
    assert corpora.digest(tmp_path / "cut") == corpora.digest(tmp_path / "whole")
