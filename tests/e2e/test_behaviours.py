"""Behaviours of installing, by their numbers in the list of pnpm's; packages are described as in tests/golden/resolve.
The number is in the name of the test."""

import json
import os
import re

import pytest

import registry_server
import resolve_cases
from conftest import Pmx


class World:
    """A registry, a project and pmx, from one text."""

    def __init__(self, text, tmp_path, files=()):
        """`files`: of packages, by "name/version/path"."""
        path = tmp_path / "world.txt"
        path.write_text(text)
        case = resolve_cases.Case(str(path))
        self.path, self.home = tmp_path / "project", tmp_path / "home"
        packages = tmp_path / "registry"
        for folder in (self.path, self.home, packages):
            folder.mkdir()
        case.make_registry(str(packages), sources=True)
        for name in files:
            resolve_cases.write(str(packages / name), files[name])
        case.make_project(str(self.path))
        self.server = registry_server.RegistryServer(packages)

    def __enter__(self):
        self.server.__enter__()
        self.pmx = Pmx(str(self.home), self.server.url)
        return self

    def __exit__(self, *what):
        self.server.__exit__(*what)

    def run(self, *args, ok=True, cwd=None, env=None):
        done = self.pmx(*args, cwd=cwd or self.path, env=env)
        assert (done.code == 0) == ok, done.text
        return done

    def install(self, *args, **more):
        return self.run("install", *args, **more)

    @property
    def modules(self):
        return self.path / "node_modules"

    def has(self, name):
        return (self.modules / name / "package.json").is_file()

    def names(self):
        return sorted(name for name in os.listdir(self.modules) if not name.startswith("."))

    def slots(self):
        return sorted(name for name in os.listdir(self.modules / ".pnpm") if "@" in name)

    def lockfile(self):
        return (self.path / "pnpm-lock.yaml").read_text()

    def current(self):
        return (self.modules / ".pnpm" / "lock.yaml").read_text()

    def state(self):
        return json.loads((self.modules / ".modules.yaml").read_text())

    def manifest(self, change):
        manifest = json.loads((self.path / "package.json").read_text())
        change(manifest)
        (self.path / "package.json").write_text(json.dumps(manifest))

    def remove_modules(self):
        import shutil
        shutil.rmtree(self.modules)


@pytest.fixture
def world(tmp_path):
    open_worlds = []

    def make(text, files=()):
        one = World(text, tmp_path, files)
        one.__enter__()
        open_worlds.append(one)
        return one
    yield make
    for one in open_worlds:
        one.__exit__(None, None, None)


def skipped_events(done):
    return [(event["package"]["id"] if "id" in event["package"] else event["package"]["name"], event["reason"])
            for event in done.events() if event.get("name") == "pnpm:skipped-optional-dependency"]


GROUPS = """
# registry
is-positive@1.0.0
once@1.4.0 {dependencies: {wrappy: "1"}}
wrappy@1.0.0
inflight@1.0.6 {dependencies: {once: ^1.3.0}}
opt@1.0.0

# package.json
{"dependencies": {"is-positive": "1.0.0", "once": "^1.4.0"}, "devDependencies": {"inflight": "1.0.6"}, "optionalDependencies": {"opt": "1.0.0"}}
"""


def test_6_groups_one_after_the_other(world):
    w = world(GROUPS)
    w.install("--prod")
    assert w.names() == ["is-positive", "once", "opt"]
    assert "inflight@1.0.6:" not in w.current() and "inflight@1.0.6:" in w.lockfile()
    w.install("--dev")
    assert w.names() == ["inflight"]
    assert "is-positive@1.0.0:" not in w.current()
    w.install()
    assert w.names() == ["inflight", "is-positive", "once", "opt"]
    assert w.current() == w.lockfile()


def test_7_dev_has_what_dev_needs(world):
    w = world(GROUPS)
    w.install("--dev")
    assert w.has("inflight") and not w.has("once")
    assert (w.modules / ".pnpm" / "inflight@1.0.6" / "node_modules" / "once" / "package.json").is_file()


