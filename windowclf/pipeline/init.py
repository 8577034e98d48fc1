"""init: a folder to begin in, with a quickstart, or with a config for data that are at hand."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import get_args

from windowclf.errors import ConfigError, Fault, RunFolderError
from windowclf.pipeline.guess import Guess, guess_file, same_format, with_dev
from windowclf.pipeline.guess_counts import Counts
from windowclf.pipeline.init_config import Plan, config_text, counted, dev_of, inline, is_small
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.system.arguments import checked_arguments
from windowclf.system.durable import make_folder, reason, write_whole
from windowclf.system.paths import kind_at
from windowclf.text.formats import Task, format_by_suffix

LONG = 200  # tokens of a sentence, on average, that no text has
LONGEST_SHOWN = 100  # characters of a sentence in a command
_CONFIGS: Mapping[str, str] = {"spans": "quickstart"}  # of a task; else its own name
_PATH = re.compile(r"(?:data|runs)/\S+")  # in a config of a quickstart
_TRY = {
    "spans": "Dr. Amina Rossi of Northwind Ltd moved to Lisbon on 3 May 2021.",
    "tagging": "Anna reads the long report in the garden.",
    "segmentation": "我们明天去图书馆看书。",
}


@dataclass(frozen=True)
class Project:
    """What init has written, and the commands that come next."""

    config: str
    written: tuple[str, ...]  # without files that were there already, as they are
    commands: tuple[str, ...]
    guess: Guess | None = None  # of the training file, where one was given
    dev: Counts | None = None
    notes: tuple[str, ...] = ()


@checked_arguments
def init(
    folder: str | os.PathLike[str] = ".",
    data: str | os.PathLike[str] | None = None,
    task: str | None = None,
    dev: str | os.PathLike[str] | None = None,
    test: str | os.PathLike[str] | None = None,
    listener: Listener = SILENT,
) -> Project:
    """Write into a folder what training begins with: the quickstart, or a config for `data`.

    The quickstart is a config and a small corpus, for spans or the `task`. Of `data` it is guessed
    how it is to be read, unless `task` says so in part; `dev` is read likewise, of `test` only the
    beginning is looked at. Paths in the config are relative to the working directory. Nothing that
    is there already is changed. Raises DataError or RunFolderError.
    """
    if task is not None and task not in get_args(Task):
        known = ", ".join(get_args(Task))
        raise ConfigError(f"--task: expected one of {known}, found {task!r:.40}.")
    where = Path(folder)
    if data is None:
        for name, given in (("--dev", dev), ("--test", test)):
            if given is not None:
                raise ConfigError(f"{name}: expected --data too, the file to learn from.")
        return _quickstart(where, task or "spans")
    chosen = next((each for each in get_args(Task) if each == task), None)
    guess = guess_file(os.fspath(data), chosen, listener)
    return _for_data(where, guess, _path(dev), _path(test), listener)


def _path(given: str | os.PathLike[str] | None) -> str | None:
    """A path as text; None for none."""
    return None if given is None else os.fspath(given)


def _quickstart(folder: Path, task: str) -> Project:
    """Write the quickstart of a task: its config, and its corpus in `data`."""
    name, source = _CONFIGS.get(task, task), _source()
    texts = sorted(source.joinpath("data", task).iterdir(), key=lambda text: text.name)
    contents = {folder / "data" / task / text.name: text.read_bytes() for text in texts}
    config = source.joinpath("configs", f"{name}.yaml").read_text(encoding="utf-8")
    own = _PATH.sub(lambda found: inline(os.fspath(folder / found[0])), config)
    path, run = folder / f"{name}.yaml", folder / "runs" / name
    written = _write({**contents, path: own.encode()})
    rows = folder / "data" / task / "dev.csv"
    asked = _asked(run, _TRY[task]) if task in _TRY else _command("predict", run, rows)
    return Project(os.fspath(path), written, (*_first(path), asked))


def _source() -> Traversable:
    """Where the quickstarts lie: in the package, or around it where it runs from a clone."""
    packed = files("windowclf").joinpath("quickstart")
    return packed if packed.is_dir() else Path(__file__).parents[2]


def _for_data(
    folder: Path, guess: Guess, dev: str | None, test: str | None, listener: Listener
) -> Project:
    """Write the config for a training file, and for files of dev and test where given."""
    counts = None
    if dev is not None:
        guess, counts = with_dev(guess, dev, listener)
    if test is not None:
        same_format(test, guess)
    task = guess.layout.task
    config, run = folder / f"{task}.yaml", folder / "runs" / task
    text = config_text(guess, Plan(run, dev, test))
    written = _write({config: text.encode()})
    return Project(
        config=os.fspath(config),
        written=written,
        commands=(*_first(config), _predict(guess, run)),
        guess=guess,
        dev=counts,
        notes=tuple(_notes(guess, dev)),
    )


def _notes(guess: Guess, dev: str | None) -> Iterator[str]:
    """What else the file could be, and what to expect of it."""
    yield from guess.found.doubts
    yield from guess.remarks
    counts = guess.counts
    unit = "row" if guess.layout.task == "slots" else "sentence"
    if counts.tokens > LONG * counts.sentences:
        yield (
            f"{counted(counts.sentences, 'sentence')} of {counts.tokens:,} tokens: are the empty "
            "lines between sentences missing?"
        )
    if counts.unlabelled:
        yield f"{counts.unlabelled:,} of {counts.tokens:,} tokens have no label and are passed by."
    if is_small(guess):
        yield (
            f"there is little to learn from ({counted(counts.sentences, unit)}), and the config "
            "has settings for that: expect a model that knows what it has seen and not much else. "
            "More text will help more than any setting."
        )
    if dev is None and dev_of(guess, None) is None:
        yield (
            f"no {unit} is held out as dev, for too few would be left or scored, and so there will "
            "be no score; --dev FILE gives one."
        )


def _first(config: Path) -> tuple[str, ...]:
    """The commands that come before a model is there."""
    return _command("check", config), _command("train", config)


def _predict(guess: Guess, run: Path) -> str:
    """The command that tags a sentence of the training file, or all of it, with the model."""
    between = "" if guess.layout.task == "segmentation" else " "
    text = between.join(guess.sample.tokens)
    plain = text.isprintable() and text[:1] not in "-{[#" and "\\" not in text
    if guess.layout.task != "slots" and plain and 0 < len(text) <= LONGEST_SHOWN:
        return _asked(run, text)
    named = format_by_suffix(guess.path) == guess.layout.format
    more = [] if named else ["--format", guess.layout.format]
    return _command("predict", run, Path(guess.path), *more)


def _asked(run: Path, text: str) -> str:
    """The command that tags a text with the model of a run."""
    return f"echo {_quoted(text)} | {_command('predict', run)}"


def _command(name: str, *arguments: Path | str) -> str:
    """A command of windowclf as a shell takes it."""
    return shlex.join(["windowclf", name, *map(_argument, arguments)])


def _argument(value: Path | str) -> str:
    """An argument that is no option: a path that begins as one from the folder on."""
    return f"./{value}" if isinstance(value, Path) and str(value).startswith("-") else str(value)


def _quoted(text: str) -> str:
    """A text as a shell takes it, in double quotes where that is enough."""
    return shlex.quote(text) if re.search(r'["$`!\\]', text) else f'"{text}"'


def _write(contents: Mapping[Path, bytes]) -> tuple[str, ...]:
    """Write files that are not there yet, and say which; one that is there must be the same.

    Raises RunFolderError, before anything is written where something else is in the way.
    """
    new = [path for path, content in contents.items() if not _is_there(path, content)]
    for path in new:
        try:
            make_folder(path.parent)
        except OSError as error:
            raise RunFolderError(
                Fault(f"cannot be made, {reason(error)}.", str(path.parent))
            ) from error
        write_whole(path, contents[path])
    return tuple(map(os.fspath, new))


def _is_there(path: Path, content: bytes) -> bool:
    """Whether a file has this content; False where nothing has its name.

    Raises RunFolderError where something else has.
    """
    try:
        kind = kind_at(path)
        same = kind == "a file" and path.stat().st_size == len(content)
        if same and path.read_bytes() == content:
            return True
    except OSError as error:
        raise RunFolderError(Fault(f"cannot be written, {reason(error)}.", str(path))) from error
    if kind is not None:
        what = "another file" if kind == "a file" else kind
        raise RunFolderError(
            Fault(
                f"{what} is there already, and nothing is overwritten; move it away, or give init "
                "another folder, as in `windowclf init FOLDER`.",
                str(path),
            )
        )
    return False
