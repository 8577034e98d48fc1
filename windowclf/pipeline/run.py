"""Run: data, network and folder together, from the beginning or a saved state to the scores."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from windowclf.analysis.dev_set import DevSet
from windowclf.analysis.evaluation import evaluate_tagger
from windowclf.analysis.results import Evaluation
from windowclf.analysis.summary import summary_of
from windowclf.arrays import Floats
from windowclf.config import Config
from windowclf.config.kept import kept_config
from windowclf.config.reading import dump_config
from windowclf.network.architecture import Parameters
from windowclf.network.reports import EpochReport
from windowclf.network.trainer import Trainer
from windowclf.pipeline.assembly import settings_of, spec_of
from windowclf.pipeline.check_warnings import same_texts
from windowclf.pipeline.checkpoints import is_point, save_is_due
from windowclf.pipeline.continuing import added_epochs, refuse_other_run
from windowclf.pipeline.evaluate import Labelled, evaluate_text
from windowclf.pipeline.listener import Listener
from windowclf.pipeline.reading import (
    LIKE_TRAIN,
    guessed,
    layout_of,
    learnt_labels,
    longest_sentence,
)
from windowclf.pipeline.run_folder import METRICS_NAME, RunFolder, SavedState
from windowclf.pipeline.texts import Text, other_digests
from windowclf.pipeline.training_data import TrainingData, training_data
from windowclf.system.machine import this_kind_of_machine
from windowclf.system.threads import Workers
from windowclf.tagging.decoding import Decoder
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import MODEL_NAME, load_model
from windowclf.tagging.options import TagOptions
from windowclf.tagging.spec import Spec
from windowclf.tagging.tagger import Tagger
from windowclf.text.formats import Layout
from windowclf.text.sentence import none_longer


class Run:
    """One training in a claimed folder: `begin`, `train`, `evaluate`."""

    def __init__(
        self,
        config: Config,
        texts: Mapping[str, Text],
        folder: RunFolder,
        workers: Workers,
        listener: Listener,
    ):
        """Read the texts, make the vocabulary, the network and its trainer. Raises DataError."""
        self.config, self.folder, self.listener = config, folder, listener
        self._threads, self._metrics_lines = workers.count, 0
        self._texts = texts
        layout = layout_of(config, texts["train"])
        data = training_data(config, layout, texts, folder.path.parent, listener)
        if data.start:
            data.start.refuse_as_output(folder.path)
        self._spec = spec_of(config, layout, data)
        self._default_thresholds = _half_way(self._spec)
        self._kept_config = kept_config(config, layout.format, layout.label)
        self._check_dictionary(layout, data)
        self._digests = {
            "train": data.digest,
            **data.file_digests,
            **other_digests(config, texts),
        }
        learnt_from = {"replay", *data.file_digests}
        self._provenance = {
            "train": data.digest,
            "config": _config_digest(config),
            **{name: digest for name, digest in self._digests.items() if name in learnt_from},
        }
        self._dev = DevSet(self._spec, data.dev, workers) if data.dev else None
        self.trainer = Trainer(
            self._spec.architecture,
            data.corpus,
            data.slots,
            settings_of(config, data),
            self._evaluate_on_dev if self._dev else None,
            data.given,
            data.learnt,
            workers=workers,
        )
        self._begins = data.start.told(data.vocabulary) if data.start else None
        same, advice = same_texts(texts, self._digests), texts["train"].advice
        self._summary = summary_of(self._spec, data.corpus, data.dev, advice, same)

    def _check_dictionary(self, layout: Layout, data: TrainingData) -> None:
        """Raise DataError where the dictionary leaves a sentence of dev or test no legal path.

        So that this is known now and not after the training.
        """
        check = Decoder(Model(self._spec, {})).check
        check(data.dev or [])
        if (test := self._texts.get("test")) is not None:
            sentences = test.read(layout, say=guessed(self.config))
            for sentence in none_longer(sentences, longest_sentence(self.config)):
                check([sentence])

    def _say_what_is_read(self) -> None:
        """Tell the listener of the texts, of what is odd in them, and of missing dev data."""
        self.listener.texts(self._summary)
        for warning in self._summary.warnings:
            self.listener.notice(str(warning))
        if self._dev is None:
            said = "no dev data: the final averaged model is kept and early stopping is off."
            self.listener.notice(said)

    def begin(self, state: SavedState | None, resume: bool) -> None:
        """Continue from a state, or start afresh in a folder that may hold an older run."""
        self.listener.prepared()
        if state is not None:
            self._continue(state)
            self._say_what_is_read()
            return
        self._say_what_is_read()
        if resume:
            self.listener.notice(f"{self.folder.path}: no saved state yet; starting afresh.")
        if self._begins:
            self.listener.notice(self._begins)
        self._save_state()  # before anything of an old run goes
        self.folder.remove_old_run()
        self.folder.write_config(dump_config(self.config))

    def _continue(self, state: SavedState) -> None:
        """Go on from a state. Raises RunFolderError or ModelFileError where it does not fit."""
        refuse_other_run(self.folder.path, state, self.config, self._digests)
        try:
            self.trainer.restore(state.progress, state.arrays)
        except ValueError as error:
            raise self.folder.unfit_state(error) from error
        if self.trainer.progress.step == 0:
            self.folder.remove_old_run()  # the crash may have come before that was done
        self._cut_metrics(state.metrics_lines)
        if said := added_epochs(state, self.config):
            self._lengthen(said)
        self.folder.write_config(dump_config(self.config))
        self.listener.notice(f"continuing after step {self.trainer.progress.step:,}.")

    def _cut_metrics(self, lines: int) -> None:
        """Take away the log's lines that are newer than the state; they will be written again."""
        self._metrics_lines = self.folder.cut_metrics(lines)
        if self._metrics_lines < lines:
            self.listener.notice(
                f"{self.folder.path / METRICS_NAME}: expected {lines} whole lines, found "
                f"{self._metrics_lines}; the run goes on, its log lacks the others."
            )

    def _lengthen(self, said: str) -> None:
        """Let the run have more epochs than it had, and tell the listener what that means."""
        self.trainer.lengthen()
        self._save_state()  # before anything of the shorter run goes
        self.folder.remove_evaluation()
        self.listener.notice(said)

    def train(self) -> bool:
        """Run to the end, saving on the way; True where the listener ended it early."""
        saved, keep = time.monotonic(), self.config.training.checkpoint
        tokens = self.trainer.progress.tokens
        for report in self.trainer.run():
            if isinstance(report, EpochReport):
                self._end_epoch(report)
            elif is_point(keep, tokens, report):
                self._log(asdict(report))
            tokens = report.tokens
            self.listener.report(report)
            if self.trainer.progress.finished:
                break
            if self.listener.should_stop():
                self._save_state()
                return True
            if save_is_due(keep, report, time.monotonic() - saved):
                self._save_state()
                saved = time.monotonic()
        self._save_state()
        self._calibrate_kept()
        return False

    def _end_epoch(self, report: EpochReport) -> None:
        """Save the model if it is the best so far, and log the epoch."""
        if report.best:
            self.folder.save_model(self.best_model())
        line = asdict(report)
        figures = line.pop("metrics")
        self._log({**line, **figures})

    def _log(self, line: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl."""
        self.folder.append_metrics(line)
        self._metrics_lines += 1

    def best_model(self) -> Model:
        """The model of the averaged parameters as they are now."""
        parameters = self.trainer.averaged()
        thresholds = self._dev.thresholds(parameters) if self._dev else None
        return self._model(parameters, thresholds)

    def _model(self, parameters: Parameters, thresholds: Floats | None = None) -> Model:
        """A model of these parameters, with the default thresholds where none (K,) are given."""
        if thresholds is None:
            thresholds = self._default_thresholds
        return Model(
            self._spec,
            parameters,
            thresholds,
            provenance=self._provenance,
            config=self._kept_config,
        )

    def _evaluate_on_dev(self, parameters: Parameters) -> tuple[float, Mapping[str, float]]:
        """The task's metric on dev, and the figures that the log shows beside it."""
        assert self._dev is not None
        return self._dev.evaluate(self._model(parameters))

    def _calibrate_kept(self) -> None:
        """Fit the temperature of the kept model on dev, and save the model with it.

        Done again after a crash, it is the same.
        """
        if self._dev is None:
            return
        model = load_model(self.folder.path / MODEL_NAME)
        labels_of = learnt_labels(self._spec.layout, self._spec.inside)
        temperature = self._dev.temperature(model.parameters, labels_of)
        if temperature != model.temperature:
            self.folder.save_model(replace(model, temperature=temperature))

    def _save_state(self) -> None:
        """Save what --resume needs to go on from here."""
        progress, arrays = self.trainer.state()
        header = {
            "progress": progress,
            "config": self.config.model_dump(mode="json"),
            "data": dict(self._digests),
            "threads": self._threads,
            "metrics_lines": self._metrics_lines,
        }
        self.folder.save_state(header, arrays)

    def evaluate(self) -> dict[str, Evaluation]:
        """Score the model that was kept, as it stands in its file, and write evaluation.json."""
        limits = self.config.prediction
        options = TagOptions(longest_sentence=limits.longest_sentence, cache_mb=limits.cache_mb)
        tagger = Tagger(load_model(self.folder.path / MODEL_NAME), options)
        evaluations: dict[str, Evaluation] = {}
        if self._dev is not None:
            evaluations["dev"] = evaluate_tagger(tagger, self._dev.sentences)
        if (test := self._texts.get("test")) is not None:
            layout = self._spec.layout
            labelled = Labelled(test, layout, "test", LIKE_TRAIN)
            evaluations["test"] = evaluate_text(tagger, labelled, self.listener)
        self.folder.write_evaluation({**evaluations, "machine": this_kind_of_machine()})
        return evaluations


def _half_way(spec: Spec) -> Floats | None:
    """The thresholds of a sigmoid output before any are chosen, 0.5 each; else None.   ->  (K,)."""
    K = spec.architecture.classes
    return np.full(K, 0.5) if spec.architecture.output == "sigmoid" else None


def _config_digest(config: Config) -> str:
    """sha256 of what shapes the model: all of the config but paths and how a run is kept."""
    sections: dict[str, Any] = config.model_dump(
        mode="json", include={"seed", "task", "features", "model"}
    )
    for feature in sections["features"]["use"]:
        feature.pop("path", None)  # what the file holds has a digest of its own
        if not feature.get("position"):
            feature.pop("position", None)  # as before there was the key
    apart = {"checkpoint", "threads", "start_from"}
    if config.data.replay is None:
        apart.add("replay_share")
    training = config.training.model_dump(mode="json", exclude=apart)
    text = json.dumps({**sections, "training": training}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
