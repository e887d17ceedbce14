"""Bar charts as SVG, by hand: a group of bars for each subject, with whiskers from quartile to quartile."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.bench.quartiles import Quartiles

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860, 310, 84, 70, 14
BAR, GAP = 14, 10
FONT: Final = 'font-family="system-ui, sans-serif" font-size="13"'
PEER_COLOURS: Final = ("#8f9aa3", "#b9c1c7", "#d8dde0")
KEEPER_COLOURS: Final = ("#1b7f5c", "#6bb79c", "#b4dccc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One subject; a bar for each value, None where it was not measured. Ours are drawn in a colour."""

    name: str
    ours: bool
    values: Sequence[Quartiles | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`series` names the bars of a row. Stacked bars begin where the last one ends, without whiskers."""

    title: str
    series: Sequence[str]
    rows: Sequence[Row]
    form: str = ",.0f"
    logarithmic: bool = False
    stacked: bool = False

    def svg(self) -> str:
        scale = _Scale.of(self)
        parts, y = [], float(TOP)
        for row in self.rows:
            bars = self._stack(row, y, scale) if self.stacked else self._bars(row, y, scale)
            height = BAR * (1 if self.stacked else len(self.series))
            weight = ' font-weight="600"' if row.ours else ""
            middle = y + height / 2 + 4
            name = (
                f'<text x="{LEFT - 10}" y="{middle:.1f}" text-anchor="end"{weight}>{escape(row.name)}</text>'
            )
            parts += [name, *bars]
            y += height + GAP
        height = math.ceil(y + BOTTOM)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
                f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
                f'<text x="14" y="26" font-size="15" font-weight="600">{escape(self.title)}</text>',
                *self._legend(),
                *parts,
                "</svg>",
                "",
            ]
        )

    def _legend(self) -> list[str]:
        if len(self.series) == 1:
            return []
        parts, x = [], float(LEFT)
        for number, name in enumerate(self.series):
            for shift, colours in ((0, PEER_COLOURS), (13, KEEPER_COLOURS)):
                fill = colours[number]
                parts.append(f'<rect x="{x + shift:.0f}" y="42" width="12" height="12" fill="{fill}"/>')
            parts.append(f'<text x="{x + 32:.0f}" y="53">{escape(name)}</text>')
            x += 32 + 8 * len(name) + 24
        return parts

    def _bars(self, row: Row, y: float, scale: "_Scale") -> list[str]:
        parts = []
        for number, value in enumerate(row.values):
            if value is not None:
                top = y + BAR * number
                width, low, high = (scale.width(point) for point in (value.median, value.low, value.high))
                middle = top + BAR / 2 - 0.5
                parts.append(_bar(LEFT, top, width, _fill(row, number)))
                parts.append(f'<path d="M{LEFT + low:.1f} {middle}H{LEFT + high:.1f}" stroke="#222222"/>')
                parts.append(_number(max(width, high), top, format(value.median, self.form)))
        return parts

    def _stack(self, row: Row, y: float, scale: "_Scale") -> list[str]:
        parts, total = [], 0.0
        for number, value in enumerate(row.values):
            if value is not None:
                start = scale.width(total)
                total += value.median
                parts.append(_bar(LEFT + start, y, scale.width(total) - start, _fill(row, number)))
        return [*parts, _number(scale.width(total), y, format(total, self.form))]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Pixels for a value. A logarithmic one begins at the power of ten below the smallest value."""

    smallest: float
    largest: float
    logarithmic: bool

    @classmethod
    def of(cls, chart: Chart) -> "_Scale":
        known = [[value for value in row.values if value is not None] for row in chart.rows]
        if chart.stacked:
            ends = [sum(value.median for value in values) for values in known]
        else:
            ends = [end for values in known for value in values for end in (value.low, value.high)]
        least = min((end for end in ends if end > 0), default=1.0)
        return cls(10 ** math.floor(math.log10(least)), max([*ends, least]), chart.logarithmic)

    def width(self, value: float) -> float:
        room = WIDTH - LEFT - RIGHT
        if not self.logarithmic:
            return room * value / self.largest
        if value <= self.smallest:
            return 0.0
        return room * math.log(value / self.smallest) / math.log(max(self.largest / self.smallest, 1.001))


def _fill(row: Row, number: int) -> str:
    return (KEEPER_COLOURS if row.ours else PEER_COLOURS)[number]


def _bar(x: float, y: float, width: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR - 1}" fill="{fill}"/>'


def _number(width: float, y: float, text: str) -> str:
    return f'<text x="{LEFT + width + 6:.1f}" y="{y + BAR - 3:.1f}" font-size="12">{text}</text>'
