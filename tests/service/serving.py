"""A service with models that serve, and what a tagger itself says of the same texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from house import House

import windowclf
from windowclf.service.loaded import CACHE_MB

BYTES = {"Content-Type": "application/octet-stream"}


@contextmanager
def service(folder: Path, *, does_jobs: bool = True, **how: Any) -> Iterator[tuple[Any, Any]]:
    """(the house, a client) of a service in this process that has begun, and ends."""
    house = House(folder, **how)
    if not does_jobs:
        house.runner._draining.set()
    try:
        with house.client() as client:
            yield house, client
    finally:
        house.close()


def imported(client: Any, model: Path, tagger: str = "t") -> int:
    """The version of a model file that was given to a tagger, which is made if need be."""
    if client.get(f"/v1/taggers/{tagger}").status_code == 404:
        assert client.put(f"/v1/taggers/{tagger}", json={}).status_code == 201
    file = model / "model.safetensors" if model.is_dir() else model
    place = f"/v1/taggers/{tagger}/versions"
    answer = client.post(place, content=file.read_bytes(), headers=BYTES)
    assert answer.status_code in (200, 201), answer.text
    return int(answer.json()["version"])


def promoted(client: Any, version: int, tagger: str = "t", alias: str = "production", **body: Any):
    return client.put(f"/v1/taggers/{tagger}/aliases/{alias}", json={"version": version, **body})


def serving(client: Any, model: Path, tagger: str = "t") -> int:
    """The version of a model that now serves."""
    version = imported(client, model, tagger)
    assert promoted(client, version, tagger).status_code == 200
    return version


def tagger_of(model: Path) -> windowclf.Tagger:
    return windowclf.load(model, windowclf.TagOptions(cache_mb=CACHE_MB))


def damaged(model: Path, folder: Path) -> Path:
    """A copy of a model whose numbers are too large to be added."""
    from dataclasses import replace

    import numpy as np

    from windowclf.tagging.model_file import load_model, save_model

    found = load_model(model)
    parameters = {name: np.full_like(p, 3e38) for name, p in found.parameters.items()}
    save_model(folder / "damaged.safetensors", replace(found, parameters=parameters))
    return folder / "damaged.safetensors"


def other(model: Path, folder: Path, temperature: float = 2.0) -> Path:
    """A copy of a model that gives the same labels, with other scores and another digest."""
    from dataclasses import replace

    from windowclf.tagging.model_file import load_model, save_model

    path = folder / f"other-{temperature}.safetensors"
    save_model(path, replace(load_model(model), temperature=temperature))
    return path
