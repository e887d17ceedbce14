"""A line chart as SVG, by hand."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 860, 420, 60, 44, 20, 56
FONT = 'font-family="system-ui, sans-serif" font-size="13"'
COLOURS = ("#b3541e", "#8c6bb1", "#c0a000", "#1b7f5c", "#1f5fa8")


def line_chart(title: str, across: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """`lines` maps a name to its (x, y) points, with x and y from 0 up."""
    x_max = max(x for points in lines.values() for x, _ in points)
    y_max = max(y for points in lines.values() for _, y in points)

    def place(x: float, y: float) -> str:
        right = LEFT + (WIDTH - LEFT - RIGHT) * x / x_max
        down = TOP + (HEIGHT - TOP - BOTTOM) * (1 - y / y_max)
        return f"{right:.1f},{down:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="600">{escape(title)}</text>',
    ]
    for step in range(5):
        y = y_max * step / 4
        at, _, down = place(0, y).partition(",")
        parts.append(f'<path d="M{at} {down}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{float(down) + 4}" text-anchor="end">{y:.0f}</text>')
        x = x_max * step / 4
        at, _, _ = place(x, 0).partition(",")
        parts.append(f'<text x="{at}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:.0f}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end">{escape(across)}</text>')
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = TOP + 14 + 18 * number
        parts.append(f'<path d="M{WIDTH - 250} {y - 4}h22" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{WIDTH - 222}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
