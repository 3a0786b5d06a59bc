"""Pictures, as SVG: dots with intervals, scaling curves, a timeline of stages from `--timing=trace`, a flame of system
calls. Each function gives back the figure, and writes it where a path is given. The same data make the same bytes."""

import json


def _plot(width, height):
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "pmx", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
                                "svg.fonttype": "none"})
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(width, height))
    return figure, axes


def _finish(figure, path):
    from matplotlib import pyplot
    figure.tight_layout()
    if path:
        figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return figure


def dots(rows, path=None, title="", limits=None, null=None, margin=0.02):
    """A row each: the ratio as a dot, its 95 % interval as a line, the limit (if any) as a bar. Grey: what counts as same;
    the null pair, where there is one, is the last row."""
    rows = [(name, figure) for name, figure in rows if figure.pairs]
    limits = list(limits or [])
    if null is not None and null.pairs:
        rows = rows + [("null pair", null)]
    figure, axes = _plot(9, 0.8 + 0.28 * max(1, len(rows)))
    axes.axvspan(1 / (1 + margin), 1 + margin, color="0.9", zorder=0)
    axes.axvline(1, color="0.6", linewidth=0.8, zorder=1)
    colours = {"faster": "#1a7f37", "slower": "#cf222e", "unclear": "0.35"}
    for y, (name, f) in enumerate(rows):
        colour = colours.get(f.verdict, "#0550ae")
        axes.plot([f.low, f.high], [y, y], color=colour, linewidth=1.6, zorder=2)
        axes.plot([f.ratio], [y], "o", color=colour, markersize=4.5, zorder=3)
        if y < len(limits):
            axes.plot([limits[y], limits[y]], [y - 0.35, y + 0.35], color="black", linewidth=1.2, zorder=2)
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels([name for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xscale("log")
    ticks = [t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10)
             if not rows or min(f.low for _, f in rows) / 1.3 <= t <= max(max(f.high for _, f in rows), 1) * 1.3]
    axes.set_xticks(ticks)
    axes.set_xticklabels(["%g" % t for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel("ratio (below 1: faster)")
    axes.set_title(title, loc="left")
    return _finish(figure, path)


def scaling(series, path=None, title="", x="packages", y="seconds", measure=1.0):
    """Curves with quartiles: series is {name: [(size, [values])]}. A dashed line has slope 1 through the first point of the
    first curve: above it, cost grows faster than size."""
    from .statistics import quartiles
    figure, axes = _plot(6, 4)
    first = None
    for name, points in series.items():
        points = sorted(points)
        q = [quartiles([v * measure for v in values]) for _, values in points]
        sizes = [size for size, _ in points]
        axes.errorbar(sizes, [m for _, m, _ in q], yerr=[[m - a for a, m, _ in q], [b - m for _, m, b in q]], marker="o", markersize=4,
                      capsize=2, linewidth=1.2, label=name)
        if first is None and q:
            first = (sizes, q[0][1])
    if first:
        sizes, start = first
        axes.plot(sizes, [start * s / sizes[0] for s in sizes], "--", color="0.6", linewidth=0.8, label="in proportion")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend(frameon=False)
    axes.set_title(title, loc="left")
    return _finish(figure, path)


def read_trace(path):
    """Spans of a trace file: (stage, name, begin in ms, length in ms, lane)."""
    with open(path, encoding="utf-8") as f:
        events = json.load(f)["traceEvents"]
    return [(e["cat"], e["name"], e["ts"] / 1000, e["dur"] / 1000, e["tid"]) for e in events if e.get("ph") == "X"]


def timeline(spans, path=None, title=""):
    """Where the time of one run went: a lane for each worker of each stage, a bar for each task, and above them how many
    tasks were running at once."""
    spans = read_trace(spans) if isinstance(spans, str) else list(spans)
    lanes = sorted({(lane, stage) for stage, _, _, _, lane in spans})
    where = {lane: y for y, (lane, _) in enumerate(lanes)}
    stages = list(dict.fromkeys(stage for _, stage in lanes))
    figure, axes = _plot(9, 1.2 + 0.22 * max(1, len(lanes)))
    from matplotlib import colormaps
    colours = {stage: colormaps["tab10"](i % 10) for i, stage in enumerate(stages)}
    for stage in stages:
        by_lane = {}
        for s, _, begin, length, lane in spans:
            if s == stage:
                by_lane.setdefault(lane, []).append((begin, max(length, 0.001)))
        for lane, bars in by_lane.items():
            axes.broken_barh(bars, (where[lane] - 0.4, 0.8), facecolors=colours[stage], linewidth=0)
    axes.set_yticks(range(len(lanes)))
    axes.set_yticklabels([stage for _, stage in lanes], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("ms")
    axes.set_title(title, loc="left")
    return _finish(figure, path)


FAMILIES = {"files": ("open", "creat", "close", "read", "write", "pread", "pwrite", "lseek", "fallocate", "fsync", "sendfile", "copy_file"),
            "look": ("stat", "access", "readlink", "getdents", "getcwd", "statx"),
            "change": ("mkdir", "link", "symlink", "rename", "unlink", "rmdir", "chmod", "utime", "ftruncate", "chdir"),
            "memory": ("mmap", "munmap", "mprotect", "brk", "madvise", "mremap"),
            "wait": ("futex", "epoll", "poll", "select", "nanosleep", "sched_yield", "wait", "io_uring"),
            "network": ("socket", "connect", "recv", "send", "bind", "listen", "accept", "getsockopt", "setsockopt", "getpeer", "shutdown")}


def family(call):
    """Which family a system call belongs to: the one with the longest matching part of its name."""
    best, found = "", "other"
    for name, parts in FAMILIES.items():
        for part in parts:
            if part in call and len(part) > len(best):
                best, found = part, name
    return found


def flame(calls, path=None, title=""):
    """System calls of one or several runs, {name: {call: count}}: a bar for each run, families below, calls above, wide as
    their share of the largest run."""
    figure, axes = _plot(9, 0.9 + 0.9 * max(1, len(calls)))
    from matplotlib import colormaps
    colours = {name: colormaps["tab10"](i) for i, name in enumerate([*FAMILIES, "other"])}
    widest = max([sum(c.values()) for c in calls.values()] or [1])
    for y, (name, counted) in enumerate(calls.items()):
        groups = {}
        for call, count in counted.items():
            groups.setdefault(family(call), []).append((count, call))
        x = 0
        for group, members in sorted(groups.items(), key=lambda g: -sum(c for c, _ in g[1])):
            total = sum(c for c, _ in members)
            _block(axes, x, y + 0.22, total, 0.4, colours[group], "%s %d" % (group, total), widest)
            inner = x
            for count, call in sorted(members, reverse=True):
                _block(axes, inner, y - 0.2, count, 0.4, (*colours[group][:3], 0.45), "%s %d" % (call, count), widest)
                inner += count
            x += total
    axes.set_yticks(range(len(calls)))
    axes.set_yticklabels(["%s\n%d calls" % (name, sum(c.values())) for name, c in calls.items()])
    axes.invert_yaxis()
    axes.set_xlim(0, widest)
    axes.set_xlabel("system calls")
    axes.set_title(title, loc="left")
    return _finish(figure, path)


def _block(axes, x, y, width, height, colour, label, widest):
    axes.barh(y, width, height, left=x, color=colour, edgecolor="white", linewidth=0.4)
    if width > widest * 0.012 * len(label):
        axes.text(x + width / 2, y, label, ha="center", va="center", fontsize=6.5, clip_on=True)
