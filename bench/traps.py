"""The traps of docs/EXPERIMENTS.md, shown by data: each is walked into, and out of, on a generated project.

    ./dev bench --traps                    about two minutes; the deleted inodes need a disk with ext4 (--disk)"""

import os
import statistics
import subprocess
import sys
import time

import projects
from pmx.lab import Cell, Study, machine
from pmx.lab.cells import tool_of
from pmx.lab.place import Place
from pmx.lab.registry import Registry
from pmx.lab.run import execute
from pmx.lab.study import scratch

CELL = Cell("pmx", linker="isolated", check="stat")


class Bench:
    """One pmx, one place, no lab around it: what a script of ten lines would do."""

    def __init__(self, root, project, registry, name):
        self.place = Place(os.path.join(root, name), project, registry.url, aside="removed")
        os.makedirs(self.place.home, exist_ok=True)
        self.tool, self.registry = tool_of(CELL), registry
        self.once("install")

    def once(self, action="frozen"):
        outcome = execute(self.tool.command(action, self.place), self.place.project, self.tool.environment(self.place))
        if outcome.failure:
            raise RuntimeError(outcome.failure)
        return outcome.wall

    def warm(self):
        self.place.discard_modules()
        return self.once()


def run(args, out, work):
    rows = []
    with scratch(work) as root:
        project, mirror = projects.generate(root, args.size)
        with Registry(mirror) as registry:
            bench = Bench(root, project, registry, "one")
            rows.append(blocked_order(bench, args.pairs))
            rows.append(last_arm_warm(bench, registry))
            rows.append(failed_runs(bench, args.pairs))
            rows.append(other_memory(bench))
        os.makedirs(args.disk, exist_ok=True)
        rows.append(deleted_inodes(args, project, mirror))
    text = "| trap | walked into | walked around | what was measured |\n|---|---|---|---|\n" + "".join("| %s | %s | %s | %s |\n" % r for r in rows)
    text += "\n%s; load %.1f at the end; %d generated packages.\n" % (machine.caption(machine.describe(work=work, disk=args.disk)), machine.load(), args.size)
    with open(os.path.join(out, "traps.md"), "w", encoding="utf-8") as f:
        f.write(text)
    print(text)
    return 0


def disturbance():
    """Somebody's compiler: a busy process for each processor."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(machine.cores())]


def blocked_order(bench, count):
    """One program against itself; while the second half runs, the machine has other work."""
    def half():
        return [bench.warm() for _ in range(count)]
    first = half()
    busy = disturbance()
    second = half()
    [p.kill() or p.wait() for p in busy]
    turns = []
    for i in range(2 * count):
        if i == count:
            busy = disturbance()
        a, b = bench.warm(), bench.warm()
        turns.append((a, b) if i % 2 == 0 else (b, a))
    [p.kill() or p.wait() for p in busy]
    wrong = statistics.median(second) / statistics.median(first)
    right = statistics.median(b / a for a, b in turns)
    return ("blocked order: all runs of A, then all of B", "B / A = %.2f" % wrong, "%.2f, in pairs that take turns" % right,
            "A and B are the same program; halfway, other work starts")


def last_arm_warm(bench, registry):
    """A cold run whose cold was left to somebody else."""
    bench.place.discard_modules()
    bench.place.discard_kept()
    first = bench.once()
    registry.reset()
    bench.place.discard_modules()
    second = bench.once()
    fetched = registry.counters()["tarballs"]
    bench.place.discard_modules()
    bench.place.discard_kept()
    registry.reset()
    third = bench.once()
    return ("the last arm finds what the first one left", "B / A = %.2f" % (second / first), "%.2f, with the store reset" % (third / first),
            "a `cold` install of one program twice; the registry counted %d archives for the second, %d with the reset" % (
                fetched, registry.counters()["tarballs"]))


def failed_runs(bench, count):
    """Every third run fails at once, as a tool does that cannot read its lockfile."""
    good = [bench.warm() for _ in range(count)]
    lockfile = os.path.join(bench.place.project, "pnpm-lock.yaml")
    with open(lockfile, encoding="utf-8") as f:
        text = f.read()
    with open(lockfile, "w", encoding="utf-8") as f:
        f.write("nothing: [of a lockfile\n")
    bench.place.discard_modules()
    began = time.perf_counter()
    outcome = execute(bench.tool.command("frozen", bench.place), bench.place.project, bench.tool.environment(bench.place))
    failed = time.perf_counter() - began
    with open(lockfile, "w", encoding="utf-8") as f:
        f.write(text)
    if not outcome.failure:
        raise RuntimeError("a broken lockfile was not refused")
    mixed = good + [failed] * (count // 2)
    return ("failed runs in the mean", "B / A = %.2f" % (statistics.mean(mixed) / statistics.mean(good)), "1.00, without them",
            "A and B are the same program; every third run of B fails after %.0f ms" % (failed * 1000))


def other_memory(bench):
    """Peak memory of a program that an interpreter with 200 MB started by itself."""
    bench.place.discard_modules()
    ballast = bytearray(b"x") * (200 << 20)
    command = bench.tool.command("frozen", bench.place)
    process = subprocess.Popen(command, cwd=bench.place.project, env=bench.tool.environment(bench.place), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    del ballast
    bench.place.discard_modules()
    outcome = execute(command, bench.place.project, bench.tool.environment(bench.place))
    return ("peak memory that was the starter's", "%.0f MB" % (usage.ru_maxrss / 1024), "%.0f MB" % outcome.rusage["memory_mb"],
            "ru_maxrss of one program, started by an interpreter of 200 MB, and by the lab's launcher")


def deleted_inodes(args, project, mirror):
    """On a disk: the tree is deleted and made again at once, against moved aside."""
    cells = [Cell("pmx", linker="isolated", check="stat")]
    walls = {}
    if machine.file_system(args.disk) != "ext4":
        return ("deleted inodes", "–", "–", "not measured: %s is %s" % (args.disk, machine.file_system(args.disk)))
    for aside in ("removed", "moved"):
        study = Study(project, cells, state="p4", registry=mirror, blocks=args.pairs, work=args.disk, null=None, aside=aside, stages=False).run()
        walls[aside] = statistics.median(r["wall"] for r in study.compare().good)
    return ("the tree before was deleted just now (ext4)", "%.3f s" % walls["removed"], "%.3f s, moved aside" % walls["moved"],
            "one warm install, median of %d" % args.pairs)
