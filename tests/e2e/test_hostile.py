"""Hostile and odd archives. Everything runs as an unprivileged user in a throw-away folder: if pmx had a hole, the
archive would have what the user nobody has."""

import base64
import hashlib
import json
import os
import shutil
import tempfile

import pytest

import registry_server
import trees
from conftest import SHARED, Pmx, shared

FOLDER = os.path.join(SHARED, "vectors", "tarballs")
NOBODY = 65534
CANARY = "/tmp/pmx-evil-canary"


def cases():
    path = os.path.join(FOLDER, "manifest.json")
    if not os.path.isfile(path):
        return [pytest.param(None, id="absent")]
    with open(path, encoding="utf-8") as f:
        return [pytest.param(case, id=case["id"]) for case in json.load(f)["cases"]]


@pytest.fixture(scope="module")
def place():
    """A folder of nobody's with all archives laid out as a recorded registry."""
    shared("vectors", "tarballs", "manifest.json")
    place = tempfile.mkdtemp(prefix="pmx-hostile-")
    storage = os.path.join(place, "storage")
    with open(os.path.join(FOLDER, "manifest.json"), encoding="utf-8") as f:
        rows = json.load(f)["cases"]
    for row in rows:
        name = "evil-" + row["id"]
        os.makedirs(os.path.join(storage, name, "-"))
        shutil.copyfile(os.path.join(FOLDER, row["file"]), os.path.join(storage, name, "-", name + "-1.0.0.tgz"))
    for parent, dirs, files in os.walk(place):
        os.chmod(parent, 0o755)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def storage(place):
    with registry_server.RegistryServer(os.path.join(place, "storage")) as server:
        yield server


def integrity_of(path):
    with open(path, "rb") as f:
        return "sha512-" + base64.b64encode(hashlib.sha512(f.read()).digest()).decode()


@pytest.mark.parametrize("linker", ["isolated", "hoisted"])
@pytest.mark.parametrize("case", cases())
def test_archive(case, linker, place, storage):
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("setpriv is not here, and this does not run as root")
    box = tempfile.mkdtemp(prefix="box-", dir=place)
    home, project = os.path.join(box, "home"), os.path.join(box, "project")
    os.mkdir(home)
    os.mkdir(project)
    name = "evil-" + case["id"]
    integrity = integrity_of(os.path.join(FOLDER, case["file"]))
    with open(os.path.join(project, "package.json"), "w", encoding="utf-8") as f:
        json.dump({"name": "project", "version": "1.0.0", "dependencies": {name: "1.0.0"}}, f)
    with open(os.path.join(project, "pnpm-lock.yaml"), "w", encoding="utf-8") as f:
        f.write("lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\n"
                "importers:\n\n  .:\n    dependencies:\n      %s:\n        specifier: 1.0.0\n        version: 1.0.0\n\n"
                "packages:\n\n  %s@1.0.0:\n    resolution: {integrity: %s}\n%s\nsnapshots:\n\n  %s@1.0.0: {}\n"
                % (name, name, integrity, "    hasBin: true\n" if "manifestExtra" in case else "", name))
    pmx = Pmx(home, storage.url)
    if os.geteuid() == 0:
        for parent, dirs, files in os.walk(box):
            os.chown(parent, NOBODY, NOBODY)
            for file in files:
                os.chown(os.path.join(parent, file), NOBODY, NOBODY)
        pmx.prefix = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
    outside = trees.stamps(os.path.join(place, "storage"))
    # Scripts are not switched off: an unapproved one must not run by itself.
    done = pmx.install(project, "--fetch-retries", "0", "--linker", linker, ok=False)
    try:
        judge(case, done, box, project, name)
        assert not os.path.exists(CANARY)
        assert trees.stamps(os.path.join(place, "storage")) == outside
        assert sorted(os.listdir(box)) == ["home", "project"]
    finally:
        shutil.rmtree(box, ignore_errors=True)
        shutil.rmtree(CANARY, ignore_errors=True)


def place_of(path, box, package):
    if path.startswith("PKG/"):
        return os.path.join(package, path[4:])
    return path if os.path.isabs(path) else os.path.join(box, path)


def judge(case, done, box, project, name):
    package = os.path.join(project, "node_modules", name)
    outcome = case["outcome"]
    if outcome == "reject" or (outcome == "either" and done.code != 0):
        assert done.code != 0, "must be refused: " + case["tries"]
        assert "PMX_E_" in done.text
        assert not os.path.exists(os.path.join(package, "package.json")), "something of the package was left"
    elif not case.get("exitAny"):
        assert done.code == 0, "%s\n%s" % (case["tries"], done.text)
        assert os.path.isdir(package)
    for path in case["absent"]:
        path = place_of(path, box, package)
        assert not os.path.lexists(path), "%s was written: %s" % (path, case["must"])
    if done.code == 0:
        for path, wanted in case["present"].items():
            path = os.path.join(package, path)
            assert os.path.exists(path), "%s is missing" % path
            if wanted is not None:
                with open(path, encoding="utf-8") as f:
                    assert f.read() == wanted
        for path in case.get("modes", {}):
            assert os.stat(os.path.join(package, path)).st_mode & 0o400, "its owner cannot read it"
    assert not [c for c in done.text if ord(c) < 32 and c not in "\n\t\r"], "control bytes reach the terminal"
    for parent, dirs, files in os.walk(os.path.join(project, "node_modules")):
        for entry in dirs + files:
            path = os.path.join(parent, entry)
            if os.path.islink(path):
                assert os.path.realpath(path).startswith(os.path.realpath(box) + os.sep), "%s leaves" % path
            else:
                assert not os.stat(path).st_mode & 0o7000, "%s has special bits" % path
