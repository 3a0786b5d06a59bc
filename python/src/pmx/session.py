"""Session: where installs run. A call that takes long lets other threads of Python run, hears Ctrl-C within a quarter of a
second, and leaves a tree that the next call repairs."""

import atexit
import os
import weakref

from . import _core, errors
from .config import Config
from .graph import Graph
from .plan import Plan
from .result import Result

_POLL = 0.05  # seconds between two looks at signals
_running = weakref.WeakSet()


class Event(tuple):
    """Something that the engine told: kind, seconds since the run began, and the fields of that kind as attributes.

    stage(name) resolving(asked, chosen) packages_found(count) resolved(package) found_in_store(package)
    fetch_started(package, size) fetch_progress(package, received, size) fetched(package) request_retry(package, url, …)
    imported(package, to, importer) skipped_optional(package, reason, details) script_started/line/ended(package, event, …)
    stats(added, removed) root_dependency(project, name, version, type, added) warning(text) explain(text). Sizes are bytes,
    -1 where the server does not say."""

    __slots__ = ()
    kind = property(lambda self: self[0])
    seconds = property(lambda self: self[1])
    fields = property(lambda self: self[2])

    def __getattr__(self, name):
        try:
            return self[2][name]
        except KeyError:
            raise AttributeError("an event %s has no %s; it has %s" % (self[0], name, ", ".join(self[2]))) from None

    def __repr__(self):
        return "Event(%s, %.3f s%s)" % (self[0], self[1], "".join(", %s=%r" % field for field in self[2].items()))


class Running:
    """A run that was started. Iterate it for its events as they come; `result()` waits for the end. `cancel()` ends it
    soon, from any thread."""

    def __init__(self, run, strategies, made):
        self._run, self._strategies, self._made = run, strategies, made
        self._result = self._error = None
        _running.add(self)

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            try:
                event = self._run.next(_POLL)
            except KeyboardInterrupt:
                self._stop()
                raise
            if event is not None:
                return Event(event)
            if self._run.ended():
                raise StopIteration

    def cancel(self):
        self._run.cancel()

    @property
    def ended(self):
        """It has ended, and every event has been given out."""
        return self._run.ended()

    def _stop(self):
        """Ends it, whatever else comes: the engine's threads must not outlive the call that started them."""
        self._run.cancel()
        interrupted = 0
        while True:
            try:
                if self._run.wait(0.25):
                    return
            except KeyboardInterrupt:
                pass
            interrupted += 1
            if interrupted == 1:  # a strategy in Python that asks nobody
                for strategy in self._strategies:
                    strategy.interrupt()

    def result(self):
        """Waits for the end. Raises pmx.Error where the run failed."""
        if self._result is None and self._error is None:
            try:
                while not self._run.wait(_POLL):
                    pass
            except KeyboardInterrupt:
                self._stop()
                raise
            try:
                self._result = self._made(self._run.take())
            except errors.Error as error:
                causes = [strategy.take_exception() for strategy in self._strategies]
                error.__cause__ = next((cause for cause in causes if cause is not None), None)
                self._error = error
        if self._error is not None:
            raise self._error
        return self._result


@atexit.register
def _end_all():
    for run in list(_running):
        run._run.cancel()
        run._run.wait(10)


