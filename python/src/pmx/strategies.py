"""Strategies in Python: a layout or a validator is a function with a decorator. The engine calls it through the same table
as a library's, from its own threads."""

import collections
import ctypes
import threading
import traceback

from . import _core
from .graph import Graph

PROJECT, SHARED = 0, 1
_TYPES = {"bool": 0, "int": 1, "text": 2, "list": 3}


class Mismatch(Exception):
    """Raised by a validator: what it looked at may not be used. The text is for the person."""


class Place(collections.namedtuple("Place", "package dir root", defaults=(PROJECT,))):
    """A step: the files of `package` go into the directory `dir`."""

    __slots__ = ()

    def _emit(self, sink, places):
        # Packages of the graph at hand are numbers to the engine.
        places[(self.root, self.dir)] = sink.place(int(self.package), self.dir, self.root)


class Symlink(collections.namedtuple("Symlink", "path target root target_root", defaults=(PROJECT, PROJECT))):
    """A step: a symbolic link at `path` to the directory `target`."""

    __slots__ = ()

    def _emit(self, sink, places):
        sink.symlink(self.path, self.target, self.root, self.target_root)


class ProjectLink(collections.namedtuple("ProjectLink", "path project root", defaults=(PROJECT,))):
    """A step: a symbolic link at `path` to a project of the workspace (a Project, or its directory)."""

    __slots__ = ()

    def _emit(self, sink, places):
        sink.link_project(self.path, getattr(self.project, "dir", self.project), self.root)


class Bins(collections.namedtuple("Bins", "dir place alias tier root", defaults=(0, PROJECT))):
    """A step: executables of the package at `place` (a Place, or its directory) into the directory `dir`. `alias` is the
    name under which it stands there; tier 0 (a direct dependency) wins over 1."""

    __slots__ = ()

    def _emit(self, sink, places):
        at = (self.place.root, self.place.dir) if isinstance(self.place, Place) else (self.root, self.place)
        if at not in places:
            raise ValueError("executables of a place that was not given before: %s" % at[1])
        sink.bins(self.dir, places[at], self.alias, self.tier, self.root)


class Hoisted(collections.namedtuple("Hoisted", "package alias is_public", defaults=(True,))):
    """For the record in node_modules: `package` was made visible as `alias`."""

    __slots__ = ()

    def _emit(self, sink, places):
        sink.hoisted(int(self.package), self.alias, self.is_public)


class Describe(collections.namedtuple("Describe", "key value")):
    """A property of the whole plan: "virtual-store-dir", "bins" ("symlink", "shim", "shim-node-path"), …"""

    __slots__ = ()

    def _emit(self, sink, places):
        sink.describe(self.key, self.value)


class Archive(collections.namedtuple("Archive", "id bytes integrity url")):
    """What came over the network, before anything of it is unpacked. `bytes` is a memoryview, valid during the call."""

    __slots__ = ()


class StoredFile(collections.namedtuple("StoredFile", "name path size mode mtime_ns digest")):
    """One file of a stored object: `name` in the object's directory, `path` in the package, `digest` SHA-256 or b""."""

    __slots__ = ()


class StoredObject(collections.namedtuple("StoredObject", "id fd level files")):
    """A stored package: `fd` is its open directory, `level` 0 none, 1 stat, 2 content."""

    __slots__ = ()


class PackageManifest(collections.namedtuple("PackageManifest", "id name version json")):
    """A package's own package.json, before the package is linked: its text in `json`."""

    __slots__ = ()


class Option:
    """An option of a strategy: its type comes from `default` (bool, int, str, list of str)."""

    def __init__(self, default=None, summary="", choices=(), minimum=0, maximum=0):
        self.default, self.summary, self.choices, self.minimum, self.maximum = default, summary, tuple(choices), minimum, maximum

    def _native(self, name):
        kind = "bool" if isinstance(self.default, bool) else "int" if isinstance(self.default, int) else \
            "list" if isinstance(self.default, (list, tuple)) else "text"
        text = None if self.default is None else str(self.default).lower() if kind == "bool" else \
            "\n".join(self.default) if kind == "list" else str(self.default)
        return _core.StrategyOption(name.replace("_", "-"), self.summary or name.replace("_", " "), _TYPES[kind], text,
                                    "|".join(map(str, self.choices)), self.minimum, self.maximum)


def _watched(target, threads):
    """`target`, with its thread in `threads` while it runs. Knows nothing of the strategy: the engine's table holds it."""
    def call(*arguments):
        thread = threading.get_ident()
        threads.add(thread)
        try:
            return target(*arguments)
        finally:
            threads.discard(thread)
    return call


