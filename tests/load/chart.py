# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The course of a run as an SVG file: a row of panels with one time axis."""

WIDTH, LEFT, RIGHT = 900, 70, 140
PANEL, GAP, TOP, BOTTOM = 92, 34, 34, 40
POINTS = 360  # that a line has at most
COLORS = ("#1f6fb4", "#c4581b", "#4b8b3b")
MB = 1e6


def _rate(rows, key):
    """What grows each second, from what has grown."""
    out = []
    for a, b in zip(rows, rows[1:]):
        if key in a and key in b and b["t"] > a["t"]:
            out.append((b["t"], (b[key] - a[key]) / (b["t"] - a["t"])))
    return out


def _gauge(rows, key, scale=1.0):
    return [(row["t"], row[key] / scale) for row in rows if key in row]


def panels(rows):
    """[(title, [(name, points)])]"""
    return [
        ("requests answered per second", [("", _rate(rows, "answered"))]),
        ("memory of redeye (resident), MB", [
            ("all", _gauge(rows, "rss", MB)),
            ("without the history", [(r["t"], (r["rss"] - r["history_bytes"]) / MB)
                                     for r in rows if "history_bytes" in r]),
            ("series", _gauge(rows, "aggregation_bytes", MB))]),
        ("the kernel's maps and programs, MB", [("", _gauge(rows, "kernel", MB))]),
        ("file descriptors of redeye", [("", _gauge(rows, "fds"))]),
        ("connections open", [("", _gauge(rows, "connections"))]),
        ("processors that redeye keeps busy", [("", _rate(rows, "cpu"))]),
        ("ring buffer in use, MB", [("", _gauge(rows, "ring_bytes", MB))]),
    ]


def _thin(points):
    """The mean of each group; the ends stay."""
    step = max(1, -(-len(points) // POINTS))
    groups = [points[i:i + step] for i in range(0, len(points), step)]
    return [(g[-1][0], sum(y for _, y in g) / len(g)) for g in groups]


def _round_up(value):
    """The next of these times a power of ten; a little more than one of them is as good as it."""
    unit = 10.0 ** len(str(int(value))) / 100 if value >= 1 else 0.01
    while True:
        for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
            if m * unit >= value * 0.98:
                return m * unit
        unit *= 10


def _number(value):
    return "{:,.0f}".format(value) if value >= 100 or value == int(value) else "%.3g" % value


def _text(x, y, words, anchor="start", color="#333"):
    return '<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>' % (
        x, y, anchor, color, words)


def _line(points, x_of, y_of, color):
    path = " ".join("%.1f,%.1f" % (x_of(x), y_of(y)) for x, y in points)
    return '<polyline fill="none" stroke="%s" stroke-width="1.3" points="%s"/>' % (color, path)


def _labels(lines, y_of):
    """Names at the right, no two of them on one another."""
    ends = sorted((y_of(points[-1][1]), name, color) for name, points, color in lines if name)
    last = -100.0
    for y, name, color in ends:
        last = max(y + 4, last + 13)
        yield _text(WIDTH - RIGHT + 6, last, name, color=color)


def _panel(top, title, lines, end):
    lines = [(name, _thin(points), color) for (name, points), color in zip(lines, COLORS) if points]
    high = _round_up(max([y for _, points, _ in lines for _, y in points] + [0.01]))

    def x_of(x):
        return LEFT + (WIDTH - LEFT - RIGHT) * x / end

    def y_of(y):
        return top + PANEL * (1 - y / high)
    yield _text(LEFT, top - 8, title, color="#000")
    for part in (0, 0.5, 1):
        y = y_of(high * part)
        yield '<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>' % (
            LEFT, WIDTH - RIGHT, y, y)
        yield _text(LEFT - 6, y + 4, _number(high * part), "end")
    for _, points, color in lines:
        yield _line(points, x_of, y_of, color)
    yield from _labels(lines, y_of)


def _axis(top, end):
    minutes = end >= 180
    step = _round_up(end / (60 if minutes else 1) / 8)
    x, unit = 0.0, 60 if minutes else 1
    while x * unit <= end:
        yield _text(LEFT + (WIDTH - LEFT - RIGHT) * x * unit / end, top, "%g" % x, "middle")
        x += step
    yield _text(WIDTH - RIGHT + 6, top, "minutes" if minutes else "seconds")


def write(path, result):
    rows = result["samples"]
    end = max(rows[-1]["t"], 1)
    all_panels = panels(rows)
    height = TOP + len(all_panels) * (PANEL + GAP) + BOTTOM - GAP
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" '
           'font-size="11">' % (WIDTH, height),
           '<rect width="100%" height="100%" fill="#fff"/>']
    for i, (title, lines) in enumerate(all_panels):
        out += _panel(TOP + i * (PANEL + GAP), title, lines, end)
    out += _axis(height - BOTTOM + 20, end)
    with open(path, "w") as f:
        f.write("\n".join(out + ["</svg>\n"]))
