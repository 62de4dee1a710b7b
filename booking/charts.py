"""Pictures of numbers, as coordinates that a template draws as SVG.

Across they are in percent and down in pixels, so a picture is as wide as its page and
its words stay as large as all others. The numbers stand in a table beside each, which
is all that is shown where text is too large for the picture; a mark is told from others
by its pattern and its words, not by colour alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# So many letters of a name and its value fit beside each other on the narrowest screen.
LETTERS = 29
ROW, BAR = 44, 16
# Of the columns: their height, the room above them, and for the words below.
TALL, ABOVE, BELOW = 160, 24, 24
# So many words fit below the columns on the narrowest screen.
TICKS = 4


def share(part: float, whole: float) -> str:
    """Return a part of a whole as a length for SVG, "0%" to "100%"."""
    return f"{min(max(100 * part / whole, 0), 100):.2f}%" if whole > 0 else "0%"


def short(name: str, value: str) -> str:
    """Return a name that fits beside its value; the table has all of it."""
    room = LETTERS - len(value)
    return name if len(name) <= room else f"{name[: room - 1].rstrip()}…"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: where it begins, how long it is, and the mark that it has."""

    x: str
    width: str
    mark: str


@dataclass(frozen=True, slots=True)
class Line:
    """A bar with its name and its value above it; `y` is the top of the bar."""

    label: str
    value: str
    parts: Sequence[Part]
    y: int

    @property
    def words_y(self) -> int:
        return self.y - 6


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars that lie one below the other, each of one part or of several.

    `legend` has the mark and the words of each part; empty where there is one only.
    """

    lines: Sequence[Line]
    legend: Sequence[tuple[str, str]] = ()
    template: str = "admin/reports/bars.html"

    @property
    def height(self) -> int:
        return len(self.lines) * ROW

    @property
    def bar(self) -> int:
        return BAR


def bars(rows: Iterable[tuple[str, float, str]]) -> Bars:
    """Return a bar for each name, number and the number in words; the longest fills."""
    rows = list(rows)
    longest = max((number for _, number, _ in rows), default=0)
    return Bars(
        [
            Line(
                short(name, words), words, [Part("0%", share(number, longest), "one")],
                n * ROW + 22,
            )
            for n, (name, number, words) in enumerate(rows)
        ]
    )  # fmt: skip


def stacks(
    rows: Iterable[tuple[str, Sequence[float], str]], legend: Sequence[tuple[str, str]]
) -> Bars:
    """Return a bar of several parts for each name; `legend` names the parts, in order.

    Each bar fills the width: it shows shares, and lengths are not to be compared.
    """
    lines = []
    for n, (name, numbers, words) in enumerate(rows):
        whole, at, parts = sum(numbers), 0.0, []
        for number, (mark, _) in zip(numbers, legend, strict=True):
            if number > 0:
                parts.append(Part(share(at, whole), share(number, whole), mark))
            at += number
        lines.append(Line(short(name, words), words, parts, n * ROW + 22))
    return Bars(lines, legend)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `x` and `width` in percent, `y` and `height` in pixels."""

    x: str
    width: str
    y: int
    height: int
    mark: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns side by side along a line of time, two of them at each point."""

    columns: Sequence[Column]
    ticks: Sequence[tuple[str, str, str]]
    top: str
    legend: Sequence[tuple[str, str]]
    template: str = "admin/reports/columns.html"

    @property
    def height(self) -> int:
        return ABOVE + TALL + BELOW

    @property
    def ground(self) -> int:
        return ABOVE + TALL

    @property
    def ceiling(self) -> int:
        return ABOVE

    @property
    def words_y(self) -> int:
        return self.height - 6


def columns(
    points: Sequence[tuple[str, Sequence[int]]], legend: Sequence[tuple[str, str]]
) -> Columns:
    """Return columns for the numbers at each named point, the highest being `top`.

    Some names stand below, first and last among them.
    """
    highest = max((n for _, numbers in points for n in numbers), default=0) or 1
    each = 100 / (len(points) or 1)
    wide = each * 0.8 / len(legend)
    drawn = []
    for at, (_, numbers) in enumerate(points):
        for n, (number, (mark, _words)) in enumerate(zip(numbers, legend, strict=True)):
            height = round(TALL * number / highest)
            x = at * each + each * 0.1 + n * wide
            drawn.append(
                Column(
                    f"{x:.2f}%", f"{wide:.2f}%", ABOVE + TALL - height, height, mark
                )
            )  # fmt: skip
    return Columns(drawn, _ticks([name for name, _ in points]), str(highest), legend)


def _ticks(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return some names with where they stand, and which end of them stands there."""
    last = len(names) - 1
    some = range(last + 1)
    if last >= TICKS:
        some = sorted({round(last * n / (TICKS - 1)) for n in range(TICKS)})  # type: ignore[assignment]
    found = []
    for n in some:
        x, anchor = f"{100 * (n + 0.5) / (last + 1):.2f}%", "middle"
        if len(names) > 2 and n == 0:
            x, anchor = "0%", "start"
        elif len(names) > 2 and n == last:
            x, anchor = "100%", "end"
        found.append((names[n], x, anchor))
    return found
