"""What is odd in a text that is to be learnt from, a sentence each with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from windowclf.analysis.figures import Alike, Share, TextFigures
from windowclf.errors import named, quoted
from windowclf.text.formats import Task
from windowclf.text.schemes import ORDER
from windowclf.text.spans import is_label

MOST_LABELS = 5000  # more distinct labels than this is a wrong column, not a task
SHARED = 0.1  # of the sentences of dev or test, that train may have too
REPEATED = 0.25  # of the sentences of train, that may stand there twice
LONG = 1000  # tokens of a sentence
FEW_WORDS = 50  # different ones in a long text are no words
MANY_LABELS = 50  # different ones, from which on they may be words
A_LOT = 1000  # tokens, from which on few different ones are odd
MOST = 0.5
NUMBER = re.compile(r"[0-9]+([-.][0-9]+)?")  # a word, a range or an empty node of CoNLL-U


def unusable(tokens: int, labels: Sequence[str], task: Task, advice: str) -> str | None:
    """Why nothing can be learnt from a text with these different labels; None where it can.

    `advice` is what to look at where the labels are wrong.
    """
    if not tokens:
        return "no sentence found; expected at least one labelled sentence."
    if not labels:
        return f"no token has a label; {advice}"
    if len(labels) > MOST_LABELS:
        such = f"(such as {quoted(labels[0])})"
        return f"{len(labels):,} different labels in {tokens:,} tokens {such}; {advice}"
    if task == "tagging" and all(_is_decimal(label) for label in labels):
        such = f"(such as {quoted(labels[0])})"
        return f"every label is a number with decimals {such}; expected classes; {advice}"
    return None


def _is_decimal(text: str) -> bool:
    """Whether a text is a number, and not a whole one."""
    try:
        float(text)
    except ValueError:
        return False
    return not text.lstrip("+-").isdigit()


def no_choice(labels: Collection[str], task: Task, advice: str) -> str | None:
    """What to say of a text to be learnt from in which all labels are one; None where not."""
    if len(labels) != 1 or task == "segmentation":
        return None
    (only,) = labels
    if task == "spans":
        found = "every label is O, so there is no span to learn" if only == "O" else None
    else:
        found = f"every label is {quoted(only)}, so there is nothing to tell apart"
    return found and f"{found}; {advice}"


def no_span(labels: Collection[str], task: Task) -> str | None:
    """What to say of a text to be scored on that has no labels, or no span."""
    if not labels:
        return "no token has a label, so no score says anything; is data.label the right column?"
    if task == "spans" and set(labels) == {"O"}:
        return "every label is O, so F1 is 0 whatever is learnt; take a text with spans."
    return None


def twice(files: Sequence[str]) -> str:
    """What to say of files that a text names twice."""
    return f"{', '.join(files)} is named twice, so its sentences count twice; name it once."


def lacking(labels: Sequence[str]) -> str:
    """What to say of labels in dev or test that train has not."""
    found = f"it has labels that train lacks, counted as errors: {named(labels)}"
    return f"{found}; mend them, or add sentences that have them to train."


def same_as(name: str, other: str, files: Sequence[str] = ()) -> str:
    """What to say of the text `name` that has files of another one, or says the same."""
    what = f"{', '.join(files)} is a file of {other} too" if files else f"it is the same as {other}"
    mend = "name other files" + (", or set data.dev: {holdout: 0.1}" if name == "dev" else "")
    return f"{what}, so its scores say nothing of other text; {mend}."


def shared_with_train(share: Share, by_documents: bool = False) -> str | None:
    """What to say of a text to be scored on, many of whose sentences train has.

    `by_documents` says that it is whole documents that were held out of train.
    """
    if share["share"] <= SHARED:
        return None
    divide = "" if by_documents else ", or divide by documents"
    return (
        f"{share['count']:,} of its sentences ({100 * share['share']:.0f} %) are in train too, so "
        f"scores are higher than on other text; take them out of train{divide}."
    )


def repeats(repeated: Share) -> str | None:
    """What to say of a text to be learnt from that has many sentences more than once."""
    if repeated["share"] <= REPEATED:
        return None
    return (
        f"{repeated['count']:,} sentences ({100 * repeated['share']:.0f} %) repeat earlier ones; "
        "keep each once unless your text has them as often."
    )


def odd_sizes(figures: TextFigures, task: Task) -> Iterator[str]:
    """Sentences about the sizes of sentences."""
    if task == "slots" or not figures["sentences"]:
        return
    longest = figures["longest"]
    if longest and longest["tokens"] >= LONG:
        yield (
            f"the sentence at {longest['path']}:{longest['line']} has {longest['tokens']:,} "
            "tokens; are the empty lines between sentences missing?"
        )
    if figures["one_token"] > max(MOST * figures["sentences"], 10):
        yield (
            f"{figures['one_token']:,} of {figures['sentences']:,} sentences have one token; is "
            "there an empty line after every token, and not only after a sentence?"
        )
    if task == "segmentation" and 1 < figures["sentences"] == figures["words"]:
        yield "every sentence is one word; expected words with spaces between them."


def like_numbers(words: Sequence[object], tokens: int) -> str | None:
    """What to say of tokens, of which `words` are the different ones, most of which are numbers."""
    forms = [word for word in words if isinstance(word, str)]
    numbers = [form for form in forms if NUMBER.fullmatch(form)]
    if tokens < A_LOT or len(numbers) <= MOST * len(forms):
        return None
    odd = f"{len(numbers):,} of {len(forms):,} different tokens are numbers"
    return f"{odd} (such as {quoted(numbers[0])}); are data.format and data.token right?"


def few_words(words: Sequence[object], tokens: int) -> str | None:
    """What to say of many tokens of which only these `words` are different."""
    if tokens < A_LOT or len(words) >= FEW_WORDS:
        return None
    odd = f"the different tokens are {len(words)} in {tokens:,} (such as {quoted(str(words[0]))})"
    return f"{odd}; is data.token the right column?"


def like_words(words: Collection[object], labels: Collection[str], tokens: int) -> str | None:
    """What is found where labels seem to be words: many of them, and seldom the same.

    `words` and `labels` are the different ones of `tokens` tokens. Without what to do.
    """
    if not MANY_LABELS <= len(labels) <= MOST_LABELS:  # of more, see `unusable`
        return None
    as_words = sum(label in words for label in labels)
    if as_words <= MOST * len(labels) and len(labels) <= SHARED * tokens:
        return None
    such = next((label for label in labels if label in words), next(iter(labels)))
    return f"the {len(labels):,} different labels look like words (such as {quoted(such)})"


def as_spans(labels: Collection[str], task: Task) -> str | None:
    """What to say of labels that mark spans where the task is to tag."""
    if task != "tagging" or "O" not in labels or len(labels) < 2:
        return None
    scheme = next((one for one in ORDER if all(is_label(own, one) for own in labels)), None)
    if scheme is None:
        return None
    named_scheme = "" if scheme == "BIO" else f" and data.scheme: {scheme}"
    return (
        f"its labels mark spans ({scheme}); with task: spans{named_scheme} answers are whole "
        "spans, and scores are of these."
    )


def slips(found: Sequence[Alike], spans: bool) -> Iterator[str]:
    """Sentences about names that seem to be meant as others."""
    what = "type" if spans else "label"
    for each in found:
        yield (
            f"the {what} {quoted(each['label'])} ({times(each['count'])}) looks like "
            f"{quoted(each['like'])} ({times(each['like_count'])}); if it is a slip, mend it."
        )


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count:,} times"
