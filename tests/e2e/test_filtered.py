"""`install --filter` (behaviour 103), and edits with a filter: which projects' node_modules are made, what the lockfile and the
records say of the others. What is expected was asked of pnpm 12.21."""

import json
import os
import shutil

import pytest

import resolve_cases
import trees
from test_behaviours import World

WORKSPACE = """
# registry
a@1.0.0
a@1.1.0
b@1.0.0 {dependencies: {c: ^1.0.0}}
c@1.0.0
c@1.1.0
d@1.0.0
e@1.0.0

# package.json
{"dependencies": {"e": "1.0.0"}, "scripts": {"postinstall": "echo root >> log"}}

# packages/p1/package.json
{"name": "p1", "version": "1.0.0", "dependencies": {"a": "^1.0.0", "p3": "workspace:*"}, "scripts": {"postinstall": "echo p1 >> ../../log"}}

# packages/p2/package.json
{"name": "p2", "version": "1.0.0", "dependencies": {"b": "1.0.0"}, "devDependencies": {"d": "1.0.0"}, "scripts": {"postinstall": "echo p2 >> ../../log"}}

# packages/p3/package.json
{"name": "p3", "version": "1.0.0", "dependencies": {"c": "1.0.0"}}

# pnpm-workspace.yaml
packages: [packages/*]
"""


class Workspace(World):
    def direct(self, project):
        folder = self.path / project / "node_modules"
        return sorted(n for n in os.listdir(folder) if not n.startswith(".")) if folder.is_dir() else None

    def wants(self, project, **groups):
        path = self.path / "packages" / project / "package.json"
        resolve_cases.write(str(path), json.dumps({"name": project, "version": "1.0.0", **groups}))

    def importers(self, text):
        import yaml
        return {name: {alias: entry["version"] for group in importer.values() for alias, entry in group.items()}
                for name, importer in yaml.safe_load(text)["importers"].items()}


@pytest.fixture
def workspace(tmp_path):
    with Workspace(WORKSPACE, tmp_path) as one:
        yield one


def test_103_the_chosen_projects_and_the_root_only(workspace):
    workspace.install("--filter", "p1")
    assert workspace.direct(".") == ["e"] and workspace.direct("packages/p1") == ["a", "p3"]
    assert workspace.direct("packages/p2") is None and workspace.direct("packages/p3") is None
    assert workspace.slots() == ["a@1.1.0", "e@1.0.0"]
    # Hoisting links every project by name.
    assert {"p1", "p2", "p3"} <= set(os.listdir(workspace.modules / ".pnpm/node_modules"))
    assert list(workspace.importers(workspace.lockfile())) == [".", "packages/p1", "packages/p2", "packages/p3"]
    assert list(workspace.importers(workspace.current())) == [".", "packages/p1"]
    assert json.loads((workspace.modules / ".pnpm-workspace-state-v1.json").read_text())["filteredInstall"] is True
    assert sorted((workspace.path / "log").read_text().split()) == ["p1", "root"]

    lockfile = workspace.lockfile()
    before = trees.stamps(str(workspace.path / "packages/p1"))
    workspace.install("--filter", "...^p3", "--filter", "./packages/p2")
    assert workspace.direct("packages/p2") == ["b", "d"] and workspace.direct("packages/p3") is None
    assert list(workspace.importers(workspace.current())) == [".", "packages/p1", "packages/p2"]
    assert trees.stamps(str(workspace.path / "packages/p1")) == before
    workspace.install()
    assert workspace.direct("packages/p3") == ["c"] and workspace.lockfile() == lockfile == workspace.current()
    assert json.loads((workspace.modules / ".pnpm-workspace-state-v1.json").read_text())["filteredInstall"] is False
    assert "up to date" in workspace.install().text


def test_103_what_other_manifests_say_does_not_count(workspace):
    workspace.install()
    workspace.wants("p1", dependencies={"a": "1.0.0"})
    workspace.wants("p2", dependencies={"b": "1.0.0", "nowhere": "1.0.0"})
    before = trees.stamps(str(workspace.path / "packages/p2/node_modules"))
    workspace.install("--filter", "p1")
    assert workspace.direct("packages/p1") == ["a"]
    assert workspace.importers(workspace.lockfile())["packages/p1"] == {"a": "1.0.0"}
    assert workspace.importers(workspace.lockfile())["packages/p2"] == {"b": "1.0.0", "d": "1.0.0"}
    assert workspace.current() == workspace.lockfile()
    assert trees.stamps(str(workspace.path / "packages/p2/node_modules")) == before
    # Frozen, only what was chosen has to fit.
    workspace.install("--frozen-lockfile", "--filter", "p1")
    assert "PMX_E_LOCKFILE_OUTDATED" in workspace.install("--frozen-lockfile", "--filter", "p2", ok=False).text
    assert "PMX_E_LOCKFILE_OUTDATED" in workspace.install("--frozen-lockfile", ok=False).text
    assert "PMX_E_FETCH_NOT_FOUND" in workspace.install(ok=False).text


