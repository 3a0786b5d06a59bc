"""`pmx plugin check`: the conformance kit passes the plugins that ship, and fails each of those of tests/bad_plugins, which
are wrong in one way each, in the case that is about it and in no other."""

import concurrent.futures
import glob
import json
import os
import signal
import time

import pytest

from conftest import Pmx, registry_server

BUILD = os.path.dirname(os.path.dirname(os.path.realpath(registry_server.pmx_binary())))
BAD = os.path.join(BUILD, "tests", "bad_plugins")

# What is wrong → the cases that must fail, and what they say.
WRONG = {
    # the library
    "wrong-major": {"library.version": "version 7"},
    "no-symbol": {"library.symbols": "does not export pmx_plugin_entry_v1"},
    "more-symbols": {"library.symbols": "compress2"},
    "crash-at-load": {"library.load": "Aborted"},
    "exit-at-load": {"library.load": "ended the process with status 0"},
    "thread-at-load": {"library.load": "thread"},
    "print-at-load": {"library.load": "printed"},
    "write-at-load": {"library.load": "wrote to the disk"},
    "signal-at-load": {"library.load": "signal 15"},
    "newer-minor": {"library.minor": "needs version 1.9"},
    "unknown-kind": {"library.table": "resolver/1"},
    "newer-kind": {"library.table": "layout/2"},
    "short-table": {"library.table": "too short"},
    "bad-default": {"library.options": "no whole number"},
    # layouts
    "layout-order": {"layout.order": "another order of the same graph"},
    "layout-escapes": {"layout.paths": "no contained path"},
    "layout-places-skipped": {"layout.paths": "not to be installed", "layout.empty": "not to be installed"},
    "layout-forgets-peers": {"layout.reachable": "asks for react"},
    "layout-deaf": {"layout.cancel": "never asks"},
    "layout-keeps": {"contract.kept": "after plan() had returned"},
    "layout-unsafe": {"layout.threads": "eight threads at once"},
    "layout-leaks": {"contract.descriptors": "descriptors open"},
    "layout-reads-disk": {"layout.pure": "opened a file"},
    "layout-writes-input": {"contract.borrowed": "wrote to the borrowed pmx_graph.edges"},
    "layout-assumes-nul": {"contract.borrowed": "read past the end of pmx_package.id"},
    "layout-no-stride": {"contract.later-host": ""},
    "layout-recurses": {"layout.huge": "a chain of 5000"},
    "layout-thread": {"contract.capabilities": "thread", "layout.pure": "thread"},
    "layout-sink-thread": {"contract.thread": "another thread", "layout.pure": "thread"},
    "layout-shared-state": {"life.two": "after another one was destroyed"},
    # importers
    "importer-throws": {"contract.exceptions": "there is no such file"},
    "importer-odd-status": {"contract.statuses": "77"},
    "importer-frees": {"contract.borrowed": "", "contract.kept": ""},
    "importer-keeps-op": {"contract.kept": "op->progress after the call"},
    "importer-no-stride": {"contract.later-host": ""},
    "importer-leaks": {"contract.descriptors": "descriptors open"},
    "importer-threads": {"contract.capabilities": "thread"},
    "importer-programs": {"contract.capabilities": "program"},
    "importer-thread-stays": {"life.instances": "threads behind", "contract.after-destroy": "after destroy()"},
    "importer-needs-services": {"life.no-services": ""},
    "importer-links-private": {"importer.private": "is a hardlink"},
    "importer-follows-emlink": {"importer.emlink": "PMX_UNSUPPORTED lets the next importer try"},
    "importer-full-is-io": {"importer.enospc": "instead of PMX_NO_SPACE"},
    "importer-half-files": {"importer.enospc": "is there, and should not be"},
    "importer-writes-through": {"importer.replace": "wrote through a link"},
    "importer-leaves-temporary": {"importer.kill": ".tmp-"},
    "importer-umask": {"importer.disk": "mode 600", "importer.tmpfs": "mode 600"},
    "importer-outside": {"importer.inside": "import.log"},
    "importer-deaf": {"importer.cancel": "never asks"},
    "importer-counts-wrong": {"importer.eacces": "made 1 files", "importer.missing": "made 5 files"},
    # fetchers
    "fetcher-twice": {"fetcher.completion": "complete after complete()"},
    "fetcher-late-body": {"fetcher.completion": "buffer after complete()"},
    "fetcher-boundless": {"fetcher.bomb": "an endless body"},
    "fetcher-takes-halves": {"fetcher.truncated": "half of a body", "fetcher.stalled": "PMX_OK"},
    "fetcher-missing-is-down": {"fetcher.statuses": "for 404"},
    "fetcher-deaf": {"fetcher.cancel": "cancelled"},
    "fetcher-leaks-token": {"fetcher.token": "to another"},
    # validators
    "validator-refuses-good": {"validator.good": "is refused"},
    "validator-forgives-missing": {"validator.bad": "a file is gone"},
    "validator-other-row": {"validator.bad": "row 5 is bad"},
    "validator-damage-is-io": {"validator.bad": "instead of PMX_MISMATCH"},
    "validator-leaves-mark": {"validator.changes-nothing": ".checked"},
    "validator-recurses": {"validator.hostile": "very deep"},
    "validator-other-in-pieces": {"validator.pieces": "PMX_OK whole and PMX_MISMATCH in pieces"},
}
SHIPPED = ["isolated", "hoisted", "global", "hardlink", "reflink", "copy", "http1", "file", "git", "integrity", "tree"]


def shipped(name):
    return os.path.join(BUILD, "lib", "pmx", "plugins", name + ".so")


def bad(name):
    return os.path.join(BAD, name + ".so")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return Pmx(str(home), None)


