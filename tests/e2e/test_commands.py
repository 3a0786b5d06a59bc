"""list, why and outdated: what they print, as pnpm 12.21 prints it for the same project."""

import json
import os
import subprocess

import pytest

import registry_server
from conftest import Pmx

SOURCES = {
    "aa": {"1.0.0": {}, "1.2.0": {}, "2.0.0": {"description": "the aa"}, "2.1.0": {}},
    "bb": {v: {"dependencies": {"aa": "^1.0.0"}} for v in ("1.0.0", "1.3.0")},
    "cc": {v: {"dependencies": {"bb": "^1.0.0"}} for v in ("0.1.0", "0.2.0")},
    "@s/dd": {v: {"peerDependencies": {"aa": "^1.0.0"}} for v in ("1.0.0", "1.0.1")},
    "zz": {"1.0.0": {}},
    "depr": {"1.0.0": {"deprecated": "gone"}},
    "c1": {"1.0.0": {"dependencies": {"c2": "1.0.0"}}},
    "c2": {"1.0.0": {"dependencies": {"c1": "1.0.0", "c3": "1.0.0"}}},
    "c3": {"1.0.0": {"dependencies": {"c1": "1.0.0"}}},
}
MANIFEST = {"name": "x", "version": "1.0.0", "dependencies": {"bb": "1.0.0", "al": "npm:aa@2.0.0"},
            "devDependencies": {"cc": "0.1.0", "@s/dd": "1.0.0"}, "optionalDependencies": {"zz": "^1.0.0", "aa": "1.0.0"}}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    for name, versions in SOURCES.items():
        for version, manifest in versions.items():
            folder = root / name / version
            folder.mkdir(parents=True)
            (folder / "package.json").write_text(json.dumps({"name": name, "version": version, **manifest}))
    with registry_server.RegistryServer(root) as server:
        yield server


@pytest.fixture(scope="module")
def installed(tmp_path_factory, sources):
    """A project and a workspace, installed once; nothing here changes them."""
    base = tmp_path_factory.mktemp("installed").resolve()
    (base / "home").mkdir()
    pmx = Pmx(str(base / "home"), sources.url)
    single, workspace = base / "single", base / "workspace"
    for root, yaml, manifests in [
        (single, "", {".": MANIFEST}),
        (workspace, "packages: [a, b]\n", {
            ".": {"name": "root", "private": True},
            "a": {"name": "a", "version": "1.0.0", "dependencies": {"b": "workspace:*", "c1": "1.0.0"}},
            "b": {"name": "b", "version": "1.2.3", "dependencies": {"aa": "^1.0.0", "depr": "1.0.0"}}}),
    ]:
        for folder, manifest in manifests.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / "package.json").write_text(json.dumps(manifest))
        (root / "pnpm-workspace.yaml").write_text("minimumReleaseAge: 0\n" + yaml)
        done = pmx("install", cwd=root)
        assert done.code == 0, done.text
    return pmx, single, workspace


def test_list_is_a_tree(installed):
    pmx, root, _ = installed
    assert pmx("list", cwd=root).out == """x@1.0.0 %s
│
│   dependencies:
├── al@npm:aa@2.0.0
├── bb@1.0.0
│
│   devDependencies:
├── @s/dd@1.0.0
├── cc@0.1.0
│
│   optionalDependencies:
├── aa@1.0.0
└── zz@1.0.0

6 packages
""" % root
    deep = pmx("ls", "aa", "--depth", "5", cwd=root).out
    assert """├─┬ @s/dd@1.0.0
│ └── aa@1.0.0 peer
├─┬ cc@0.1.0
│ └─┬ bb@1.0.0
│   └── aa@1.0.0
""" in deep and "zz" not in deep and deep.endswith("9 packages\n")


