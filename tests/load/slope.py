# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whether something grows: the slope of the second half of a run.

It is the median of the slopes between all pairs of samples (Theil and Sen): what grows with time
has it, one step does not, such as a new high-water mark of the heap when two threads happen to
need memory at once. The bound on the rise is 1 % of the mean in 30 minutes, but at least one and a
half pieces of 128 KiB, in which glibc takes its heap from the kernel (M_TOP_PAD).
"""

STEP_BYTES = 128 << 10
PERCENT_SECONDS = 1800
POINTS = 300  # of which pairs are made


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
    """How much y grows with x."""
    points = points[::max(1, len(points) // POINTS)]
    slopes = sorted((y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(points)
                    for x2, y2 in points[i + 1:] if x2 > x1)
    return slopes[len(slopes) // 2] if slopes else 0.0
