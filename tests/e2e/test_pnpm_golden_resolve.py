"""pnpm's own lockfiles, recorded: each case's manifest is resolved from the packages that pnpm was given."""

import json
import os

import pytest

import registry_server
from conftest import SHARED, Pmx, shared

PATH = os.path.join(SHARED, "vectors", "pnpm-golden", "golden.json")
# Cases whose recorded lockfile cannot come out anywhere else.
UNFIT = {
    "pnpm-102": "the recorded lockfile holds an absolute path of the machine that recorded it",
}


def cases():
    if not os.path.isfile(PATH):
        return [pytest.param(None, id="absent")]
    with open(PATH, encoding="utf-8") as f:
        return [pytest.param(case, id=case["id"]) for case in json.load(f)["cases"] if "unfit" not in case["fit"]]


@pytest.fixture(scope="module")
def storage():
    with registry_server.RegistryServer(shared("vectors", "pnpm-golden", "storage")) as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("golden")


@pytest.mark.parametrize("case", cases())
def test_case(case, storage, home, tmp_path):
    if case is None:
        shared("vectors", "pnpm-golden", "golden.json")
    if case["id"] in UNFIT:
        pytest.skip(UNFIT[case["id"]])
    wanted = case["result"]["isolated"]
    (tmp_path / "package.json").write_text(json.dumps(case["manifest"]))
    pmx = Pmx(str(home), storage.url)
    done = pmx("install", "--lockfile-only", "--ignore-scripts", cwd=tmp_path)
    lockfile = tmp_path / "pnpm-lock.yaml"
    if "lockfile" not in wanted:
        assert done.code != 0 and "PMX_E_" in done.text and not lockfile.exists(), done.text
        return
    assert done.code == 0, done.text
    assert lockfile.read_text() == wanted["lockfile"]
