"""The stages in order: train, evaluate, gradcheck, info."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from windowclf import assembly
from windowclf.architecture import Parameters
from windowclf.arrays import Floats
from windowclf.comparison import Comparison, compare_taggers, shared_layout
from windowclf.config import Config
from windowclf.config.reading import differences, dump_config, make_config, read_config
from windowclf.config.training import Checkpoint
from windowclf.decoding import Decode, Decoder
from windowclf.errors import DataError, RunFolderError, named
from windowclf.evaluation import DevSet, Evaluation, evaluate_tagger, labels_unknown
from windowclf.gradient_check import ArrayCheck, GradientProblem, check_gradients
from windowclf.input_files import digest_of, files_of, place_of
from windowclf.limits import LONGEST_SENTENCE
from windowclf.memory import keep_freed_memory
from windowclf.model_file import MODEL_NAME, Model, find_model, load_model
from windowclf.prediction import Tagger, load
from windowclf.run_folder import METRICS_NAME, RunFolder, SavedState
from windowclf.text.sentence import none_longer
from windowclf.threads import Workers, available_cores
from windowclf.training import EpochReport, Report, StepReport, Trainer

Notify = Callable[[str], None]
ConfigLike = Config | Mapping[str, Any] | str | Path
GRADCHECK_TOKENS = 32


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


def evaluate(
    model: str | Path,
    data: str,
    on_notice: Notify | None = None,
    longest_sentence: int = LONGEST_SENTENCE,
    decode: Decode = "viterbi",
) -> Evaluation:
    """Score a model on a labelled file of the kind it was trained on; design section 6.

    `longest_sentence` bounds what a model with recurrence takes, in tokens; `decode` is how a CRF
    chooses. Raises ModelFileError or DataError.
    """
    tagger = load(model, longest_sentence, decode=decode)
    notify = on_notice or (lambda _text: None)
    return _evaluate_files(tagger, files_of(data, "DATA"), data, notify)


def compare(
    model: str | Path,
    against: str | Path,
    data: str,
    on_notice: Notify | None = None,
    longest_sentence: int = LONGEST_SENTENCE,
    most_sentences: int | None = None,
    decode: Decode = "viterbi",
) -> Comparison:
    """Score two models on one labelled file, and say what of the difference may be chance.

    Both evaluations (`model`, `against`); for each main figure the difference, its 95 % interval
    and the p-value of a two-sided paired bootstrap over sentences (`differences`); the sentences
    to which they give different labels (`differing`, the first `most_sentences` or all) with
    their numbers. The file is read as the first model reads it. Raises ModelFileError, also where
    the models are for different tasks or labels, or DataError.
    """
    taggers = load(model, longest_sentence), load(against, longest_sentence)
    names = str(model), str(against)
    layout = shared_layout(taggers[0].model, taggers[1].model, *names)
    one, other = (
        Tagger(replace(t.model, layout=layout), longest_sentence, decode=decode) for t in taggers
    )
    files = files_of(data, "DATA")
    found = compare_taggers(one, other, assembly.read_all(layout, files), most_sentences)
    notify = on_notice or (lambda _text: None)
    for tagger, name, key in zip((one, other), names, ("model", "against"), strict=True):
        _check_gold(tagger.model, found[key], files, f"{data}, for {name},", notify)
    return found


def gradcheck(
    config: ConfigLike,
    overrides: Sequence[str] = (),
    on_progress: Notify | None = None,
) -> list[ArrayCheck]:
    """Central differences in float64 on a small part of the config's first batch.

    Dropout masks are fixed; one ArrayCheck per parameter array.
    """
    resolved = as_config(config, overrides)
    train_files = files_of(resolved.data.train, "data.train")
    layout = assembly.layout_of(resolved, train_files)
    data = assembly.training_data(resolved, layout, train_files)
    architecture = assembly.architecture_of(resolved, data)
    settings = replace(
        assembly.settings_of(resolved, data), dtype="float64", batch_tokens=GRADCHECK_TOKENS
    )
    with threadpool_limits(limits=1):
        trainer = Trainer(architecture, data.corpus, data.slots, settings, None, data.given)
        batch, masks = trainer.next_batch()
        problem = GradientProblem(
            architecture, trainer.parameters, batch, settings.objective, masks
        )
        return check_gradients(problem, np.random.default_rng(resolved.seed), progress=on_progress)


def info(model: str | Path) -> dict[str, Any]:
    """What a model file holds: task, labels, features, sizes, provenance."""
    path = find_model(Path(model))
    loaded = load_model(path)
    a, v = loaded.architecture, loaded.vocabulary
    parameters = {name: "×".join(map(str, p.shape)) for name, p in loaded.parameters.items()}
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "task": loaded.layout.task,
        "labels": list(v.labels),
        "window": a.window,
        "features": [f"{feature.kind} ({feature.table})" for feature in a.features],
        "hidden": a.activation if a.activation == "none" else f"{a.activation}, {a.units} units",
        "recurrence": a.directions or "none",
        "output": a.output,
        "tokenizer": loaded.layout.tokenizer,
        "temperature": loaded.temperature,
        "words seen in training": "not kept" if v.seen is None else len(v.seen),
        "words of the dictionary": len(loaded.dictionary),
        "stored as": loaded.compressed or str(loaded.parameters["U"].dtype),
        "numbers": sum(p.size for p in loaded.parameters.values()),
        "parameters": parameters,
        "provenance": dict(loaded.provenance),
    }


def as_config(config: ConfigLike, overrides: Sequence[str]) -> Config:
    """A Config from a path, a mapping or a Config, with overrides applied. Raises ConfigError."""
    if isinstance(config, Config):
        config = config.model_dump(mode="json")
    if isinstance(config, Mapping):
        return make_config(config, overrides)
    return read_config(config, overrides)


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
        evaluations["test"] = _evaluate_files(tagger, files, "test", notify)
    run.folder.write_evaluation(evaluations)
    return evaluations


def _evaluate_files(tagger: Tagger, files: Sequence[str], name: str, notify: Notify) -> Evaluation:
    sentences = assembly.read_all(tagger.model.layout, files)
    evaluation = evaluate_tagger(tagger, sentences)
    _check_gold(tagger.model, evaluation, files, name, notify)
    return evaluation


def _check_gold(
    model: Model, evaluation: Evaluation, files: Sequence[str], name: str, notify: Notify
) -> None:
    """Some token must have a label; those that the model cannot give are named."""
    if not evaluation["tokens"]:
        raise DataError(f"{', '.join(files)}: no labelled token found; nothing to score.")
    if model.vocabulary.seen is None:
        kept = "the model does not keep the words seen in training"
        notify(f"in {name} seen and unseen are not split; {kept}.")
    gold = [label for label, row in evaluation["labels"].items() if row["support"]]
    if unknown := labels_unknown(model, gold):
        notify(f"{name} has labels that train lacks, counted as errors: {named(unknown)}.")


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
