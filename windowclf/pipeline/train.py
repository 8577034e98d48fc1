"""train: from a config to a run folder with the best model in it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from windowclf.analysis.evaluation import DevSet, Evaluation, evaluate_tagger, labels_unknown
from windowclf.arrays import Floats
from windowclf.config import Config
from windowclf.config.reading import ConfigLike, as_config, differences, dump_config, make_config
from windowclf.config.training import Checkpoint
from windowclf.errors import RunFolderError, named
from windowclf.network.architecture import Parameters
from windowclf.network.reports import EpochReport, Report, StepReport
from windowclf.network.trainer import Trainer
from windowclf.pipeline import assembly
from windowclf.pipeline.evaluate import Notify, evaluate_files
from windowclf.pipeline.input_files import digest_of, files_of, place_of
from windowclf.pipeline.run_folder import METRICS_NAME, RunFolder, SavedState
from windowclf.system.memory import keep_freed_memory
from windowclf.system.threads import Workers, available_cores
from windowclf.tagging.decoding import Decoder
from windowclf.tagging.model_file import MODEL_NAME, Model, load_model
from windowclf.tagging.tagger import Tagger
from windowclf.text.sentence import none_longer


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind."""

    model_path: Path
    best_epoch: int
    best_score: float | None  # the task's metric on dev
    evaluations: Mapping[str, Evaluation]  # of the kept model on dev and test
    stopped: bool  # True: should_stop ended the run early, and its state is saved


def train(
    config: ConfigLike,
    overrides: Sequence[str] = (),
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_report: Callable[[Report], None] | None = None,
    on_notice: Notify | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_reading: Callable[[float], None] | None = None,
) -> TrainingResult:
    """Train a model as a config says and leave it in the config's run folder.

    `config` is a path, a mapping or a Config; `overrides` are "a.b=VALUE". `resume` continues the
    run in the folder, to the byte; `overwrite` replaces it. `should_stop` is asked after every
    step: once it says True the state is saved and the result has stopped=True. `on_reading` is
    told which fraction of the training text has been read.
    Raises ConfigError, DataError, RunFolderError, ModelFileError (a damaged state) or
    TrainingDiverged.
    """
    notify = on_notice or (lambda _text: None)
    resolved = as_config(config, overrides)
    if resume and overwrite:
        raise RunFolderError(f"{resolved.output}: expected resume or overwrite, found both.")
    with closing(RunFolder(Path(resolved.output), resume, overwrite)) as folder:
        state = folder.load_state() if resume else None
        threads = _threads(resolved, state)
        keep_freed_memory()
        with threadpool_limits(limits=1), closing(Workers(threads)) as workers:
            run = _prepare(
                resolved, folder, workers, notify, on_reading or (lambda _fraction: None)
            )
            _begin(run, state, resume, notify)
            stopped = _train(
                run, on_report or (lambda _report: None), should_stop or (lambda: False)
            )
            evaluations = {} if stopped else _evaluate_kept(run, notify)
        progress = run.trainer.progress
        return TrainingResult(
            model_path=folder.path / MODEL_NAME,
            best_epoch=progress.best_epoch,
            best_score=progress.best_score,
            evaluations=evaluations,
            stopped=stopped,
        )


def _threads(config: Config, state: SavedState | None) -> int:
    """How many threads share a step: those that the run began with, else as the config says."""
    if state is not None:
        return state.threads
    return available_cores() if config.training.threads == "auto" else config.training.threads


@dataclass
class _Run:
    """A prepared run: what one stage hands to the next."""

    config: Config
    folder: RunFolder
    trainer: Trainer
    dev: DevSet | None
    make_model: Callable[[], Model]
    data_digests: Mapping[str, str]
    threads: int
    metrics_lines: int = 0


def _prepare(
    config: Config,
    folder: RunFolder,
    workers: Workers,
    notify: Notify,
    on_reading: Callable[[float], None],
) -> _Run:
    """Read the data, make the vocabulary, the network and its trainer."""
    files = {
        name: files_of(where, f"data.{name}")
        for name in ("train", "dev", "test", "dictionary")
        if isinstance(where := getattr(config.data, name), str | tuple)
    }
    layout = assembly.layout_of(config, files["train"])
    data = assembly.training_data(
        config, layout, files["train"], folder.path.parent, notify, on_reading
    )
    dictionary = assembly.dictionary_of(config, layout, data)
    architecture = assembly.architecture_of(config, data)
    settings = assembly.settings_of(config, data)
    provenance = {"train": data.digest, "config": _config_digest(config), **data.feature_digests}

    def model(parameters: Parameters, thresholds: Floats | None = None) -> Model:
        return assembly.model_of(
            config, layout, data, architecture, parameters, provenance, thresholds, dictionary
        )

    check = Decoder(model({})).check  # faults should be known now and not after the training
    check(data.dev or [])
    test = assembly.read_all(layout, files.get("test", ()))
    for sentence in none_longer(test, assembly.longest_sentence(config)):
        check([sentence])
    digests = {
        name: data.digest if name == "train" else digest_of(paths) for name, paths in files.items()
    }
    digests |= data.feature_digests

    def best_model() -> Model:
        parameters = trainer.averaged()
        return model(parameters, dev.thresholds(parameters) if dev else None)

    dev = DevSet(model({}), data.dev, workers) if data.dev else None
    trainer = Trainer(
        architecture,
        data.corpus,
        data.slots,
        settings,
        dev.evaluate if dev else None,
        data.given,
        workers=workers,
    )
    if dev is None:
        notify("no dev data: the final averaged model is kept and early stopping is off.")
    elif unknown := labels_unknown(dev.model, dev.labels()):
        notify(f"dev has labels that train lacks, counted as errors: {named(unknown)}.")
    return _Run(config, folder, trainer, dev, best_model, digests, workers.count)