def test_13_a_package_that_nobody_needs_any_more_goes(world):
    w = world(GROUPS)
    w.install()
    w.manifest(lambda m: m.pop("devDependencies"))
    w.install()
    assert not (w.modules / "inflight").is_symlink() and w.has("once")
    assert "inflight" not in w.lockfile()
    # pnpm keeps the slot for a week; whether it stays is no promise, that nothing leads to it is.
    found = [os.path.join(where, name) for where, folders, files in os.walk(w.modules) for name in folders + files
             if name == "inflight" and "inflight@1.0.6" not in where]
    assert found == []


OPTIONAL = """
# registry
dep-of-optional@1.0.0
for-no-system@1.0.0 {os: [this-os-does-not-exist], dependencies: {dep-of-optional: 1.0.0}}
a@1.0.0

# package.json
{"dependencies": {"a": "1.0.0"}, "optionalDependencies": {"for-no-system": "*"}}
"""


def test_42_bins_of_a_package_s_own_dependencies_and_peers(world):
    """They stand in the package's own node_modules/.bin."""
    w = world("""
# registry
wants-bins@1.0.0 {dependencies: {hello: 1.0.0}, peerDependencies: {peer-with-bin: "*"}}
hello@1.0.0 {bin: index.js}
peer-with-bin@1.0.0 {bin: {peer-with-bin: index.js}}

# package.json
{"dependencies": {"wants-bins": "1.0.0", "peer-with-bin": "1.0.0"}}
""", {"hello/1.0.0/index.js": "#!/usr/bin/env node\n", "peer-with-bin/1.0.0/index.js": "#!/usr/bin/env node\n"})
    w.install()
    bins = w.modules / ".pnpm" / "wants-bins@1.0.0_peer-with-bin@1.0.0" / "node_modules" / "wants-bins" / "node_modules" / ".bin"
    assert sorted(os.listdir(bins)) == ["hello", "peer-with-bin"]
    assert all(os.access(bins / name, os.X_OK) for name in os.listdir(bins))
    assert sorted(os.listdir(w.modules / ".bin")) == ["peer-with-bin"]


def test_64_an_optional_package_for_another_system_is_left_out(world):
    w = world(OPTIONAL)
    done = w.install("--reporter", "ndjson")
    assert w.names() == ["a"]
    assert "    os: [this-os-does-not-exist]\n" in w.lockfile()
    assert sorted(w.state()["skipped"]) == ["dep-of-optional@1.0.0", "for-no-system@1.0.0"]
    events = skipped_events(done)
    assert len(events) == 1 and events[0][1] == "unsupported_platform"
    assert w.slots() == ["a@1.0.0"]


def test_64_what_was_left_out_with_it_can_be_wanted_itself(world):
    w = world(OPTIONAL)
    w.install()
    w.run("add", "dep-of-optional")
    assert w.names() == ["a", "dep-of-optional"]
    assert w.state()["skipped"] == ["for-no-system@1.0.0"]
    w.remove_modules()
    w.install("--frozen-lockfile")
    assert w.names() == ["a", "dep-of-optional"]
    assert w.state()["skipped"] == ["for-no-system@1.0.0"]


def test_31_a_repeat_is_no_work_although_something_was_left_out(world):
    w = world(OPTIONAL)
    w.install()
    before = os.stat(w.modules / ".modules.yaml").st_mtime_ns
    done = w.install("--frozen-lockfile")
    assert "Already up to date" in done.text
    assert os.stat(w.modules / ".modules.yaml").st_mtime_ns == before


