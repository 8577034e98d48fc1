"""cross_validate: how well a config does on each part of a text when it learns from the others."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from windowclf.analysis.evaluation import main_figures
from windowclf.analysis.spread import Spread, spreads
from windowclf.config import Config
from windowclf.config.reading import ConfigLike, as_config
from windowclf.errors import ConfigError, DataError, named
from windowclf.network.reports import Report, StepReport
from windowclf.pipeline.assembly import dictionary_of
from windowclf.pipeline.folds.fold import Fold
from windowclf.pipeline.folds.folder import FOLDS_NAME, FoldsFolder, Plan
from windowclf.pipeline.input_files import looks_beside_config
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import guessed, inside_scheme, layout_of, learnt_labels, tell
from windowclf.pipeline.run_folder import OWN_NAMES
from windowclf.pipeline.seen import tell_replayed
from windowclf.pipeline.start import KEY
from windowclf.pipeline.texts import GivenTexts, Text, in_memory, other_digests, texts_of
from windowclf.pipeline.train import files_read, train
from windowclf.pipeline.training_data import TrainingData, training_data
from windowclf.system.arguments import checked_arguments
from windowclf.tagging.model_file import load_model
from windowclf.text.formats import Layout, Remarks
from windowclf.text.sentence import Sentence
from windowclf.text.units import folds_of, units_of


@dataclass(frozen=True)
class CrossValidation:
    """What a cross-validation has found so far."""

    figures: Mapping[str, Spread]  # the main ones over all folds; empty before the last has ended
    folds: tuple[Fold, ...]  # those that have ended
    path: Path  # folds.json
    stopped: bool  # True: the listener ended it early


@looks_beside_config
@checked_arguments
def cross_validate(
    config: ConfigLike,
    overrides: Sequence[str] = (),
    *,
    folds: int,
    output: str | os.PathLike[str] | None = None,
    data: GivenTexts | None = None,
    resume: bool = False,
    overwrite: bool = False,
    listener: Listener = SILENT,
) -> CrossValidation:
    """Train a config `folds` times, each time without one part of train, and score it on that part.

    The parts are whole documents where train marks them, else sentences, dealt by the config's
    seed. Dev is the config's, or held out of the parts that are learnt from; data.test is not read.
    The folder `output`, by default the config's with `-folds` at its end, gets folds.json with all
    scores and a run folder for each fold, with its model; there is no model of all parts. `data`
    is as for `train`, `resume` keeps the folds that have ended, `overwrite` replaces them. Raises
    what `train` raises.
    """
    given = dict(data or {})
    if "test" in given:
        raise TypeError("data: expected the keys train, dev, replay, found 'test'.")
    resolved = as_config(config, [*overrides, *map(in_memory, given)])
    if folds < 2:
        raise ConfigError(f"--folds: expected a number from 2 on, found {folds}.")
    top = Path(f"{resolved.output}-folds" if output is None else output)
    _refuse_start_within(resolved, top)
    texts = texts_of(resolved, given)
    with closing(FoldsFolder(top, resume, overwrite)) as folder:
        parts = _Parts(resolved, texts, folds, listener)
        known = folder.begin(parts.plan, list(files_read(config, resolved, texts)))
        listener.prepared()
        if known:
            listener.notice(f"folds that had ended before and are kept: {len(known)}.")
        ended = _train_all(parts, folder, known, listener)
        figures = spreads([fold.figures for fold in ended]) if len(ended) == folds else {}
        folder.write(parts.plan, figures, ended)
        return CrossValidation(figures, tuple(ended), top / FOLDS_NAME, stopped=not figures)


def _refuse_start_within(config: Config, top: Path) -> None:
    """Raise ConfigError where the model to start from lies where the folds are written."""
    start = config.training.start_from
    if start is not None and top.resolve() in (Path(start) / "_").resolve().parents:
        raise ConfigError(
            f"{KEY}: {start} lies in the folder of these folds, {top}; choose another folder with "
            "--output."
        )


class _Parts:
    """A config's training text, divided; `plan`, and the config and the texts of each fold."""

    def __init__(self, config: Config, texts: Mapping[str, Text], folds: int, listener: Listener):
        """Read all but test once, so that faults of files are known before the first fold."""
        if "test" in texts:
            listener.notice("data.test is not read: every fold is scored on its part of train.")
        self._config, self._folds = config, folds
        self._layout = layout_of(config, texts["train"])
        sentences, digest = _sentences(config, texts["train"], self._layout, listener)
        others = {name: text for name, text in texts.items() if name not in ("train", "test")}
        self._others = {name: text.given for name, text in others.items() if text.given is not None}
        whole = {**others, "train": Text(texts["train"].name, given=sentences)}
        read = training_data(config, self._layout, whole)
        dictionary_of(config, self._layout, read)
        if read.start:
            read.start.refuse_seen({digest, read.digest})
        if replay := others.get("replay"):
            tell_replayed(sentences, replay.read(self._layout), listener)
        self._units = units_of(sentences)
        self._of_fold = self._divided(sentences, texts["train"].name)
        self._check_labels(read, listener)
        self.plan = Plan(
            folds,
            "sentences" if len(self._units) == len(sentences) else "documents",
            config.model_dump(mode="json"),
            {"train": read.digest, **read.file_digests, **other_digests(config, whole)},
        )

    def _divided(self, sentences: Sequence[Sentence], name: str) -> list[set[int]]:
        """The numbers of the units in each fold. Raises ConfigError or DataError."""
        most = len(self._units)
        if most < 2:
            raise DataError(
                f"{name}: expected at least 2 documents to divide, or sentences where none are "
                f"marked, found {most} of {len(sentences):,} sentences."
            )
        if self._folds > most:
            units = "sentences" if most == len(sentences) else "documents"
            raise ConfigError(
                f"--folds: expected a number from 2 to {most:,}, as many as {name} has {units}, "
                f"found {self._folds}."
            )
        divided = [set(own) for own in folds_of(self._units, self._folds, self._config.seed)]
        for fold, own in enumerate(divided, 1):
            labels = (s.gold for i in own for s in self._units[i])
            if all(label is None for label in chain.from_iterable(labels)):
                raise DataError(
                    f"{name}: no token of fold {fold} has a label; label more, or choose fewer "
                    "--folds."
                )
        return divided

    def _check_labels(self, read: TrainingData, listener: Listener) -> None:
        """Tell of labels that one fold has alone, which its model cannot learn.

        Raises ConfigError or DataError where the config needs them.
        """
        labels_of = learnt_labels(self._layout, inside_scheme(self._config))
        of_fold = [
            {label for i in own for s in self._units[i] for label in labels_of(s) if label}
            for own in self._of_fold
        ]
        for fold, labels in enumerate(of_fold, 1):
            others = set().union(*(each for each in of_fold if each is not labels))
            if alone := sorted(labels - others):
                said = f"fold {fold} alone has {named(alone)}, so that its model cannot learn it"
                self._refuse_needed(fold, alone, others, said, read)
                listener.notice(f"{said}.")

    def _refuse_needed(
        self, fold: int, alone: list[str], others: set[str], said: str, read: TrainingData
    ) -> None:
        """Raise ConfigError or DataError where a fold cannot be without what it alone has."""
        weights = self._config.training.class_weights
        weighted = [label for label in alone if isinstance(weights, dict) and label in weights]
        if weighted:
            raise ConfigError(
                f"training.class_weights.{weighted[0]}: {said}; leave it out, or choose another "
                "seed or fewer --folds."
            )
        if self._config.model.output == "sigmoid" and len(others) < 2:
            raise ConfigError(
                f"--folds: {said}, and model.output: sigmoid needs two labels; choose another "
                "seed or fewer --folds."
            )
        try:
            dictionary_of(self._config, self._layout, read, without=alone)
        except DataError as error:
            faults = (replace(each, sentence=f"in fold {fold}, {each}") for each in error.faults)
            raise DataError(*faults, more=error.more) from None

    def config(self, folder: Path) -> Config:
        """The config of a fold that is trained in a folder, whose texts are in memory."""
        where = json.dumps(str(folder), ensure_ascii=False)
        return as_config(self._config, [f"output={where}", f"data.format={self._layout.format}"])

    def texts(self, fold: int) -> dict[str, list[Sentence]]:
        """What a fold, from 1, learns from and is scored on."""
        own = self._of_fold[fold - 1]
        train = [s for i, unit in enumerate(self._units) if i not in own for s in unit]
        test = [s for i in sorted(own) for s in self._units[i]]
        others = {name: list(sentences) for name, sentences in self._others.items()}
        return {"train": train, "test": test, **others}


