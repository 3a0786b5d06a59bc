"""Fixtures of the end-to-end tests. They drive the built command (PMX_BIN, default build/release/bin/pmx) against the
embedded registry; nothing here needs the network."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import registry_server  # noqa: E402
import tree_check  # noqa: E402
import trees  # noqa: E402

ROOT = registry_server.ROOT
LOCKFILES = os.path.join(ROOT, "tests", "golden", "lockfiles")
SHARED = os.path.join(os.path.dirname(ROOT), "shared")


def shared(*parts):
    """A path under ../shared; the test is skipped by name where it is absent, and fails in CI."""
    path = os.path.join(SHARED, *parts)
    if not os.path.exists(path):
        message = "../shared/%s is not here" % "/".join(parts)
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def pytest_sessionstart(session):
    if not os.path.isfile(registry_server.pmx_binary()):
        pytest.exit("no pmx at %s: run ./dev build, or set PMX_BIN" % registry_server.pmx_binary(), 2)


class Done:
    """A finished command."""

    def __init__(self, process, out, err):
        self.code, self.out, self.err = process.returncode, out, err

    @property
    def text(self):
        return self.out + self.err

    def events(self):
        """The ndjson lines."""
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    def timing(self):
        """The object that --timing=json prints: the last one on either stream."""
        decoder = json.JSONDecoder()
        for text in (self.out, self.err):
            starts = [i for i, c in enumerate(text) if c == "{" and (i == 0 or text[i - 1] == "\n")]
            for start in starts:
                try:
                    value, _ = decoder.raw_decode(text[start:])
                except ValueError:
                    continue
                if "stages" in value or "warm" in json.dumps(value):
                    return value
        raise AssertionError("no timing in: " + self.text)

    def figure(self, name):
        """A figure of the timing object, wherever it lies in it."""
        def look(value):
            if isinstance(value, dict):
                if name in value:
                    return value[name]
                for inner in value.values():
                    found = look(inner)
                    if found is not None:
                        return found
            return None
        found = look(self.timing())
        assert found is not None, "no %s in %s" % (name, self.timing())
        return found


class Pmx:
    """Runs pmx with a home, a store and a registry of its own."""

    def __init__(self, home, registry):
        self.home, self.registry = home, registry
        self.store = os.path.join(home, "store")
        self.prefix = []

    def environment(self, extra=None):
        env = {k: v for k, v in os.environ.items()
               if not k.lower().startswith(("npm_", "pmx_", "pnpm_")) and k.lower() not in
               ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ci")}
        env.update(HOME=self.home, XDG_CONFIG_HOME=self.home + "/config", XDG_DATA_HOME=self.home + "/data",
                   XDG_CACHE_HOME=self.home + "/cache", NO_COLOR="1", PMX_STORE_DIR=self.store)
        if self.registry:
            env["PMX_REGISTRY"] = self.registry + "/"
        env.update(extra or {})
        return env

    def start(self, *args, cwd, env=None):
        return subprocess.Popen([*self.prefix, registry_server.pmx_binary(), *map(str, args)], cwd=str(cwd),
                                env=self.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)

    def __call__(self, *args, cwd, env=None, timeout=120):
        process = self.start(*args, cwd=cwd, env=env)
        return self.finish(process, timeout)

    def finish(self, process, timeout=120):
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError("pmx hangs:\n" + out + err)
        assert process.returncode >= 0 or process.returncode in (-signal.SIGKILL,), \
            "pmx died of signal %d\n%s" % (-process.returncode, out + err)
        return Done(process, out, err)

    def install(self, project, *args, env=None, ok=True):
        done = self("install", *args, cwd=project, env=env)
        if ok:
            assert done.code == 0, "exit %d\n%s" % (done.code, done.text)
        return done


@pytest.fixture(scope="session")
def shared_registry():
    with registry_server.RegistryServer(os.path.join(ROOT, "tests", "registry")) as server:
        yield server


@pytest.fixture
def registry(shared_registry):
    shared_registry.reset()
    yield shared_registry
    shared_registry.reset()


@pytest.fixture
def pmx(tmp_path, registry):
    home = tmp_path / "home"
    home.mkdir()
    return Pmx(str(home), registry.url)


@pytest.fixture
def project(tmp_path):
    """project('basic', lock='pnpm') copies a project of tests/golden/lockfiles with one lockfile."""
    def make(name, lock="pnpm", into="project"):
        target = tmp_path / into
        drop = "package-lock.json" if lock == "pnpm" else "pnpm-lock.yaml"
        source = os.path.join(LOCKFILES, name)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(drop, "node_modules"))
        wanted = target / ("pnpm-lock.yaml" if lock == "pnpm" else "package-lock.json")
        if not wanted.exists():
            pytest.skip("%s has no %s" % (name, wanted.name))
        return target
    return make


@pytest.fixture
def whole():
    """whole(project) asserts that Node finds everything that the lockfile promises."""
    def check(project, groups=tree_check.GROUPS):
        problems, statistics = tree_check.check(str(project), None, groups)
        assert not problems, "\n".join(problems[:40])
        return statistics
    return check


def node(script, cwd):
    done = subprocess.run(["node", "-e", script], cwd=str(cwd), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_bin(project, name, *args):
    done = subprocess.run([os.path.join(str(project), "node_modules", ".bin", name), *args], cwd="/",
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def tree(project):
    return trees.packages(os.path.join(str(project), "node_modules"))