def test_103_projects_that_come_and_go(workspace):
    workspace.install()
    lockfile = workspace.lockfile()
    workspace.wants("p4", dependencies={"a": "1.0.0"})
    shutil.rmtree(workspace.path / "packages/p2")
    workspace.install("--filter", "p1")
    assert workspace.lockfile() == lockfile and not (workspace.path / "packages/p2").exists()
    workspace.install("--filter", "p4")
    assert workspace.direct("packages/p4") == ["a"]
    assert set(workspace.importers(workspace.lockfile())) == {".", "packages/p1", "packages/p2", "packages/p3", "packages/p4"}
    workspace.install()
    assert set(workspace.importers(workspace.lockfile())) == {".", "packages/p1", "packages/p3", "packages/p4"}


def test_103_groups_are_each_projects_own(workspace):
    workspace.install("--filter", "p2", "--prod")
    assert workspace.direct("packages/p2") == ["b"] and "d@1.0.0" not in workspace.current()
    workspace.install("--filter", "p2")
    assert workspace.direct("packages/p2") == ["b", "d"]
    workspace.install("--filter", "p1", "--prod")
    assert workspace.direct("packages/p2") == ["b", "d"] and "d@1.0.0" in workspace.current()
    workspace.install("--filter", "p2", "--prod")
    assert workspace.direct("packages/p2") == ["b"] and "d@1.0.0" not in workspace.slots()
    workspace.install()
    assert workspace.current() == workspace.lockfile() and workspace.direct("packages/p2") == ["b", "d"]


def test_103_a_choice_of_nothing(workspace):
    done = workspace.install("--filter", "nope")
    assert "no project" in done.err and not workspace.modules.exists() and not (workspace.path / "pnpm-lock.yaml").exists()
    assert workspace.install("--filter", "nope", "--fail-if-no-match", ok=False).code == 2
    workspace.install("--filter", "*")
    assert workspace.current() == workspace.lockfile() and "up to date" in workspace.install().text


def test_103_a_tree_of_other_settings_is_not_made_anew_for_some(workspace):
    workspace.install()
    resolve_cases.write(str(workspace.path / "pnpm-workspace.yaml"), "packages: [packages/*]\nhoistPattern: [b]\n")
    assert "without --filter" in workspace.install("--filter", "p1", ok=False).text
    assert workspace.direct("packages/p2") == ["b", "d"]
    workspace.install()
    workspace.install("--filter", "p1")


@pytest.mark.parametrize("linker", ["hoisted", "global"])
def test_103_by_other_linkers(workspace, linker):
    workspace.install("--filter", "p2", "--linker", linker)
    assert (workspace.path / "packages/p2/node_modules/b").is_dir() or workspace.has("b")
    assert workspace.direct("packages/p1") is None and not workspace.has("a")
    workspace.install("--linker", linker)
    assert workspace.current() == workspace.lockfile()
    assert workspace.has("a") or (workspace.path / "packages/p1/node_modules/a/package.json").is_file()


def test_103_edits_with_a_filter(workspace):
    workspace.run("add", "--filter", "p1", "d@1.0.0")
    assert workspace.direct("packages/p1") == ["a", "d", "p3"] and workspace.direct("packages/p2") is None
    workspace.install()
    workspace.run("remove", "--filter", "p1", "d")
    assert workspace.direct("packages/p1") == ["a", "p3"] and workspace.direct("packages/p2") == ["b", "d"]
    assert workspace.current() == workspace.lockfile()
    for project in (".", "packages/p1", "packages/p2", "packages/p3"):
        shutil.rmtree(workspace.path / project / "node_modules")
    workspace.run("update", "--filter", "p1", "a")
    assert "^1.1.0" in (workspace.path / "packages/p1/package.json").read_text()
    assert workspace.direct("packages/p1") == ["a", "p3"] and workspace.direct("packages/p2") is None


def test_103_not_beside_npms_lockfile(tmp_path):
    with Workspace(WORKSPACE, tmp_path) as one:
        os.remove(one.path / "pnpm-workspace.yaml")
        resolve_cases.write(str(one.path / "package.json"), json.dumps({"name": "r", "workspaces": ["packages/*"]}))
        for project in ("p1", "p2", "p3"):
            one.wants(project)
        resolve_cases.write(str(one.path / "package-lock.json"), json.dumps({"name": "r", "lockfileVersion": 3, "packages": {
            "": {"name": "r", "workspaces": ["packages/*"]}, **{"packages/p%d" % i: {"name": "p%d" % i, "version": "1.0.0"} for i in (1, 2, 3)},
            **{"node_modules/p%d" % i: {"resolved": "packages/p%d" % i, "link": True} for i in (1, 2, 3)}}}))
        done = one.install("--filter", "p1", ok=False)
        assert done.code == 2 and "PMX_E_USAGE" in done.text
