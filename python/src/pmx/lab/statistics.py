"""Figures from pairs. Everything is a ratio inside a block, on the logarithm: 0.8 and 1.25 are the same distance from 1.

The figure is the median of the ratios. Its interval is a bootstrap over blocks of the mean without the outermost fifth on
either side: as deaf to a disturbed run as the median, and content with fewer blocks. The test flips the signs of the
ranks (Wilcoxon's, exact up to 64 blocks). The verdict is `same` when the 90 % interval lies within ±margin (two one-sided tests at 5 %),
`faster` or `slower` when the 95 % interval leaves 1 out and the test agrees, and `unclear` otherwise: unclear is not
same, it asks for more blocks."""

import itertools
import math
import random
from statistics import median

MARGIN = 0.02
RESAMPLES = 1000
EXACT = 64  # counting takes the cube of the blocks; beyond this, what the normal curve says differs by 0.003 at most


class Figure:
    """ratio, low and high (95 %), p, pairs, verdict; inner is the 90 % interval that `same` goes by."""

    def __init__(self, ratio, low, high, inner, p, pairs, margin=MARGIN):
        self.ratio, self.low, self.high, self.inner, self.p, self.pairs, self.margin = ratio, low, high, inner, p, pairs, margin

    @property
    def verdict(self):
        if self.pairs == 0:
            return "nothing measured"
        if self.pairs >= 3 and self.inner[0] >= 1 / (1 + self.margin) and self.inner[1] <= 1 + self.margin:
            return "same within ±%g %%" % (100 * self.margin)
        if self.p < 0.05 and self.high < 1:
            return "faster"
        if self.p < 0.05 and self.low > 1:
            return "slower"
        return "unclear"

    @property
    def half_width(self):
        """Of the 95 % interval, as a share: 0.02 is ±2 %."""
        return math.inf if self.pairs < 2 else math.log(self.high / self.low) / 2

    def against(self, limit):
        """What the figure says of a limit: reached, missed, or unclear (the limit lies inside the interval)."""
        if self.pairs < 2:
            return "unclear"
        return "reached" if self.high <= limit else "missed" if self.low > limit else "unclear"

    def to_json(self):
        return {"ratio": round(self.ratio, 5), "low": round(self.low, 5), "high": round(self.high, 5), "p": round(self.p, 5),
                "pairs": self.pairs, "verdict": self.verdict}

    def __repr__(self):
        return "%.3f [%.3f – %.3f], %d pairs, p %.3f: %s" % (self.ratio, self.low, self.high, self.pairs, self.p, self.verdict)


def ratio(pairs, margin=MARGIN, seed=1):
    """The figure of pairs (a, b): how long a takes of b's time. Pairs with a value that is not positive are an error."""
    return of_logs([math.log(a / b) for a, b in pairs], margin, seed)


def of_logs(logs, margin=MARGIN, seed=1):
    """The figure of values on the logarithm, one a block."""
    count = len(logs)
    if count == 0:
        return Figure(math.nan, math.nan, math.nan, (math.nan, math.nan), 1.0, 0, margin)
    centre = math.exp(median(logs))
    if count == 1:
        return Figure(centre, centre, centre, (0.0, math.inf), 1.0, 1, margin)
    low, high, inner_low, inner_high = (math.exp(v) for v in interval(logs, seed))
    low, high = min(low, centre), max(high, centre)
    return Figure(centre, low, high, (min(inner_low, centre), max(inner_high, centre)), sign_flip(logs), count, margin)


def trimmed_mean(values):
    """The mean without the outermost fifth on either side."""
    cut = len(values) // 5
    kept = sorted(values)[cut:len(values) - cut]
    return sum(kept) / len(kept)


def interval(values, seed=1, resamples=RESAMPLES, centre=trimmed_mean):
    """Bootstrap over blocks: the 95 % and the 90 % interval, as low, high, inner low, inner high. With few blocks the
    resampled spread is too small, which is put right."""
    count = len(values)
    middle = centre(values)
    dice = random.Random(seed)
    found = sorted(centre(dice.choices(values, k=count)) for _ in range(resamples))
    stretch = math.sqrt(count / (count - 1)) * _student(count)

    def at(q):
        return middle + (found[min(len(found) - 1, int(q * len(found)))] - middle) * stretch
    return at(0.025), at(0.975), at(0.05), at(0.95)


