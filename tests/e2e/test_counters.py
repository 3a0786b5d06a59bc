"""What an install does, told by its counters: how many at once, by which path, with how many system calls."""

import glob
import io
import json
import os
import shutil
import tarfile

import pytest

import registry_server


def rendezvous():
    path = os.path.join(os.path.dirname(registry_server.pmx_binary()), "..", "lib", "pmx", "test-plugins", "rendezvous.so")
    if not os.path.exists(path):
        pytest.skip("the test plugin rendezvous is not built (static plugins?)")
    return os.path.abspath(path)


def stage(done, name):
    return done.timing()["stages"].get(name, {"tasks": 0, "running_high_water": 0})


def counters(done):
    return done.timing()["counters"]


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_two_packages_are_linked_at_once(pmx, project, state):
    if state == "warm":
        pmx.install(project("shapes", into="first"))
    done = pmx.install(project("shapes"), "--import", rendezvous(), "--link-concurrency", "2", "--timing=json")
    assert counters(done)[state] >= 10 and counters(done)["cold" if state == "warm" else "warm"] == 0
    assert stage(done, "link")["running_high_water"] >= 2


def test_the_cap_of_link_holds(pmx, project):
    done = pmx.install(project("shapes"), "--link-concurrency", "1", "--timing=json")
    assert stage(done, "link")["running_high_water"] == 1


@pytest.mark.parametrize("linker", ["isolated", "hoisted"])
def test_stored_and_downloaded_packages_are_linked_by_one_path(pmx, project, linker):
    cold = pmx.install(project("shapes"), "--linker", linker, "--timing=json")
    warm = pmx.install(project("shapes", into="again"), "--linker", linker, "--timing=json")
    for key in ("linked", "files_linked", "symlinks_made", "bins_made"):
        assert counters(cold)[key] == counters(warm)[key], key
    for done in (cold, warm):
        assert stage(done, "link")["tasks"] == counters(done)["linked"]
        assert done.timing()["syscalls"]["link"] == counters(done)["files_linked"]
    assert stage(cold, "unpack")["tasks"] == counters(cold)["cold"] == stage(cold, "verify")["tasks"]
    assert stage(warm, "unpack")["tasks"] == 0 and stage(warm, "check")["tasks"] == counters(warm)["warm"]


def test_a_batch_that_is_half_warm_links_by_the_same_path(pmx, project, tmp_path):
    """Stored and downloaded packages side by side in one run: each is linked by one task, whichever it is."""
    whole = pmx.install(project("shapes"), "--timing=json")
    pmx.store = str(tmp_path / "half")
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "package.json").write_text('{"name":"some","dependencies":{"many-files":"1.0.0","no-main":"1.0.0"}}')
    pmx.install(tmp_path / "some")
    half = pmx.install(project("shapes", into="again"), "--timing=json")
    warm, cold = counters(half)["warm"], counters(half)["cold"]
    assert warm > 0 and cold > 0 and warm + cold == counters(whole)["cold"]
    assert stage(half, "link")["tasks"] == counters(half)["linked"] == counters(whole)["linked"]
    assert half.timing()["syscalls"]["link"] == counters(half)["files_linked"] == counters(whole)["files_linked"]
    assert stage(half, "unpack")["tasks"] == cold and stage(half, "check")["tasks"] == warm


def test_system_calls_of_a_warm_install_are_what_the_design_says(pmx, project):
    """Link: one per file. Check `stat`: one more. Everything else grows with packages and directories, not with files."""
    pmx.install(project("shapes"))
    figures = {}
    for level in ("none", "stat"):
        done = pmx.install(project("shapes", into=level), "--check", level, "--timing=json")
        figures[level] = done.timing()["syscalls"], counters(done)
    files, packages = figures["none"][1]["files_linked"], figures["none"][1]["linked"]
    assert files > 300
    none, stat = figures["none"][0], figures["stat"][0]
    assert none["link"] == stat["link"] == files
    assert stat["stat"] - none["stat"] == files
    assert none["stat"] < 60 + 4 * packages + 2 * figures["none"][1]["bins_made"]
    assert none["open"] < 60 + 5 * packages + 4 * figures["none"][1]["bins_made"]
    assert none["write"] < 20 + figures["none"][1]["bins_made"]


