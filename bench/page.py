"""What a run of the bench writes: the table with its verdicts, a page of results, a picture, and files for others."""

import json
import os
import shutil
import subprocess
import time

import figures
from pmx.lab import export, machine, records
from pmx.lab.compare import Comparison
from pmx.lab.design import AGAIN

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def groups(found):
    """Records by project, network and file system."""
    made = {}
    for r in found:
        made.setdefault((r["project"], r["network"], r["file_system"]), []).append(r)
    return made


def table(results):
    lines = ["| phase | check | against | pmx | other | ratio [95 %] | at most | prize | verdict |", "|---|---|---|---|---|---|---|---|---|"]
    for r in results:
        if r.verdict == "not measured" and not r.note:
            continue
        unit = r.row.measure
        lines.append("| %s | %s | %s | %s | %s | %s | %.2f | %.2f | %s |" % (
            r.row.title, r.row.check or "–", r.other or ", ".join(r.row.others), export.number(r.value, unit), export.number(r.base, unit),
            "–" if r.figure is None else "%.3f" % r.figure.ratio if unit == "system_calls" else export.figure(r.figure), r.row.at_most,
            r.row.prize, "**%s**" % r.verdict if r.verdict in ("missed", "no pair") else r.verdict))
    notes = ["- %s: %s" % (r.row.title, r.note) for r in results if r.note]
    return lines + ([""] + notes if notes else [])


def all_arms(found):
    """Every arm of every study against pmx's first: the whole comparison, beyond the rows of the table."""
    lines = ["| phase | layout | arm | median | against %s | user + system | peak memory | files | MB received |" % "pmx",
             "|---|---|---|---|---|---|---|---|---|"]
    studies = {}
    for r in found:
        studies.setdefault(r["study"], []).append(r)
    for mine in studies.values():
        comparison = Comparison(mine)
        ratios = {row.name: row.figure for row in comparison.rows}
        for arm in comparison.arms():
            runs = [r for r in comparison.good if r["arm"] == arm]
            if not runs:
                continue

            def middle(measure, runs=runs):
                values = sorted(v for v in (records.value(r, measure) for r in runs) if v is not None)
                return values[len(values) // 2] if values else None
            figure = comparison.null if arm.endswith(AGAIN) else ratios.get(arm)
            lines.append("| %s | %s | %s | %s | %s | %s | %s MB | %s | %.1f |" % (
                mine[0]["phase_group"], mine[0]["layout_group"] or "–", arm, export.number(middle("wall")),
                export.figure(figure) if figure else "–", export.number(middle("cpu")), middle("rusage.memory_mb"),
                (runs[0].get("tree") or {}).get("files", "–"), (middle("registry.bytes") or 0) / 1e6))
    return lines


def write(found, out, args):
    results, sections = [], []
    for (project, network, kind), mine in groups(found).items():
        judged = [figures.judge(row, mine) for row in figures.ROWS]
        results += [{"project": project, "network": network, "file_system": kind, **r.to_json()} for r in judged if r.verdict != "not measured"]
        sections.append((project, network, kind, mine, judged))
    head = _head(found, args)
    text = ["# pmx beside its peers", "", *head, "", "![ratios](figures.svg)", ""]
    for project, network, kind, mine, judged in sections:
        text += ["## %s, network %s, %s" % (project, network, kind), "", *table(judged), "", "Everything that was run:", "", *all_arms(mine), ""]
        text += export.failures_markdown(records.bad(mine)) + [""]
    page = "\n".join(text).rstrip() + "\n"
    short = "\n".join(line for project, network, kind, _, judged in sections
                      for line in ["", "%s, network %s, %s" % (project, network, kind), "", *table(judged)]) + "\n"
    for name, content in (("RESULTS.md", page), ("table.md", short), ("rows.json", json.dumps(results, indent=1) + "\n"),
                          ("bencher.json", export.to_bencher(found)), ("runs.csv", export.to_csv(found))):
        with open(os.path.join(out, name), "w", encoding="utf-8") as f:
            f.write(content)
    _picture(sections, out)
    print(short)
    print("\n".join(export.failures_markdown(records.bad(found))))
    print("written to %s" % out)


def _head(found, args):
    versions = {}
    for r in found:
        if r.get("version"):
            versions[r["cell"]["tool"]] = r["version"]
    timed = [r for r in found if "block" in r]
    loads = [r["load"] for r in timed] or [0]
    machines = list(dict.fromkeys(machine.caption(r["machine"]) for r in timed))
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return ["Made by `./dev bench` on %s, commit %s. %s." % (time.strftime("%d %B %Y"), commit or "unknown", "; ".join(machines)),
            "Load while it ran: %.1f to %.1f. Seed %d, %d blocks." % (min(loads), max(loads), args.seed, args.pairs),
            "Versions: %s. pmx checks at the level that is named; the peers at whatever they do." % ", ".join("%s %s" % i for i in sorted(versions.items())),
            "Registry on the same machine, scripts off, page cache warm, figures are medians of ratios inside a block [95 %];",
            "`unclear` means that the limit lies inside the interval."]


def _picture(sections, out):
    rows = [("%s, %s, %s: %s%s" % (project, network, kind, r.row.title, " " + r.row.check if r.row.check not in ("–", "") else ""),
             r.figure, r.row.at_most)
            for project, network, kind, _, judged in sections for r in judged if r.figure is not None and r.row.measure != "system_calls"]
    if not rows:
        return
    try:
        from pmx.lab import plots
        plots.dots([(name, figure) for name, figure, _ in rows], os.path.join(out, "figures.svg"), title="pmx over its peer; a bar is the limit",
                   limits=[limit for _, _, limit in rows])
    except ImportError:
        print("no picture: matplotlib is not here (Debian: python3-matplotlib)")


def publish(out, bench):
    for source, target in (("RESULTS.md", "RESULTS.md"), ("figures.svg", "figures.svg")):
        if os.path.exists(os.path.join(out, source)):
            shutil.copyfile(os.path.join(out, source), os.path.join(bench, target))


def agree(one, other):
    """Prints rows on which two runs do not agree; the exit status says whether there are any."""
    sides = []
    for directory in (one, other):
        with open(os.path.join(directory, "rows.json"), encoding="utf-8") as f:
            sides.append({(r["project"], r["network"], r["file_system"], r["title"], r["check"]): r for r in json.load(f)})
    shared = sorted(sides[0].keys() & sides[1].keys())
    differing = [k for k in shared if sides[0][k]["verdict"] != sides[1][k]["verdict"]]
    for key in differing:
        print("%s: %s, then %s" % (", ".join(key), *("%s (%s)" % (s[key]["verdict"], (s[key]["figure"] or {}).get("ratio")) for s in sides)))
    print("%d rows in both runs, %d with another verdict" % (len(shared), len(differing)))
    return 1 if differing or not shared else 0