class Session:
    """Where installs run: a store, a registry, and settings that hold for every call.

        with pmx.Session(store="/tmp/store", registry="http://127.0.0.1:4873/") as s:
            result = s.install("project", pmx.Config(linker="hoisted"), frozen=True)

    store, registry, cache and every other setting of Config may be given; `config` is a whole Config below them.
    environment  the variables that count: PMX_…, HOME, XDG_…; default: os.environ
    A project's own files and the user's configuration count too, below what is given here, as they do for the command."""

    def __init__(self, store=None, registry=None, *, config=None, environment=None, **settings):
        self.config = (config or Config()) | Config(store=store, registry=registry, **settings)
        self._environment = {str(k): str(v) for k, v in (os.environ if environment is None else environment).items()}
        self._runs = weakref.WeakSet()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Ends whatever still runs."""
        for run in list(self._runs):
            if not run._run.wait(0):
                run._stop()

    def cancel(self):
        """Ends the calls that run now, soon. From any thread."""
        for run in list(self._runs):
            run.cancel()

    def start(self, project=".", config=None, *, phase="commit", graph=None, plan=None, edits=(), latest=False, events=True,
              trace=False, **settings):
        """Starts a run and answers at once; see Running. What install() and the phases below are made of."""
        config = self._config(config, settings)
        if isinstance(plan, Plan):
            graph, project = plan.graph, plan._project or project
        if isinstance(graph, Graph):
            project = graph._project or project
        project = os.path.abspath(os.fspath(project))
        native = [strategy._native() for strategy in config.strategies]
        run = _core.Run(project, config.to_json(), self._environment, phase, [], graph._table if graph is not None else None,
                        plan._table if plan is not None else None, native, list(edits), latest, events, trace)
        running = Running(run, config.strategies, lambda values: Result(values, self, project, config))
        self._runs.add(running)
        return running

    def _config(self, config, settings):
        if config is not None and not isinstance(config, Config):
            raise TypeError("config is a pmx.Config, not %s" % type(config).__name__)
        merged = self.config | config if config is not None else self.config
        return merged | Config(**settings) if settings else merged

    def _wait(self, on_event, *arguments, **options):
        running = self.start(*arguments, events=on_event is not None, **options)
        try:
            if on_event is not None:
                for event in running:
                    on_event(event)
            return running.result()
        except errors.Error:
            raise
        except BaseException:  # Ctrl-C at any line above, or what on_event raised
            running._stop()
            raise

    def install(self, project=".", config=None, *, on_event=None, trace=False, **settings):
        """Installs a project; answers a Result.

        on_event  called with every Event, on this thread; what it raises ends the run
        trace     keep spans and requests: Result.spans, Result.network
        Raises pmx.Error and its kinds; KeyboardInterrupt within a quarter of a second of Ctrl-C."""
        return self._wait(on_event, project, config, trace=trace, **settings)

    def add(self, project, *packages, dev=False, optional=False, config=None, on_event=None, **settings):
        """Adds dependencies, as `pmx add`."""
        group = "dev" if dev else "optional" if optional else ""
        return self._wait(on_event, project, config, edits=[("add", package, group) for package in packages], **settings)

    def remove(self, project, *names, config=None, on_event=None, **settings):
        """Removes dependencies, as `pmx remove`."""
        return self._wait(on_event, project, config, edits=[("remove", name, "") for name in names], **settings)

    def update(self, project, *names, latest=False, config=None, on_event=None, **settings):
        """Updates dependencies, all without names, as `pmx update`."""
        return self._wait(on_event, project, config, edits=[("update", name, "") for name in names or ("",)], latest=latest, **settings)

    # The phases, one by one. Each is an install that ends there; the next takes up what it made.

    def resolve(self, project=".", config=None, *, on_event=None, **settings):
        """What is to be installed: a Graph. Nothing is written; where the lockfile fits, nothing is asked either."""
        return self._wait(on_event, project, config, phase="resolve", **settings).graph

    def plan(self, graph=".", layout=None, config=None, *, on_event=None, **settings):
        """Where everything goes: a Plan. `graph` is a Graph or a project; `layout` a linker's name or a layout in Python.
        Nothing is touched."""
        if layout is not None:
            settings["linker"] = layout
        return self._phase("plan", graph, config, on_event, settings).plan

    def fetch(self, what=".", config=None, *, on_event=None, **settings):
        """Brings every package of a plan, graph or project into the store; answers a Result. The tree is not touched."""
        return self._phase("fetch", what, config, on_event, settings)

    def check(self, what=".", config=None, *, on_event=None, **settings):
        """Checks every stored package of it at the level `check`, and fetches again what does not hold."""
        return self._phase("check", what, config, on_event, settings)

    def link(self, what=".", config=None, *, on_event=None, **settings):
        """Puts every package into its places. Executables, scripts and records are missing: to the engine it is the tree of
        an interrupted run, which execute() and install() make anew from the store."""
        return self._phase("link", what, config, on_event, settings)

    def execute(self, plan, config=None, *, on_event=None, **settings):
        """Makes the tree be this plan, and commits it: fetch, check, link, bins, build, commit. It has to be a
        whole plan."""
        if not plan._whole:
            raise errors.ConfigError("PMX_E_USAGE", "a part of a plan cannot be committed", repr(plan), "link() makes a part; execute() takes what plan() answers")
        return self._phase("commit", plan, config, on_event, settings)

    def _phase(self, phase, what, config, on_event, settings):
        if isinstance(what, Plan):
            return self._wait(on_event, what._project, self._planned(what, config), phase=phase, plan=what, **settings)
        if isinstance(what, Graph):
            return self._wait(on_event, what._project, config if config is not None else what._config, phase=phase, graph=what, **settings)
        return self._wait(on_event, what, config, phase=phase, **settings)

    @staticmethod
    def _planned(plan, config):
        """The tree's record must name the layout that planned it."""
        config = (plan._config or Config()) if config is None else config
        strategies = [s for s in (plan._config.strategies if plan._config else ()) if s.name == plan.layout]
        return config.with_(linker=strategies[0] if strategies else plan.layout) if plan.layout else config

    def __repr__(self):
        return "Session(%r)" % self.config
