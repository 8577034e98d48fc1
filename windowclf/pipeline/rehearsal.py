"""Rehearsal: what a run does, from reading to the last score, in small and with a clock beside it.

The same functions on the same data, in the order of run.py; only that nothing is written, some
seconds of steps stand for all epochs, and a part of dev for dev and test.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from windowclf.analysis.dev_set import DevSet
from windowclf.analysis.evaluation import evaluate_tagger
from windowclf.config import Config
from windowclf.config.kept import kept_config
from windowclf.network.architecture import Parameters
from windowclf.network.reports import StepReport
from windowclf.network.trainer import Trainer
from windowclf.pipeline.assembly import settings_of, spec_of
from windowclf.pipeline.listener import Listener
from windowclf.pipeline.reading import layout_of, learnt_labels
from windowclf.pipeline.texts import Text
from windowclf.pipeline.training_data import TrainingData, training_data
from windowclf.system import tensor_file
from windowclf.system.threads import Workers
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import model_bytes
from windowclf.tagging.options import TagOptions
from windowclf.tagging.tagger import Tagger
from windowclf.text.sentence import Sentence

STEP_SECONDS = 2.0  # of steps that are tried
COLD_STEPS = 3  # the first ones, which take longer
SAMPLE_TOKENS = 10_000  # of dev that are scored
MOST_TAGGED = 200_000  # tokens; by then the memory of a tagger is full
READ_SECONDS = 0.3


class Tried(NamedTuple):
    """Steps that were taken: the first ones for themselves, and the others."""

    cold_tokens: int
    cold_seconds: float
    steps: int
    tokens: int
    seconds: float

    def of(self, tokens: int) -> float:
        """The seconds of a run over so many tokens."""
        warm = max(0, tokens - self.cold_tokens)
        return self.cold_seconds + warm * self.seconds / self.tokens


class Rehearsal:
    """Once made, it has read the data and made the network; each method is a part of a run."""

    def __init__(
        self, config: Config, texts: Mapping[str, Text], workers: Workers, listener: Listener
    ):
        """Read the texts but for test, and make network and trainer. Raises DataError."""
        self.seconds: dict[str, float] = {}  # of each part, once it is done
        self.config, self._texts = config, texts
        layout = layout_of(config, texts["train"])
        with self._timed("reading"):
            data = training_data(config, layout, texts, None, listener)
            if data.start:
                data.start.refuse_as_output(Path(config.output))
            self.spec = spec_of(config, layout, data)
        self.corpus, self.dev = data.corpus, data.dev or []
        with self._timed("preparing"):
            self._whole = DevSet(self.spec, self.dev, workers)
            self.trainer = self._trainer(data, workers)
        sample = sample_of(self.dev or self._beginning(SAMPLE_TOKENS))
        self._sample, self.sample_tokens = DevSet(self.spec, sample, workers), tokens_of(sample)
        self._kept = kept_config(config, layout.format, layout.label)

    def _trainer(self, data: TrainingData, workers: Workers) -> Trainer:
        """What takes the steps; it does not score."""
        a, settings = self.spec.architecture, settings_of(self.config, data)
        return Trainer(a, data.corpus, data.slots, settings, None, data.given, workers=workers)

    def _beginning(self, most: int) -> Sequence[Sentence]:
        """The first sentences of train, with about so many tokens, in place of other text."""
        found: list[Sentence] = []
        tokens = 0
        for sentence in self._texts["train"].read(self.spec.layout):
            found.append(sentence.without_source())
            tokens += len(sentence.tokens)
            if tokens > most:
                break
        return found

    def state(self) -> int:
        """Make the bytes of a state, as they are saved; how many there are."""
        with self._timed("state"):
            progress, arrays = self.trainer.state()
            header = {"progress": progress, "config": self.config.model_dump(mode="json")}
            return len(tensor_file.to_bytes("state", header, arrays))

    def model(self) -> int:
        """Make the bytes of a model, as the best one is saved; how many there are."""
        with self._timed("model"):
            return len(model_bytes(self._model(self.trainer.averaged())))

    def steps(self, tell: Callable[[float], None]) -> Tried:
        """Take steps for STEP_SECONDS, or all that the run has; `tell` hears how far it is.

        Raises TrainingDiverged.
        """
        began = now = start = time.perf_counter()
        skipped = step = tokens = before = 0
        for report in self.trainer.run():
            if not isinstance(report, StepReport):
                continue
            now, step, tokens = time.perf_counter(), report.step, report.tokens
            if step == COLD_STEPS and tokens < report.total_tokens:
                start, skipped, before = now, step, tokens
            tell(min(1.0, (now - began) / STEP_SECONDS))
            if now - began > STEP_SECONDS and step > COLD_STEPS:
                break
        return Tried(before, start - began, step - skipped, tokens - before, now - start)

    def evaluation(self) -> None:
        """Score the sample as dev after an epoch, and choose thresholds as for a best model."""
        parameters = self.trainer.averaged()
        with self._timed("evaluation"):
            self._sample.evaluate(self._model(parameters))
        with self._timed("thresholds"):
            self._sample.thresholds(parameters)

    def calibration(self) -> None:
        """Fit a temperature on the sample."""
        labels_of = learnt_labels(self.spec.layout, self.spec.inside)
        with self._timed("calibration"):
            self._sample.temperature(self.trainer.averaged(), labels_of)

    def scoring(self, test: int) -> int:
        """Score the sample as at the end of a run; how many bytes the scores have as a file.

        Then tag dev, and train for a test text of so many tokens, for the memory that it takes.
        """
        limits = self.config.prediction
        options = TagOptions(longest_sentence=limits.longest_sentence, cache_mb=limits.cache_mb)
        loaded = {name: array.copy() for name, array in self.trainer.averaged().items()}
        tagger = Tagger(self._model(loaded), options)
        with self._timed("scoring"):
            scores = evaluate_tagger(tagger, self._sample.sentences)
        tagger.predict(self.dev)
        if test:
            tagger.predict(self._beginning(min(test, MOST_TAGGED)))
        return len(json.dumps(scores, indent=2, ensure_ascii=False).encode())

    def reading_rate(self) -> float:
        """Bytes of the training text that are read in a second, without numbers made of them."""
        read = 0

        def on_bytes(count: int) -> None:
            """Count the bytes."""
            nonlocal read
            read += count

        began = time.perf_counter()
        for _ in self._texts["train"].read(self.spec.layout, hashlib.sha256(), on_bytes):
            if time.perf_counter() - began > READ_SECONDS:
                break
        return max(read, 1) / (time.perf_counter() - began)

    def _model(self, parameters: Parameters) -> Model:
        """A model of these parameters as the run would save it."""
        a = self.spec.architecture
        thresholds = np.full(a.classes, 0.5) if a.output == "sigmoid" else None
        return Model(self.spec, parameters, thresholds, config=self._kept)

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        """Note how long what happens within takes."""
        began = time.perf_counter()
        yield
        self.seconds[part] = time.perf_counter() - began


def sample_of(sentences: Sequence[Sentence]) -> Sequence[Sentence]:
    """About SAMPLE_TOKENS of some sentences, from all of their length."""
    every = max(1, round(tokens_of(sentences) / SAMPLE_TOKENS))
    return sentences[::every]


def tokens_of(sentences: Sequence[Sentence]) -> int:
    """The tokens of some sentences."""
    return sum(len(sentence.tokens) for sentence in sentences)