def test_list_json(installed, sources):
    pmx, root, _ = installed
    answer = json.loads(pmx("list", "--json", "--depth", "1", cwd=root).out)
    assert list(answer[0]) == ["name", "version", "path", "private", "dependencies", "devDependencies", "optionalDependencies"]
    assert answer[0]["dependencies"] == {
        "al": {"from": "aa", "version": "2.0.0", "resolved": sources.url + "/aa/-/aa-2.0.0.tgz",
               "path": "%s/node_modules/.pnpm/aa@2.0.0/node_modules/aa" % root},
        "bb": {"from": "bb", "version": "1.0.0", "resolved": sources.url + "/bb/-/bb-1.0.0.tgz",
               "path": "%s/node_modules/.pnpm/bb@1.0.0/node_modules/bb" % root,
               "dependencies": {"aa": {"from": "aa", "version": "1.0.0", "resolved": sources.url + "/aa/-/aa-1.0.0.tgz",
                                       "path": "%s/node_modules/.pnpm/aa@1.0.0/node_modules/aa" % root}}}}
    assert set(json.loads(pmx("list", "--json", "--prod", cwd=root).out)[0]) == {
        "name", "version", "path", "private", "dependencies", "optionalDependencies"}
    assert set(json.loads(pmx("list", "--json", "--dev", cwd=root).out)[0]) == {
        "name", "version", "path", "private", "devDependencies", "optionalDependencies"}


def test_list_parseable(installed):
    pmx, root, _ = installed
    lines = pmx("list", "--parseable", cwd=root).out.split("\n")
    store = "%s/node_modules/.pnpm/" % root
    assert lines == [str(root), store + "@s+dd@1.0.0_aa@1.0.0/node_modules/@s/dd", store + "aa@1.0.0/node_modules/aa",
                     store + "aa@2.0.0/node_modules/aa", store + "bb@1.0.0/node_modules/bb", store + "cc@0.1.0/node_modules/cc",
                     store + "zz@1.0.0/node_modules/zz", ""]
    assert ":al npm:aa@2.0.0\n" in pmx("list", "--parseable", "--long", cwd=root).out


def test_list_of_a_workspace(installed):
    pmx, _, root = installed
    assert pmx("list", "-r", "--depth", "-1", cwd=root).out == "root %s\n\na@1.0.0 %s/a\n\nb@1.2.3 %s/b\n" % (root, root, root)
    answer = json.loads(pmx("-r", "list", "--json", cwd=root).out)
    assert [p["name"] for p in answer] == ["root", "a", "b"] and answer[0]["private"] is True
    assert answer[1]["dependencies"]["b"] == {"from": "b", "version": "link:../b", "path": "%s/b" % root}
    assert [p["name"] for p in json.loads(pmx("list", "--json", "--filter", "a...", cwd=root).out)] == ["a", "b"]
    circular = pmx("list", "--depth", "9", cwd=root / "a").out
    assert "└─┬ c2@1.0.0\n    ├── c1@1.0.0\n    └─┬ c3@1.0.0\n      └── c1@1.0.0\n" in circular


def test_why(installed):
    pmx, root, workspace = installed
    assert pmx("why", "aa", cwd=root).out == """aa@1.0.0
├─┬ @s/dd@1.0.0
│ └── x@1.0.0 (devDependencies)
├─┬ bb@1.0.0
│ ├─┬ cc@0.1.0
│ │ └── x@1.0.0 (devDependencies)
│ └── x@1.0.0 (dependencies)
└── x@1.0.0 (optionalDependencies)

aa@2.0.0
└── x@1.0.0 (dependencies)

Found 2 versions of aa
"""
    assert pmx("why", "aa", "--parseable", cwd=root).out == """x@1.0.0 > @s/dd@1.0.0 > aa@1.0.0
x@1.0.0 > cc@0.1.0 > bb@1.0.0 > aa@1.0.0
x@1.0.0 > bb@1.0.0 > aa@1.0.0
x@1.0.0 > aa@1.0.0
x@1.0.0 > aa@2.0.0
"""
    assert "Found 1 version of aa\n" in pmx("why", "al", cwd=root).out
    assert pmx("why", "nope", cwd=root).out == ""
    assert pmx("why", cwd=root).code == 2
    assert pmx("why", "c1", cwd=workspace / "a").out == """c1@1.0.0
├── a@1.0.0 (dependencies)
├─┬ c2@1.0.0
│ └── c1@1.0.0 [circular]
└─┬ c3@1.0.0
  └── c2@1.0.0 [deduped]

Found 1 version of c1
"""


