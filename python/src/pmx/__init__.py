"""pmx from Python: installs, their phases, and strategies of one's own.

    import pmx
    with pmx.Session(store="/tmp/store", registry="http://127.0.0.1:4873/") as s:
        r = s.install("project", pmx.Config(linker="isolated", caps=pmx.Caps(link=2)), frozen=True)
        r.wall, r.stage["link"].wall, r.counters["files_linked"], r.tree.digest

The engine is the compiled module `pmx._core`, loaded when it is first asked for; `pmx.lab`, experiments on it, is plain
Python and works without, with any `pmx` command. docs/PYTHON.md is the page."""

import importlib

_WHERE = {
    "session": ("Event", "Running", "Session"),
    "config": ("Caps", "Config"),
    "result": ("NetworkRequest", "Result", "Stage"),
    "graph": ("Edge", "Graph", "Package", "Project"),
    "plan": ("Difference", "Plan", "Step"),
    "strategies": ("Archive", "Bins", "Conformance", "Describe", "Hoisted", "Mismatch", "Option", "PackageManifest", "Place", "ProjectLink",
                   "StoredFile", "StoredObject", "Strategy", "Symlink", "Verdict", "check", "layout", "validator"),
    "errors": ("Cancelled", "ConfigError", "Error", "FetchError", "FileSystemError", "IntegrityError", "InternalError",
               "LockfileError", "ManifestError", "PlatformError", "PluginError", "PolicyError", "ResolutionError", "ScriptError",
               "StoreError"),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}
__all__ = ["lab", *sorted(_MODULE_OF)]


def __getattr__(name):
    if name == "__version__":
        return importlib.import_module("pmx._core").__version__
    if name == "lab":
        return importlib.import_module("pmx.lab")
    if name not in _MODULE_OF:
        raise AttributeError("module pmx has no %s" % name)
    try:
        # `plan` and `graph` are modules as well as words: what was asked for is set last.
        value = getattr(importlib.import_module("pmx." + _MODULE_OF[name]), name)
    except ModuleNotFoundError as missing:
        if missing.name != "pmx._core":
            raise
        raise AttributeError("pmx.%s is of the compiled module, which is not here: ./dev build" % name) from None
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *__all__])
