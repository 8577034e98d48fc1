"""What Python reports of a process that imports windowclf, loads a model and tags with it.

An audit hook sees every file that is opened, every socket, process and piece of code that runs, and
every name that pickle looks up. The model's words and labels are paths of files.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import corpora
import pytest

import windowclf
from windowclf.errors import ModelFileError

WATCH = """
import json, sys
phase, seen = "import", []
WATCHED = ("open", "exec", "compile", "import", "pickle.", "socket.", "subprocess.", "os.", "pty.",
           "ctypes.", "urllib.", "ftplib.", "http.", "smtplib.", "webbrowser.", "shutil.", "glob.",
           "tempfile.", "sqlite3.", "mmap.", "signal.", "code.", "marshal.", "pathlib.")

def watch(event, arguments):
    if phase is None or not event.startswith(WATCHED):
        return
    first = arguments[0] if arguments else ""
    if event in ("exec", "compile"):
        first = getattr(first, "co_filename", None) or arguments[-1]
    if isinstance(first, bytes):
        first = first.decode("utf-8", "replace")
    seen.append((phase, event, str(first)[:300]))

sys.addaudithook(watch)
import windowclf
windowclf.Tagger, windowclf.predict_file
model, text, out, more = sys.argv[1:]

def work():
    tagger = windowclf.load(model)
    tagger.predict([["the", "cat", text], [], [text]])
    tagger.predict_proba([["the", "cat", text]])
    tagger.predict_text("the cat " + text)
    windowclf.predict_file(model, text, out)
    exec(more)

phase = "first"
work()
phase = "again"
work()
phase = None
files = [f for m in list(sys.modules.values()) if isinstance(f := getattr(m, "__file__", 0), str)]
print(json.dumps({"seen": seen, "files": files}))
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> dict[str, str]:
    """A model whose words and labels are paths of files that are there."""
    folder = tmp_path_factory.mktemp("safe")
    bait = [folder / f"bait{i}" for i in range(2)]
    for path in bait:
        path.write_text("the\tX\n", encoding="utf-8")
    sentences = [[(str(path), str(path)) for path in bait]] * 20
    config = corpora.tagging(folder)
    config["data"] = {"train": corpora.write(folder / "train.conll", corpora.conll(sentences))}
    return {
        "model": str(windowclf.train(config).model_path),
        "text": corpora.write(folder / "in.txt", f"the cat {bait[0]}\n"),
        "out": str(folder / "out.txt"),
    }


def report(world: dict[str, str], more: str = "") -> dict[str, Any]:
    """What the hook saw, in a process of its own."""
    command = [sys.executable, "-c", WATCH, world["model"], world["text"], world["out"], more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def sins(world: dict[str, str], found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Events that neither importing modules nor reading and writing the three files explain."""
    modules = {str(Path(file)) for file in found["files"]}
    folders = {str(Path(file).parent) for file in found["files"]} | {sys.prefix, sys.base_prefix}
    own = Path(world["out"])
    files = {world["model"], world["text"], world["out"]}

    def is_of_a_module(path: str) -> bool:
        return path in modules | folders or any(path.startswith(f"{f}/") for f in folders)

    def is_explained(phase: str, event: str, what: str) -> bool:
        if event in ("open", "os.rename", "os.remove", "os.getxattr") and what:
            temporary = Path(what).parent == own.parent and what.endswith(".tmp")
            if what in files or (temporary and what.startswith(str(own.parent / f".{own.name}."))):
                return True
        # A descriptor, whose file was seen before.
        if event in ("open", "os.chmod") and what.isdecimal():
            return True
        if event == "mmap.__new__":  # of the model, opened right before
            return True
        if phase == "first" and what == "/proc/self/maps":  # which BLAS is loaded
            return True
        if phase == "again":
            return False
        match event:
            case "open" | "os.listdir" | "os.scandir":
                return is_of_a_module(what)
            case "exec" | "compile":  # dataclass and namedtuple make methods from strings
                return what.startswith("<") or is_of_a_module(what)
            case _ if event.startswith("ctypes."):  # which BLAS is loaded, and its threads
                return phase == "first" or what == "None"
            case "os.putenv" | "os.unsetenv":  # numpy tells OpenBLAS how to use threads
                return phase == "import"
            case _:
                return event in ("import", "marshal.loads", "marshal.load")

    return [tuple(each) for each in found["seen"] if not is_explained(*each)]


@pytest.mark.parametrize("compressed", [False, True])
def test_import_load_and_tag_touch_nothing_else(world, compressed, tmp_path):
    if compressed:
        windowclf.compress(world["model"], tmp_path / "small")
        world = world | {"model": str(tmp_path / "small")}
    found = report(world)
    events = {(phase, event) for phase, event, _ in found["seen"]}
    assert ("import", "exec") in events
    assert ("again", "open") in events
    # `more` is empty code that the script itself runs, once a round.
    own = [("again", "compile", "<string>"), ("again", "exec", "<string>")]
    assert [each for each in sins(world, found) if each not in own] == []


@pytest.mark.parametrize(
    ("more", "event"),
    [
        ("import socket; socket.socket().close()", "socket.__new__"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
        ("import os; os.system('true')", "os.system"),
        ("import os; os.fork() or os._exit(0); os.wait()", "os.fork"),
        ("open(tagger.model.spec.vocabulary.seen[0]).close()", "open"),
        ("open('/etc/hostname').close()", "open"),
        ("import pickle; pickle.loads(pickle.dumps(len))", "pickle.find_class"),
        ("eval(compile('1', '/tmp/elsewhere.py', 'eval'))", "exec"),
    ],
)
def test_the_hook_would_see_it(world, more, event):
    more = more.replace("tagger", "windowclf.load(model)")
    found = sins(world, report(world, more))
    assert event in {name for phase, name, _ in found if phase == "again"}


class Evil:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_no_model(tmp_path, protocol):
    left = tmp_path / "left"
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Evil(left), protocol=protocol))
    with pytest.raises(ModelFileError):
        windowclf.load(path)
    assert not left.exists()
    pickle.loads(path.read_bytes()).close()
    assert left.exists()  # it would have
