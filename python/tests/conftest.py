"""Fixtures of the module's tests: the built module against the embedded registry; nothing here needs the network."""

import os
import shutil
import signal
import sys

import pytest

# A run in the background of a shell is given SIGINT as ignored, and the tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCKFILES = os.path.join(ROOT, "tests", "golden", "lockfiles")
collect_ignore_glob = ["lab/*"] if os.environ.get("PMX_PYTHON_TESTS") == "module" else []


def _server():
    import importlib.util
    spec = importlib.util.spec_from_file_location("pmx_registry_server", os.path.join(ROOT, "tests", "e2e", "registry_server.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command():
    return _server().pmx_binary()


@pytest.fixture(scope="session")
def core():
    """The compiled module; in CI its absence is a failure, elsewhere a skip that says so."""
    try:
        from pmx import _core
    except ImportError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip("pmx._core is not built: %s" % error)
    return _core


@pytest.fixture(scope="session")
def server():
    with _server().RegistryServer(os.path.join(ROOT, "tests", "registry")) as running:
        yield running


@pytest.fixture
def registry(server):
    server.reset()
    yield server
    server.reset()


@pytest.fixture
def environment(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data"),
            "XDG_CACHE_HOME": str(home / "cache")}


@pytest.fixture
def session(core, tmp_path, registry, environment):
    import pmx
    with pmx.Session(store=tmp_path / "store", registry=registry.url + "/", environment=environment, fetch_retries=0) as s:
        yield s


@pytest.fixture
def project(tmp_path):
    """project('basic') copies a project of tests/golden/lockfiles with one lockfile."""
    def make(name="basic", lock="pnpm", into="project"):
        drop = "package-lock.json" if lock == "pnpm" else "pnpm-lock.yaml"
        shutil.copytree(os.path.join(LOCKFILES, name), tmp_path / into, ignore=shutil.ignore_patterns(drop, "node_modules"))
        return tmp_path / into
    return make


@pytest.fixture
def pmx_command(environment, tmp_path, registry):
    """Runs the command with the same home, store and registry as `session`."""
    import subprocess

    def run(*arguments, cwd, input=None):
        done = subprocess.run([command(), *map(str, arguments)], cwd=str(cwd), capture_output=True, text=True, timeout=60, input=input,
                              env={**environment, "PMX_STORE_DIR": str(tmp_path / "store"), "PMX_REGISTRY": registry.url + "/"})
        return done
    return run
