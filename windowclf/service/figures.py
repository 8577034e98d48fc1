"""Figures of a service for Prometheus: what is counted as it happens, and what is looked up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from windowclf.service.loaded import Seen

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)


class Figures:
    """Counts of requests, and of what models have been asked; used from one thread alone."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        of_route = ["method", "route"]
        self._requests = Counter(
            "windowclf_requests", "Answers.", [*of_route, "status"], registry=registry
        )
        self._seconds = Histogram(
            "windowclf_request_seconds",
            "Seconds to the begin of an answer.",
            of_route,
            buckets=_SECONDS,
            registry=registry,
        )
        self._turns = {
            "turns": _counter("windowclf_turns", "Turns of a model's thread.", registry),
            "tokens": _counter("windowclf_tokens", "Tokens that were labelled.", registry),
            "seconds": _counter("windowclf_tagging_seconds", "Seconds of labelling.", registry),
            "words": _counter("windowclf_words", "Words that were looked up.", registry),
            "unseen": _counter(
                "windowclf_unseen_words", "Of them those that training did not have.", registry
            ),
            "sure": _counter(
                "windowclf_certainty_sum", "Certainty of the labels of some tokens.", registry
            ),
            "of_tokens": _counter("windowclf_certainty_tokens", "Their number.", registry),
        }
        self._gauges = {
            "queue": Gauge("windowclf_queue_bytes", "Of requests that wait.", registry=registry),
            "models": Gauge("windowclf_models", "That are loaded.", registry=registry),
        }
        self._jobs = Gauge(
            "windowclf_jobs", "By kind and state.", ["kind", "state"], registry=registry
        )
        self._children: dict[Any, Any] = {}  # `labels` takes its time

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = method, route, status
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
        child[0].inc()
        child[1].observe(seconds)

    def turn(self, model: str, seen: Seen) -> None:
        """Count a turn of a model, by the beginning of its digest."""
        child = self._children.get(model)
        if child is None:
            child = self._children[model] = {
                name: counter.labels(model) for name, counter in self._turns.items()
            }
        child["turns"].inc()
        for name, value in seen._asdict().items():
            child[name].inc(value)

    def text(self, queue: int, models: int, jobs: Mapping[tuple[str, str], int]) -> bytes:
        """All figures as Prometheus reads them."""
        self._gauges["queue"].set(queue)
        self._gauges["models"].set(models)
        self._jobs.clear()
        for (kind, state), count in jobs.items():
            self._jobs.labels(kind, state).set(count)
        return generate_latest(self._registry)


def _counter(name: str, what: str, registry: CollectorRegistry) -> Counter:
    """A counter for each model."""
    return Counter(name, what, ["model"], registry=registry)


class Counting:
    """Counts every answer of an application, with the seconds until it begins."""

    def __init__(self, app: ASGIApp, figures: Figures):
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and see what is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")  # no path that a client chose
                seconds = time.perf_counter() - began
                self._figures.request(scope["method"], route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, sent)
