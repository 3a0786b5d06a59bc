"""A study: cells, a state, blocks, and a file of records. `run()` may be interrupted and resumed; a block that was not
finished is run again whole, since its ratios would be of two different hours. Every record is looked at before it is
admitted: a run whose tree is not that of its layout becomes invalid."""

import contextlib
import os
import sys
import tempfile
import time

from . import design, records, registry, statistics
from .compare import Comparison
from .phases import phase_of
from .place import remove_tree
from .station import Station, run_blocks

LOOK_AGAIN = 1.1
COLD_START, RESOLVE, COLD_STORE, WARM_STORE, NOTHING_TO_DO = "p0", "p1", "p3", "p4", "p5"


class Study:
    """Study(project, grid, state=WARM_STORE, registry=DIR, blocks=12, seed=1).run(path).compare(…)

    project   a directory with package.json; copied, never written to
    grid      cells, from grid(), peer(), or Cell()
    state     a phase by name (phases.py)
    registry  what `pmx registry serve` serves: sources, or a mirror
    null      the cell that is run twice in each block (default: the first); None for no null pair
    work      where the places are: the file system that is measured (default: the temporary directory)
    add       for the states add and remove: NAME@VERSION
    stages    let pmx write its stages and counters in the timed run (a file of 3 kB)
    count_calls  count system calls by kind, in a run of their own
    aside     "moved" or "removed": what becomes of a tree that a reset takes away (default: by the file system)
    trash     a directory beside `work` that gets everything when the study is over, for the caller to delete: the study
              after this one on a disk must not meet inodes that were freed just now
    binary    the pmx that serves the registry (default: the one that is measured)"""

    def __init__(self, project, grid, state=WARM_STORE, registry=None, network=None, blocks=12, seed=1, null="first", name=None,
                 work=None, add=None, stages=True, count_calls=False, aside=None, trash=None, timeout=600, binary=None):
        self.project, self.phase, self.blocks = os.path.abspath(project), phase_of(state), blocks
        if not os.path.isfile(os.path.join(self.project, "package.json")):
            raise FileNotFoundError("no package.json in " + self.project)
        self.cells = list(grid)
        if not self.cells:
            raise ValueError("a study needs a cell")
        self.null = self.cells[0] if null == "first" else null
        self.arms = design.arms(self.cells, self.null)
        network = network or _network("none")
        if isinstance(network, str):
            network = _network(network)
        self.plan = {
            "study": name or "%s %s %s" % (os.path.basename(self.project), self.phase.name, network.name),
            "project": self.project, "phase": self.phase.name, "mirror": os.path.abspath(registry) if registry else None,
            "network": {"name": network.name, "latency_ms": network.latency_ms, "bandwidth_mbps": network.bandwidth_mbps,
                        "flags": list(network.flags)},
            "arms": [{"cell": arm.cell.to_json(), "again": arm.again} for arm in self.arms], "seed": seed, "add": add,
            "work": work or tempfile.gettempdir(), "stages": stages, "count_calls": count_calls, "aside": aside, "trash": trash,
            "timeout": timeout, "pmx": binary,
        }
        if self.plan["mirror"] is None:
            raise ValueError("a study needs a registry: the directory that `pmx registry serve` is to serve")
        if self.phase.name in ("add", "remove") and not add:
            raise ValueError("the state %s needs add=NAME@VERSION" % self.phase.name)
        self.records = []

    @property
    def name(self):
        return self.plan["study"]

    def run(self, path=None, resume=False, executor=None, budget=None, precision=None, measure="wall", progress=None,
            blocks_per_task=4, keep=None):
        """Runs what is not on record yet. `budget` in seconds and `precision` (half width of the widest interval against
        the first cell, or of the null pair where there is nothing else, such as 0.01, by `measure`) end it early, at the end
        of a block. With an executor of concurrent.futures, each
        task is a few blocks on a station of its own; let one machine have one worker, or they disturb one another.
        `keep(station)` is called before a local station is closed."""
        if path and os.path.exists(path) and not resume:
            raise FileExistsError("%s is there: resume=True goes on with it" % path)
        before = [r for r in records.read(path) if r["study"] == self.name] if path else []
        self._same_design(before, path)
        self.records = before
        self._path, self._progress, self._started = path, progress, time.monotonic()
        todo = [b for b in range(self.blocks) if b not in complete_blocks(before, self._wanted(before))]
        session = "%d" % time.time_ns()
        if executor is None:
            self._run_here(todo, session, budget, precision, measure, keep)
        else:
            self._run_there(todo, session, budget, executor, blocks_per_task)
        return self

    def _run_here(self, todo, session, budget, precision, measure, keep):
        if not todo:
            return
        with Station(self.plan) as station:
            for record in station.prepare():
                self._admit(record, session)
            longest, looked = 0.0, 5
            for block in todo:
                began = time.monotonic()
                if budget and began + longest - self._started > budget:
                    self._say("the budget of %d s ends the study after %d blocks" % (budget, block))
                    break
                for record in station.block(block):
                    self._admit(record, session)
                longest = max(longest, time.monotonic() - began)
                # A look costs as much as a small install, and more the more blocks there are: one each time there are a tenth more.
                if precision and block + 1 > looked * LOOK_AGAIN:
                    looked = block + 1
                    if self.compare(measure=measure).widest() <= precision:
                        break
            if keep:
                keep(station)

    def _run_there(self, todo, session, budget, executor, size):
        tasks = [todo[i:i + size] for i in range(0, len(todo), size)]
        waiting = [executor.submit(run_blocks, self.plan, blocks) for blocks in tasks]
        for number, future in enumerate(waiting):
            if budget and time.monotonic() - self._started > budget and future.cancel():
                continue
            for record in future.result():
                self._admit(record, "%s.%d" % (session, number))

    def _same_design(self, before, path):
        if any(r.get("seed") != self.plan["seed"] for r in before):
            raise ValueError("%s was begun with another seed" % path)

    def _wanted(self, before):
        """Arms that a whole block has: those that could be prepared, as far as that is known."""
        broken = {r["cell"]["name"] for r in before if r["status"] == "failed" and "block" not in r}
        return {arm.name for arm in self.arms if arm.cell.name not in broken}

    def _admit(self, record, session):
        record["session"] = session
        found = _digest(record)
        if found:
            expected = next((_digest(r) for r in self.records if r["layout"] == record["layout"] and _digest(r)), found)
            if found != expected:
                record.update(status="invalid", why="left another tree (%s) than this layout did before (%s)" % (found[:12], expected[:12]))
        self.records.append(record)
        if self._path:
            records.append(self._path, record)
        if record["status"] in ("failed", "invalid"):
            self._say("%s, %s, block %s: %s: %s" % (self.name, record["arm"], record.get("block", "–"), record["status"], record.get("why")))
        elif self._progress == "all":
            self._say("%s, %-24s %6.3f s" % (self.name, record["arm"], record["wall"]))

    def _say(self, text):
        if callable(self._progress):
            self._progress(text)
        elif self._progress:
            print(text, file=sys.stderr, flush=True)

    def compare(self, by=None, baseline=None, measure="wall", margin=statistics.MARGIN, machines="each"):
        """Every arm against the first cell, or against `baseline` (a cell or its name); with `by`, the levels of that
        factor against the level `baseline`, all else being equal."""
        return Comparison(self.records, by=by, baseline=baseline if baseline is not None or by else self.cells[0].name,
                          measure=measure, margin=margin, machines=machines)

    def effects(self, measure="wall", margin=statistics.MARGIN):
        """Effects and interactions of all factors: [(name, Figure)]. See statistics.effects."""
        return self.compare(measure=measure, margin=margin).effects()

    def frame(self):
        """The records as a pandas frame, one row a run."""
        from .export import frame
        return frame(self.records)

    def trace(self, cell, path):
        """Makes the state once more and writes the trace of one pmx cell."""
        plan = dict(self.plan, arms=[{"cell": cell.to_json(), "again": False}])
        with Station(plan) as station:
            for record in station.prepare():
                if record["status"] == "failed":
                    raise RuntimeError(record["why"])
            station.trace(cell, path)
        return path


def _digest(record):
    """What a good run of this layout must leave alike: all of it for pmx; for peers, which may race for them, without `.bin`."""
    tree = record.get("tree")
    if not tree or record["status"] not in ("ok", "prepared"):
        return None
    return tree["digest"] if record["cell"]["tool"] == "pmx" else tree.get("bare", tree["digest"])


def complete_blocks(found, arms):
    """Numbers of the blocks that one session ran whole."""
    seen = {}
    for record in found:
        if "block" in record:
            seen.setdefault((record["block"], record["session"]), set()).add(record["arm"])
    return {block for (block, _), names in seen.items() if names >= arms}


def _network(text):
    return registry.Network.parse(text)


@contextlib.contextmanager
def scratch(directory=None):
    """A directory that is gone afterwards."""
    path = tempfile.mkdtemp(prefix="pmx-lab-", dir=directory)
    try:
        yield path
    finally:
        remove_tree(path)


__all__ = ["Study", "complete_blocks", "scratch"]
