"""Kills, interrupts, several processes at once, a store that cannot be written."""

import os
import shutil
import random
import signal
import stat
import time

import pytest

import trees


@pytest.mark.parametrize("linker", ["isolated", "hoisted", "global"])
def test_killed_at_any_moment_the_next_run_gives_the_whole_tree(pmx, registry, project, whole, linker):
    fresh = project("shapes", into="fresh")
    pmx.install(fresh, "--linker", linker)
    wanted = trees.everything(fresh / "node_modules", skip={".modules.yaml", ".pnpm-workspace-state-v1.json"}) \
        if linker != "global" else None
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    p = project("shapes")
    registry.fault("GET *: delay=5")
    kills = 0
    for round_ in range(12):
        pmx.store = os.path.join(pmx.home, "store-%d" % (round_ // 4))  # cold, then half full, then fuller
        process = pmx.start("install", "--linker", linker, cwd=p)
        time.sleep(dice.uniform(0, 0.15))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
    registry.reset()
    pmx.install(p, "--linker", linker)
    whole(p)
    if wanted:
        found = trees.everything(p / "node_modules", skip={".modules.yaml", ".pnpm-workspace-state-v1.json"})
        assert trees.differences({k: v[0] for k, v in found.items()}, {k: v[0] for k, v in wanted.items()}) == [], seed
        assert found == wanted, seed
    # A second project sees only what the kills left in the store.
    second = project("shapes", into="second")
    pmx.install(second, "--linker", linker)
    whole(second)


def test_interrupt(pmx, registry, project, whole):
    p = project("basic")
    registry.fault("GET *: delay=2000")
    process = pmx.start("install", cwd=p)
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    done = pmx.finish(process, 15)
    assert done.code == 130, done.text
    registry.reset()
    pmx.install(p)
    whole(p)


def test_several_installs_share_one_store(pmx, registry, project, whole):
    projects = [project("shapes", into="p%d" % i) for i in range(6)]
    running = [pmx.start("install", cwd=p) for p in projects]
    for process in running:
        done = pmx.finish(process)
        assert done.code == 0, done.text
    for p in projects:
        whole(p)
    assert pmx("store", "verify", cwd=projects[0]).code == 0


def test_two_installs_in_one_project(pmx, project, whole):
    p = project("shapes")
    running = [pmx.start("install", cwd=p) for _ in range(2)]
    codes = [pmx.finish(process) for process in running]
    for done in codes:  # the second one waits for the first
        assert done.code == 0, done.text
    pmx.install(p)
    whole(p)


def unprivileged(pmx, tmp_path):
    for directory in (tmp_path, *tmp_path.parents):
        if str(directory).startswith("/tmp/pytest") or directory == tmp_path:
            directory.chmod(directory.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    if os.geteuid() == 0:
        pmx.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def hand_over(path):
    os.chown(path, 65534, 65534)
    for parent, dirs, files in os.walk(path):
        for name in dirs + files:
            os.chown(os.path.join(parent, name), 65534, 65534, follow_symlinks=False)


def test_a_read_only_store(pmx, project, whole, tmp_path):
    warm = project("basic", into="warm")
    pmx.install(warm)
    p = project("basic")
    unprivileged(pmx, tmp_path)
    if os.geteuid() == 0:
        hand_over(p)
        hand_over(pmx.home)
    for parent, dirs, _ in os.walk(pmx.store):
        os.chmod(parent, 0o555)
    try:
        done = pmx.install(p, ok=False)
        # A warm store needs no write; if pmx wants one, it says which and leaves no half tree behind.
        if done.code == 0:
            whole(p)
        else:
            assert "PMX_E_STORE" in done.text or "PMX_E_IO" in done.text
        cold = project("bins", into="cold")
        if os.geteuid() == 0:
            hand_over(cold)
        done = pmx.install(cold, ok=False)
        assert done.code != 0 and ("PMX_E_STORE" in done.text or "PMX_E_IO" in done.text), done.text
    finally:
        for parent, dirs, _ in os.walk(pmx.store):
            os.chmod(parent, 0o755)


def test_a_shared_slot_without_its_seal_is_made_again(pmx, project, whole):
    """What a run leaves that is killed after a slot appeared and before its executables did."""
    pmx.install(project("bins"), "--linker", "global")
    shared = os.path.join(pmx.store, "v1", "shared")
    seals = [os.path.join(parent, ".whole") for parent, _, files in os.walk(shared) if ".whole" in files]
    assert seals
    for seal in seals:
        os.unlink(seal)
        shutil.rmtree(os.path.join(os.path.dirname(seal), "node_modules"))
        os.mkdir(os.path.join(os.path.dirname(seal), "node_modules"))
    again = project("bins", into="again")
    pmx.install(again, "--linker", "global")
    whole(again)
    assert all(os.path.exists(seal) for seal in seals)
