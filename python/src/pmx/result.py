"""Result: what a run did, in figures."""

import os

from .graph import Graph
from .plan import Plan


class Stage:
    """One stage of a run. Times are seconds: `begin` since the run began, `wall` from its first task's start to its last
    one's end, `busy` the sum of its tasks, `longest` of one task, `waiting` of tasks in its queue. `tasks` is their number,
    `at_once` and `queued` the most at one time."""

    __slots__ = ("name", "begin", "wall", "busy", "longest", "waiting", "tasks", "at_once", "queued")

    def __init__(self, name, begin=0.0, wall=0.0, busy=0.0, longest=0.0, waiting=0.0, tasks=0, at_once=0, queued=0):
        self.name, self.begin, self.wall, self.busy, self.longest, self.waiting = name, begin, wall, busy, longest, waiting
        self.tasks, self.at_once, self.queued = tasks, at_once, queued

    def to_dict(self):
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self):
        return "Stage(%s: %.1f ms wall, %.1f ms busy, %d tasks, %d at once)" % (self.name, self.wall * 1e3, self.busy * 1e3, self.tasks, self.at_once)


class Stages(dict):
    """Stages by name. One that had nothing to do has zeros."""

    def __missing__(self, name):
        if name in ("read", "resolve", "plan", "fetch", "verify", "unpack", "check", "link", "bins", "build", "commit"):
            return Stage(name)
        raise KeyError(name)


class NetworkRequest(tuple):
    """One request: url, subject, packument (or archive), status (0: no answer), bytes, start, first_byte, end (seconds since
    the run began), error ("" = it went well)."""

    __slots__ = ()
    names = ("url", "subject", "packument", "status", "bytes", "start", "first_byte", "end", "error")

    def to_dict(self):
        return dict(zip(self.names, self))

    def __repr__(self):
        return "NetworkRequest(%s, %d bytes, %.1f ms)" % (self[1] or self[0], self[4], (self[7] - self[5]) * 1e3)


for _at, _name in enumerate(NetworkRequest.names):
    setattr(NetworkRequest, _name, property(lambda self, at=_at: self[at]))


class Result:
    """What a run did.

    wall             seconds, from the call of the engine to its end
    stage            Stage by name: stage["link"].wall; see Stage for the units
    counters         numbers by name: files_linked, bytes_fetched, requests, warm, cold, …
    plugin_counters  numbers that plugins count under names of their own
    system_calls     how many this process made meanwhile, by kind
    tree             what node_modules holds: tree.digest, tree.files, …; read from disk when it is first asked for
    graph, plan      what was installed and where; None where nothing had to be done
    packages         ids of what is in the tree, sorted
    network, spans   with trace=True: requests, and (stage, worker, start, end, subject) of each task
    warnings, ignored_scripts, skipped (package, reason)
    up_to_date, added, removed, warm, cold, linker, check, lockfile, resolved, lockfile_changed, plugins_loaded, dry_run"""

    def __init__(self, values, session=None, project=None, config=None):
        self._values, self._session, self.project, self.config = values, session, project, config
        self.stage = Stages((name, Stage(name, **figures)) for name, figures in values["stages"].items())
        self.network = [NetworkRequest(row) for row in sorted(values["requests"], key=lambda row: row[5])]
        self._tree = self._graph = self._plan = None

    def __getattr__(self, name):
        if name.startswith("_") or name in ("stages", "requests", "made"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError("a Result has no %s" % name) from None

    def __dir__(self):
        return sorted({*super().__dir__(), *self._values} - {"stages", "requests", "made"})

    @property
    def graph(self):
        if self._graph is None and self._values["made"] is not None:
            self._graph = Graph(self._values["made"].graph(), self.project, self.config)
        return self._graph

    @property
    def plan(self):
        if self._plan is None and self._values["made"] is not None:
            table = self._values["made"].plan()
            if table is not None:
                self._plan = Plan(table, self._session, self.project, self.config, self.root, self.store_dir)
        return self._plan

    @property
    def packages(self):
        if self.plan is None:
            return ()
        ids = self.plan.graph._table.id
        return tuple(sorted({ids[p] for p in set(self.plan._packages_of("place"))}))

    @property
    def tree(self):
        if self._tree is None:
            from .lab import digest
            # Where this run's own places are is no difference between two runs.
            self._tree = digest.of(self.root, replace=(self.store_dir, os.path.realpath(self.store_dir)))
        return self._tree

    def to_dict(self):
        """Figures only, for JSON."""
        figures = {name: value for name, value in self._values.items() if name not in ("made", "stages", "requests", "spans")}
        figures["stage"] = {name: stage.to_dict() for name, stage in self.stage.items()}
        figures["network"] = [request.to_dict() for request in self.network]
        return figures

    def __repr__(self):
        if self.up_to_date:
            return "Result(up to date, %.1f ms)" % (self.wall * 1e3)
        slow = sorted(self.stage.values(), key=lambda stage: -stage.wall)[:3]
        return "Result(%s, %.1f ms: added %d, removed %d, warm %d, cold %d; %s)" % (
            self.linker, self.wall * 1e3, self.added, self.removed, self.warm, self.cold,
            ", ".join("%s %.1f ms" % (stage.name, stage.wall * 1e3) for stage in slow))
