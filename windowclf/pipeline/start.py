"""Start: the trained model from which a run goes on, and whether the run can carry it on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from windowclf.config import Config
from windowclf.config.features import tables_of
from windowclf.errors import ConfigError, DataError, ModelFileError, named
from windowclf.network.carry import Learnt
from windowclf.pipeline.feature_files import FeatureFiles
from windowclf.pipeline.input_files import digest_of
from windowclf.pipeline.reading import inside_scheme
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import MODEL_NAME, find_model, load_model
from windowclf.text.features import Feature
from windowclf.text.lexicon import packed
from windowclf.text.vocabulary import Vocabulary

KEY = "training.start_from"


@dataclass(frozen=True)
class Start:
    """A trained model, and the digest of its file."""

    file: Path
    model: Model
    digest: str  # sha256

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model has learnt, which the run keeps."""
        return self.model.spec.classes

    def refuse_as_output(self, folder: Path) -> None:
        """Raise ConfigError where a run in `folder` would write over the model."""
        if self.file.resolve() == (folder / MODEL_NAME).resolve():
            raise ConfigError(
                f"{KEY}: {self.file} is the model that this run would write; choose another "
                "folder with --output."
            )

    def refuse_seen(self, digests: Collection[str]) -> None:
        """Raise ConfigError where the model has learnt from a text with one of these digests."""
        learnt = self.model.provenance
        if any(learnt.get(name) in digests for name in ("train", "replay")):
            raise ConfigError(
                f"{KEY}: {self.file} has learnt from this train, so that no fold would be scored "
                "on text that its model has not seen; start from a model of other text, or leave "
                "it out."
            )

    def learnt(self, vocabulary: Vocabulary) -> Learnt:
        """What a network with this vocabulary keeps of the model."""
        one_logit = self.model.spec.is_single_logit
        columns = [0] if one_logit else [vocabulary.class_of[label] for label in self.labels]
        return Learnt(self.model.parameters, np.array(columns))

    def check_classes(self, vocabulary: Vocabulary, columns: int) -> None:
        """Raise DataError where the labels of old and new data need another kind of output."""
        a = self.model.spec.architecture
        if a.output == "sigmoid" and (a.classes == 1) != (columns == 1):
            raise DataError(
                f"{KEY}: {self.file} has {_kind(a.classes)} and with the labels of these data "
                f"({named(vocabulary.labels)}) there would be {_kind(columns)}; change the labels, "
                f"or train without {KEY}."
            )

    def told(self, vocabulary: Vocabulary) -> str:
        """What the run begins with, in a sentence."""
        known = self.model.spec.vocabulary
        kept = sum(map(len, known.values.values()))
        new = sum(map(len, vocabulary.values.values())) - kept
        added = [label for label in vocabulary.labels if label not in known.class_of]
        labels = f"labels added: {named(added)}" if added else "no label added"
        return (
            f"starting from {self.file}: values known: {kept:,}, new: {new:,}; {labels}. The "
            "optimizer starts afresh: its accumulators are 0, and the learning rate begins where "
            "its schedule does."
        )


def read_start(config: Config, read: FeatureFiles) -> Start | None:
    """The model that training.start_from names; None without one.

    Raises ConfigError where the config is not that of a network which can carry it on, and
    ModelFileError.
    """
    if config.training.start_from is None:
        return None
    try:
        file = find_model(Path(config.training.start_from))
        model, digest = load_model(file), digest_of([str(file)])
    except ModelFileError as error:
        raise ModelFileError(f"{KEY}: {error}") from error
    if model.compressed is not None:
        raise ModelFileError(f"{KEY}: {file} is compressed; name the model that it was made from.")
    if faults := [*_unlike(config, model, file), *_other_features(config, read, model, file)]:
        raise ConfigError(*faults)
    return Start(file, model, digest)


def list_notices(start: Start, read: FeatureFiles) -> Iterator[str]:
    """What a listener should know of lists and words that the model had and the run has not."""
    spec = start.model.spec
    for source, entries in spec.vocabulary.lexicons.items():
        if packed(entries.groups) != packed(read.lexicons[source].groups):
            yield (
                f"the lists of the table {source} are not those of {start.file}; the run has its "
                "own, and what was learnt of their types stays."
            )


def _unlike(config: Config, model: Model, file: Path) -> Iterator[str]:
    """A sentence for every key of the config with another value than the model was made with."""
    a, hidden = model.spec.architecture, config.model.hidden
    recurrence = config.model.recurrence
    dtype = next(iter(model.parameters.values())).dtype
    units = 0 if hidden.activation == "none" else hidden.units
    pairs: dict[str, tuple[Any, Any]] = {
        "task": (model.spec.layout.task, config.task),
        "data.inside": (model.spec.inside, inside_scheme(config)),
        "features.window": (a.window, config.features.window),
        "model.hidden.activation": (a.activation, hidden.activation),
        "model.hidden.units": (a.units, units),
        "model.recurrence.directions": (a.directions, recurrence.directions if recurrence else 0),
        "model.output": (a.output, config.model.output),
        "model.members": (a.members, config.model.members),
        "training.dtype": (str(dtype), config.training.dtype),
    }
    for key, (before, now) in pairs.items():
        if before != now:
            yield f"{key}: expected {_said(before)} as in {file} ({KEY}), found {_said(now)}."
            if key in ("task", "model.hidden.activation"):
                return  # what follows from it would be said too


def _said(value: Any) -> str:
    """A value of a key as a message shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None or value == 0 else str(value)


def _other_features(config: Config, read: FeatureFiles, model: Model, file: Path) -> Iterator[str]:
    """A sentence about the first slot of a token that is not as the model has it."""
    if config.task != model.spec.layout.task:
        return
    before, now = model.spec.architecture.features, read.features
    entries = [i for i, f in enumerate(config.features.use) for _ in tables_of(f)]
    for entry, old, new in zip(entries, before, now, strict=False):
        if odd := _first_difference(old, new):
            key, wanted, found = odd
            yield (
                f"features.use.{entry}.{key}: expected {wanted} as in {file} ({KEY}), "
                f"found {found}."
            )
            return
    if len(before) != len(now):
        yield (
            f"features.use: expected the {len(before)} that {file} has ({KEY}: "
            f"{', '.join(f.table for f in before)}), found {len(now)}."
        )


def _first_difference(old: Feature, new: Feature) -> tuple[str, str, str] | None:
    """The first key in which two features differ, with both values; None where they do not.

    But for min_count, which decides only which new values get a row.
    """
    wanted, found = asdict(old), asdict(new)
    odd = (name for name in wanted if name != "min_count" and wanted[name] != found[name])
    match next(odd, None):
        case None:
            return None
        case "frozen":
            return "trained", _said(not old.frozen), _said(not new.frozen)
        case "dim" if new.kind == "vectors":
            return "path", f"vectors of {old.dim} numbers", f"some of {new.dim}"
        case name:
            return "table" if name == "source" else name, _said(wanted[name]), _said(found[name])


def _kind(columns: int) -> str:
    """What an output with so many columns is called."""
    return "one logit for two classes" if columns == 1 else "several labels a token"
