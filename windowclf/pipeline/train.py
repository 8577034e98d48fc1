"""train: from a config to a run folder with the best model in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from windowclf.analysis.results import Evaluation
from windowclf.config import Config
from windowclf.config.reading import ConfigLike, as_config, dump_config, read_config
from windowclf.errors import ConfigError
from windowclf.pipeline.assembly import threads_of
from windowclf.pipeline.input_files import files_of, looks_beside_config
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.run import Run
from windowclf.pipeline.run_folder import RunFolder, refuse_inputs
from windowclf.pipeline.texts import GivenTexts, Text, in_memory, texts_of
from windowclf.system.arguments import checked_arguments
from windowclf.system.memory import keep_freed_memory
from windowclf.system.threads import Workers
from windowclf.tagging.model_file import MODEL_NAME


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind."""

    model_path: Path
    best_epoch: int
    best_score: float | None  # the task's metric on dev
    evaluations: Mapping[str, Evaluation]  # of the kept model on dev and test
    stopped: bool  # True: the listener ended the run early, and its state is saved


@looks_beside_config
@checked_arguments
def train(
    config: ConfigLike,
    overrides: Sequence[str] = (),
    *,
    data: GivenTexts | None = None,
    resume: bool = False,
    overwrite: bool = False,
    listener: Listener = SILENT,
) -> TrainingResult:
    """Train a model as a config says and leave it in the config's run folder.

    `config` is a path, a mapping or a Config; `overrides` are "a.b=VALUE". `data` holds Sentences
    under train, dev and test, each in place of the files that the config names; from equal
    sentences comes the same model as from files, but for their digest in it. `resume` continues the
    run in the folder, to the byte; `overwrite` replaces it. The listener is told of every step and
    epoch; once its `should_stop` says True the state is saved and the result has stopped=True.
    Raises ConfigError, DataError, RunFolderError, ModelFileError (a damaged state) or
    TrainingDiverged.
    """
    given = data or {}
    resolved = as_config(config, [*overrides, *map(in_memory, given)])
    texts = texts_of(resolved, given)
    with closing(RunFolder(Path(resolved.output), resume, overwrite)) as folder:
        refuse_inputs(folder.path, files_read(config, resolved, texts))
        state = folder.load_state() if resume else None
        keep_freed_memory()
        threads = threads_of(resolved) if state is None else state.threads
        with threadpool_limits(limits=1), closing(Workers(threads)) as workers:
            run = Run(resolved, texts, folder, workers, listener)
            run.begin(state, resume)
            stopped = run.train()
            evaluations = {} if stopped else run.evaluate()
        progress = run.trainer.progress
        return TrainingResult(
            model_path=folder.path / MODEL_NAME,
            best_epoch=progress.best_epoch,
            best_score=progress.best_score,
            evaluations=evaluations,
            stopped=stopped,
        )


def files_read(config: ConfigLike, resolved: Config, texts: Mapping[str, Text]) -> Iterator[str]:
    """The files that a run reads; of its config only where people have changed it.

    For that of an earlier run is written again with the same words.
    """
    for text in texts.values():
        yield from text.files
    if resolved.data.dictionary is not None:
        yield from files_of(resolved.data.dictionary, "data.dictionary")
    for i, feature in enumerate(resolved.features.use):
        if feature.kind in ("gazetteer", "cluster", "vectors"):
            yield from files_of(feature.path, f"features.use.{i}.path")
    if isinstance(config, str | os.PathLike) and not _is_as_dumped(Path(config)):
        yield os.fspath(config)


def _is_as_dumped(path: Path) -> bool:
    """Whether a config file says what a run wrote, word for word."""
    try:
        return path.read_text(encoding="utf-8-sig") == dump_config(read_config(path))
    except ConfigError:  # it is whole with overrides alone
        return False
