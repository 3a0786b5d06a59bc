"""Records and comparisons for others: CSV, Markdown, a pandas frame, and the Bencher Metric Format. Each shows what was
left out of the figures."""

import csv
import io
import json

from . import machine, records, statistics

MEASURES = ("wall", "rusage.user", "rusage.system", "rusage.memory_mb", "rusage.faults_minor", "rusage.faults_major",
            "rusage.switches_voluntary", "rusage.switches_involuntary", "registry.requests", "registry.tarballs",
            "registry.packuments", "registry.bytes", "registry.connections_peak", "registry.cpu")


def rows(found):
    """One flat dictionary a run: who, which state, status, measures, factors as `factor.NAME`, stages as `stage.NAME` in ms."""
    flat = []
    for r in found:
        row = {k: r.get(k) for k in ("study", "project", "phase", "network", "arm", "status", "why", "block", "order", "session", "load")}
        row["tool"], row["machine"] = r["cell"]["tool"], r["machine"]["id"]
        row.update({"factor." + k: v for k, v in r["cell"]["factors"].items()})
        row.update({m: records.value(r, m) for m in MEASURES})
        row.update({"stage." + k: v.get("wall_ms") for k, v in (r.get("stages") or {}).items()})
        flat.append(row)
    return flat


def to_csv(found):
    flat = rows(found)
    names = list(dict.fromkeys(k for row in flat for k in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def frame(found):
    import pandas
    return pandas.DataFrame(rows(found))


def bencher(found):
    """Bencher Metric Format: {benchmark: {measure: {value, lower_value, upper_value}}}; medians and quartiles of good
    timed runs, latency in nanoseconds, memory in bytes."""
    groups = {}
    for r in records.good(found):
        if "block" in r:
            groups.setdefault("%s/%s/%s/%s" % (r["project"], r["phase"], r["network"], r["arm"]), []).append(r)
    return {name: {"latency": _metric([r["wall"] * 1e9 for r in runs]),
                   "peak-memory": _metric([r["rusage"]["memory_mb"] * 1048576 for r in runs])} for name, runs in groups.items()}


def _metric(values):
    low, middle, high = statistics.quartiles(values)
    return {"value": round(middle, 1), "lower_value": round(low, 1), "upper_value": round(high, 1)}


def to_bencher(found):
    return json.dumps(bencher(found), indent=2, sort_keys=True) + "\n"


def number(value, measure="wall"):
    """A value as people read it."""
    if value is None:
        return "–"
    if records.unit(measure) == "s":
        return "%.1f ms" % (value * 1000) if value < 0.1 else "%.3f s" % value
    return "%.4g %s" % (value, records.unit(measure)) if isinstance(value, float) else str(value)


def figure(f):
    return "–" if not f.pairs else "%.3f [%.3f–%.3f]" % (f.ratio, f.low, f.high)


def comparison_markdown(c):
    """The table of a comparison, the null pair, the machine, and every run that does not count."""
    lines = ["| | %s | against %s | ratio [95 %%] | pairs | p | verdict |" % (c.measure, c.against()), "|---|---|---|---|---|---|---|"]
    for row in c.rows:
        lines.append("| %s | %s | %s | %s | %d | %.3f | %s |" % (row.name, number(row.value, c.measure), number(row.base, c.measure),
                                                              figure(row.figure), row.figure.pairs, row.figure.p, row.figure.verdict))
    lines.append("")
    if c.null:
        lines.append("Null pair: %s, %s." % (figure(c.null), c.null.verdict))
    if c.good:
        loads = [r["load"] for r in c.good]
        lines.append("Machine: %s; load %.1f to %.1f." % (machine.caption(c.good[0]["machine"]), min(loads), max(loads)))
    lines.extend(failures_markdown(c.failures))
    return "\n".join(lines) + "\n"


def failures_markdown(failures):
    if not failures:
        return ["No run failed."]
    lines = ["", "%d runs do not count:" % len(failures), ""]
    for r in failures[:20]:
        lines.append("- %s, %s, block %s: %s: %s" % (r["phase"], r["arm"], r.get("block", "–"), r["status"], r.get("why", "")))
    if len(failures) > 20:
        lines.append("- and %d more" % (len(failures) - 20))
    return lines
