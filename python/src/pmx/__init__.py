"""pmx from Python. The engine (`Session`, `Config`, …) is the compiled module `pmx._core`, loaded when it is first asked
for; `pmx.lab` is plain Python and works without it, with any `pmx` command."""

import importlib

__all__ = ["lab"]


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        core = importlib.import_module("pmx._core")
    except ModuleNotFoundError as missing:
        if missing.name != "pmx._core":
            raise
        raise AttributeError("pmx.%s is of the compiled module, which is not here: ./dev build" % name) from None
    return getattr(core, name)