def test_59_peers_of_the_project_are_installed(world):
    w = world("""
# registry
p@1.0.0
p@2.0.0
a@1.0.0 {peerDependencies: {p: "*"}}

# package.json
{"dependencies": {"a": "1.0.0"}, "peerDependencies": {"p": "^1.0.0"}}
""")
    w.install()
    assert w.names() == ["a", "p"] and w.slots() == ["a@1.0.0_p@1.0.0", "p@1.0.0"]
    w.remove_modules()
    w.install("--frozen-lockfile")
    assert w.names() == ["a", "p"]


def test_67_an_optional_dependency_that_does_not_exist_is_left_out(world):
    w = world("""
# registry
a@1.0.0 {optionalDependencies: {no-such-package: "1", b: ^9.0.0}}
b@1.0.0

# package.json
{"dependencies": {"a": "1.0.0"}, "optionalDependencies": {"i-do-not-exist": "1000"}}
""")
    done = w.install("--reporter", "ndjson")
    assert w.names() == ["a"]
    assert [reason for _, reason in skipped_events(done)].count("resolution_failure") >= 1
    assert "i-do-not-exist" in json.dumps(done.events())
    assert "Already up to date" in w.install("--frozen-lockfile").text or w.names() == ["a"]


def test_68_engines_of_optional_packages(world):
    w = world("""
# registry
for-legacy-node@1.0.0 {engines: {node: "0.10"}}
for-legacy-pnpm@1.0.0 {engines: {pnpm: "1"}}

# package.json
{"optionalDependencies": {"for-legacy-node": "1.0.0", "for-legacy-pnpm": "1.0.0"}}
""")
    done = w.install("--reporter", "ndjson")
    assert w.names() == ["for-legacy-pnpm"]
    assert [reason for _, reason in skipped_events(done)] == ["unsupported_engine"]


NATIVE = """
# registry
native@1.0.0 {optionalDependencies: {native-darwin-arm64: 1.0.0, native-linux-arm64-musl: 1.0.0, native-linux-x64-glibc: 1.0.0, native-win32: 1.0.0}}
native-darwin-arm64@1.0.0 {os: [darwin], cpu: [arm64]}
native-linux-arm64-musl@1.0.0 {os: [linux], cpu: [arm64], libc: [musl]}
native-linux-x64-glibc@1.0.0 {os: [linux], cpu: [x64], libc: [glibc]}
native-win32@1.0.0 {os: [win32]}

# package.json
{"dependencies": {"native": "1.0.0"}}
"""


def test_69_supported_architectures_choose_and_may_change(world):
    w = world(NATIVE)
    settings = w.path / "pnpm-workspace.yaml"
    settings.write_text("supportedArchitectures:\n  os: [darwin, linux]\n  cpu: [arm64]\n  libc: [musl]\n")
    w.install()
    lockfile = w.lockfile()
    assert w.slots() == ["native-darwin-arm64@1.0.0", "native-linux-arm64-musl@1.0.0", "native@1.0.0"]
    settings.write_text("supportedArchitectures:\n  os: [win32]\n")
    w.install()
    # What is not wanted any more may stay in the slot, as with pnpm.
    assert (w.modules / ".pnpm" / "native@1.0.0" / "node_modules" / "native-win32" / "package.json").is_file()
    assert w.state()["skipped"] == ["native-darwin-arm64@1.0.0", "native-linux-arm64-musl@1.0.0", "native-linux-x64-glibc@1.0.0"]
    assert w.lockfile() == lockfile


@pytest.mark.parametrize("linker", ["isolated", "hoisted"])
def test_70_only_this_machines_packages(world, linker):
    w = world(NATIVE)
    w.install("--linker", linker)
    fetched = [name for name in ("native-darwin-arm64", "native-linux-arm64-musl", "native-win32")
               if any(name in folder for _, folders, _ in os.walk(w.modules) for folder in folders)]
    assert fetched == []
    for name in ("native-darwin-arm64", "native-linux-arm64-musl", "native-linux-x64-glibc", "native-win32"):
        assert "  %s@1.0.0:" % name in w.lockfile()


