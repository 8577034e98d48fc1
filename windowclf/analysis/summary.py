"""What a training has read, from what it holds anyway: no text is read for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from windowclf.analysis.evaluation import labels_unknown
from windowclf.analysis.figures import Summary, TextSummary
from windowclf.analysis.text_warnings import lacking, no_choice, no_span
from windowclf.arrays import Ints
from windowclf.errors import Fault
from windowclf.tagging.spec import Spec
from windowclf.text.corpus import Corpus, count_values
from windowclf.text.sentence import Sentence
from windowclf.text.spans import in_bioes


def summary_of(
    spec: Spec,
    corpus: Corpus,
    dev: Sequence[Sentence] | None,
    advice: str,
    same: Iterable[Fault],
) -> Summary:
    """What a training has read.

    `advice` is what to look at where the labels of train are wrong; `same` warns of texts that are
    one and the same.
    """
    task, sentences = spec.layout.task, len(corpus.starts) - 1 - corpus.replayed
    tokens = int(corpus.starts[sentences])
    counts = _counts(corpus.labels[:tokens], corpus.label_names)
    dev_labels = {label for sentence in dev or () for label in sentence.gold if label is not None}
    found = list(same)
    if sentence := no_choice(counts, task, advice):
        found.append(Fault(f"train: {sentence}", key="data.train"))
    if dev:
        if task != "segmentation" and (sentence := no_span(dev_labels, task)):
            found.append(Fault(f"dev: {sentence}", key="data.dev"))
        if unknown := labels_unknown(spec, dev_labels):
            found.append(Fault(f"dev: {lacking(unknown)}", key="data.dev"))
    return Summary(
        task=task,
        train=TextSummary(sentences, tokens),
        shares=_shares(counts, spec),
        dev=_size(spec, dev) if dev else None,
        warnings=found,
    )


def _counts(labels: Ints, names: Sequence[str]) -> dict[str, int]:
    """Label -> how many of the labels (N,) are it, without those that none is."""
    counts = count_values(labels, len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def _shares(counts: Mapping[str, int], spec: Spec) -> dict[str, float]:
    """What part each label has, or each type of spans; nothing for a segmentation.

    Where the first label of a span is like the others a type's part is that of its tokens.
    """
    if spec.layout.task == "segmentation":
        return {}
    begins = "BI" if spec.inside in ("IO", "IOB1") else "BS"
    kinds: Counter[str] = Counter()
    for label, count in counts.items():
        prefix, kind = in_bioes(label)
        if spec.inside is None:
            kinds[label] += count
        elif prefix in begins:
            kinds[kind] += count
    return {kind: count / kinds.total() for kind, count in kinds.most_common()}


def _size(spec: Spec, sentences: Sequence[Sentence]) -> TextSummary:
    """The size of a text in memory, and how many of its words are unseen."""
    tokens = sum(len(sentence.tokens) for sentence in sentences)
    known = spec.vocabulary.seen_forms
    if not known or spec.layout.task in ("slots", "segmentation"):
        return TextSummary(len(sentences), tokens)
    unseen = sum(token not in known for sentence in sentences for token in sentence.tokens)
    return TextSummary(len(sentences), tokens, unseen)
