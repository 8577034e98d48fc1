"""check: what there is to know of the texts of a config before a training, and all their faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from windowclf import config as cfg
from windowclf.analysis.figures import Check, TextFigures
from windowclf.analysis.label_names import MOST_COMPARED, alike, new_labels, parted, rare_names
from windowclf.analysis.prints import conflicts, found_in
from windowclf.analysis.profile import share_of, unseen
from windowclf.analysis.text_warnings import no_span, unusable
from windowclf.config.reading import ConfigLike, as_config
from windowclf.errors import DataError, Fault, Faults
from windowclf.pipeline.check_warnings import columns_like_labels, warnings_of
from windowclf.pipeline.feature_files import read_feature_files
from windowclf.pipeline.input_files import files_of, without_texts
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import layout_of
from windowclf.pipeline.survey import Survey, Surveyed
from windowclf.pipeline.texts import NAMES, GivenTexts, Text, in_memory, texts_of
from windowclf.system.arguments import checked_arguments
from windowclf.text.dictionary import read_dictionary
from windowclf.text.formats import Layout
from windowclf.text.spans import label_at

EXAMPLES = 10  # of equal sentences with different labels


@checked_arguments
def check(
    config: ConfigLike,
    overrides: Sequence[str] = (),
    data: GivenTexts | None = None,
    *,
    test: bool = False,
    listener: Listener = SILENT,
) -> Check:
    """Look at the texts of a config before a training: figures, warnings, and every fault.

    All files are read to their ends whatever is wrong with them: train, dev, replay, the dictionary
    and the lists of features. Of test no score is taken: its size, its faults, and what train has
    of it and lacks are given, and how often it has each label only with `test`. `data` is as for
    `train`. Of files with faults only sentences without any are counted. Raises ConfigError.
    """
    given = data or {}
    resolved = as_config(config, [*overrides, *map(in_memory, given)])
    faults = Faults()
    texts = _texts(resolved, given, faults)
    layout = _layout(resolved, texts, faults)
    found = {} if layout is None else _surveyed(resolved, layout, texts, listener)
    for surveyed in found.values():
        faults.join(surveyed.faults)
    if layout is not None:
        for fault in _unfit(found, layout):
            faults.join(Faults([fault], 1))
        _read_others(resolved, layout, found, faults)
    return _checked(resolved, layout, found, faults, test)


def _texts(config: cfg.Config, given: GivenTexts, faults: Faults) -> dict[str, Text]:
    """The texts of a config; those that cannot be found are faults."""
    texts: dict[str, Text] = {}
    for name in NAMES:
        try:
            texts |= texts_of(config, given, [name])
        except DataError as error:
            faults.include(error)
    return texts


def _layout(config: cfg.Config, texts: Mapping[str, Text], faults: Faults) -> Layout | None:
    """How the texts are to be read; None, and a fault, where they cannot be."""
    try:
        layout = layout_of(config, next(iter(texts.values()), Text("train")))
        layout.check_reading()
    except DataError as error:
        faults.include(error)
        return None
    return layout


def _surveyed(
    config: cfg.Config, layout: Layout, texts: Mapping[str, Text], listener: Listener
) -> dict[str, Surveyed]:
    """The texts by name, read to their ends; dev too where it is held out of train."""
    survey = Survey(config, layout, texts, listener)
    found: dict[str, Surveyed] = {}
    for name, text in texts.items():
        if name == "train" and isinstance(config.data.dev, cfg.Holdout) and "dev" not in texts:
            found["train"], found["dev"] = survey.read_divided(text, config.data.dev.holdout)
        else:
            found[name] = survey.read(text)
    return {name: found[name] for name in NAMES if name in found}


def _unfit(found: Mapping[str, Surveyed], layout: Layout) -> Iterator[Fault]:
    """The faults of texts that were read well and cannot be used."""
    for name, surveyed in found.items():
        profile, key = surveyed.profile, f"data.{name}"
        held_out = surveyed.text.given is None and not surveyed.text.files
        if surveyed.faults or (held_out and found["train"].faults):
            continue  # what is missing may stand in sentences that have them
        if name == "train":
            labels = list(profile.labels)
            advice = f"{surveyed.text.advice} {columns_like_labels(surveyed.text, layout)}".strip()
            fault = unusable(profile.tokens, labels, layout.task, advice)
        elif not profile.sentences:
            fault = "no sentence found; expected at least one."
        else:
            fault = no_span((), layout.task) if name == "test" and not profile.labels else None
        if fault:
            yield Fault(f"{surveyed.text.name}: {fault}", key=key)


def _read_others(
    config: cfg.Config, layout: Layout, found: Mapping[str, Surveyed], faults: Faults
) -> None:
    """Note the faults of the lists of features and of the dictionary; vectors are not read."""
    try:
        read_feature_files(config)
    except DataError as error:
        faults.include(error)
    if config.data.dictionary is None or config.model.output == "sigmoid":
        return
    own = [found[name].profile for name in ("train", "replay") if name in found]
    labels = dict.fromkeys(label for profile in own for label in profile.labels)
    if layout.task == "spans":
        kinds = dict.fromkeys(kind for profile in own for kind in profile.survey.types())
        of_kinds = (label_at(at, kind, layout.scheme) for kind in kinds for at in "BIESbs")
        labels = dict.fromkeys(["O", *of_kinds])
    try:
        read_dictionary(files_of(config.data.dictionary, "data.dictionary"), list(labels))
    except DataError as error:
        faults.include(error)


def _checked(
    config: cfg.Config,
    layout: Layout | None,
    found: Mapping[str, Surveyed],
    faults: Faults,
    test: bool,
) -> Check:
    """All that was found, together."""
    figures = {name: _figures(name, config, found, test) for name in found}
    train = found["train"].profile if "train" in found else None
    kinds = _named(config, train.kinds) if train and config.task != "segmentation" else {}
    compared = [own.profile.prints for name, own in found.items() if name != "test"]
    checked: Check = {
        "task": config.task,
        "texts": figures,
        "rare": rare_names(kinds) if len(kinds) <= MOST_COMPARED else {},
        "alike": alike(kinds),
        "conflicts": conflicts(compared, EXAMPLES),
        "notes": [f"{n}: {note}" for n, own in found.items() for note in own.remarks.of_records()],
        "warnings": [],
        "faults": faults.kept,
        "more_faults": faults.count - len(faults.kept),
    }
    if layout is not None:
        checked["warnings"] = list(warnings_of(config, layout, found, checked))
    return checked


def _named(config: cfg.Config, counts: Mapping[str, int]) -> Mapping[str, int]:
    """The counts of labels; where a token may have several those of each."""
    return parted(counts) if config.model.output == "sigmoid" else counts


def _figures(
    name: str, config: cfg.Config, found: Mapping[str, Surveyed], test: bool
) -> TextFigures:
    """What was counted in a text, and what of it train has."""
    own, train = found[name], found.get("train")
    counts = own.profile.counts()
    if config.model.output == "sigmoid" and "labels" in counts:
        counts["labels"] = dict(Counter(_named(config, counts["labels"])).most_common())
    if name == "test" and not test:
        counts.pop("labels", None)
        counts.pop("spans", None)
    others: dict[str, Any] = {
        "files": without_texts(own.text.files),
        "passed_over": own.remarks.passed_over,
        "faults": own.faults.count,
    }
    figures = cast(TextFigures, {**counts, **others})
    if train is None or name == "train":
        return figures
    texts = own.profile.prints.texts()
    shared = found_in(texts, train.profile.prints.texts())
    figures["in_train"] = share_of(shared, own.profile.sentences)
    figures["unseen"] = unseen(own.profile, train.profile)
    if own.profile.task != "segmentation":
        learnt = [found[each].profile.labels for each in ("train", "replay") if each in found]
        known = {label for labels in learnt for label in _named(config, labels)}
        labels = _named(config, own.profile.labels)
        figures["new_labels"] = new_labels(labels, known, config.task == "spans")
    return figures