def test_an_unpacked_file_costs_four_system_calls(pmx, project):
    done = pmx.install(project("shapes"), "--timing=json")
    calls, files = done.timing()["syscalls"], counters(done)["files_unpacked"]
    packages = counters(done)["linked"]
    assert files > 300
    assert files <= calls["write"] < files + 3 * packages + 40
    assert files <= calls["open"] < files + 12 * packages + 100


def test_a_no_op_starts_no_pool_and_no_plugin(pmx, project):
    p = project("shapes")
    pmx.install(p)
    done = pmx.install(p, "--timing=json")
    timing = done.timing()
    assert timing["up_to_date"] and timing["plugins_loaded"] == 0
    assert set(timing["stages"]) == {"read"}
    assert timing["syscalls"]["link"] == timing["syscalls"]["mkdir"] == 0


def many_packages(pmx, tmp_path, name, count=70):
    """A project of so many packages of its own, which come as files: a pack is written for 64 and more."""
    archives = tmp_path / "archives"
    archives.mkdir(exist_ok=True)
    wanted = {}
    for number in range(count):
        path = archives / ("p%d.tgz" % number)
        if not path.exists():
            with tarfile.open(path, "w:gz") as archive:
                for inner, text in (("package.json", '{"name":"p%d","version":"1.0.0"}' % number), ("lib/a.js", "%d" % number)):
                    info = tarfile.TarInfo("package/" + inner)
                    info.size = len(text)
                    archive.addfile(info, io.BytesIO(text.encode()))
        wanted["p%d" % number] = "file:%s" % path
    root = tmp_path / name
    root.mkdir()
    (root / "package.json").write_text(json.dumps({"name": name, "dependencies": wanted}))
    return root


def packs(pmx):
    directory = os.path.join(str(pmx.store), "v1", "packs")
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def test_the_indexes_of_many_packages_are_read_as_one_file(pmx, tmp_path):
    """Of the seven calls that a stored package costs beside its files, a pack takes three."""
    first = many_packages(pmx, tmp_path, "first")
    pmx.install(first)
    again = tmp_path / "again"
    again.mkdir()
    for name in ("package.json", "pnpm-lock.yaml"):
        (again / name).write_text((first / name).read_text())
    before = pmx.install(again, "--frozen-lockfile", "--timing=json")
    assert counters(before)["warm"] == 70 and len(packs(pmx)) == 1
    shutil.rmtree(again / "node_modules")
    after = pmx.install(again, "--frozen-lockfile", "--timing=json")
    assert counters(after)["warm"] == 70 and counters(after)["files_checked"] == counters(before)["files_checked"] == 140
    assert before.timing()["syscalls"]["open"] - after.timing()["syscalls"]["open"] >= 70
    assert before.timing()["syscalls"]["read"] - after.timing()["syscalls"]["read"] >= 70 - 10  # head, table, and a piece for each thread
    assert (again / "node_modules" / "p69" / "lib" / "a.js").read_text() == "69"


def test_a_pack_that_is_out_of_date_costs_nothing_but_time(pmx, tmp_path):
    """An object was made again, with other inodes: its own index tells, nothing is fetched, the pack is written anew."""
    root = many_packages(pmx, tmp_path, "root")

    def install():
        shutil.rmtree(root / "node_modules", ignore_errors=True)
        return counters(pmx.install(root, "--frozen-lockfile", "--timing=json"))

    pmx.install(root)
    install()
    objects = sorted(glob.glob(os.path.join(str(pmx.store), "v1", "objects", "*", "*")))
    assert len(packs(pmx)) == 1 and len(objects) == 70
    shutil.rmtree(objects[0])
    assert install()["cold"] == 1 and len(packs(pmx)) == 1
    found = install()
    assert (found["warm"], found["cold"], found["repaired"]) == (70, 0, 0) and packs(pmx) == []
    found = install()
    assert (found["warm"], found["cold"], found["repaired"]) == (70, 0, 0) and len(packs(pmx)) == 1


def test_damage_under_a_pack_is_found(pmx, tmp_path):
    root = many_packages(pmx, tmp_path, "root")
    pmx.install(root)
    shutil.rmtree(root / "node_modules")
    pmx.install(root, "--frozen-lockfile")
    damaged = sorted(glob.glob(os.path.join(str(pmx.store), "v1", "objects", "*", "*", "0")))[0]
    with open(damaged, "a") as file:
        file.write("damage")
    shutil.rmtree(root / "node_modules")
    done = pmx.install(root, "--frozen-lockfile", "--timing=json")
    assert counters(done)["repaired"] == counters(done)["cold"] == 1 and counters(done)["warm"] == 69
