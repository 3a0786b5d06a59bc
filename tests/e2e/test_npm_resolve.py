"""Resolving by npm's rules, beside the npm that is installed: package-lock.json byte for byte. Skipped by name without npm 11."""

import json
import os
import shutil
import subprocess
import sys

import pytest

import registry_server
from conftest import ROOT, Pmx

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
import npm_graphs  # noqa: E402



def npm_version():
    return subprocess.run(["npm", "--version"], capture_output=True, text=True, timeout=60).stdout.strip() if shutil.which("npm") else ""


needs_npm = pytest.mark.skipif(not npm_version().startswith("11."), reason="npm 11 is not installed")


def manifest(name, version="1.0.0", **more):
    return json.dumps({"name": name, "version": version, **more})


CARRIED = {
    "node_modules/aa/package.json": manifest("aa", license="MIT", bin={"aa": "x.js"}, scripts={"install": "true"}),
    "node_modules/cc/package.json": manifest("cc", dependencies={"aa": "^1.0.0", "bb": "^1.0.0"}, engines={"node": ">=10"}),
    "node_modules/cc/node_modules/bb/package.json": manifest("bb"),
}
SHRINKWRAP = {"name": "wrapped", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": {
    "": {"name": "wrapped", "version": "1.0.0", "dependencies": {"aa": "^1.0.0", "cc": "^1.0.0"}, "devDependencies": {"bb": "^1.0.0"}},
    "node_modules/aa": {"version": "1.0.0", "resolved": "https://registry.example/aa/-/aa-1.0.0.tgz"},
    "node_modules/bb": {"version": "1.0.0", "dev": True, "resolved": "https://registry.example/bb/-/bb-1.0.0.tgz"},
    "node_modules/cc": {"version": "1.0.0", "resolved": "https://registry.example/cc/-/cc-1.0.0.tgz", "dependencies": {"aa": "^1.0.0"}}}}
ONE = {"aa": "^1.0.0", "cc": "^1.0.0"}
PACKAGES = [
    ("aa", "1.0.0", {}, {}), ("aa", "1.2.0", {}, {}), ("aa", "2.0.0", {"dependencies": {"bb": "^1.0.0"}}, {}),
    ("bb", "1.0.0", {}, {}), ("bb", "1.1.0", {}, {}), ("cc", "1.0.0", {"dependencies": {"aa": "^1.0.0"}}, {}),
    ("carrier", "1.0.0", {"dependencies": {**ONE, "bb": "^1.0.0"}, "bundleDependencies": ["aa", "cc"]}, CARRIED),
    ("carrier-all", "1.0.0", {"dependencies": ONE, "bundleDependencies": True}, CARRIED),
    ("carrier-gap", "1.0.0", {"dependencies": ONE, "bundledDependencies": ["aa", "cc"]}, {"node_modules/aa/package.json": manifest("aa")}),
    ("carrier-more", "1.0.0", {"dependencies": {"aa": "^1.0.0"}, "bundleDependencies": ["aa"]},
     {**CARRIED, "node_modules/zz/package.json": manifest("zz", "9.0.0")}),
    ("wrapped", "1.0.0", {"dependencies": ONE, "devDependencies": {"bb": "^1.0.0"}, "_hasShrinkwrap": True}, {"npm-shrinkwrap.json": json.dumps(SHRINKWRAP)}),
    ("uses", "1.0.0", {"dependencies": {"wrapped": "1", "carrier": "1"}}, {}),
]
CASES = {
    "one": {"dependencies": {"carrier": "1"}}, "for-development": {"devDependencies": {"carrier": "1"}},
    "all": {"dependencies": {"carrier-all": "1", "aa": "2"}}, "gap": {"dependencies": {"carrier-gap": "1"}},
    "more": {"dependencies": {"carrier-more": "1"}}, "two": {"dependencies": {"carrier": "1", "carrier-all": "1"}},
    "override": {"dependencies": {"carrier": "1"}, "overrides": {"bb": "1.0.0"}},
    "optional": {"optionalDependencies": {"carrier-more": "1"}, "dependencies": {"aa": "1.0.0"}},
    "shrinkwrap": {"dependencies": {"wrapped": "1"}}, "shrinkwrap-beside": {"dependencies": {"wrapped": "1", "aa": "2"}},
    "below": {"dependencies": {"uses": "1"}},
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    for name, version, fields, files in PACKAGES:
        for path, text in {"package.json": manifest(name, version, **fields), **files}.items():
            (root / name / version / path).parent.mkdir(parents=True, exist_ok=True)
            (root / name / version / path).write_text(text)
    with registry_server.RegistryServer(root) as server:
        yield server


@needs_npm
@pytest.mark.parametrize("case", list(CASES))
def test_what_a_package_carries_is_listed(case, registry, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    pmx = Pmx(str(home), registry.url)
    for who in ("npm", "pmx"):
        (tmp_path / who).mkdir()
        (tmp_path / who / "package.json").write_text(manifest("root", **CASES[case]))
        (tmp_path / who / "package-lock.json").write_text(npm_graphs.STUB)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    npm = ["npm", "install", "--package-lock-only", "--no-audit", "--no-fund", "--ignore-scripts", "--registry", registry.url + "/"]
    subprocess.run(npm, cwd=tmp_path / "npm", env=environment, check=True, capture_output=True, timeout=120)
    done = pmx("install", "--lockfile-only", cwd=tmp_path / "pmx")
    assert done.code == 0, done.text
    written = (tmp_path / "pmx" / "package-lock.json").read_text()
    assert written == (tmp_path / "npm" / "package-lock.json").read_text()
    # The same lockfile is read and kept.
    assert pmx("install", "--lockfile-only", cwd=tmp_path / "pmx").code == 0
    assert (tmp_path / "pmx" / "package-lock.json").read_text() == written


def test_outdated_sees_what_is_installed(registry, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "package.json").write_text(manifest("app", dependencies={"aa": "1.0.0", "bb": "1.1.0"}))
    (tmp_path / "app" / "package-lock.json").write_text(npm_graphs.STUB)
    pmx = Pmx(str(tmp_path / "home"), registry.url)
    done = pmx("install", "--no-frozen-lockfile", cwd=tmp_path / "app")
    assert done.code == 0, done.text
    found = json.loads(pmx("outdated", "--json", cwd=tmp_path / "app").out)
    assert {name: entry["current"] for name, entry in found.items()} == {"aa": "1.0.0"}
    assert found["aa"]["wanted"] == "1.0.0" and found["aa"]["latest"] == "2.0.0"
    shutil.rmtree(tmp_path / "app" / "node_modules")
    assert {name: "current" in entry for name, entry in json.loads(pmx("outdated", "--json", cwd=tmp_path / "app").out).items()} == \
        {"aa": False, "bb": False}


# All seeds from the first on. Without --no-overrides 1012 and 1035 differ: npm forgets overrides in some workspaces
# (docs/INTEROP.md).
@needs_npm
@pytest.mark.parametrize("flags", [("0", "40"), ("1000", "1040", "--workspaces", "--no-overrides")], ids=["packages", "workspaces"])
def test_random_graphs(flags, tmp_path):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tests", "interop", "npm_graphs.py"), *flags],
                          capture_output=True, text=True, timeout=300, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
