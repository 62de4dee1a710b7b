"""Where the clinic stands in the streets of Manhattan, from its address alone."""

import re
from dataclasses import dataclass
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import Clinic

STREET = re.compile(r"(?:(\d+) )?W(?:est|\.)? 43(?:rd)? St(?:reet|\.)?\b", re.I)
AVENUES = (
    _("Fifth Avenue"),
    _("Sixth Avenue"),
    _("Seventh Avenue"),
    _("Eighth Avenue"),
    _("Ninth Avenue"),
    _("Tenth Avenue"),
    _("Eleventh Avenue"),
    _("Twelfth Avenue"),
)
# The drawing: the first avenue lies there, each next one so much further west.
FIRST, APART, MIDDLE, SIDE = 424, 60, 116, 14


@dataclass(frozen=True)
class Station:
    """A subway station on 42nd Street: the avenue, its name on the signs, its lines."""

    avenue: str | Promise
    name: str
    lines: str
    x: int


# From east to west. Source: the subway map of the MTA, 2025.
STATIONS = tuple(
    Station(AVENUES[place], name, lines, FIRST - place * APART)
    for place, (name, lines) in enumerate(
        (
            ("5 Av", "7"),
            ("42 St-Bryant Pk", "B, D, F, M"),
            ("Times Sq-42 St", "1, 2, 3, 7, N, Q, R, S, W"),
            ("42 St-Port Authority Bus Terminal", "A, C, E"),
        )
    )
)


@dataclass(frozen=True)
class Spot:
    """A house: the avenues beside it, its side of the street, its place on the map."""

    east: str | Promise
    west: str | Promise
    is_north: bool
    x: int
    y: int


@dataclass(frozen=True)
class StreetMap:
    """W 43rd St with its avenues; `spot` only where the house number is known."""

    subway: ClassVar = _("Subway stations on 42nd Street, one block south")
    elevators: ClassVar = _(
        "Not every station has an elevator. Before you set out, see which ones work"
        " today:"
    )

    street: str
    east: str | Promise = AVENUES[0]
    west: str | Promise = AVENUES[-1]
    stations: tuple[Station, ...] = STATIONS
    spot: Spot | None = None


def map_of(clinic: Clinic | None) -> StreetMap | None:
    """Return the map for an address on W 43rd St in New York; None for any other.

    West of Fifth Avenue the numbers rise by a hundred from one avenue to the next;
    odd ones are on the north side. Source: the house numbering of Manhattan, which
    holds between 14th and 59th Street.
    """
    if not clinic or clinic.city != "New York":
        return None
    address = STREET.match(clinic.street.strip())
    if not address:
        return None
    number = int(address[1] or 0)
    block = number // 100
    if not number or block >= len(AVENUES) - 1:
        return StreetMap(clinic.street)
    is_north = number % 2 == 1
    spot = Spot(
        east=AVENUES[block],
        west=AVENUES[block + 1],
        is_north=is_north,
        x=FIRST - number * APART // 100,
        y=MIDDLE + (-SIDE if is_north else SIDE),
    )
    return StreetMap(clinic.street, spot=spot)
