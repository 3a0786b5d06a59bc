"""pnpm's own trees, recorded: each case is installed from its lockfile with the packages that pnpm was given."""

import json
import os

import pytest

import registry_server
import tree_check
import trees
from conftest import SHARED, Pmx, shared

PATH = os.path.join(SHARED, "vectors", "pnpm-golden", "golden.json")
# Cases whose recorded result cannot be had from the recorded lockfile.
UNFIT = {
    "pnpm-102": "the recorded lockfile holds an absolute path of the machine that recorded it",
}


def cases():
    if not os.path.isfile(PATH):
        return [pytest.param(None, id="absent")]
    with open(PATH, encoding="utf-8") as f:
        return [pytest.param(case, id=case["id"]) for case in json.load(f)["cases"]
                if case["fit"] == "ok" and "lockfile" in case["result"]["isolated"]]


@pytest.fixture(scope="module")
def storage():
    with registry_server.RegistryServer(shared("vectors", "pnpm-golden", "storage")) as server:
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("golden")


@pytest.mark.parametrize("linker", ["isolated", "hoisted"])
@pytest.mark.parametrize("case", cases())
def test_case(case, linker, storage, store, tmp_path):
    if case is None:
        shared("vectors", "pnpm-golden", "golden.json")
    if case["id"] in UNFIT:
        pytest.skip(UNFIT[case["id"]])
    wanted = case["result"][linker]
    (tmp_path / "package.json").write_text(json.dumps(case["manifest"]))
    lockfile = wanted.get("lockfile") or case["result"]["isolated"]["lockfile"]
    (tmp_path / "pnpm-lock.yaml").write_text(lockfile)
    pmx = Pmx(str(store), storage.url)
    pmx.install(tmp_path, "--frozen-lockfile", "--ignore-scripts", "--linker", linker)
    problems, _ = tree_check.check(str(tmp_path))
    assert not problems
    found = trees.packages(tmp_path / "node_modules")
    assert trees.differences(found, wanted["tree"]) == []
