"""Shelf: the models that are loaded, and which of them answers for an alias.

All of it is used from the event loop's thread alone; only the models themselves have threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from functools import partial
from typing import NamedTuple, TypeAlias

from windowclf.errors import WindowclfError
from windowclf.service import aliases, records
from windowclf.service.figures import Figures
from windowclf.service.home import Home
from windowclf.service.loaded import LoadedModel
from windowclf.service.problems import Problem, not_found

PRODUCTION = "production"
MOST_MODELS = 4  # that are loaded at a time
Key: TypeAlias = tuple[str, str]
"""A tagger, and an alias of it."""
log = logging.getLogger("windowclf.service")


class Served(NamedTuple):
    """What answers for an alias."""

    version: int
    digest: str


class Shelf:
    """Loads models when they are first needed, at most so many, and knows what aliases mean."""

    def __init__(self, home: Home, figures: Figures, most: int = MOST_MODELS):
        """Nothing is loaded yet; `most` is at least 2, for one serves while another is loaded."""
        self._home, self._figures, self._most = home, figures, max(2, most)
        self._models: dict[str, LoadedModel] = {}
        self._one_by_one = asyncio.Lock()  # so that no two are loaded at a time
        self._served: dict[Key, Served] = {}
        self._before: dict[Key, Served] = {}
        self.changing: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.is_ready = True

    @property
    def loaded(self) -> list[str]:
        """The digests of the models that are loaded."""
        return list(self._models)

    @property
    def waiting(self) -> int:
        """Bytes of the requests that wait."""
        return sum(model.waiting for model in self._models.values())

    async def start(self) -> None:
        """Load what is in production, as many as there is room for, and be ready."""
        self.is_ready = False
        known = self._home.database.read(aliases.every)
        for row in known:
            self._note(row)
        production = [row for row in known if row["alias"] == PRODUCTION]
        for row in production[: self._most]:
            try:
                await self.model(row["digest"])
            except WindowclfError as error:
                log.error("version %d of %s: %s", row["version"], row["tagger"], error)
        self.is_ready = True

    async def close(self) -> None:
        """Answer what waits, and let go of all models."""
        models, self._models = list(self._models.values()), {}
        for model in models:
            await model.close()

    def served(self, tagger: str, alias: str) -> Served:
        """What answers for an alias. Raises Problem 404."""
        found = self._served.get((tagger, alias))
        if found is None:
            raise not_found(f"alias {alias} of a tagger {tagger}")
        return found

    def version(self, tagger: str, number: int) -> Served:
        """What answers for a version. Raises Problem 404."""
        found = self._home.database.read(lambda rows: records.version(rows, tagger, number))
        if found is None:
            raise not_found(f"version {number} of a tagger {tagger}")
        return Served(number, found["digest"])

    async def model(self, digest: str) -> LoadedModel:
        """A model, loaded where it is not. Raises ModelFileError."""
        if (model := self._models.get(digest)) is not None:
            return model
        async with self._one_by_one:
            if (model := self._models.get(digest)) is None:
                await self._make_room()
                model = LoadedModel(digest, partial(self._figures.turn, digest[:12]))
                await model.load(self._home.blobs.path(digest))
                self._models[digest] = model
        return model

    def assign(self, key: Key, served: Served | None) -> None:
        """Have an alias be answered by another version from now on, or by none."""
        before = self._served.pop(key, None)
        if before is not None:
            self._before[key] = before
        if served is not None:
            self._served[key] = served

    def forget(self, tagger: str) -> None:
        """Have no alias of a tagger mean anything."""
        for kept in (self._served, self._before):
            for key in [key for key in kept if key[0] == tagger]:
                del kept[key]

    async def _make_room(self) -> None:
        """Let go of the models that are needed least until one more can be loaded."""
        while len(self._models) >= self._most:
            digest = min(self._models, key=self._need)
            await self._models.pop(digest).close()

    def _need(self, digest: str) -> tuple[int, float]:
        """How much a model is needed: in production most, then the one before, then the others."""
        rank = 0
        for kept, worth in ((self._served, 2), (self._before, 1)):
            if any(s.digest == digest and key[1] == PRODUCTION for key, s in kept.items()):
                rank = max(rank, worth)
        return rank, self._models[digest].used

    def _note(self, row: aliases.AliasRow) -> None:
        """Note what an alias means as the database has it."""
        key = row["tagger"], row["alias"]
        self._served[key] = Served(row["version"], row["digest"])
        if row["before"] is not None and row["digest_before"] is not None:
            self._before[key] = Served(row["before"], row["digest_before"])


def unusable(error: WindowclfError) -> Problem:
    """The problem of a model that cannot be loaded."""
    return Problem(409, "model-unusable", str(error))
