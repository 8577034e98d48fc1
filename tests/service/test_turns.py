"""The turns of a model's thread: what waits is tagged at once, and a fault is of one request."""

from __future__ import annotations

import asyncio

from windowclf.errors import DataError
from windowclf.service import loaded
from windowclf.service.asking import Asked
from windowclf.service.loaded import LoadedModel


def in_one_turn(model, asked, monkeypatch):
    """What becomes of requests that wait for one turn of a model: answers or errors."""
    sizes = []
    whole = loaded._answered

    def seen(tagger, group, looks):
        sizes.append(len(group))
        return whole(tagger, group, looks)

    monkeypatch.setattr(loaded, "_answered", seen)

    async def all_of_them():
        one = LoadedModel(loaded.hashlib.sha256(model.read_bytes()).hexdigest(), lambda _seen: None)
        await one.load(model)
        waiting = [one.answer(each, 10) for each in asked]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert one.waiting == 0
        await one.close()
        return found

    return asyncio.run(all_of_them()), sizes


def test_what_waits_is_tagged_in_one_turn_and_a_fault_is_of_one_request(learnt, monkeypatch):
    """Rows are read when they are tagged, so that the whole turn meets the fault."""
    good, bad = {"a": "x", "b": "y"}, {"a": "x"}
    asked = [Asked("rows", [row]) for row in (good, bad, good, good)]
    asked.append(Asked("text", ["no row"]))
    model = learnt["slots"] / "model.safetensors"
    found, sizes = in_one_turn(model, asked, monkeypatch)
    assert [type(each) for each in found] == [bytes, DataError, bytes, bytes, DataError]
    assert found[0] == found[2] == found[3]
    assert "column 'b'" in str(found[1])
    assert max(sizes) >= 3


def test_a_turn_has_a_budget(learnt, monkeypatch):
    monkeypatch.setattr(loaded, "TOKENS_AT_ONCE", 50)
    asked = [Asked("text", ["word " * 30])] * 9
    _, sizes = in_one_turn(learnt["spans"] / "model.safetensors", asked, monkeypatch)
    assert max(sizes) <= 2
    assert sum(sizes) == 9
