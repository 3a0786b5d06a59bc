"""The figures that pmx is to reach, as rows: which study, which arm against which, how much at most, and the prize. A row
that was measured has a verdict: `prize`, `reached`, `missed`, or `unclear` when the limit lies inside the interval."""

from pmx.lab import statistics
from pmx.lab.compare import Comparison


class Row:
    """phase, layout (None: the phase has no layout), pmx's arm, the arms of which the fastest counts, the limits."""

    def __init__(self, title, phase, layout, check, one, others, at_most, prize, measure="wall"):
        self.title, self.phase, self.layout, self.check = title, phase, layout, check
        self.one, self.others, self.at_most, self.prize, self.measure = one, others, at_most, prize, measure


def _both(title, phase, at_most, prize, measure="wall"):
    return [Row("%s, %s" % (title, layout), phase, layout, "–", "pmx %s stat" % layout, ["bun %s" % layout], at_most, prize, measure)
            for layout in ("isolated", "hoisted")]


ROWS = [
    *_both("p0 nothing known", "p0", 0.90, 0.70),
    Row("p1 resolve only", "p1", None, "–", "pmx stat", ["bun"], 0.85, 0.60),
    *_both("p3 lockfile, cold store", "p3", 0.85, 0.70),
    Row("p4 warm store, isolated + hardlink", "p4", "isolated", "none", "pmx isolated none", ["bun isolated"], 0.80, 0.70),
    Row("p4 warm store, isolated + hardlink", "p4", "isolated", "stat", "pmx isolated stat", ["bun isolated"], 0.95, 0.75),
    Row("p4 warm store, hoisted + hardlink", "p4", "hoisted", "none", "pmx hoisted none", ["bun hoisted"], 0.85, 0.75),
    Row("p4 warm store, hoisted + hardlink", "p4", "hoisted", "stat", "pmx hoisted stat", ["bun hoisted"], 1.00, 0.80),
    Row("p4 warm store, global", "p4", "global", "stat", "pmx global stat", ["pnpm global"], 0.20, 0.10),
    Row("p5 nothing to do", "p5", "isolated", "–", "pmx isolated stat", ["bun isolated"], 0.25, 0.10),
    Row("add one dependency, warm", "add", "isolated", "stat", "pmx isolated stat", ["bun isolated", "pnpm isolated"], 0.75, 0.50),
    Row("second checkout of the same project", "second", "isolated", "stat", "pmx isolated stat", ["bun isolated"], 0.95, 0.75),
    Row("`stat` against `none`, p4, isolated", "p4", "isolated", "", "pmx isolated stat", ["pmx isolated none"], 1.20, 1.05),
    Row("`stat` against `none`, p4, hoisted", "p4", "hoisted", "", "pmx hoisted stat", ["pmx hoisted none"], 1.20, 1.05),
    Row("a damaged file found and repaired, p4", "damaged", "isolated", "stat", "pmx isolated stat (damaged)", ["pmx isolated stat"],
        1.10, 1.05),
    *_both("peak memory, p3", "p3", 1.00, 0.50, "rusage.memory_mb"),
    Row("system calls, p4", "p4", "isolated", "stat", "pmx isolated stat", [], 1.05, 1.00, "system_calls"),
    Row("system calls, p4", "p4", "hoisted", "stat", "pmx hoisted stat", [], 1.05, 1.00, "system_calls"),
]


class Result:
    """A row with what was found: figure (or None), the medians of both sides, verdict, and a note."""

    def __init__(self, row, other=None, figure=None, value=None, base=None, verdict="not measured", note=""):
        self.row, self.other, self.figure, self.value, self.base, self.verdict, self.note = row, other, figure, value, base, verdict, note

    def to_json(self):
        return {"title": self.row.title, "phase": self.row.phase, "layout": self.row.layout, "check": self.row.check, "measure": self.row.measure,
                "one": self.row.one, "other": self.other, "at_most": self.row.at_most, "prize": self.row.prize, "verdict": self.verdict,
                "figure": self.figure.to_json() if self.figure else None, "value": self.value, "base": self.base, "note": self.note}


def verdict(figure, row):
    if figure.against(row.prize) == "reached":
        return "prize"
    return figure.against(row.at_most)


def judge(row, found):
    """The result of a row from the records of one project, network and file system."""
    mine = [r for r in found if r["phase_group"] == row.phase and r["layout_group"] == row.layout]
    if not mine:
        return Result(row)
    if row.measure == "system_calls":
        return _calls(row, mine)
    arms = {r["arm"] for r in mine}
    if row.one not in arms or not any(o in arms for o in row.others):
        return Result(row, note="" if row.one in arms else "pmx was not run")
    candidates = []
    for other in row.others:
        if other in arms:
            line = next((r for r in Comparison(mine, baseline=other, measure=row.measure).rows if r.name == row.one), None)
            if line and line.figure.pairs:
                candidates.append((line.base, other, line))
    if not candidates:
        why = next((r["why"] for r in mine if r["status"] in ("failed", "invalid") and r["arm"] in [row.one, *row.others]), "no pair")
        return Result(row, verdict="no pair", note=why[:160])
    _, other, line = min(candidates, key=lambda c: c[0])
    return Result(row, other, line.figure, line.value, line.base, verdict(line.figure, row), work(mine, row.one, other))


def work(found, one, other):
    """What both left, when that is not alike: fewer packages are less work."""
    trees = {arm: next((r["tree"] for r in found if r["arm"] == arm and r.get("tree") and "files" in r["tree"]), None) for arm in (one, other)}
    if not all(trees.values()):
        return ""
    a, b = trees[one]["files"], trees[other]["files"]
    return "" if b and abs(a / b - 1) <= 0.02 else "files in the tree: %d and %d" % (a, b)


def _calls(row, mine):
    """System calls of the whole run, over the steps that the tree needs: a link and a check a file, a directory, a symlink."""
    record = next((r for r in mine if r["arm"] == row.one and r.get("system_calls") and r.get("tree")), None)
    if record is None:
        return Result(row, note="system calls were not counted (strace)")
    tree, counters = record["tree"], record.get("counters") or {}
    linked = counters.get("files_linked") or tree["files"]
    needed = linked * (1 + (row.check != "none")) + tree["directories"] + tree["symlinks"]
    made = sum(record["system_calls"].values())
    if not needed:
        return Result(row, note="nothing was linked")
    found = made / needed
    figure = statistics.Figure(found, found, found, (found, found), 0.0, 1)
    said = "prize" if found <= row.prize else "reached" if found <= row.at_most else "missed"
    return Result(row, "%d needed" % needed, figure, made, needed, said)
