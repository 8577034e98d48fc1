"""A loaded model: a tagger, and the thread that labels what many clients ask of it.

The thread takes everything that waits, up to a budget of tokens, tags it at once and hands the
answers over; who asks meanwhile is in the next turn. Nothing waits for others to come.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeAlias

from windowclf.errors import DataError, Fault, ModelFileError
from windowclf.service.asking import Asked, Prepared, prepared
from windowclf.service.problems import Problem
from windowclf.tagging.answers import Prediction
from windowclf.tagging.blocks import TOKENS_AT_ONCE
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import load_model
from windowclf.tagging.options import TagOptions
from windowclf.tagging.spec import Spec
from windowclf.tagging.tagger import Tagger
from windowclf.text.sentence import Sentence

CACHE_MB = 16.0  # of rows of frequent tokens
WARM_WORDS = 2000  # the most common ones, whose rows are computed before anybody asks
WORDS_A_SENTENCE = 20
MOST_WAITING = 8 << 20  # bytes of requests, some seconds' work
SURE_EVERY = 16  # turns, of one of which the certainty of all tokens is looked at


class Seen(NamedTuple):
    """What a turn was about."""

    tokens: int
    seconds: float
    words: int  # of which it is known whether training had them
    unseen: int
    sure: float  # sum of the certainties of some tokens, the number of which is
    of_tokens: int


class _Waiting(NamedTuple):
    """A request that waits."""

    asked: Asked
    future: asyncio.Future[bytes]


_Taken: TypeAlias = tuple["asyncio.Future[bytes]", Prepared]
_Outcome: TypeAlias = tuple["asyncio.Future[Any]", Any]  # a result, or an error


class LoadedModel:
    """A model in memory, made by `load`; it is used from the event loop's thread alone."""

    def __init__(self, digest: str, heard: Callable[[Seen], None]):
        """`heard` is told, in the event loop, of every turn."""
        self.digest = digest
        self.used = time.monotonic()
        self.waiting = 0  # bytes of the requests that wait
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._turns = 0

    async def load(self, path: Path) -> None:
        """Read the model, get warm and see that it answers. Raises ModelFileError."""
        ready: asyncio.Future[None] = self._loop.create_future()
        name = f"model {self.digest[:8]}"
        self._thread = threading.Thread(
            target=self._work, args=(path, ready), name=name, daemon=True
        )
        self._thread.start()
        await ready

    async def answer(self, asked: Asked, size: int) -> bytes:
        """The results for a request of so many bytes. Raises Problem 429, or DataError."""
        if self.waiting + size > MOST_WAITING and self.waiting:
            problem = Problem(429, "queue-full", "more is asked than can be answered; ask later.")
            raise problem.with_headers({"Retry-After": "1"})
        self.used = time.monotonic()
        self.waiting += size
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._queue.put(_Waiting(asked, future))
        try:
            return await future
        finally:
            self.waiting -= size

    async def close(self) -> None:
        """Answer what waits, and let go of the model."""
        self._queue.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _work(self, path: Path, ready: asyncio.Future[None]) -> None:
        """What the thread does: it loads, and takes turns until `close`."""
        try:
            tagger = tagger_of(path, self.digest)
        except BaseException as error:
            self._hand_over([(ready, error)])
            return
        self._hand_over([(ready, None)])
        while (first := self._queue.get()) is not None:
            if not self._turn(tagger, first):
                return

    def _turn(self, tagger: Tagger, first: _Waiting) -> bool:
        """Answer one request, and those that wait beside it; False where it is the last turn."""
        began = time.perf_counter()
        self._turns += 1
        group, refused, goes_on = self._gathered(first, tagger.model.spec)
        answered, seen = _answered(tagger, group, self._turns % SURE_EVERY == 1)
        tokens = sum(wanted.tokens for _, wanted in group)
        seen = seen._replace(tokens=tokens, seconds=time.perf_counter() - began)
        self._hand_over([*refused, *answered], seen)
        return goes_on

    def _gathered(self, first: _Waiting, spec: Spec) -> tuple[list[_Taken], list[_Outcome], bool]:
        """A request and those that wait beside it, up to a budget: as sentences, or as faults.

        And whether another turn may follow.
        """
        group: list[_Taken] = []
        refused: list[_Outcome] = []
        each: _Waiting | None = first
        tokens = 0
        while each is not None:
            try:
                group.append((each.future, prepared(each.asked, spec)))
                tokens += group[-1][1].tokens
            except Exception as error:
                refused.append((each.future, error))
            if tokens >= TOKENS_AT_ONCE:
                return group, refused, True
            try:
                each = self._queue.get_nowait()
            except Empty:
                return group, refused, True
        return group, refused, False

    def _hand_over(self, outcomes: Sequence[_Outcome], seen: Seen | None = None) -> None:
        """Give answers, or errors, to those that wait for them in the event loop."""

        def deliver() -> None:
            for future, outcome in outcomes:
                if future.done():
                    continue
                if isinstance(outcome, BaseException):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
            if seen is not None:
                self._heard(seen)

        self._loop.call_soon_threadsafe(deliver)