class Strategy:
    """A layout or validator in Python, for Config(linker=…) or Config(validators=[…]). Calling it calls the function.
    `with_options` makes another one whose options have other defaults."""

    _pmx_strategy = True

    def __init__(self, kind, name, function, calls, options, version, summary):
        self.kind, self.name, self.function, self.version = kind, name, function, version
        self.summary = summary or (getattr(function, "__doc__", None) or "a %s in Python" % kind).strip().split("\n")[0]
        self.options = {key: option if isinstance(option, Option) else Option(option) for key, option in (options or {}).items()}
        self._functions, self._made, self._threads = calls, None, set()
        self._calls = {call: _watched(target, self._threads) for call, target in calls.items()}
        self.__doc__ = getattr(function, "__doc__", None)

    def _native(self):
        if self._made is None:
            self._made = _core.Strategy(self.kind, self.name, self.version, self.summary, self._calls,
                                        [option._native(name) for name, option in self.options.items()])
        return self._made

    def with_options(self, **options):
        """The same strategy, with these values for its options."""
        for name in options:
            if name not in self.options:
                raise TypeError("%s has no option %s; it has: %s" % (self.name, name, ", ".join(self.options) or "none"))
        changed = {name: Option(options.get(name, o.default), o.summary, o.choices, o.minimum, o.maximum) for name, o in self.options.items()}
        return Strategy(self.kind, self.name, self.function, self._functions, changed, self.version, self.summary)

    def take_exception(self):
        """The exception that ended its last call, or None."""
        return self._made.take_exception() if self._made is not None else None

    def interrupt(self):
        """Raises KeyboardInterrupt in the calls that run in it now: a loop that asks nobody hears no cancelling."""
        for thread in list(self._threads):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))

    def __call__(self, *arguments, **keywords):
        return self.function(*arguments, **keywords)

    def __repr__(self):
        return "<%s %s %s: %s>" % (self.kind, self.name, self.version, self.summary)


def layout(name, *, options=None, version="1", summary=None):
    """A layout: a function of (graph, options) that yields steps.

        @pmx.layout(name="flat")
        def flat(graph, options):
            for package in graph.packages:
                if not package.skipped:
                    yield pmx.Place(package, "node_modules/" + package.name)

    It must be pure: no disk, no clock, the same steps for the same graph. The engine checks every path. `options` maps names
    to defaults or Option; the function gets their values as a dict. Runs on the engine's thread, once an install."""
    def decorate(function):
        def plan(table, values, sink):
            places = {}
            for step in function(Graph(table), values) or ():
                step._emit(sink, places)
        return Strategy("layout", name, function, {"plan": plan}, options, version, summary)
    return decorate


def validator(name, *, on="archive", options=None, version="1", summary=None):
    """A validator: a function of what is judged.

        @pmx.validator(name="no-install-scripts", on="manifest")
        def no_install_scripts(manifest):
            if "postinstall" in json.loads(manifest.json).get("scripts", {}):
                return "it wants to run a script"

    on        "archive": bytes from the network; "object": a stored package before it is linked (refused: fetched again);
              "manifest": a package.json (refused: the install stops)
    A class may be decorated instead: its methods archive, object and manifest are called, those that it has.
    None or True: it may be used. False, a sentence, or raising Mismatch: it may not. Called by several threads at once."""
    names = {"archive": "check_archive", "object": "check_object", "manifest": "check_manifest"}
    if on not in names:
        raise ValueError("on is \"archive\", \"object\" or \"manifest\", not %r" % (on,))

    def decorate(judge):
        if isinstance(judge, type):
            instance = judge()
            found = {call: getattr(instance, method) for method, call in names.items() if hasattr(instance, method)}
            if not found:
                raise TypeError("%s has none of the methods archive, object, manifest" % judge.__name__)
        else:
            found = {names[on]: judge}
        takes_options = options is not None
        calls = {call: (lambda item, values, method=method: method(item, values) if takes_options else method(item)) for call, method in found.items()}
        return Strategy("validator", name, judge, calls, options, version, summary)
    return decorate


class Verdict(collections.namedtuple("Verdict", "case outcome detail seconds")):
    """What came of one case of the conformance kit: outcome is "pass", "warn", "skip", "fail" or "crash"."""

    __slots__ = ()

    @property
    def ok(self):
        return self.outcome not in ("fail", "crash")

    def __str__(self):
        return "%-6s %-26s%s" % (self.outcome, self.case, " " + self.detail if self.detail else "")


class Conformance(list):
    """Verdicts of a check. `ok` where no case failed; str() is a line a case."""

    @property
    def ok(self):
        return all(verdict.ok for verdict in self)

    def __str__(self):
        counts = collections.Counter(verdict.outcome for verdict in self)
        return "\n".join([*map(str, self), ", ".join("%d %s" % (counts[word], word) for word in ("pass", "warn", "skip", "fail", "crash"))])

    def __repr__(self):
        return "Conformance(%s: %d cases%s)" % ("ok" if self.ok else "not ok", len(self), "".join("; " + str(v) for v in self if not v.ok))


def check(strategy, only=(), *, seed=1, seconds=10.0, on_verdict=None):
    """Holds a strategy to the contract of its kind, as `pmx plugin check` does with a library: a Conformance.

    only        names of cases, or beginnings that end in *: "layout.*"; default: all that fit
    seed        of everything that the kit chooses
    seconds     limit for one case
    on_verdict  called with each Verdict as it comes
    Each case runs in a fork of this process. Call it from the main thread, while no other thread is busy."""
    told = None if on_verdict is None else lambda row: on_verdict(Verdict(*row))
    return Conformance(Verdict(*row) for row in _core.check(strategy._native(), list(only), seed, seconds, told))


def describe(exception):
    """(status, sentence, subject, traceback) of an exception in a strategy. Called by pmx._core."""
    frames = traceback.extract_tb(exception.__traceback__)
    at = "%s:%d" % (frames[-1].filename, frames[-1].lineno) if frames else ""
    if isinstance(exception, Mismatch):
        return 4, str(exception) or "refused", "", ""
    if isinstance(exception, KeyboardInterrupt):
        return 2, "interrupted", "", ""
    if isinstance(exception, MemoryError):
        return 10, "out of memory", at, ""
    sentence = "%s: %s" % (type(exception).__name__, exception) if str(exception) else type(exception).__name__
    return 11, sentence, at, "".join(traceback.format_exception(exception)).rstrip()
