"""A disk that fills up, or a quota, in the middle of a real run: one sentence, and nothing lost."""

from __future__ import annotations

import json
import mmap
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import corpora
import pytest

import windowclf

PROGRAM = [sys.executable, "-c", "from windowclf.commands.entry import main; main()", "train"]


def config_in(tmp_path: Path) -> dict[str, Any]:
    config = corpora.tagging(tmp_path)
    config["training"] |= {"epochs": 4, "early_stopping": None}
    return config


def started(tmp_path: Path, *arguments: str, limit: str = "unlimited") -> tuple[int, str]:
    """(exit code, standard error) of a run; `limit` is that of each file it writes, in KiB."""
    path = corpora.write(tmp_path / "c.yaml", json.dumps(config_in(tmp_path)))
    limited = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "bash"]
    command = [*limited, *PROGRAM, path, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_quota_leaves_the_old_model(tmp_path):
    windowclf.train(config_in(tmp_path))
    before = corpora.digest(tmp_path / "run")
    code, err = started(tmp_path, "--overwrite", limit="4")
    last = err.splitlines()[-1]
    assert code == 1
    assert "Traceback" not in err
    assert last.startswith(f"{tmp_path}/run/state.safetensors: cannot write, file too large; ")
    assert corpora.digest(tmp_path / "run") == before
    windowclf.load(tmp_path / "run").predict([["cat"]])


def test_a_disk_that_fills_up_leaves_the_best_model_and_the_state(tmp_path):
    windowclf.train(config_in(tmp_path))
    sizes = {p.name: p.stat().st_size for p in (tmp_path / "run").iterdir()}
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "run").mkdir()
    # Room for a first model, a first state and a page for each small file, and not for a second
    # state beside them.
    room = sizes["model.safetensors"] + sizes["state.safetensors"] * 3 // 2 + 2 * mmap.PAGESIZE
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(tmp_path / "run")]
    if shutil.which("mount") is None or subprocess.run(mounted, capture_output=True).returncode:
        pytest.skip("this user cannot mount a small disk")
    try:
        code, err = started(tmp_path)
        assert code == 1
        assert "Traceback" not in err
        assert "cannot write, no space left on device; nothing was lost" in err.splitlines()[-1]
        names = {p.name for p in (tmp_path / "run").iterdir()}
        assert {"state.safetensors", "config.yaml"} <= names
        assert not any(name.endswith(".tmp") for name in names)
        if "model.safetensors" in names:
            windowclf.load(tmp_path / "run").predict([["cat"]])
        roomy = ["mount", "-o", f"remount,size={4 * room}", str(tmp_path / "run")]
        subprocess.run(roomy, check=True, capture_output=True)
        windowclf.train(config_in(tmp_path), resume=True)
        whole = corpora.digest(tmp_path / "run")
    finally:
        subprocess.run(["umount", str(tmp_path / "run")], check=False, capture_output=True)
    windowclf.train(config_in(tmp_path), [f"output={tmp_path}/unbroken"])
    assert whole == corpora.digest(tmp_path / "unbroken")
