#!/usr/bin/env python3
"""Is the engine driven from Python as fast as from the command?  python_door.py PROJECT PACKAGES [BLOCKS]

PROJECT has a lockfile; PACKAGES is a directory for `pmx registry serve` with its packages. Each block installs three times
into a tree without node_modules from a warm store, each in a fresh process and in random order: the command, the module, the
command again (the null pair). What is compared is the engine's own time, from reading settings to the last record; starting
Python is not in it. Prints the median of the ratios inside blocks with a bootstrap interval, for both pairs."""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PMX = os.environ.get("PMX_BIN") or os.path.join(ROOT, "build", "release", "bin", "pmx")
MODULE = os.environ.get("PYTHONPATH") or os.path.join(ROOT, "build", "release", "python")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
CODE = """
import json, pmx, sys
project, store, registry = sys.argv[1:]
r = pmx.Session(store=store, registry=registry).install(project, frozen=True, ignore_scripts=True)
print(json.dumps([r.wall, r.added]))
"""


def main(project, packages, blocks=30):
    work = tempfile.mkdtemp(prefix="pmx-door-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    server = subprocess.Popen([PMX, "registry", "serve", packages, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        registry = server.stdout.readline().split("listening on ")[1].strip() + "/"
        place, store = os.path.join(work, "project"), os.path.join(work, "store")
        shutil.copytree(project, place, ignore=shutil.ignore_patterns("node_modules"))
        environment = {"PATH": os.environ["PATH"], "HOME": work, "PYTHONPATH": MODULE}

        def run(*words):
            for above, directories, _ in os.walk(place):
                if "node_modules" in directories:
                    directories.remove("node_modules")
                    shutil.rmtree(os.path.join(above, "node_modules"))
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            return json.loads(done.stdout)

        def command():
            figures = run(PMX, "install", "-C", place, "--frozen-lockfile", "--ignore-scripts", "--store-dir", store, "--registry", registry,
                          "--timing=json", "--reporter=silent")
            return figures["total_ms"] / 1e3, figures["counters"]["linked"]

        def module():
            return run(PYTHON, "-c", CODE, place, store, registry)

        command()
        dice, ratios, null = random.Random(7), [], []
        for _ in range(int(blocks)):
            arms = [("command", command), ("module", module), ("again", command)]
            dice.shuffle(arms)
            walls = {}
            for name, arm in arms:
                walls[name], linked = arm()
                if not linked:
                    sys.exit("a run that linked nothing is no run")
            ratios.append(walls["module"] / walls["command"])
            null.append(walls["again"] / walls["command"])
        for name, values in (("module/command", ratios), ("command/command", null)):
            medians = sorted(statistics.median(dice.choices(values, k=len(values))) for _ in range(4000))
            print("%-16s median %.3f, 95 %% interval %.3f to %.3f, %d blocks, %d places" % (name, statistics.median(values), medians[100], medians[3899], len(values), linked))
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
