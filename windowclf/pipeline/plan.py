"""plan: what a run will take in numbers, memory, disk and time, from a rehearsal of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

from threadpoolctl import threadpool_limits

from windowclf.config import Config, Holdout
from windowclf.config.open_keys import open_keys
from windowclf.config.reading import ConfigLike, as_config, dump_config, given_tree
from windowclf.errors import DataError
from windowclf.pipeline.assembly import threads_of
from windowclf.pipeline.input_files import looks_beside_config
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.rehearsal import Rehearsal, Tried, tokens_of
from windowclf.pipeline.texts import Text, texts_of
from windowclf.system.arguments import checked_arguments
from windowclf.system.machine import run_python
from windowclf.system.memory import forget_peak, keep_freed_memory, peak_memory
from windowclf.system.threads import Workers
from windowclf.text.corpus_cache import bytes_kept
from windowclf.text.formats import open_bytes

START = "import windowclf.pipeline.train, typer, rich.console"  # what the command begins with
WRITTEN = 2.0  # seconds of a file that is written and read back, for each of making its bytes
MORE_MEMORY = 1.07  # that a whole run takes for each byte of a rehearsal: freed memory in pieces
LINE_BYTES = 280  # of metrics.jsonl, about


class PlannedSeconds(TypedDict):
    """The parts of the time of a run, in their order."""

    starting: float  # of the process
    reading: float  # all texts, and making what trains
    training: float  # all epochs
    evaluating: float  # dev after each of them
    saving: float  # models and states
    calibrating: float  # the temperature
    scoring: float  # dev and test at the end
    total: float


class PlannedBytes(TypedDict):
    """What a run leaves on the disk."""

    model: int
    state: int
    corpus: int  # beside the run folder; 0 for a text that is held in memory
    logs: int  # the config, a line for each epoch and the scores
    total: int


class TriedSteps(TypedDict):
    """What the time of an epoch is taken from."""

    steps: int
    tokens: int
    seconds: float


class Plan(TypedDict):
    """What a run will take."""

    parameters: dict[str, list[int]]  # name -> shape
    numbers: int  # of all parameters
    train_tokens: int
    dev_tokens: int
    epochs: int  # all that the config has; early stopping may end a run before the last
    threads: int
    tried: TriedSteps
    tokens_per_second: float
    epoch_seconds: float  # of one, with its evaluation and save
    seconds: PlannedSeconds  # of all epochs
    memory: int  # bytes, of the process at its peak
    disk: PlannedBytes
    defaults: dict[str, Any]  # of the keys that the config leaves open


@dataclass(frozen=True)
class _Sizes:
    """How much a run has to do."""

    train: int  # tokens of an epoch
    dev: int  # tokens
    test: int  # tokens, by the size of the files
    test_seconds: float  # of reading those once
    epochs: int


@dataclass(frozen=True)
class _Files:
    """How many bytes the files of a run have."""

    model: int
    state: int
    scores: int  # of one text, in evaluation.json


@looks_beside_config
@checked_arguments
def plan(config: ConfigLike, overrides: Sequence[str] = (), listener: Listener = SILENT) -> Plan:
    """What `train` with the same arguments will take: parameters, memory, disk and time.

    Reads the data, takes two seconds of real steps, and tries the other parts of a run once.
    Nothing is written, and of the test files only the size is looked at. The memory is that of this
    process if it trains; the time that of a first run, whose text is not yet encoded. Raises
    ConfigError, DataError or TrainingDiverged.
    """
    resolved = as_config(config, overrides)
    texts = texts_of(resolved)
    _refuse_pipes(texts["train"])
    count = threads_of(resolved)
    starting = run_python(START).seconds
    forget_peak()
    keep_freed_memory()
    with threadpool_limits(limits=1), closing(Workers(count)) as workers:
        tried = Rehearsal(resolved, texts, workers, listener)
        sizes = _sizes(resolved, tried, texts)
        files, steps = _rehearse(tried, sizes, listener)
    memory = peak_memory()
    seconds = _seconds(resolved, tried, steps, sizes, starting)
    every_epoch = seconds["training"] + seconds["evaluating"]
    shapes = tried.spec.architecture.shapes()
    return {
        "parameters": {name: list(shape) for name, shape in shapes.items()},
        "numbers": sum(array.size for array in tried.trainer.parameters.values()),
        "train_tokens": sizes.train,
        "dev_tokens": sizes.dev,
        "epochs": sizes.epochs,
        "threads": count,
        "tried": {"steps": steps.steps, "tokens": steps.tokens, "seconds": steps.seconds},
        "tokens_per_second": steps.tokens / steps.seconds,
        "epoch_seconds": every_epoch / sizes.epochs + _best_saved(tried),
        "seconds": seconds,
        "memory": round(MORE_MEMORY * memory),
        "disk": _disk(resolved, tried, texts, files),
        "defaults": open_keys(given_tree(config, overrides), resolved),
    }


def _rehearse(tried: Rehearsal, sizes: _Sizes, listener: Listener) -> tuple[_Files, Tried]:
    """Go through the parts of a run in its order: its files, and the steps that were taken."""
    state = tried.state()
    steps = tried.steps(lambda fraction: listener.working("trying steps", fraction))
    model = tried.model()
    listener.working("trying the rest", 0.0)
    tried.evaluation()
    listener.working("trying the rest", 0.3)
    tried.state()
    tried.calibration()
    listener.working("trying the rest", 0.6)
    return _Files(model, state, tried.scoring(sizes.test)), steps


def _disk(
    config: Config, tried: Rehearsal, texts: Mapping[str, Text], files: _Files
) -> PlannedBytes:
    """What a run leaves on the disk."""
    corpus = bytes_kept(tried.corpus) if _is_kept(config, texts) else 0
    scored = bool(tried.dev) + ("test" in texts)
    logs = len(dump_config(config)) + LINE_BYTES * config.training.epochs + scored * files.scores
    return {
        "model": files.model,
        "state": files.state,
        "corpus": corpus,
        "logs": logs,
        "total": files.model + files.state + corpus + logs,
    }


def _refuse_pipes(train: Text) -> None:
    """Raise DataError for training text that can be read only once, and would then be gone."""
    for path in map(Path, train.files):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DataError(
                f"{path}: expected a file, found a pipe or a device; a plan reads some of train "
                "more than once, so put it into a file."
            )


def _is_kept(config: Config, texts: Mapping[str, Text]) -> bool:
    """Whether a run keeps the training text as numbers on the disk."""
    held_out = isinstance(config.data.dev, Holdout)
    size = _bytes_of(texts, "train", "replay")
    return not held_out and size > config.data.cache_above_mb * (1 << 20)


def _bytes_of(texts: Mapping[str, Text], *names: str) -> int:
    """The size of the files of some texts, if there. Raises DataError for one that is no file."""
    paths = [Path(path) for name in names if name in texts for path in texts[name].files]
    for path in paths:
        if path.is_dir() or not path.exists():
            open_bytes(path).close()  # says so
    return sum(path.stat().st_size for path in paths)


def _sizes(config: Config, tried: Rehearsal, texts: Mapping[str, Text]) -> _Sizes:
    """How much a run has to do."""
    epochs, dev = config.training.epochs, tokens_of(tried.dev)
    in_files = len(tried.corpus.tokens) + dev * isinstance(config.data.dev, Holdout)
    size = max(1, _bytes_of(texts, "train", "replay"))
    test = _bytes_of(texts, "test")
    seconds = test / tried.reading_rate() if test else 0.0
    train = tried.trainer.total_tokens // epochs
    return _Sizes(train, dev, in_files * test // size, seconds, epochs)


def _seconds(
    config: Config, tried: Rehearsal, steps: Tried, sizes: _Sizes, starting: float
) -> PlannedSeconds:
    """The parts of the time of a run, and all of it."""
    s, checkpoint = tried.seconds, config.training.checkpoint
    of_dev = sizes.dev / tried.sample_tokens
    of_both = (sizes.dev + sizes.test) / tried.sample_tokens
    training = steps.of(sizes.epochs * sizes.train)
    states = 2 + training / max(checkpoint.seconds, steps.seconds / steps.steps)
    if checkpoint.steps is not None:
        states += sizes.epochs * sizes.train * steps.steps / steps.tokens / checkpoint.steps
    parts = {
        "starting": starting,
        "reading": s["reading"] + s["preparing"] + sizes.test_seconds,
        "training": training,
        "evaluating": sizes.epochs * of_dev * s["evaluation"],
        "saving": sizes.epochs * _best_saved(tried) + WRITTEN * states * s["state"],
        "calibrating": of_dev * s["calibration"] + WRITTEN * s["model"] * (sizes.dev > 0),
        "scoring": of_both * s["scoring"] + sizes.test_seconds,
    }
    return cast(PlannedSeconds, {**parts, "total": sum(parts.values())})


def _best_saved(tried: Rehearsal) -> float:
    """The seconds of choosing thresholds and saving the best model; without dev the last one."""
    if not tried.dev:
        return WRITTEN * tried.seconds["model"] / tried.config.training.epochs
    of_dev = tokens_of(tried.dev) / tried.sample_tokens
    return WRITTEN * tried.seconds["model"] + of_dev * tried.seconds["thresholds"]
