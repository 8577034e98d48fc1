"""One tagger for many threads; a reader that goes away; faults by the dozen."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shlex
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import corpora
import hammer
import numpy as np
import pytest
from small import untrained
from threadpoolctl import threadpool_info

import windowclf
from windowclf.errors import DataError
from windowclf.system.blas import one_blas_thread
from windowclf.tagging.model_file import save_model

SENTENCES = [["anna", "went", "to", "oslo"], ["x"], [], ["ben", "unseen"] * 20]


@pytest.fixture
def model(learnt) -> Path:
    return learnt["tagging"]


def test_one_tagger_serves_many_threads(model):
    tagger = windowclf.load(model)
    alone = tagger.predict(SENTENCES)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == alone for found in pool.map(tagger.predict, [SENTENCES] * 50))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are for Unix")
def test_forks_while_threads_tag_end_though_blas_has_threads(tmp_path):
    rows = [[(f"w{i}", f"L{i % 30}") for i in range(n, 3000, 300)] for n in range(300)]
    text = corpora.write(tmp_path / "t.conll", corpora.conll(rows))
    config = {"task": "tagging", "data": {"train": text}, "model": {"hidden": {"units": 32}}}
    save_model(tmp_path / "m", untrained(config))
    script = Path(__file__).parents[1] / "forks.py"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_"))}
    command = [sys.executable, str(script), str(tmp_path / "m")]
    assert subprocess.run(command, env=environment, timeout=60).returncode == 0


@pytest.mark.parametrize("task", ["tagging", "spans", "segmentation", "slots"])
def test_a_tagger_travels(learnt, task):
    """Pickled, and to a spawned process: the same answers, its cache empty at the other side."""
    tagger = windowclf.load(learnt[task], windowclf.TagOptions(cache_mb=2))
    given = [{"a": "a1", "b": "b1"}] if task == "slots" else [["the", "cat"], [], ["Oslo", "小"]]
    wanted = tagger.predict(given)
    again = pickle.loads(pickle.dumps(tagger))
    assert again.predict(given) == wanted
    assert (again.options, repr(again)) == (tagger.options, repr(tagger))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        assert pool.submit(tagger.predict, given).result() == wanted


def test_blas_gets_its_threads_back():
    before = [library["num_threads"] for library in threadpool_info()]
    with one_blas_thread, one_blas_thread:
        assert {each["num_threads"] for each in threadpool_info()} <= {1}
    assert [library["num_threads"] for library in threadpool_info()] == before


def test_a_reader_that_goes_away_is_no_fault(model, tmp_path):
    text = corpora.write(tmp_path / "x.txt", "Anna ran.\n" * 20_000)
    code = "from windowclf.commands.entry import main; main()"
    command = shlex.join([sys.executable, "-c", code, "predict", str(model), str(text)])
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_twenty_faults_are_shown_and_the_others_counted(tmp_path):
    path = corpora.write(tmp_path / "t.conll", "Anna\n" * 50)
    with pytest.raises(DataError) as caught:
        windowclf.train({"task": "spans", "output": str(tmp_path / "r"), "data": {"train": path}})
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[0].startswith(f"{path}:1: ")
    assert lines[-1] == "… and 30 more faults."


def test_a_tagger_under_load_gives_the_answers_of_one_thread(model):
    """What tests/hammer.py does at length: 32 threads, and forks while they are at work."""
    tagger = windowclf.load(model)
    alone = [hammer.answer(tagger, number) for number in range(20)]

    def work(first: int) -> bool:
        order = [(first + 7 * i) % 20 for i in range(20)]
        return all(hammer.is_same(hammer.answer(tagger, i), alone[i]) for i in order)

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(work, range(32)))


@pytest.mark.slow
def test_threads_forks_and_a_long_stream_in_a_process_of_their_own():
    script = Path(__file__).parents[1] / "hammer.py"
    figures = ["--threads", "16", "--requests", "100", "--tokens", "3000000"]
    done = subprocess.run(
        [sys.executable, str(script), *figures], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 threads, 1,600 requests" in done.stdout
    assert "3,000,000 tokens" in done.stdout


def test_another_answer_is_noticed():
    assert hammer.is_same([["A"]], [["A"]])
    assert not hammer.is_same([["A"]], [["B"]])
    assert hammer.is_same([np.ones((2, 3))], [np.ones((2, 3))])
    assert not hammer.is_same([np.ones((2, 3))], [np.full((2, 3), 1.001)])
    assert hammer.is_same([], [])
