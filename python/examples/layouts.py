"""What does a layout of one's own, written in Python, cost against the built-in ones?

    PYTHONPATH=build/release/python /usr/bin/python3 python/examples/layouts.py [--size 300] [--blocks 12] [--out layouts.svg]

The layout is the one of own_layout.py. A command cannot run a function of Python, so each cell is this script in a fresh
interpreter that installs through the module, the built-in layouts too. What is compared is the engine's own time, without
the interpreter's start; the second table is the planning alone, where the function is. A warm store, a lockfile, no
node_modules."""

import argparse
import json
import os
import sys

import pmx
from own_layout import by_id
from pmx import lab
from question import Question, believed, better, sentence, verdicts

BUILT_IN = ("isolated", "hoisted")


def install(words):
    """What a cell runs: the few flags that the lab gives to `pmx`, answered by the module."""
    if words == ["--version"]:
        print(pmx.__version__)
        return
    flags = argparse.ArgumentParser()
    for flag in ("--store-dir", "--registry", "--linker", "--timing-file"):
        flags.add_argument(flag)
    given, others = flags.parse_known_args(words)
    with pmx.Session(store=given.store_dir, registry=given.registry, ignore_scripts=True) as session:
        result = session.install(".", linker=by_id if given.linker == by_id.name else given.linker, frozen="--frozen-lockfile" in others)
    if given.timing_file:
        with open(given.timing_file, "w", encoding="utf-8") as f:
            json.dump({"counters": {**result.counters, "engine_ms": result.wall * 1e3},
                       "stages": {name: {"wall_ms": stage.wall * 1e3} for name, stage in result.stage.items()}}, f)


def door(work):
    """A program that is install()."""
    path = os.path.join(work, "install")
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!%s\nimport sys\nsys.path[:0] = %r\nimport layouts\nlayouts.install(sys.argv[1:])\n"
                % (sys.executable, [os.path.dirname(os.path.abspath(__file__)), *sys.path]))
    os.chmod(path, 0o755)
    return path


def main(arguments=None):
    with Question(__doc__, "layouts", arguments) as q:
        study = q.study(lab.grid(binary=door(q.work), linker=[by_id.name, *BUILT_IN]), binary=lab.pmx_binary())
        whole, planned = (study.compare("linker", by_id.name, measure=m) for m in ("counters.engine_ms", "stages.plan.wall_ms"))
        rows, plans = ([(name.replace("linker=", ""), figure) for name, figure in found.figures()] for found in (whole, planned))
        mine = by_id.name + " in Python"
        said = sentence("in planning alone, " + verdicts(plans, mine), believed(planned.null), better(plans, mine, planned.null),
                        "in the whole install, " + verdicts(rows, mine), believed(whole.null), better(rows, mine, whole.null))
        return q.answer([(name + ", the install", f) for name, f in rows] + [(name + ", the plan", f) for name, f in plans],
                        [whole, planned], said, whole.null)


if __name__ == "__main__":
    main(sys.argv[1:])
