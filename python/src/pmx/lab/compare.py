"""Records against records. Only runs of the same block and the same session make a pair, and only where both are good;
what was left out is part of the result. Records of unlike machines are not compared with each other: a pair is always of
one machine, and figures of several kinds of machine are refused unless machines="pool" says that this is meant."""

from . import machine, records, statistics
from .design import AGAIN


class UnlikeMachines(ValueError):
    """The records come from machines that differ; says in what."""


class Row:
    """name, figure, value and base (medians of the measure), pairs as (a, b)."""

    def __init__(self, name, figure, pairs):
        self.name, self.figure, self.pairs = name, figure, pairs
        self.value = statistics.median(a for a, _ in pairs) if pairs else None
        self.base = statistics.median(b for _, b in pairs) if pairs else None


class Comparison:
    """rows, failures, null (the figure of the null pair, or None). print() shows a table in Markdown."""

    def __init__(self, found, by=None, baseline=None, measure="wall", margin=statistics.MARGIN, machines="each"):
        self.all, self.by, self.baseline, self.measure, self.margin = list(found), by, baseline, measure, margin
        self.timed = [r for r in self.all if "block" in r]
        self.good = [r for r in records.good(self.timed) if records.value(r, measure)]
        self.failures = records.bad(self.all)
        self.machines = _kinds(self.good)
        if len(self.machines) > 1 and machines != "pool":
            different = machine.differences(*self.machines[:2])
            raise UnlikeMachines("records of %d kinds of machine (they differ in %s): compare them one by one, or say machines=\"pool\""
                                 % (len(self.machines), ", ".join(different)))
        self.blocks = {}
        for record in self.good:
            self.blocks.setdefault((record["session"], record["block"]), {})[record["arm"]] = record
        self.rows = self._by_factor() if by else self._by_arm()
        self.null = next((row.figure for row in self._null_rows()), None)

    def _pairs(self, one, other):
        return [(records.value(b[one], self.measure), records.value(b[other], self.measure)) for b in self.blocks.values()
                if one in b and other in b]

    def _row(self, name, pairs):
        return Row(name, statistics.ratio(pairs, self.margin), pairs)

    def arms(self):
        """Names in the order in which they first appear on record."""
        return list(dict.fromkeys(r["arm"] for r in self.all))

    def _by_arm(self):
        base = getattr(self.baseline, "name", self.baseline) or next((a for a in self.arms() if not a.endswith(AGAIN)), None)
        return [self._row(arm, self._pairs(arm, base)) for arm in self.arms() if arm != base and not arm.endswith(AGAIN)]

    def _null_rows(self):
        return [self._row(arm, self._pairs(arm, arm[:-len(AGAIN)])) for arm in self.arms() if arm.endswith(AGAIN)]

    def _by_factor(self):
        levels, pairs = [], {}
        for record in self.good:
            level = record["cell"]["factors"].get(self.by)
            if self.by in record["cell"]["factors"] and level not in levels:
                levels.append(level)
        if self.baseline is None and levels:
            self.baseline = levels[0]
        for block in self.blocks.values():
            cells = {_key(r, self.by): r for a, r in block.items() if not a.endswith(AGAIN) and self.by in r["cell"]["factors"]}
            for (rest, level), record in cells.items():
                base = cells.get((rest, self.baseline))
                if level != self.baseline and base:
                    pairs.setdefault(level, []).append((records.value(record, self.measure), records.value(base, self.measure)))
        return [self._row("%s=%s" % (self.by, level), pairs.get(level, [])) for level in levels if level != self.baseline]

    def figures(self):
        """[(name, Figure)] of the rows."""
        return [(row.name, row.figure) for row in self.rows]

    def widest(self):
        """Half the width of the widest interval, as a share."""
        widths = [row.figure.half_width for row in self.rows] or [self.null.half_width if self.null else 0.0]
        return max(widths)

    def effects(self):
        """Main effects and interactions of the factors that pmx's cells differ in."""
        table = []
        names = sorted({f for r in self.good for f in r["cell"]["factors"]})
        varied = [f for f in names if len({str(r["cell"]["factors"].get(f)) for r in self.good}) > 1]
        for block in self.blocks.values():
            table.append({tuple((f, r["cell"]["factors"].get(f)) for f in varied): records.value(r, self.measure)
                          for a, r in sorted(block.items(), key=lambda i: self.arms().index(i[0])) if not a.endswith(AGAIN)})
        return statistics.effects(table, self.margin)

    def against(self):
        return "%s=%s" % (self.by, self.baseline) if self.by else getattr(self.baseline, "name", self.baseline)

    def table(self):
        from .export import comparison_markdown
        return comparison_markdown(self)

    def plot(self, path=None):
        from .plots import dots
        return dots([(row.name, row.figure) for row in self.rows], path, title="%s, against %s" % (self.measure, self.against()),
                    null=self.null)

    def frame(self):
        """Rows as a pandas frame."""
        import pandas
        return pandas.DataFrame([{"name": row.name, "value": row.value, "base": row.base, **row.figure.to_json()} for row in self.rows])

    def __str__(self):
        return self.table()

    def __repr__(self):
        return "Comparison(%d rows, %d failures)" % (len(self.rows), len(self.failures))


def _key(record, factor):
    rest = tuple(sorted((k, str(v)) for k, v in record["cell"]["factors"].items() if k != factor))
    return (record["cell"]["tool"], rest), record["cell"]["factors"].get(factor)


def _kinds(found):
    kinds = []
    for record in found:
        if all(machine.differences(record["machine"], kind) for kind in kinds):
            kinds.append(record["machine"])
    return kinds
