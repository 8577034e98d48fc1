"""One tagger for many threads; a reader that goes away; faults by the dozen."""

from __future__ import annotations

import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import corpora
import hammer
import numpy as np
import pytest

import windowclf
from windowclf.errors import DataError

SENTENCES = [["anna", "went", "to", "oslo"], ["x"], [], ["ben", "unseen"] * 20]


@pytest.fixture
def model(learnt) -> Path:
    return learnt["tagging"]


def test_one_tagger_serves_many_threads(model):
    tagger = windowclf.load(model)
    alone = tagger.predict(SENTENCES)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == alone for found in pool.map(tagger.predict, [SENTENCES] * 50))


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
    path = corpora.write(tmp_path / "t.conll", "Anna\tx\n" * 50)
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
