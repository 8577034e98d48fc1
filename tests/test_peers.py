"""The benchmark beside CRFsuite: its features by hand, and the whole command on made-up files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import corpora
import pytest
from benchmarks.crf_features import features_of

from windowclf.text.sentence import Sentence

PEERS = Path(__file__).parent / "benchmarks" / "peers.py"


def test_features_of_a_word():
    sentence = Sentence(("In", "Oslo"), columns={"pos": ("P", "N")})
    first, second = features_of(sentence, "spans")
    assert {"bias", "word0=In", "lower1=oslo", "shape1=Xxx", "word-1=\0", "pair0=in|oslo"} <= {
        *first
    }
    assert {"prefix=O", "prefix=Oslo", "suffix=lo|2", "pos-1=P", "poss-1=P|N"} <= {*second}
    assert len(first) == len(set(first)) + 2  # the affixes of 3 and 4 of a word of two letters


def test_features_of_a_character():
    first, _, _ = features_of(Sentence(("我", "们", "5")), "segmentation")
    assert first == [
        *("bias", "one-2=\0", "kind-2=\0", "one-1=\0", "kind-1=\0", "one0=我", "kind0=o"),
        *("one1=们", "kind1=o", "one2=5", "kind2=d"),
        *("two-2=\0|\0", "two-1=\0|我", "two0=我|们", "two1=们|5", "around=\0|们"),
    ]


def test_the_command_learns_small_corpora_without_their_test_files(tmp_path):
    pytest.importorskip("pycrfsuite")
    files = {
        "wnut17/wnut17train.conll": corpora.conll(corpora.span_sentences(40, 1)),
        "wnut17/emerging.dev.conll": corpora.conll(corpora.span_sentences(12, 2)),
        "ud_en_ewt/en_ewt-ud-train.conllu": corpora.conllu(corpora.tagged_sentences(40, 1)),
        "ud_en_ewt/en_ewt-ud-dev.conllu": corpora.conllu(corpora.tagged_sentences(12, 2)),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        corpora.write(tmp_path / name, text)
    command = [sys.executable, str(PEERS), str(tmp_path), "--json", str(tmp_path / "out.json")]
    done = subprocess.run(
        [*command, "--only", "wnut17", "ud_en_ewt"], capture_output=True, text=True, check=True
    )
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    for corpus in ("wnut17", "ud_en_ewt"):
        assert f"| {corpus} | 100.00 |" in done.stdout
        assert rows[corpus]["dev"] == 100
        assert "test" not in rows[corpus]
