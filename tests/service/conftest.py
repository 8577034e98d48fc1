"""Fixtures of a service in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from house import House
from requests_of import upload
from serving import imported, other, serving

from windowclf.service import database


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk_of_a_database():
    """As for all tests; what a commit is worth is tested by kills."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            database, "_PRAGMAS", ("journal_mode = WAL", "synchronous = OFF", "foreign_keys = ON")
        )
        yield


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    made = House(tmp_path / "service")
    yield made
    made.close()


@pytest.fixture
def client(house):
    return house.client()


@pytest.fixture
def train(client) -> int:
    """The number of an upload of the tagger t."""
    client.put("/v1/taggers/t", json={})
    return upload(client).json()["id"]


@pytest.fixture
def two(client, learnt, tmp_path) -> tuple[int, int]:
    """Two versions that say the same with other scores; the first one serves."""
    serving(client, learnt["spans"])
    return 1, imported(client, other(learnt["spans"], tmp_path))