def _sentences(
    config: Config, text: Text, layout: Layout, listener: Listener
) -> tuple[list[Sentence], str]:
    """The sentences of train, and the sha256 of what was read. Raises DataError."""
    remarks, digest = Remarks(), hashlib.sha256()
    size = sum(Path(file).stat().st_size for file in text.files if Path(file).is_file())
    on_bytes = listener.reading_of(size)
    sentences = text.read(layout, digest, on_bytes, remarks, guessed(config))
    found = [each.without_source() for each in sentences]
    tell("train", remarks, layout.scheme, listener)
    return found, digest.hexdigest()


def _train_all(
    parts: _Parts, folder: FoldsFolder, known: dict[int, Fold], listener: Listener
) -> list[Fold]:
    """Train the folds that are not yet known, each on the disk as it ends; all that have ended.

    Fewer than there are where the listener's should_stop says so.
    """
    for each in _missing(parts, folder, known, listener):
        known[each.fold] = each
        folder.write(parts.plan, {}, known.values())
        listener.fold(each)
    return [known[number] for number in sorted(known)]


def _missing(
    parts: _Parts, folder: FoldsFolder, known: Mapping[int, Fold], listener: Listener
) -> Iterator[Fold]:
    """The folds that are not known, each as it has been trained and scored."""
    heard = _OfFolds(listener, parts.plan.folds)
    for number in range(1, parts.plan.folds + 1):
        heard.done = number - 1
        if number in known:
            continue
        path, texts = folder.run_folder(number), parts.texts(number)
        begun = any((path / name).exists() for name in OWN_NAMES)
        own = parts.config(path)
        # What is not of a run is spared by overwrite too.
        result = train(own, data=texts, resume=begun, overwrite=not begun, listener=heard)
        if result.stopped:
            return
        evaluation = result.evaluations["test"]
        figures = main_figures(load_model(result.model_path).spec, evaluation)
        sizes = len(texts["test"]), sum(len(each.tokens) for each in texts["test"])
        yield Fold(number, *sizes, result.best_epoch, figures, dict(evaluation))


class _OfFolds(Listener):
    """Tells a listener of the training of all folds, of what they have in common once."""

    def __init__(self, listener: Listener, folds: int):
        self._listener, self._folds, self._said = listener, folds, set[str]()
        self.done = 0  # folds

    def notice(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._listener.notice(text)

    def report(self, report: Report) -> None:
        self._listener.report(report)
        if isinstance(report, StepReport):
            part = report.tokens / report.total_tokens
            self._listener.searched((self.done + part) / self._folds)

    def should_stop(self) -> bool:
        return self._listener.should_stop()
