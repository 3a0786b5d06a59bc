"""What several of the lab's tests share, under a name that no other directory of tests has."""

import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.append(os.path.join(ROOT, "python", "src"))


def needed(module):
    """A module of Debian's that packages.txt may name: its absence skips a test by name, and fails where CI is set and
    packages.txt does name it."""
    try:
        return __import__(module)
    except ImportError:
        with open(os.path.join(ROOT, "packages.txt"), encoding="utf-8") as f:
            if os.environ.get("CI") and "python3-" + module in f.read().split():
                pytest.fail("%s is not here" % module)
        pytest.skip("%s is not here (Debian: python3-%s)" % (module, module))


def made_record(arm, block, wall, status="ok", session="1", machine=None, **more):
    """A record as a station makes it, without having run anything."""
    from pmx.lab.machine import describe
    name = arm.replace(" (again)", "")
    record = {"schema": 1, "study": "made", "project": "p", "cell": {"tool": "pmx", "name": name, "factors": more.pop("factors", {})},
              "arm": arm, "status": status, "phase": "p4", "network": "none", "layout": "pmx {}", "machine": machine or describe(work="/"),
              "load": 0.1, "at": 0, "seed": 1, "wall": wall, "rusage": {"user": wall / 2, "system": wall / 4, "memory_mb": 10.0},
              "registry": {"bytes": 0}, "session": session}
    if block is not None:
        record["block"] = block
    record.update(more)
    return record
