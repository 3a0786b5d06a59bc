"""Where blocks are run: a directory with a place for each cell, and a registry. A station belongs to one process on one
machine; a study on several machines has one on each. It prepares every cell untimed, runs blocks, and hands out records
as plain dictionaries; whether they count is decided by the study, which sees all of them."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time

from . import design, digest, machine, phases, records, run
from .cells import Cell, Unsupported, tool_of
from .place import Place, remove_tree
from .registry import Network, Registry

# Factors that must not change the tree: cells that differ in these alone have one digest.
NEUTRAL = ("importer", "check", "fetcher", "caps_network", "caps_unpack", "caps_link", "network_concurrency", "unpack_concurrency",
           "link_concurrency", "validator")


class Invalid(Exception):
    """A state that could not be made."""


class Session:
    """One cell in its place, as the phases see it."""

    def __init__(self, cell, place, phase, add, execute):
        self.cell, self.place, self.phase, self.add, self._execute = cell, place, phase, add, execute
        self.tool = tool_of(cell)

    def subject(self):
        """The name in an `add` subject such as name@1.0.0."""
        at = self.add.find("@", 1)
        return self.add if at < 0 else self.add[:at]

    def execute(self, command, project):
        return self._execute(command, project, self.tool.environment(self.place))

    def untimed(self, action, project=None):
        outcome = self.execute(self.tool.command(action, self.place), project or self.place.project)
        if outcome.failure:
            raise Invalid("%s, while its state was made: %s" % (action, outcome.failure))

    def invalid(self, why):
        raise Invalid(why)

    def first_install(self):
        """From whatever lockfile is there: the tool's own, or one that it can read and makes its own of."""
        self.place.stash("given")
        own = any(os.path.exists(os.path.join(self.place.project, f)) for f in self.tool.lockfiles)
        self.untimed("frozen" if own else self.tool.first_action(self.place))
        self.place.stash("installed")


