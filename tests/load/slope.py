# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whether something grows: a line through the second half of a run, and how far it rises.

The bound on that rise is 1 % of the mean in 30 minutes, but at least one and a half steps of the
allocator: glibc takes its heap from the kernel in pieces of 128 KiB (M_TOP_PAD, M_TRIM_THRESHOLD),
and a line through a single such step, wherever it is, rises by at most 1.5 of it. Two steps in a
half are a slope.
"""

STEP_BYTES = 128 << 10
PERCENT_SECONDS = 1800


class Slope:
    def __init__(self, what, rows, value):
        half = rows[len(rows) // 2:]
        points = [(row["t"], value(row)) for row in half]
        self.what = what
        self.seconds = points[-1][0] - points[0][0]
        self.mean = sum(y for _, y in points) / len(points)
        self.per_second = _fit(points)
        self.rise = self.per_second * self.seconds
        self.bound = max(0.01 * self.mean * self.seconds / PERCENT_SECONDS, 1.5 * STEP_BYTES)

    def holds(self):
        return self.rise <= self.bound

    def __str__(self):
        return "%s rises by %.0f kB in the last %.0f s (bound %.0f kB, mean %.2f MB)" % (
            self.what, self.rise / 1e3, self.seconds, self.bound / 1e3, self.mean / 1e6)

    def summary(self):
        return {"what": self.what, "seconds": self.seconds, "mean": self.mean, "rise": self.rise,
                "bound": self.bound, "per_30_min": self.per_second * PERCENT_SECONDS}


def _fit(points):
    """Least squares: how much y grows with x."""
    n = len(points)
    x0, y0 = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    square = sum((x - x0) ** 2 for x, _ in points)
    return sum((x - x0) * (y - y0) for x, y in points) / square if square else 0.0