def _begin(run: _Run, state: SavedState | None, resume: bool, notify: Notify) -> None:
    """Continue from a state, or start afresh in a folder that may hold an older run."""
    if state is not None:
        _refuse_other_run(run, state)
        try:
            run.trainer.restore(state.progress, state.arrays)
        except ValueError as error:
            raise run.folder.unfit_state(error) from error
        if run.trainer.progress.step == 0:
            run.folder.remove_old_run()  # the crash may have come before that was done
        _cut_metrics(run, state.metrics_lines, notify)
        run.folder.write_config(dump_config(run.config))
        notify(f"continuing after step {run.trainer.progress.step:,}.")
        return
    if resume:
        notify(f"{run.folder.path}: no saved state yet; starting afresh.")
    _save_state(run)  # before anything of an old run goes
    run.folder.remove_old_run()
    run.folder.write_config(dump_config(run.config))


def _cut_metrics(run: _Run, lines: int, notify: Notify) -> None:
    """Take away the log's lines that are newer than the state; they will be written again."""
    run.metrics_lines = run.folder.cut_metrics(lines)
    if run.metrics_lines < lines:
        notify(
            f"{run.folder.path / METRICS_NAME}: expected {lines} whole lines, found "
            f"{run.metrics_lines}; the run goes on, its log lacks the others."
        )


def _refuse_other_run(run: _Run, state: SavedState) -> None:
    """A state can only be continued with the config and the data that it came from."""
    before = make_config(state.config)
    changes = [
        change
        for change in differences(before, run.config)
        if not change.startswith(("output:", "training.checkpoint", "prediction.", "tune"))
    ]
    changes += [
        f"{place_of(name)}: the files have changed"
        for name in sorted({*state.data, *run.data_digests})
        if state.data.get(name) != run.data_digests.get(name)
    ]
    if changes:
        raise RunFolderError(
            f"{run.folder.path}: cannot continue this run with another config or other data "
            f"({'; '.join(changes)}); undo that, or start again with --overwrite."
        )


def _train(run: _Run, on_report: Callable[[Report], None], should_stop: Callable[[], bool]) -> bool:
    """Run to the end, saving on the way; True where should_stop ended it early."""
    saved = time.monotonic()
    for report in run.trainer.run():
        if isinstance(report, EpochReport):
            if report.best:
                run.folder.save_model(run.make_model())
            run.folder.append_metrics(_metrics_line(report))
            run.metrics_lines += 1
        on_report(report)
        if run.trainer.progress.finished:
            break
        if should_stop():
            _save_state(run)
            return True
        if _save_is_due(run.config.training.checkpoint, report, time.monotonic() - saved):
            _save_state(run)
            saved = time.monotonic()
    _save_state(run)
    _calibrate_kept(run)
    return False


def _calibrate_kept(run: _Run) -> None:
    """Give the model that was kept its temperature. Done again after a crash, it is the same."""
    if run.dev is None:
        return
    model = load_model(run.folder.path / MODEL_NAME)
    labels_of = assembly.learnt_labels(model.layout, model.inside)
    temperature = run.dev.temperature(model.parameters, labels_of)
    if temperature != model.temperature:
        run.folder.save_model(replace(model, temperature=temperature))


def _save_is_due(checkpoint: Checkpoint, report: Report, seconds: float) -> bool:
    """By the clock, or by the number of the step, so that a resumed run saves at the same ones."""
    if seconds >= checkpoint.seconds:
        return True
    is_step = isinstance(report, StepReport)  # not again after the evaluation that follows it
    return is_step and checkpoint.steps is not None and report.step % checkpoint.steps == 0


def _save_state(run: _Run) -> None:
    progress, arrays = run.trainer.state()
    header = {
        "progress": progress,
        "config": run.config.model_dump(mode="json"),
        "data": dict(run.data_digests),
        "threads": run.threads,
        "metrics_lines": run.metrics_lines,
    }
    run.folder.save_state(header, arrays)


def _metrics_line(report: EpochReport) -> dict[str, Any]:
    line = asdict(report)
    figures = line.pop("metrics")
    return {**line, **figures}


def _evaluate_kept(run: _Run, notify: Notify) -> dict[str, Evaluation]:
    """Score the model that was kept, as it stands in its file, and write evaluation.json."""
    model = load_model(run.folder.path / MODEL_NAME)
    limits = run.config.prediction
    tagger = Tagger(model, limits.longest_sentence, limits.cache_mb)
    evaluations: dict[str, Evaluation] = {}
    if run.dev is not None:
        evaluations["dev"] = evaluate_tagger(tagger, run.dev.sentences)
    if run.config.data.test is not None:
        files = files_of(run.config.data.test, "data.test")
        evaluations["test"] = evaluate_files(tagger, files, "test", notify)
    run.folder.write_evaluation(evaluations)
    return evaluations


def _config_digest(config: Config) -> str:
    """sha256 of what shapes the model: all of the config but paths and how a run is kept."""
    sections = config.model_dump(mode="json", include={"seed", "task", "features", "model"})
    for feature in sections["features"]["use"]:
        feature.pop("path", None)  # what the file holds has a digest of its own
        if not feature.get("position"):
            feature.pop("position", None)  # as before there was the key
    training = config.training.model_dump(mode="json", exclude={"checkpoint", "threads"})
    text = json.dumps({**sections, "training": training}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