class Station:
    """with Station(plan) as station: for record in station.prepare(): …; for record in station.block(0): …"""

    def __init__(self, plan):
        self.plan = plan
        self.arms = [design.Arm(Cell.from_json(a["cell"]), a["again"]) for a in plan["arms"]]
        self.content = any(self._phase(arm.cell).content for arm in self.arms)
        self.sessions, self.versions = {}, {}
        self.root, self.registry, self.launcher = None, None, None

    def _phase(self, cell):
        return phases.phase_of(cell.state or self.plan["phase"])

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix="pmx-lab-", dir=self.plan["work"])
        try:
            self.registry = Registry(self.plan["mirror"], Network(**self.plan["network"]), self.plan.get("pmx"),
                                     any(self._phase(arm.cell).resolves for arm in self.arms))
            with contextlib.ExitStack() as begun:
                begun.enter_context(self.registry)
                self.launcher = begun.enter_context(run.Launcher())
                self.machine = machine.describe(work=self.root)
                self._running = begun.pop_all()
        except BaseException:
            remove_tree(self.root)
            raise
        return self

    def __exit__(self, *_):
        self._running.close()
        trash = self.plan.get("trash")
        if trash and os.path.isdir(trash) and machine.file_system(trash) != "tmpfs":
            os.rename(self.root, os.path.join(trash, os.path.basename(self.root)))
        else:
            remove_tree(self.root)

    def prepare(self):
        """Makes every cell's state once, and runs it once untimed: a record for each, and for each that cannot be run."""
        places = {}
        for number, cell in enumerate({arm.cell.key: arm.cell for arm in self.arms}.values()):
            record = self._blank(cell, cell.name, "prepared")
            try:
                shared = self._shared(cell)
                place = places.get(shared)
                session = self._session(cell, place or self._place(number))
                self.versions[cell.tool] = record["version"] = session.tool.version()
                if place is None:
                    session.phase.prepare(session)
                    places[shared] = place = session.place
                self.sessions[cell.key] = session
                self._measure(session, record)
                record["kept_bytes"] = place.sizes()
                if self.plan.get("count_calls") and run.can_count() and record["status"] == "ok":
                    record["system_calls"] = self._count(session)
                record["status"] = "prepared" if record["status"] == "ok" else record["status"]
            except (Invalid, Unsupported, OSError) as error:
                record.update(status="failed", why=str(error))
            if record["status"] != "prepared":
                self.sessions.pop(cell.key, None)
            yield record

    def _place(self, number):
        place = Place(os.path.join(self.root, str(number)), self.plan["project"], self.registry.url, self.plan.get("aside"), later=True)
        os.makedirs(place.home, exist_ok=True)
        return place

    def _session(self, cell, place):
        return Session(cell, place, self._phase(cell), self.plan.get("add"), self._execute)

    def _execute(self, command, project, environment):
        return self.launcher.execute(command, project, environment, self.plan["timeout"])

    def _shared(self, cell):
        """Cells that differ in neutral factors alone use one store and one project, where the state is made anew for every
        run: less to prepare, and less memory taken from the page cache."""
        phase = self._phase(cell)
        return (layout(cell), cell.binary, phase.name) if phase.shares and cell.tool == "pmx" else cell.key

    def block(self, number):
        """Every arm once, in the order of the design."""
        for position, index in enumerate(design.order(number, len(self.arms), self.plan["seed"])):
            arm = self.arms[index]
            session = self.sessions.get(arm.cell.key)
            if session is None:
                continue  # its preparation failed, and is on record
            record = self._blank(arm.cell, arm.name, "ok")
            record.update(block=number, order=position, version=self.versions[arm.cell.tool])
            try:
                self._measure(session, record)
            except (Invalid, OSError) as error:
                record.update(status="invalid", why=str(error))
            yield record

    def _blank(self, cell, arm, status):
        return {"schema": records.SCHEMA, "study": self.plan["study"], "project": os.path.basename(os.path.normpath(self.plan["project"])),
                "cell": cell.to_json(), "arm": arm, "status": status, "phase": self._phase(cell).name,
                "network": self.plan["network"]["name"], "layout": layout(cell), "machine": self.machine,
                "load": machine.load(), "at": round(time.time(), 3), "seed": self.plan["seed"]}

    def _measure(self, session, record):
        """One timed run: reset, settle, run, prove."""
        place, tool = session.place, session.tool
        session.phase.reset(session)
        place.settle()
        project = session.phase.project(session)
        timing = os.path.join(place.temporary, "timing.json")
        command = tool.command(session.phase.action(session), place)
        own = tool.stages(place, "json", timing) if self.plan.get("stages") else None
        self.registry.reset()
        outcome = session.execute(command + (own or []), project)
        counted = self.registry.counters()
        record.update(wall=round(outcome.wall, 6), rusage=outcome.rusage, registry=counted, reset=place.aside, status="ok")
        if outcome.failure:
            record.update(status="failed", why=outcome.failure)
            return
        if own and os.path.exists(timing):
            with open(timing, encoding="utf-8") as f:
                told = json.load(f)
            os.unlink(timing)
            record.update(stages=told.get("stages"), counters=told.get("counters"), own_calls=told.get("syscalls"))
        with place.removing():
            faults = session.phase.faults(session, counted)
            record["tree"] = self._tree(session, project)
        if faults:
            record.update(status="invalid", why="; ".join(faults))

    def _tree(self, session, project):
        place = session.place
        if session.phase.tree:
            return digest.of(project, self.content, (place.store, place.home, project)).to_json()
        text = hashlib.sha256()
        for name in session.tool.lockfiles:
            path = os.path.join(project, name)
            if os.path.exists(path):
                with open(path, "rb") as f:
                    text.update(f.read())
        return {"digest": text.hexdigest()}

    def _count(self, session):
        """System calls by kind, in a run that is not timed."""
        session.phase.reset(session)
        outcome, calls = run.system_calls(session.tool.command(session.phase.action(session), session.place), session.phase.project(session),
                                          session.tool.environment(session.place), self.plan["timeout"])
        if outcome.failure:
            raise Invalid("while system calls were counted: " + outcome.failure)
        return calls

    def trace(self, cell, path):
        """One more run of a pmx cell that writes its trace (for plots.timeline and Perfetto)."""
        session = self.sessions[cell.key]
        own = session.tool.stages(session.place, "trace", os.path.join(session.place.temporary, "trace.json"))
        if own is None:
            raise Unsupported("%s writes no trace" % cell.tool)
        session.phase.reset(session)
        outcome = session.execute(session.tool.command(session.phase.action(session), session.place) + own, session.phase.project(session))
        if outcome.failure:
            raise Invalid(outcome.failure)
        shutil.move(own[-1], path)


def layout(cell):
    """What decides the tree: cells of one layout must leave one digest."""
    shape = {k: v for k, v in cell.factors.items() if k not in NEUTRAL}
    return cell.tool + " " + json.dumps(shape, sort_keys=True)


def run_blocks(plan, blocks):
    """What an executor runs: prepares a station of its own and gives back the records of some blocks."""
    found = []
    with Station(plan) as station:
        found.extend(station.prepare())
        for number in blocks:
            found.extend(station.block(number))
    return found
