#!/usr/bin/python3
"""What bench_micro may not do more of: allocations and bytes allocated by iteration, and, where the processor's counters
can be read (`perf stat -e instructions:u`), instructions. Fails at 10 % over gates.json, which PMX_ACCEPT=1 writes anew.

    gates.py BENCH_MICRO [GATES]

Exits 77, a skip, when the program was not built. Time is not looked at: it is for people."""

import json
import os
import re
import shutil
import subprocess
import sys

MEASURES = ("allocations", "allocated")
COUNTED_BY_PERF = ("lockfile/1000", "scan/300", "pick_version", "plan/1000", "plugin_boundary")
TOLERANCE = 1.10


def counters(program):
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.02"], stdout=subprocess.PIPE, text=True,
                          check=True, timeout=100)
    found = {}
    for row in json.loads(done.stdout)["benchmarks"]:
        if row.get("error_occurred"):
            sys.exit("micro: %s: %s" % (row["name"], row["error_message"]))
        found[row["name"].replace("/iterations:%d" % row["iterations"], "")] = {m: round(row[m]) for m in MEASURES}
    return found


def instructions(program, name):
    """By iteration; None where the processor does not tell. The start of the program is taken off by its share."""
    totals = []
    for filter_ in ("^%s$" % re.escape(name), "^none$"):
        command = ["perf", "stat", "-x", ",", "-e", "instructions:u", program, "--benchmark_format=json", "--benchmark_min_time=0.2",
                   "--benchmark_filter=" + filter_]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
        found = re.search(r"^(\d+),,instructions:u", done.stderr, re.M)
        if done.returncode or not found:
            return None
        rounds = sum(row["iterations"] for row in json.loads(done.stdout or '{"benchmarks": []}')["benchmarks"])
        totals.append((int(found.group(1)), rounds))
    (all_, rounds), (start, _) = totals
    return round((all_ - start) / rounds)


def main():
    program = sys.argv[1]
    path = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "gates.json")
    if not os.access(program, os.X_OK):
        print("micro.gates skipped: %s is not built (target bench_micro)" % program)
        sys.exit(77)
    gates = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            gates = json.load(f)
    now = counters(program)
    for name in COUNTED_BY_PERF:
        count = instructions(program, name) if shutil.which("perf") else None
        if count is None:
            print("%s: instructions skipped: perf cannot count them here" % name)
        else:
            now[name]["instructions"] = count
    if os.environ.get("PMX_ACCEPT") == "1":
        for name, row in now.items():  # a machine without perf leaves what another has counted
            if "instructions" in gates.get(name, {}):
                row.setdefault("instructions", gates[name]["instructions"])
        with open(path, "w", encoding="utf-8") as f:
            json.dump(now, f, indent=1, sort_keys=True)
            f.write("\n")
        print("accepted: %s" % path)
        return
    bad = ["%s is gone" % name for name in gates if name not in now]
    for name, row in sorted(now.items()):
        for measure, value in sorted(row.items()):
            limit = gates.get(name, {}).get(measure)
            if limit is None:
                print("%s: no gate for %s (%d)" % (name, measure, value))
            elif value > limit * TOLERANCE + 1:
                bad.append("%s: %s %d, at most %d + 10 %%" % (name, measure, value, limit))
    for line in bad:
        print("micro.gates: " + line)
    print("%d benchmarks, %d beyond their gates%s" % (len(now), len(bad), "; PMX_ACCEPT=1 accepts what is" if bad else ""))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