def _student(count):
    """Student's 97.5 % point over the normal's: what small samples lack."""
    table = {2: 6.48, 3: 2.20, 4: 1.62, 5: 1.42, 6: 1.31, 7: 1.25, 8: 1.21, 9: 1.18, 10: 1.15, 12: 1.12, 15: 1.09, 20: 1.07, 30: 1.04}
    return table[max(k for k in table if k <= count)]


def sign_flip(values, exact=EXACT):
    """The two-sided chance of ranks as lopsided as these, had each value come with either sign. Exact for up to EXACT
    values: the number of sign patterns for each sum of ranks is counted, not drawn. Six values can reach 0.03; five cannot
    reach 0.05."""
    values = [v for v in values if v != 0]
    count = len(values)
    if count == 0:
        return 1.0
    order = sorted(range(count), key=lambda i: abs(values[i]))
    positive = sum(rank for rank, i in enumerate(order, 1) if values[i] > 0)
    total = count * (count + 1) // 2
    tail = min(positive, total - positive)
    if count > exact:
        # The sum of ranks is normal by then; half a rank is the width of one sum.
        return min(1.0, math.erfc((total / 2 - tail - 0.5) / math.sqrt(total * (2 * count + 1) / 12 * 2)))
    ways = [1]
    for rank in range(1, count + 1):
        ways = [(ways[s] if s < len(ways) else 0) + (ways[s - rank] if 0 <= s - rank < len(ways) else 0)
                for s in range(len(ways) + rank)]
    return min(1.0, 2 * sum(ways[:tail + 1]) / 2 ** count)


def effects(table, margin=MARGIN):
    """Effects and interactions of a factorial study. `table` is a list of blocks, each {((factor, level), …): value}. For
    each factor and level, against that factor's first level: the ratio, averaged inside each block over all cells that
    differ in nothing else. For each two of them: how far their joint effect is from the product of both, 1 meaning
    that gains add up; above 1, together they gain less than apart. Gives [(name, Figure)]."""
    if not table:
        return []
    factors = {}
    for block in table:
        for cell in block:
            for factor, level in cell:
                levels = factors.setdefault(factor, [])
                if level not in levels:
                    levels.append(level)
    changes = [(f, levels[0], level) for f, levels in factors.items() for level in levels[1:]]
    found = []
    for f, base, level in changes:
        logs = [_mean(_contrasts(block, ((f, base, level),))) for block in table]
        found.append(("%s: %s → %s" % (f, base, level), of_logs([v for v in logs if v is not None], margin)))
    for one, two in itertools.combinations(changes, 2):
        if one[0] == two[0]:
            continue
        logs = [_mean(_contrasts(block, (one, two))) for block in table]
        found.append(("%s=%s with %s=%s" % (one[0], one[2], two[0], two[2]), of_logs([v for v in logs if v is not None], margin)))
    return found


def _mean(values):
    return sum(values) / len(values) if values else None


def _contrasts(block, changes):
    """For each setting of the other factors: the logarithm at the changed levels less that at the base levels; for two
    changes, the difference of the differences."""
    logs = {cell: math.log(value) for cell, value in block.items()}
    found = []
    for cell in block:
        levels = dict(cell)
        if any(levels.get(f) != base for f, base, _ in changes):
            continue
        total, complete = 0.0, True
        for chosen in itertools.product((False, True), repeat=len(changes)):
            other = dict(levels)
            other.update({f: level for (f, _, level), on in zip(changes, chosen) if on})
            key = tuple((f, other[f]) for f, _ in cell)
            if key not in logs:
                complete = False
                break
            total += logs[key] * (-1 if (len(changes) - sum(chosen)) % 2 else 1)
        if complete:
            found.append(total)
    return found


def quartiles(values):
    """Lower quartile, median, upper quartile."""
    ordered = sorted(values)

    def at(q):
        position = q * (len(ordered) - 1)
        low = int(position)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
    return at(0.25), at(0.5), at(0.75)