REQUIRED = """
# registry
for-no-system@1.0.0 {os: [this-os-does-not-exist]}
for-legacy-node@1.0.0 {engines: {node: "0.10"}}

# package.json
{"dependencies": {"%s": "1.0.0"}}
"""


@pytest.mark.parametrize("name", ["for-no-system", "for-legacy-node"])
def test_72_a_required_package_that_does_not_fit_is_installed(world, name):
    w = world(REQUIRED % name)
    done = w.install()
    assert w.has(name)
    # Which Node there is costs a process, so that it is only asked where the answer decides something.
    assert name == "for-legacy-node" or re.search(r"warning.*%s@1\.0\.0" % name, done.text), done.text


@pytest.mark.parametrize("name,code", [("for-no-system", "PMX_E_"), ("for-legacy-node", "PMX_E_")])
def test_72_engine_strict_refuses_it(world, name, code):
    w = world(REQUIRED % name)
    done = w.install("--engine-strict", ok=False)
    assert code in done.text and name in done.text
    assert not w.has(name)


def test_73_no_optional_keeps_what_is_also_required(world):
    w = world("""
# registry
a@1.0.0 {dependencies: {c: 1.0.0}}
b@1.0.0 {dependencies: {c: 1.0.0, d: 1.0.0}}
c@1.0.0
d@1.0.0

# package.json
{"dependencies": {"a": "1.0.0"}, "optionalDependencies": {"b": "1.0.0", "c": "1.0.0"}}
""")
    w.install("--no-optional")
    assert w.names() == ["a"]
    assert (w.modules / ".pnpm" / "a@1.0.0" / "node_modules" / "c" / "package.json").is_file()
    assert "b@1.0.0" not in w.slots() and "d@1.0.0" not in w.slots()
    assert "  b@1.0.0:" in w.lockfile()
    w.install()
    assert w.names() == ["a", "b", "c"]


def test_74_an_optional_tarball_that_is_gone_is_left_out(world):
    w = world("""
# registry
a@1.0.0
o@1.0.0

# package.json
{"dependencies": {"a": "1.0.0"}, "optionalDependencies": {"o": "1.0.0"}}
""")
    w.install("--lockfile-only")
    w.server.fault("GET /o/-/*: 404")
    w.install("--frozen-lockfile")
    assert w.names() == ["a"]
    assert not (w.modules / ".pnpm" / "o@1.0.0" / "node_modules" / "o").exists()
    assert w.state()["skipped"] == []
    w.server.reset()
    w.install("--frozen-lockfile", "--force")
    assert w.names() == ["a", "o"]


FAILING = """
# registry
outer@1.0.0 {dependencies: {plain: 1.0.0}, optionalDependencies: {failing: 1.0.0}}
inner@1.0.0 {dependencies: {failing: 1.0.0}}
peering@1.0.0 {peerDependencies: {failing: 1.0.0}, peerDependenciesMeta: {failing: {optional: true}}}
plain@1.0.0
failing@1.0.0 {scripts: {postinstall: "exit 1"}, dependencies: {below: 1.0.0}}
below@1.0.0

# package.json
%s

# pnpm-workspace.yaml
allowBuilds: {failing: true}
"""


def dangling(folder):
    return [os.path.join(path, name) for path, dirs, files in os.walk(folder) for name in dirs + files
            if os.path.islink(os.path.join(path, name)) and not os.path.exists(os.path.join(path, name))]


@pytest.mark.parametrize("linker", ["isolated", "hoisted"])
def test_65_an_optional_package_whose_build_fails_is_left_out(world, linker):
    w = world(FAILING % '{"dependencies": {"outer": "1.0.0"}}')
    done = w.install("--reporter", "ndjson", "--linker", linker)
    assert skipped_events(done) == [("failing@1.0.0", "build_failure")]
    assert w.has("outer") and not w.has("failing") and dangling(w.modules) == []
    assert (w.modules / ".pnpm/lock.yaml").is_file() and "failing@1.0.0" in w.current()
    assert "up to date" in w.install("--linker", linker).text
    w.remove_modules()
    w.install("--frozen-lockfile", "--linker", linker)
    assert w.has("outer") and dangling(w.modules) == []