NOTHING = Seen(0, 0.0, 0, 0, 0.0, 0)


def _answered(tagger: Tagger, group: Sequence[_Taken], looks: bool) -> tuple[list[_Outcome], Seen]:
    """The answers of all requests, or their errors; where one cannot be tagged, one by one."""
    spec = tagger.model.spec
    try:
        answers = list(_tagged(tagger, [wanted for _, wanted in group], looks))
        stream = iter(answers)
        found: list[_Outcome] = [(future, wanted.body(stream, spec)) for future, wanted in group]
        return found, _seen(tagger.model, answers)
    except Exception as error:
        if len(group) == 1:
            return [(group[0][0], error)], NOTHING
        alone = [_answered(tagger, [each], looks) for each in group]
        return [outcome for own, _ in alone for outcome in own], NOTHING


def _tagged(tagger: Tagger, group: Sequence[Prepared], looks: bool) -> Iterator[Prediction]:
    """The answers for the sentences of some requests, with what these need besides labels."""
    spec = tagger.model.spec
    of_whole = spec.layout.task in ("spans", "segmentation")
    options = replace(
        tagger.options,
        span_scores=of_whole and any(wanted.documents for wanted in group),
        probabilities=looks or not of_whole or any(not wanted.documents for wanted in group),
    )
    return tagger.tag((each for wanted in group for each in wanted.sentences), options)


def _seen(model: Model, answers: Sequence[Prediction]) -> Seen:
    """How many of the words were not seen in training, and how certain the model was."""
    known = model.spec.vocabulary.seen_forms
    words = unseen = of_tokens = 0
    sure = 0.0
    for answer in answers:
        if known and model.spec.layout.task != "slots":
            words += len(answer.sentence.tokens)
            unseen += sum(token not in known for token in answer.sentence.tokens)
        if answer.certainty is not None:
            sure += float(answer.certainty.sum())
            of_tokens += len(answer.certainty)
    return Seen(0, 0.0, words, unseen, sure, of_tokens)


def tagger_of(path: Path, digest: str) -> Tagger:
    """The tagger of a model file with this sha256, warm and tried. Raises ModelFileError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(Fault(f"cannot be read, {error.strerror}.", digest)) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelFileError(Fault("the file is not what it was; use another copy.", digest))
    tagger = Tagger(load_model(Path(digest), data), TagOptions(cache_mb=CACHE_MB))
    _try(tagger)
    return tagger


def _try(tagger: Tagger) -> None:
    """Tag the most common words of training. Raises ModelFileError where the answer is none."""
    words = list(islice(tagger.model.spec.vocabulary.seen or ("a", "b"), WARM_WORDS))
    sentences = [
        Sentence(words[i : i + WORDS_A_SENTENCE]) for i in range(0, len(words), WORDS_A_SENTENCE)
    ]
    of_whole = tagger.model.spec.layout.task in ("spans", "segmentation")
    options = replace(tagger.options, probabilities=True, span_scores=of_whole)
    try:
        for answer in tagger.tag(sentences, options):
            sure = answer.certainty
            if sure is None or not math.isfinite(float(sure.sum())):
                raise ModelFileError("the model gives no numbers for words of its training.")
    except DataError:
        pass  # it reads columns that only clients have
