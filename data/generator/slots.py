"""data/slots: which service carries a parcel; two of the categorical columns share values."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from generator.draws import Draws
from generator.grammar import PORTIONS, Portion
from generator.sources import hand_written

SIZES: Mapping[Portion, int] = {"train": 2000, "dev": 300, "test": 300}
NOISE = 0.05

CLASSES = ("courier", "van", "rail", "sea", "air")
SIZES_OF_PARCEL = ("letter", "box", "pallet")
CONTENTS = ("books", "clothes", "flowers", "fish", "batteries", "paint", "tools", "glass, china")
CUSTOMERS = ("private", "shop", "hospital", "factory")
SPEEDS = ("standard", "standard", "express")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat")

FRESH = frozenset({"flowers", "fish"})
NOT_BY_AIR = frozenset({"batteries", "paint"})


class Place(NamedTuple):
    """A town and what the rule needs to know of it; the table shows its name alone."""

    name: str
    land: str
    has_port: bool
    on_island: bool


class Parcel(NamedTuple):
    """A row without its class."""

    origin: Place
    destination: Place
    size: str
    contents: str
    customer: str
    speed: str
    weekday: str


HEADER = ("from", "to", "size", "contents", "customer", "speed", "weekday", "service")


def slots_files(sources: Path) -> dict[str, str]:
    """File name -> text of the three portions."""
    places = _places(sources)
    seen: set[Parcel] = set()
    files = {}
    for portion in PORTIONS:
        draws = Draws(f"slots/{portion}")
        parcels: list[Parcel] = []
        while len(parcels) < SIZES[portion]:
            parcel = _parcel(places, draws)
            if parcel not in seen:
                seen.add(parcel)
                parcels.append(parcel)
        wrong = set(draws.shuffled(range(len(parcels)))[: round(NOISE * len(parcels))])
        rows = [
            _row(parcel, _mistaken(parcel, draws) if number in wrong else service(parcel))
            for number, parcel in enumerate(parcels)
        ]
        files[f"slots/{portion}.csv"] = _table(rows)
    return files


def service(parcel: Parcel) -> str:
    """The rule: what carries the parcel if nobody errs. The weekday does not matter."""
    origin, destination = parcel.origin, parcel.destination
    pallet = parcel.size == "pallet"
    urgent = parcel.speed == "express" or parcel.contents in FRESH or parcel.customer == "hospital"
    may_fly = parcel.contents not in NOT_BY_AIR
    if origin.name == destination.name:
        return "van" if pallet else "courier"
    if origin.on_island or destination.on_island:
        return "air" if urgent and may_fly and not pallet else "sea"
    if origin.land == destination.land:
        if urgent:
            return "courier" if parcel.size == "letter" else "van"
        return "rail" if pallet else "van"
    if urgent:
        return "air" if may_fly else "van"
    return "sea" if origin.has_port and destination.has_port else "rail"


def agreement_with_rule(table: str, sources: Path) -> float:
    """The share of a file's rows whose class the rule gives, the best that one can hope for."""
    by_name = {place.name: place for place in _places(sources)}
    rows = list(csv.reader(io.StringIO(table)))[1:]
    right = 0
    for origin, destination, *others, observed in rows:
        right += service(Parcel(by_name[origin], by_name[destination], *others)) == observed
    return right / len(rows)


def _places(sources: Path) -> list[Place]:
    places = []
    for line in hand_written(sources / "slots_places.txt"):
        name, land, port, ground = line.split(" | ")
        places.append(Place(name, land, port == "port", ground == "island"))
    return places


def _parcel(places: list[Place], draws: Draws) -> Parcel:
    origin = draws.choice(places)
    at_home = [place for place in places if place.land == origin.land]
    if draws.chance(0.1):
        destination = origin
    else:
        destination = draws.choice(at_home if draws.chance(0.45) else places)
    return Parcel(
        origin,
        destination,
        draws.choice(SIZES_OF_PARCEL),
        draws.choice(CONTENTS),
        draws.choice(CUSTOMERS),
        draws.choice(SPEEDS),
        draws.choice(WEEKDAYS),
    )


def _mistaken(parcel: Parcel, draws: Draws) -> str:
    return draws.choice([name for name in CLASSES if name != service(parcel)])


def _row(parcel: Parcel, observed: str) -> tuple[str, ...]:
    origin, destination, *others = parcel
    return (origin.name, destination.name, *others, observed)


def _table(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue()
