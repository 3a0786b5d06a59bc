"""Running again: nothing to do, another linker, a damaged tree or store."""

import os
import shutil
import tempfile

import pytest

import trees
from conftest import node, tree


@pytest.mark.parametrize("lock,linker", [("pnpm", "isolated"), ("pnpm", "hoisted"), ("pnpm", "global"), ("npm", "hoisted")])
def test_second_run_touches_nothing(pmx, registry, project, lock, linker):
    p = project("basic", lock)
    pmx.install(p, "--linker", linker)
    before = trees.stamps(p / "node_modules")
    registry.reset()
    done = pmx.install(p, "--linker", linker, "--timing=json")
    assert "up to date" in done.text.lower() or done.timing()
    after = trees.stamps(p / "node_modules")
    after.pop(".pnpm-workspace-state-v1.json", None)
    before.pop(".pnpm-workspace-state-v1.json", None)
    assert after == before
    assert registry.counters()["requests"] == 0
    assert done.figure("plugins_loaded") == 0


def test_a_touched_manifest_is_still_up_to_date(pmx, project):
    p = project("basic")
    pmx.install(p)
    os.utime(p / "package.json")
    before = trees.stamps(p / "node_modules" / ".pnpm")
    pmx.install(p)
    assert trees.stamps(p / "node_modules" / ".pnpm") == before


@pytest.mark.parametrize("first", ["isolated", "hoisted", "global"])
@pytest.mark.parametrize("second", ["isolated", "hoisted", "global"])
def test_linker_switch_leaves_no_mixed_tree(pmx, project, whole, first, second):
    if first == second:
        pytest.skip("the same linker")
    p, fresh = project("clash"), project("clash", into="fresh")
    pmx.install(p, "--linker", first)
    pmx.install(p, "--linker", second)
    pmx.install(fresh, "--linker", second)
    whole(p)
    assert trees.differences(tree(p), tree(fresh)) == []


def test_a_removed_dependency_goes(pmx, project):
    p = project("bins")
    pmx.install(p)
    shutil.copy(os.path.join(os.path.dirname(p), "project", "package.json"), p / "keep.json")
    basic = project("basic", into="basic")
    for name in ("package.json", "pnpm-lock.yaml"):
        shutil.copy(basic / name, p / name)
    pmx.install(p)
    assert not (p / "node_modules" / "bins-many").exists()
    assert not os.path.lexists(p / "node_modules" / ".bin" / "bin-one")
    assert (p / "node_modules" / "chain-a").exists()


@pytest.mark.parametrize("damage", ["slot", "link", "state", "lock"])
def test_a_damaged_tree_is_repaired(pmx, project, whole, damage):
    p = project("basic")
    pmx.install(p)
    modules = p / "node_modules"
    if damage == "slot":
        shutil.rmtree(modules / ".pnpm" / "chain-b@1.0.0")
        (modules / "chain-a").unlink()
    elif damage == "link":
        (modules / "chain-a").unlink()
    elif damage == "state":
        (modules / ".modules.yaml").unlink()
    else:
        (modules / ".pnpm" / "lock.yaml").unlink()
    pmx.install(p)
    whole(p)


def test_a_link_that_is_removed_within_a_tick_is_missed(pmx, project):
    """tmpfs dates a removal by the clock's last tick, up to 10 ms back: what was removed at once must show all the same."""
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("no tmpfs at /dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        p = shutil.copytree(project("basic"), os.path.join(memory, "project"))
        for _ in range(20):
            pmx.install(p)
            os.unlink(os.path.join(p, "node_modules", "chain-a"))
            pmx.install(p)
            assert os.path.exists(os.path.join(p, "node_modules", "chain-a"))


def damaged(pmx, project, change):
    """Installs, lets `change` damage chain-a's index.js in the store (through the hard link), installs elsewhere."""
    first, second = project("basic", into="first"), project("basic", into="second")
    pmx.install(first, "--import", "hardlink")
    change(first / "node_modules" / "chain-a" / "index.js")
    return first, second


def edit(path):
    text = path.read_text()
    path.write_text(text.replace("chain-a", "CHAIN-A"))


def edit_unseen(path):
    """The same size, the same mtime."""
    stat = path.stat()
    edit(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_none_links_what_is_there(pmx, project):
    _, second = damaged(pmx, project, edit)
    pmx.install(second, "--check", "none", "--import", "hardlink")
    assert "CHAIN-A" in (second / "node_modules" / "chain-a" / "index.js").read_text()


@pytest.mark.parametrize("level", ["stat", "content"])
@pytest.mark.parametrize("change", [edit, lambda p: p.chmod(0o777), lambda p: p.write_text("short")])
def test_a_changed_store_file_is_repaired(pmx, project, level, change):
    first, second = damaged(pmx, project, change)
    done = pmx.install(second, "--check", level, "--import", "hardlink", "--timing=json")
    installed = second / "node_modules" / "chain-a" / "index.js"
    assert node("console.log(require('chain-a').name)", second) == "chain-a"
    assert not installed.stat().st_mode & 0o111
    assert done.figure("repaired") >= 1
    # The edited tree is left alone.
    assert (first / "node_modules" / "chain-a" / "index.js").stat().st_ino != installed.stat().st_ino


def test_content_sees_what_stat_cannot(pmx, project):
    # Digests are kept where content was asked for when the package was stored.
    first, second = project("basic", into="first"), project("basic", into="second")
    pmx.install(first, "--check", "content", "--import", "hardlink")
    edit_unseen(first / "node_modules" / "chain-a" / "index.js")
    pmx.install(second, "--check", "content", "--import", "hardlink")
    assert node("console.log(require('chain-a').name)", second) == "chain-a"


def test_store_files_that_vanished_are_fetched_again(pmx, project, whole):
    first, second = project("basic", into="first"), project("basic", into="second")
    pmx.install(first)
    gone = 0
    for parent, _, files in os.walk(pmx.store):
        for name in sorted(files)[:1]:
            path = os.path.join(parent, name)
            if os.lstat(path).st_nlink > 1:
                os.unlink(path)
                gone += 1
    assert gone
    pmx.install(second)
    whole(second)


def test_store_commands(pmx, project):
    p = project("basic")
    pmx.install(p)
    path = pmx("store", "path", cwd=p).out.strip()
    assert os.path.isdir(path) and path.startswith(pmx.store)
    assert pmx("store", "status", cwd=p).code == 0
    assert pmx("store", "verify", cwd=p).code == 0
    edit(p / "node_modules" / "chain-a" / "index.js")
    assert pmx("store", "verify", cwd=p).code != 0
    pmx("store", "verify", "--repair", cwd=p)
    assert pmx("store", "verify", cwd=p).code == 0
    assert pmx("store", "prune", cwd=p).code == 0
