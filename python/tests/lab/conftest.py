"""Fixtures of the lab's tests. What needs a pmx uses PMX_BIN (default build/release/bin/pmx) and the packages of
tests/registry: nothing leaves this machine, and nothing asserts a time."""

import os
import shutil
import sys
import tempfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.append(os.path.join(ROOT, "python", "src"))

from pmx.lab import registry  # noqa: E402


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


@pytest.fixture
def pmx():
    binary = registry.pmx_binary()
    if not os.path.isfile(binary):
        pytest.fail("no pmx at %s: run ./dev build, or set PMX_BIN" % binary)
    return binary


@pytest.fixture
def work():
    """A directory for places, on tmpfs where there is one: nobody has to wait for a disk."""
    path = tempfile.mkdtemp(prefix="pmx-test-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def packages():
    return os.path.join(ROOT, "tests", "registry")


@pytest.fixture
def project():
    return os.path.join(ROOT, "examples", "hello")


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
