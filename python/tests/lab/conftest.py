"""Fixtures of the lab's tests. What needs a pmx uses PMX_BIN (default build/release/bin/pmx) and the packages of
tests/registry: nothing leaves this machine, and nothing asserts a time."""

import os
import shutil
import sys
import tempfile

import pytest

sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from lab_records import ROOT  # noqa: E402

from pmx.lab import registry  # noqa: E402


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
