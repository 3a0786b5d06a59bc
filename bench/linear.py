"""Does cost grow in proportion? Generated projects of several sizes, cold and warm, at several numbers of threads, each
size a study of its own; the answer is the exponent between sizes (1: in proportion), with a picture."""

import json
import math
import os

import projects
from pmx.lab import Study, grid, plots
from pmx.lab.statistics import quartiles
from pmx.lab.study import scratch

PHASES = ("p3", "p4")


def run(args, out, work, sizes, threads):
    series = {phase: {t: [] for t in threads} for phase in PHASES}
    with scratch(work) as root:
        for size in sizes:
            project, mirror = projects.generate(os.path.join(root, str(size)), size)
            for phase in PHASES:
                cells = grid(linker="isolated", check="stat", caps_link=threads)
                for cell in cells:
                    cell.factors["caps_unpack"] = cell.factors["caps_link"]
                    cell.label = threads_text(cell.factors["caps_link"])
                study = Study(project, cells, state=phase, registry=mirror, blocks=args.pairs, seed=args.seed, work=work, null=None,
                              name="linear %d %s" % (size, phase))
                study.run(os.path.join(out, "records.jsonl"), resume=True, budget=args.budget, progress=print)
                for t in threads:
                    walls = [r["wall"] for r in study.compare().good if r["cell"]["factors"]["caps_link"] == t]
                    if walls:
                        series[phase][t].append((size, walls))
                print("%5d packages, %s: %s" % (size, phase, ", ".join("%s %.3f s" % (threads_text(t), quartiles(points[-1][1])[1])
                                                                     for t, points in series[phase].items() if points)), flush=True)
    lines = ["| phase | threads | %s | exponent |" % " | ".join("%d packages" % s for s in sizes), "|---|---|%s---|" % ("---|" * len(sizes))]
    for phase in PHASES:
        for t, points in series[phase].items():
            middle = [quartiles(values)[1] for _, values in points]
            lines.append("| %s | %d | %s | %s |" % (phase, t, " | ".join("%.3f s" % m for m in middle), exponents(sizes, middle)))
        try:
            plots.scaling({threads_text(t): points for t, points in series[phase].items()}, os.path.join(out, "linear-%s.svg" % phase),
                          title="%s: cost by size" % phase)
        except ImportError:
            print("no picture: matplotlib is not here (Debian: python3-matplotlib)")
    worst = max((float(e) for line in lines[2:] for e in line.split("|")[-2].split(",") if e.strip() not in ("", "–")), default=None)
    if worst is not None:
        lines += ["", "Cost grows %s: the largest exponent between two sizes is %.2f." % (
            "in proportion, or slower" if worst <= 1.1 else "FASTER than size", worst)]
    text = "\n".join(lines) + "\n"
    with open(os.path.join(out, "linear.md"), "w", encoding="utf-8") as f:
        f.write(text)
    with open(os.path.join(out, "linear.json"), "w", encoding="utf-8") as f:
        json.dump({phase: {t: points for t, points in by.items()} for phase, by in series.items()}, f)
    print(text)
    print("written to %s" % out)


def threads_text(count):
    return "%d thread%s" % (count, "" if count == 1 else "s")


def exponents(sizes, values):
    """Between each size and the next: log of the ratio of costs over that of sizes."""
    found = []
    for (a, x), (b, y) in zip(zip(sizes, values), list(zip(sizes, values))[1:]):
        found.append("%.2f" % (math.log(y / x) / math.log(b / a)))
    return ", ".join(found) or "–"
