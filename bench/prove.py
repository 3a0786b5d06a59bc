"""The lab, measured with what is known: does it call equal things equal, and does it find a slowdown that was planted?

    ./dev bench --prove null      twenty studies of pmx against itself: how many are not `same`?
    ./dev bench --prove planted   ten in which the link stage was made 5 % slower: how many find it?

On a generated project, so that nothing but pmx is needed: a small one, because hundreds of short pairs narrow an interval
sooner than a few long ones. A study ends when its interval is as narrow as --precision."""

import os
import subprocess
import time

import projects
from pmx.lab import Cell, Study
from pmx.lab.statistics import median
from pmx.lab.study import scratch

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARE = 0.05
PROBE = 30


class Plan:
    """What is asked for on the command line, and what serves the question where nothing is: with pairs that differ by 15 % from
    one to the next, ±1 % takes 400 to 900 of them, and a twentieth is told from nothing by ±1.5 %."""

    def __init__(self, args):
        null = args.prove == "null"
        self.seed, self.size, self.pairs = args.seed, args.size or 50, args.pairs or 1500
        self.studies, self.precision, self.budget = args.studies or (20 if null else 10), args.precision or (0.01 if null else 0.015), args.budget or 600


def run(args, out, work):
    kind, args = args.prove, Plan(args)
    with scratch(work) as root:
        project, mirror = projects.generate(root, args.size)
        make = null_study if kind == "null" else planted_study
        rows = []
        for number in range(args.studies):
            began = time.monotonic()
            verdict, figure, blocks = make(args, project, mirror, root, out, number)
            rows.append(verdict)
            print("study %2d: %s after %d blocks, %.0f s: %r" % (number + 1, verdict, blocks, time.monotonic() - began, figure), flush=True)
    if kind == "null":
        other = sum(not v.startswith("same") for v in rows)
        text = "%d null studies, %d with a verdict other than same" % (len(rows), other)
        good = other <= len(rows) / 10
    else:
        text = "%d studies with the link stage %g %% slower, found in %d" % (len(rows), 100 * SHARE, rows.count("slower"))
        good = rows.count("slower") >= 0.9 * len(rows)
    print(text)
    with open(os.path.join(out, "prove-%s.txt" % kind), "w", encoding="utf-8") as f:
        f.write(text + "\n" + "\n".join(rows) + "\n")
    return 0 if good else 1


def null_study(args, project, mirror, root, out, number):
    study = Study(project, [Cell("pmx", linker="isolated", check="stat")], state="p4", registry=mirror, blocks=args.pairs, work=root,
                  seed="%d/%d" % (args.seed, number), name="null %d" % number)
    study.run(os.path.join(out, "records.jsonl"), resume=True, precision=args.precision, budget=args.budget, progress=print)
    figure = study.compare().null
    return figure.verdict, figure, figure.pairs


def planted_study(args, project, mirror, root, out, number):
    plain = plugin(root, 0)
    # What a link costs here, from a few runs; then the same importer with a twentieth of that on top.
    probe = Study(project, [Cell("pmx", linker="isolated", importer=plain, label="plain")], state="p4", registry=mirror, blocks=PROBE,
                  work=root, null=None, seed=number).run()
    cost = median([r["stages"]["link"]["sum_ms"] * 1e6 / r["counters"]["files_linked"] for r in probe.compare().good])
    slow = plugin(root, round(SHARE * cost))
    cells = [Cell("pmx", linker="isolated", importer=plain, label="plain"), Cell("pmx", linker="isolated", importer=slow, label="slower")]
    study = Study(project, cells, state="p4", registry=mirror, blocks=args.pairs, work=root, null=None, seed="%d/%d" % (args.seed, number),
                  name="planted %d" % number)
    study.run(os.path.join(out, "records.jsonl"), resume=True, precision=args.precision, budget=args.budget, progress=print,
              measure="stages.link.sum_ms")
    figure = study.compare(measure="stages.link.sum_ms").rows[0].figure
    return figure.verdict, figure, figure.pairs


def plugin(root, delay):
    """The planted importer, built for a delay in nanoseconds a file."""
    path = os.path.join(root, "slow-hardlink-%d.so" % delay)
    if not os.path.exists(path):
        subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-O2", "-shared", "-fPIC", "-DDELAY_NS=%d" % delay, "-I",
                        os.path.join(ROOT, "sdk", "include"), "-o", path, os.path.join(ROOT, "bench", "planted", "slow_hardlink.cpp")],
                       check=True)
    return path