@pytest.fixture(scope="module")
def checked(local, tmp_path_factory):
    """checked(file): the cases of one plugin by name. All plugins are looked at side by side, once."""
    if not os.path.isdir(BAD):
        pytest.skip("the pmx under test does not lie in a build tree")
    tmp = tmp_path_factory.mktemp("tmp")

    def check(file):
        done = local("plugin", "check", file, "--json", "--seed", "1", cwd=tmp, env={"TMPDIR": str(tmp)}, timeout=300)
        return done, {case["case"]: case for case in json.loads(done.out)[0]["cases"]}

    pool = concurrent.futures.ThreadPoolExecutor(4)
    files = [file for file in [shipped(name) for name in SHIPPED] + [bad(name) for name in WRONG] if os.path.isfile(file)]
    running = {file: pool.submit(check, file) for file in files}
    yield lambda file: running[file].result() if file in running else pytest.skip("no such library here: " + file)
    pool.shutdown(cancel_futures=True)
    assert os.listdir(tmp) == [], "the kit left something behind"


def failed(cases):
    return {name: case["detail"] for name, case in cases.items() if case["outcome"] in ("fail", "crash")}


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_passes(checked, name):
    done, cases = checked(shipped(name))
    assert done.code == 0 and failed(cases) == {}, failed(cases)
    assert sum(case["outcome"] == "pass" for case in cases.values()) > 20
    warned = {name for name, case in cases.items() if case["outcome"] == "warn"}
    # npm's shape has one place for a version, whatever its peers.
    assert warned <= ({"layout.reachable"} if name == "hoisted" else set()), [cases[case] for case in warned]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_fails_where_it_is_wrong(checked, name):
    done, cases = checked(bad(name))
    said = failed(cases)
    assert set(said) == set(WRONG[name]), said
    for case, words in WRONG[name].items():
        assert words in said[case], said[case]
    assert done.code == 1 and "PMX_E_PLUGIN_REJECTED" in done.err
    gate = next((case for case in said if case.startswith("library.")), None)
    if gate:
        behind = [case for case in cases.values() if case["outcome"] == "skip" and "because of " + gate in case["detail"]]
        assert behind and "contract.exceptions" in [case["case"] for case in behind]  # nothing more of it was run


def test_a_seed_gives_the_same_choices_again(local, tmp_path):
    if not os.path.isfile(bad("layout-order")):
        pytest.skip("the pmx under test does not lie in a build tree")
    said = [json.loads(local("plugin", "check", bad("layout-order"), "--only", "layout.order", "--json", "--seed", seed, cwd=tmp_path).out)
            for seed in ("7", "7", "8")]
    assert said[0][0]["seed"] == 7 and [case["case"] for case in said[0][0]["cases"]] == ["layout.order"]
    assert said[0][0]["cases"][0]["detail"] == said[1][0]["cases"][0]["detail"]
    assert said[2][0]["cases"][0]["outcome"] == "fail"


def test_the_text_names_case_and_seed(local, tmp_path):
    done = local("plugin", "check", shipped("copy"), "--only", "importer.private", "--only", "importer.m*", cwd=tmp_path)
    if not os.path.isfile(shipped("copy")):
        pytest.skip("the shipped plugins are linked in")
    assert done.code == 0 and "pass   importer.private" in done.out and "pass   importer.missing" in done.out
    assert "importer.disk" not in done.out and "2 pass, 0 warn, 0 skip, 0 fail, 0 crash; seed " in done.out


def test_the_cases_are_listed(local, tmp_path):
    out = local("plugin", "check", "--list", cwd=tmp_path).out
    cases = json.loads(local("plugin", "check", "--list", "--json", cwd=tmp_path).out)
    assert len(cases) > 60 and {case["kind"] for case in cases} == {"", "layout", "importer", "fetcher", "validator"}
    assert all(case["case"] in out and case["promise"] in out for case in cases)
    named = {case for ways in WRONG.values() for case in ways}
    assert named <= {case["case"] for case in cases}


@pytest.mark.parametrize("words, code, says", [
    ([], 2, "wants the file of a plugin"),
    (["nowhere.so"], 1, "PMX_E_PLUGIN_NOT_FOUND"),
    (["."], 1, "PMX_E_PLUGIN_NOT_FOUND"),
    (["x.so", "--only", "layout.odrer"], 2, "did you mean layout.order?"),
    (["x.so", "--only", "zzz*"], 2, "--list"),
    (["x.so", "--seed", "seven"], 2, "whole number"),
])
def test_words_that_are_not_understood(local, tmp_path, words, code, says):
    done = local("plugin", "check", *words, cwd=tmp_path)
    assert done.code == code and says in done.err, done.text


def test_files_that_are_no_plugins(local, tmp_path):
    (tmp_path / "text.so").write_text("hello")
    (tmp_path / "empty.so").write_text("")
    (tmp_path / "torn.so").write_bytes(open(registry_server.pmx_binary(), "rb").read(5000))
    for file in sorted(glob.glob(str(tmp_path / "*.so"))):
        done = local("plugin", "check", file, "--json", cwd=tmp_path)
        cases = {case["case"]: case for case in json.loads(done.out)[0]["cases"]}
        assert done.code == 1 and set(failed(cases)) == {"library.version"}, (file, failed(cases))


def test_an_interrupt_ends_it(local, tmp_path):
    if not os.path.isfile(shipped("http1")):
        pytest.skip("the shipped plugins are linked in")
    process = local.start("plugin", "check", shipped("http1"), cwd=tmp_path, env={"TMPDIR": str(tmp_path)})
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    done = local.finish(process, timeout=60)
    assert done.code in (0, 130)
    assert [name for name in os.listdir(tmp_path) if name.startswith("pmx-check")] == []
