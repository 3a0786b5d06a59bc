"""add, remove, update and dedupe: what package.json, pnpm-lock.yaml and node_modules are afterwards. The expected texts are
those of pnpm 12.21 for the same packages and commands."""

import json
import os
import pty
import select
import shutil
import subprocess
import time

import pytest

import registry_server
import trees
from conftest import Pmx

SOURCES = {
    "aa": {"1.0.0": {}, "1.1.0": {}, "1.1.5": {}, "1.2.0": {}, "2.0.0": {}, "2.1.0": {}, "3.0.0-beta.1": {}},
    "bb": {v: {"dependencies": {"aa": "^1.0.0"}} for v in ("1.0.0", "1.3.0")},
    "cc": {v: {"dependencies": {"bb": "^1.0.0"}} for v in ("0.1.0", "0.2.0")},
    "@s/dd": {v: {"peerDependencies": {"aa": "^1.0.0"}} for v in ("1.0.0", "1.0.1")},
    "zz": {"1.0.0": {}},
    "list": {"1.0.0": {}},
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    for name, versions in SOURCES.items():
        for version, manifest in versions.items():
            folder = root / name / version
            folder.mkdir(parents=True)
            (folder / "package.json").write_text(json.dumps({"name": name, "version": version, **manifest}))
            (folder / "index.js").write_text("module.exports = %s\n" % json.dumps(name + "@" + version))
    (root / "aa" / "dist-tags.json").write_text('{"latest":"2.1.0","beta":"3.0.0-beta.1","old":"1.1.5"}')
    with registry_server.RegistryServer(root) as server:
        yield server


@pytest.fixture
def pmx(tmp_path, sources):
    home = tmp_path / "home"
    home.mkdir()
    return Pmx(str(home), sources.url)


@pytest.fixture
def project(tmp_path):
    def make(manifest="{}", workspace="", **files):
        root = tmp_path / "project"
        root.mkdir()
        (root / "pnpm-workspace.yaml").write_text("minimumReleaseAge: 0\n" + workspace)
        (root / "package.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
        for name, text in files.items():
            path = root / name.replace("__", "/") / "package.json"
            path.parent.mkdir(parents=True)
            path.write_text(text if isinstance(text, str) else json.dumps(text))
        return root
    return make


def ok(done):
    assert done.code == 0, "exit %d\n%s" % (done.code, done.text)
    return done


def manifest(root):
    return (root / "package.json").read_text()


def lockfile(root):
    return (root / "pnpm-lock.yaml").read_text()


def importer(root, name="."):
    """alias → (specifier, version) of one project, from the lockfile's text."""
    lines, found, inside, alias = lockfile(root).split("\n"), {}, False, None
    for line in lines:
        if line.startswith("  ") and not line.startswith("   ") and line.endswith(":"):
            inside = line.strip(" :'") == name
        elif line and not line.startswith(" "):
            inside = False
        elif inside and line.startswith("      ") and not line.startswith("       "):
            alias = line.strip(" :'")
        elif inside and line.startswith("        specifier: "):
            found[alias] = [line.split(": ", 1)[1].strip("'")]
        elif inside and line.startswith("        version: "):
            found[alias].append(line.split(": ", 1)[1].strip("'"))
    return {k: tuple(v) for k, v in found.items()}


def test_add_saves_a_range_and_installs(pmx, project):
    root = project('{\n  "name": "x"\n}\n')
    ok(pmx("add", "aa", cwd=root))
    assert manifest(root) == '{\n  "name": "x",\n  "dependencies": {\n    "aa": "^2.1.0"\n  }\n}\n'
    assert importer(root) == {"aa": ("^2.1.0", "2.1.0")}
    assert json.loads((root / "node_modules/aa/package.json").read_text())["version"] == "2.1.0"
    ok(pmx("install", "--frozen-lockfile", cwd=root))


def test_add_makes_the_first_manifest(pmx, project):
    root = project()
    (root / "package.json").unlink()
    assert pmx("install", cwd=root).code == 1
    ok(pmx("add", "zz", cwd=root))
    assert manifest(root) == '{\n  "dependencies": {\n    "zz": "^1.0.0"\n  }\n}\n'
    ok(pmx("install", "--frozen-lockfile", cwd=root))


@pytest.mark.parametrize("argument, saved, version", [
    ("aa@1", "^1.2.0", "1.2.0"), ("aa@1.1", "~1.1.5", "1.1.5"), ("aa@~1.1.0", "~1.1.5", "1.1.5"), ("aa@1.0.0", "1.0.0", "1.0.0"),
    ("aa@old", "^1.1.5", "1.1.5"), ("aa@beta", "3.0.0-beta.1", "3.0.0-beta.1"), ("aa@>=1", "^2.1.0", "2.1.0"),
])
def test_add_with_a_version(pmx, project, argument, saved, version):
    root = project()
    ok(pmx("add", argument, "--lockfile-only", cwd=root))
    assert json.loads(manifest(root))["dependencies"] == {"aa": saved}
    assert importer(root) == {"aa": (saved, version)}
    assert not (root / "node_modules").exists()


def test_groups_exactness_and_peers(pmx, project):
    root = project()
    ok(pmx("add", "-D", "bb", "--lockfile-only", cwd=root))
    ok(pmx("add", "-O", "cc", "--lockfile-only", cwd=root))
    ok(pmx("add", "-E", "zz", "--lockfile-only", cwd=root))
    ok(pmx("add", "--save-peer", "@s/dd", "--lockfile-only", cwd=root))
    assert json.loads(manifest(root)) == {
        "dependencies": {"zz": "1.0.0"}, "devDependencies": {"@s/dd": "^1.0.1", "bb": "^1.3.0"},
        "optionalDependencies": {"cc": "^0.2.0"}, "peerDependencies": {"@s/dd": "^1.0.1"}}
    ok(pmx("add", "-P", "bb", "--lockfile-only", cwd=root))
    assert json.loads(manifest(root))["dependencies"] == {"bb": "^1.3.0", "zz": "1.0.0"}
    ok(pmx("rm", "cc", "@s/dd", "--lockfile-only", cwd=root))
    assert json.loads(manifest(root)) == {"dependencies": {"bb": "^1.3.0", "zz": "1.0.0"}}


def test_aliases_and_a_package_with_the_name_of_a_command(pmx, project):
    root = project()
    ok(pmx("install", "list", "al@npm:aa@1", cwd=root))
    assert json.loads(manifest(root))["dependencies"] == {"al": "npm:aa@^1.2.0", "list": "^1.0.0"}
    assert json.loads((root / "node_modules/al/package.json").read_text())["name"] == "aa"


def test_only_the_lines_concerned_change(pmx, project):
    before = '{\r\n    "name": "x", "files": ["a", "b"],\r\n    "dependencies": {\r\n        "zz": "1.0.0"\r\n    }\r\n}'
    root = project()
    (root / "package.json").write_bytes(b"\xef\xbb\xbf" + before.encode())
    ok(pmx("add", "aa", "--lockfile-only", cwd=root))
    after = before.replace('        "zz"', '        "aa": "^2.1.0",\r\n        "zz"')
    assert (root / "package.json").read_bytes() == b"\xef\xbb\xbf" + after.encode()
    ok(pmx("remove", "aa", "--lockfile-only", cwd=root))
    assert (root / "package.json").read_bytes() == b"\xef\xbb\xbf" + before.encode()


def test_add_remove_gives_the_lockfile_and_the_tree_back(pmx, project):
    root = project({"dependencies": {"bb": "1.0.0"}})
    ok(pmx("install", cwd=root))
    first = lockfile(root)
    ok(pmx("add", "cc@0.1.0", cwd=root))
    assert (root / "node_modules/cc").exists()
    ok(pmx("remove", "cc", cwd=root))
    assert lockfile(root) == first
    assert not (root / "node_modules/cc").exists()
    assert json.loads(manifest(root)) == {"dependencies": {"bb": "1.0.0"}}


def test_update_within_the_range_and_beyond(pmx, project):
    root = project({"dependencies": {"aa": "1.0.0", "bb": "1.0.0"}})
    ok(pmx("install", "--lockfile-only", cwd=root))
    (root / "package.json").write_text('{"dependencies":{"aa":"^1.0.0","bb":"~1.0.0"}}')
    ok(pmx("install", "--lockfile-only", cwd=root))
    assert importer(root)["aa"] == ("^1.0.0", "1.0.0")
    ok(pmx("update", "--lockfile-only", cwd=root))
    assert manifest(root) == '{"dependencies":{"aa":"^1.2.0","bb":"~1.0.0"}}'
    assert importer(root) == {"aa": ("^1.2.0", "1.2.0"), "bb": ("~1.0.0", "1.0.0")}
    ok(pmx("up", "--latest", "--lockfile-only", cwd=root))
    assert manifest(root) == '{"dependencies":{"aa":"^2.1.0","bb":"~1.3.0"}}'
    assert importer(root) == {"aa": ("^2.1.0", "2.1.0"), "bb": ("~1.3.0", "1.3.0")}


def test_update_of_one_name_leaves_the_others(pmx, project):
    root = project({"dependencies": {"aa": "1.0.0", "bb": "1.0.0"}})
    ok(pmx("install", "--lockfile-only", cwd=root))
    (root / "package.json").write_text('{"dependencies":{"aa":"^1.0.0"},"devDependencies":{"bb":"^1.0.0"}}')
    ok(pmx("install", "--lockfile-only", cwd=root))
    ok(pmx("update", "-D", "--lockfile-only", cwd=root))
    assert json.loads(manifest(root)) == {"dependencies": {"aa": "^1.0.0"}, "devDependencies": {"bb": "^1.3.0"}}
    assert importer(root)["aa"] == ("^1.0.0", "1.0.0")
    ok(pmx("update", "aa@1.1.0", "--lockfile-only", cwd=root))
    assert importer(root)["aa"] == ("^1.1.0", "1.1.0")
    ok(pmx("update", "a*", "--no-save", "--lockfile-only", cwd=root))
    assert importer(root)["aa"] == ("^1.1.0", "1.2.0")


def test_update_of_a_catalog_changes_the_catalog(pmx, project):
    root = project({"dependencies": {"aa": "catalog:"}}, "packages: []\ncatalog:\n  # why\n  aa:   ^1.0.0 # here\n")
    ok(pmx("update", "--lockfile-only", cwd=root))
    assert (root / "pnpm-workspace.yaml").read_text() == "minimumReleaseAge: 0\npackages: []\ncatalog:\n  # why\n  aa:   ^1.2.0 # here\n"
    assert "      specifier: ^1.2.0\n      version: 1.2.0\n" in lockfile(root)
    assert importer(root) == {"aa": ("catalog:", "1.2.0")}
    ok(pmx("install", "--frozen-lockfile", "--lockfile-only", cwd=root))


def test_add_takes_from_and_saves_into_the_catalog(pmx, project):
    root = project({}, "packages: []\ncatalog:\n  aa: ^1.0.0\n")
    ok(pmx("add", "aa", "--lockfile-only", cwd=root))
    ok(pmx("add", "zz", "--save-catalog", "--lockfile-only", cwd=root))
    assert json.loads(manifest(root))["dependencies"] == {"aa": "catalog:", "zz": "catalog:"}
    assert (root / "pnpm-workspace.yaml").read_text().endswith("catalog:\n  aa: ^1.0.0\n  zz: ^1.0.0\n")
    ok(pmx("install", "--frozen-lockfile", cwd=root))


def test_a_workspace_chooses_its_projects(pmx, project):
    root = project({"name": "root"}, "packages: [a, b]\n", a={"name": "a"}, b={"name": "b", "version": "1.2.3"})
    refused = pmx("add", "zz", cwd=root)
    assert refused.code == 2 and "-w" in refused.text and "zz" not in manifest(root)
    ok(pmx("add", "b@workspace:*", "--lockfile-only", cwd=root / "a"))
    assert json.loads(manifest(root / "a"))["dependencies"] == {"b": "workspace:*"}
    assert importer(root, "a") == {"b": ("workspace:*", "link:../b")}
    ok(pmx("add", "--filter", "...b", "zz", "--lockfile-only", cwd=root))
    assert importer(root, "a")["zz"] == ("^1.0.0", "1.0.0") and importer(root, "b")["zz"] == ("^1.0.0", "1.0.0")
    assert importer(root) == {}
    ok(pmx("add", "-w", "aa", "--lockfile-only", cwd=root / "a"))
    assert importer(root)["aa"] == ("^2.1.0", "2.1.0")
    ok(pmx("remove", "-r", "zz", "--lockfile-only", cwd=root))
    assert "zz" not in manifest(root / "a") + manifest(root / "b") + lockfile(root)
    ok(pmx("add", "../b", "--save-dev", "--lockfile-only", cwd=root / "a"))
    assert json.loads(manifest(root / "a")) == {"name": "a", "devDependencies": {"b": "link:../b"}}


def test_paths_start_where_the_command_runs(pmx, project):
    root = project()
    (root / "sub/lib").mkdir(parents=True)
    (root / "sub/lib/package.json").write_text('{"name":"lib","version":"1.0.0"}')
    ok(pmx("add", "./lib", "--lockfile-only", cwd=root / "sub"))
    ok(pmx("add", "two@file:../sub/lib", "--lockfile-only", cwd=root / "sub"))
    assert json.loads(manifest(root))["dependencies"] == {"lib": "link:sub/lib", "two": "file:./sub/lib"}


def test_what_fails_changes_nothing(pmx, project):
    root = project('{"dependencies":{"aa":"1.0.0"}}')
    ok(pmx("install", cwd=root))
    before = manifest(root), lockfile(root)
    for args, code, words in [
        (("add", "nope"), 1, "nope"), (("add", ""), 2, "nothing to add"), (("add", "a b"), 1, "a b"), (("add", "aa@77"), 1, "aa"), (("add", "aa@nope"), 1, "nope"), (("add",), 2, "nothing to add"),
        (("remove", "ab"), 2, "did you mean aa?"), (("remove",), 2, "nothing to remove"), (("update", "zz@1"), 2, "zz"),
        (("update", "aa@1", "--latest"), 2, "--latest"), (("update", "-i"), 2, "terminal"), (("install", "--filter", "x", "--fail-if-no-match"), 2, "filter"),
        (("add", "./nowhere"), 2, "package.json"), (("add", "zz", "--filter", "nope", "--fail-if-no-match"), 2, "filters"),
    ]:
        done = pmx(*args, cwd=root)
        assert (done.code, words in done.text) == (code, True), (args, done.code, done.text)
        assert (manifest(root), lockfile(root)) == before, args
    assert pmx("add", "zz", "--filter", "nope", cwd=root).code == 0
    assert (manifest(root), lockfile(root)) == before


def test_dry_run_writes_nothing(pmx, project):
    root = project('{"dependencies":{"aa":"1.0.0"}}')
    ok(pmx("install", cwd=root))
    before = manifest(root), lockfile(root)
    done = ok(pmx("add", "zz", "--dry-run", cwd=root))
    assert "+ zz@1.0.0" in done.text and "package.json" in done.text
    assert (manifest(root), lockfile(root)) == before and not (root / "node_modules/zz").exists()


def test_a_manifest_that_is_a_symbolic_link_is_not_written(pmx, project, tmp_path):
    root = project()
    real = tmp_path / "real.json"
    os.rename(root / "package.json", real)
    os.symlink(real, root / "package.json")
    done = pmx("add", "zz", "--lockfile-only", cwd=root)
    assert done.code == 1 and "symbolic link" in done.text and real.read_text() == "{}"


def test_dedupe(pmx, project):
    root = project({"dependencies": {"aa": "1.0.0", "bb": "1.0.0"}})
    ok(pmx("install", "--lockfile-only", cwd=root))
    (root / "package.json").write_text('{"dependencies":{"aa":"^1.2.0","bb":"1.0.0"}}')
    ok(pmx("install", "--lockfile-only", cwd=root))
    text = lockfile(root)
    check = pmx("dedupe", "--check", cwd=root)
    assert check.code == (0 if "aa@1.0.0" not in text else 1), check.text
    assert lockfile(root) == text
    ok(pmx("dedupe", "--lockfile-only", cwd=root))
    assert "aa@1.0.0" not in lockfile(root)
    assert pmx("dedupe", "--check", cwd=root).code == 0


def test_update_from_a_list_on_a_terminal(pmx, project):
    root = project('{"dependencies":{"aa":"^1.0.0","bb":"1.0.0","zz":"1.0.0"}}')
    ok(pmx("install", "--lockfile-only", cwd=root))
    here, there = pty.openpty()
    process = subprocess.Popen([registry_server.pmx_binary(), "update", "-i", "--latest", "--lockfile-only"], cwd=root,
                               env=pmx.environment(), stdin=there, stdout=subprocess.DEVNULL, stderr=there, start_new_session=True)
    os.close(there)
    shown = b""

    def wait_for(text):
        nonlocal shown
        until = time.monotonic() + 60
        while text not in shown:
            assert time.monotonic() < until, shown
            if select.select([here], [], [], 1)[0]:
                try:
                    shown += os.read(here, 65536)
                except OSError:
                    return
    wait_for(b"[ ]   2  bb")
    shown = b""
    os.write(here, b"\x1b[B")
    wait_for(b"> [ ]   2  bb")
    os.write(here, b" ")
    wait_for(b"> [x]   2  bb")
    os.write(here, b"\r")
    wait_for(b"\0never: until it ends")
    assert process.wait(60) == 0
    os.close(here)
    assert json.loads(manifest(root))["dependencies"] == {"aa": "^1.0.0", "bb": "1.3.0", "zz": "1.0.0"}


@pytest.mark.parametrize("linker", ["isolated", "hoisted"])
@pytest.mark.parametrize("damage", ["link gone", "link elsewhere", "file for a link", "directory for a link", "marker gone", "slot gone", "hidden link gone"])
def test_an_add_puts_the_tree_that_stands_right(pmx, project, tmp_path, linker, damage):
    root = project({"dependencies": {"cc": "0.1.0", "@s/dd": "1.0.0", "aa": "1.0.0"}})
    ok(pmx("install", "--linker", linker, cwd=root))
    modules = root / "node_modules"
    slot = modules / ".pnpm/cc@0.1.0/node_modules" if linker == "isolated" else modules
    link = slot / "bb"
    if linker == "hoisted" and damage not in ("marker gone", "slot gone"):
        pytest.skip("there are no links")
    if damage == "link gone":
        link.unlink()
    elif damage == "link elsewhere":
        link.unlink()
        link.symlink_to("../../aa@1.0.0/node_modules/aa")
    elif damage == "file for a link":
        link.unlink()
        link.write_text("mine")
    elif damage == "directory for a link":
        link.unlink()
        link.mkdir()
    elif damage == "marker gone":
        (slot / "cc/package.json").unlink()
    elif damage == "slot gone":
        shutil.rmtree(slot.parent if linker == "isolated" else slot / "cc")
    else:
        (modules / ".pnpm/node_modules/bb").unlink()
    ok(pmx("add", "zz", "--linker", linker, cwd=root))
    found = trees.everything(modules, skip=(".pnpm-workspace-state-v1.json", ".modules.yaml"))
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for name in ("package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"):
        shutil.copy(root / name, fresh / name)
    ok(pmx("install", "--linker", linker, cwd=fresh))
    wanted = trees.everything(fresh / "node_modules", skip=(".pnpm-workspace-state-v1.json", ".modules.yaml"))
    assert trees.differences({k: v for k, v in found.items() if "/.ignored_" not in k}, wanted) == []


def test_an_add_of_what_stands_makes_nothing_else(pmx, project):
    root = project({"dependencies": {"cc": "0.1.0", "@s/dd": "1.0.0", "aa": "1.0.0"}})
    ok(pmx("install", cwd=root))
    before = trees.stamps(root / "node_modules/.pnpm/cc@0.1.0")
    done = ok(pmx("add", "zz", "--timing=json", cwd=root))
    assert (done.figure("linked"), done.figure("kept")) == (1, 4)
    assert done.figure("symlinks_made") == 1
    assert trees.stamps(root / "node_modules/.pnpm/cc@0.1.0") == before



def test_what_is_added_to_a_lockfile_of_our_own_is_all_that_is_walked(pmx, project):
    root = project({"name": "x", "dependencies": {"aa": "1.0.0", "@s/dd": "*"}})
    ok(pmx("install", cwd=root))
    ok(pmx("add", "list", cwd=root))  # over a lockfile: now it is known
    before = lockfile(root), manifest(root)
    grown = ok(pmx("add", "zz", "--explain", cwd=root))
    assert "resolved by walking 1 packages" in grown.text, grown.text
    after = lockfile(root), manifest(root)
    assert json.loads((root / "node_modules/zz/package.json").read_text())["name"] == "zz"
    # Without what was remembered everything is walked, and nothing is different.
    shutil.rmtree(os.path.join(pmx.home, "cache", "pmx", "resolved"))
    (root / "pnpm-lock.yaml").write_text(before[0])
    (root / "package.json").write_text(before[1])
    whole = ok(pmx("add", "zz", "--explain", cwd=root))
    assert "resolved by walking 4 packages" in whole.text, whole.text
    assert (lockfile(root), manifest(root)) == after
    # Other settings are another matter; and so is what has peers.
    (root / "pnpm-workspace.yaml").write_text("minimumReleaseAge: 0\nautoInstallPeers: true\n")
    assert "resolved by walking 5 packages" in ok(pmx("add", "bb@1.0.0", "--explain", cwd=root)).text
    assert "resolved by walking 6 packages" in ok(pmx("add", "cc", "--explain", cwd=root)).text
    ok(pmx("install", "--frozen-lockfile", cwd=root))