def test_why_json(installed):
    pmx, root, _ = installed
    answer = json.loads(pmx("why", "aa", "--json", cwd=root).out)
    assert answer[1] == {"name": "aa", "version": "2.0.0", "path": "%s/node_modules/.pnpm/aa@2.0.0/node_modules/aa" % root,
                         "dependents": [{"name": "x", "version": "1.0.0", "depField": "dependencies"}]}
    assert answer[0]["dependents"][0] == {"name": "@s/dd", "version": "1.0.0", "peersSuffixHash": "4fff",
                                          "dependents": [{"name": "x", "version": "1.0.0", "depField": "devDependencies"}]}


def test_outdated(installed):
    pmx, root, workspace = installed
    done = pmx("outdated", cwd=root)
    assert done.code == 1
    assert done.out == """┌───────────────┬─────────┬────────┐
│ Package       │ Current │ Latest │
├───────────────┼─────────┼────────┤
│ @s/dd (dev)   │ 1.0.0   │ 1.0.1  │
├───────────────┼─────────┼────────┤
│ aa            │ 2.0.0   │ 2.1.0  │
├───────────────┼─────────┼────────┤
│ bb            │ 1.0.0   │ 1.3.0  │
├───────────────┼─────────┼────────┤
│ cc (dev)      │ 0.1.0   │ 0.2.0  │
├───────────────┼─────────┼────────┤
│ aa (optional) │ 1.0.0   │ 2.1.0  │
└───────────────┴─────────┴────────┘
"""
    done = pmx("outdated", "--json", cwd=root)
    answer = json.loads(done.out)
    assert done.code == 1 and list(answer) == ["@s/dd", "aa@2.0.0", "bb", "cc", "aa@1.0.0 (optional)"]
    assert answer["bb"] == {"current": "1.0.0", "latest": "1.3.0", "wanted": "1.0.0", "isDeprecated": False, "dependencyType": "dependencies"}
    assert pmx("outdated", "--compatible", cwd=root).code == 0
    assert pmx("outdated", "zz", cwd=root).code == 0
    assert pmx("outdated", "nope", cwd=root).code == 2
    answer = json.loads(pmx("outdated", "-r", "--json", cwd=workspace).out)
    assert answer["depr"]["isDeprecated"] is True
    assert answer["aa"]["dependentPackages"] == [{"name": "b", "location": "%s/b" % workspace}]
    assert "│ depr    │ 1.0.0   │ Deprecated │ b          │\n" in pmx("outdated", "-r", cwd=workspace).out


def test_without_a_lockfile(installed, tmp_path):
    pmx, _, _ = installed
    (tmp_path / "package.json").write_text('{"name":"x"}')
    assert pmx("list", cwd=tmp_path).code == 0
    assert pmx("why", "aa", "--json", cwd=tmp_path).out == "[]\n"
    done = pmx("outdated", cwd=tmp_path)
    assert done.code == 1 and "PMX_E_NO_LOCKFILE" in done.text


def test_filters_by_commit(installed, tmp_path):
    pmx, _, _ = installed
    names = {"pnpm-workspace.yaml": "packages: [a, b, c]\n", "package.json": '{"name":"root"}', "a/package.json": '{"name":"a","dependencies":{"b":"workspace:*"}}',
             "b/package.json": '{"name":"b"}', "c/package.json": '{"name":"c"}', "b/src/x.js": "1\n"}
    for name, text in names.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    for words in ("init -q", "add -A", "-c user.name=x -c user.email=x@example.com commit -qm x"):
        subprocess.run(["git", *words.split(" ")], cwd=tmp_path, env=environment, check=True)

    def chosen(pattern):
        done = pmx("list", "-r", "--json", "--depth", "-1", "--filter", pattern, cwd=tmp_path)
        return [p["name"] for p in json.loads(done.out)] if done.out else []
    assert chosen("[HEAD]") == []
    (tmp_path / "b/src/x.js").write_text("2\n")
    assert chosen("[HEAD]") == ["b"]
    assert chosen("...[HEAD]") == ["a", "b"]
    assert chosen("{c}[HEAD]") == []
    done = pmx("list", "--filter", "[nope]", cwd=tmp_path)
    assert done.code == 2 and "nope" in done.err
    assert pmx("list", "--filter", "[--output=x]", cwd=tmp_path).code == 2
    assert not (tmp_path / "x").exists()