def test_66_an_optional_peer_whose_build_fails(world):
    w = world(FAILING % '{"dependencies": {"peering": "1.0.0"}, "optionalDependencies": {"failing": "1.0.0"}}')
    w.install()
    assert w.has("peering") and not w.has("failing") and dangling(w.modules) == []
    snapshots = w.lockfile().split("\nsnapshots:\n")[1]
    assert "  peering@1.0.0(failing@1.0.0):\n    optionalDependencies:\n      failing: 1.0.0\n" in snapshots
    assert "  failing@1.0.0:\n    dependencies:\n      below: 1.0.0\n    optional: true\n" in snapshots


@pytest.mark.parametrize("manifest", ['{"dependencies": {"outer": "1.0.0", "inner": "1.0.0"}}', '{"dependencies": {"failing": "1.0.0"}}'])
def test_71_30_90_a_required_package_whose_build_fails(world, manifest):
    w = world(FAILING % manifest)
    done = w.install(ok=False)
    assert "PMX_E_SCRIPT" in done.text and "failing@1.0.0" in done.text
    # What is recorded as installed is whole: nothing is, and the next run tries again.
    assert not (w.modules / ".pnpm/lock.yaml").exists()
    assert "PMX_E_SCRIPT" in w.install(ok=False).text
    w.install("--ignore-scripts")
    assert (w.modules / ".pnpm/lock.yaml").is_file()


def test_33_a_lockfile_that_is_a_link_is_not_written_through(world, tmp_path):
    w = world("# registry\na@1.0.0\n\n# package.json\n{\"dependencies\": {\"a\": \"1.0.0\"}}\n")
    elsewhere = tmp_path / "elsewhere.yaml"
    text = "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n"
    elsewhere.write_text(text)
    os.symlink(elsewhere, w.path / "pnpm-lock.yaml")
    done = w.install("--lockfile-only", "--no-frozen-lockfile", ok=False)
    assert "PMX_E_UNSAFE_PATH" in done.text and elsewhere.read_text() == text


@pytest.mark.parametrize("setting, remedy", [("sharedWorkspaceLockfile: false", "sharedWorkspaceLockfile: true"),
                                             ("gitBranchLockfile: true", "gitBranchLockfile: false")])
def test_lockfiles_of_other_names_are_refused_by_name(world, setting, remedy):
    w = world("# registry\na@1.0.0\n\n# package.json\n{\"dependencies\": {\"a\": \"1.0.0\"}}\n\n# pnpm-workspace.yaml\n%s\n" % setting)
    done = w.install(ok=False)
    assert "PMX_E_CONFIG" in done.text and setting.split(":")[0] in done.text and remedy in done.text
    assert not (w.path / "pnpm-lock.yaml").exists()
    (w.path / "pnpm-workspace.yaml").write_text(remedy + "\n")
    w.install()


def test_named_registries_say_what_to_do(world):
    w = world("# registry\na@1.0.0\n\n# package.json\n{\"dependencies\": {\"a\": \"work:^1.0.0\"}}\n\n# pnpm-workspace.yaml\n"
              "namedRegistries: {work: \"http://registry.example/\"}\n")
    done = w.install(ok=False)
    assert "PMX_E_RESOLUTION_UNSUPPORTED" in done.text and "a@work:^1.0.0" in done.text and ".npmrc" in done.text


def test_hooks_in_javascript_are_told_of(world):
    w = world("# registry\na@1.0.0\n\n# package.json\n{\"dependencies\": {\"a\": \"1.0.0\"}}\n\n# .pnpmfile.cjs\nmodule.exports = {}\n")
    assert ".pnpmfile.cjs is not run" in w.install().text
