"""Installing without a lockfile, or with one that does not fit: what is written is what pnpm wrote for the same packages."""

import json
import os
import random

import pytest

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "lockfiles")
PROJECTS = sorted(n for n in os.listdir(GOLDEN) if os.path.isfile(os.path.join(GOLDEN, n, "pnpm-lock.yaml")))


def edit(path, change):
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest, indent=2))


@pytest.mark.parametrize("name", PROJECTS)
def test_the_lockfile_is_pnpms(pmx, project, name):
    p = project(name)
    golden = (p / "pnpm-lock.yaml").read_text()
    (p / "pnpm-lock.yaml").unlink()
    pmx.install(p, "--lockfile-only")
    assert (p / "pnpm-lock.yaml").read_text() == golden
    assert not (p / "node_modules").exists()


@pytest.mark.parametrize("name", PROJECTS)
def test_resolving_over_a_lockfile_that_fits_changes_no_byte(pmx, project, name):
    p = project(name)
    before = (p / "pnpm-lock.yaml").read_text(), (p / "pnpm-lock.yaml").stat().st_mtime_ns
    pmx.install(p, "--lockfile-only", "--no-frozen-lockfile", "--no-prefer-frozen-lockfile")
    assert ((p / "pnpm-lock.yaml").read_text(), (p / "pnpm-lock.yaml").stat().st_mtime_ns) == before


def test_an_install_without_a_lockfile_is_whole(pmx, project, whole):
    p = project("basic")
    (p / "pnpm-lock.yaml").unlink()
    pmx.install(p)
    whole(p)
    done = pmx.install(p)
    assert "Already up to date" in done.text


def test_frozen_needs_a_lockfile(pmx, project):
    p = project("basic")
    (p / "pnpm-lock.yaml").unlink()
    done = pmx.install(p, "--frozen-lockfile", ok=False)
    assert done.code != 0 and "PMX_E_NO_LOCKFILE" in done.text
    assert not (p / "pnpm-lock.yaml").exists() and not (p / "node_modules").exists()


def test_ci_resolves_only_where_there_is_no_lockfile(pmx, project):
    p = project("basic")
    (p / "pnpm-lock.yaml").unlink()
    pmx.install(p, "--lockfile-only", env={"CI": "1"})
    edit(p / "package.json", lambda m: m["dependencies"].update({"clash": "^1.0.0"}))
    before = (p / "pnpm-lock.yaml").read_text()
    done = pmx.install(p, env={"CI": "1"}, ok=False)
    assert "PMX_E_LOCKFILE_OUTDATED" in done.text and (p / "pnpm-lock.yaml").read_text() == before
    pmx.install(p, "--no-frozen-lockfile", env={"CI": "1"})
    assert "  clash@1.0.0:" in (p / "pnpm-lock.yaml").read_text()


def test_a_changed_manifest_moves_nothing_else(pmx, project, whole):
    p = project("basic")
    before = (p / "pnpm-lock.yaml").read_text().split("\n")
    edit(p / "package.json", lambda m: m["dependencies"].update({"clash": "^1.0.0"}))
    pmx.install(p)
    after = (p / "pnpm-lock.yaml").read_text().split("\n")
    assert [line for line in before if line not in after] == []
    whole(p)


def test_a_lockfile_behind_a_symlink_is_not_written(pmx, project, tmp_path):
    p = project("basic")
    outside = tmp_path / "outside.yaml"
    outside.write_text((p / "pnpm-lock.yaml").read_text())
    (p / "pnpm-lock.yaml").unlink()
    (p / "pnpm-lock.yaml").symlink_to(outside)
    before = outside.read_text()
    edit(p / "package.json", lambda m: m["dependencies"].update({"clash": "^1.0.0"}))
    done = pmx.install(p, "--lockfile-only", ok=False)
    assert done.code != 0 and "PMX_E_UNSAFE_PATH" in done.text
    assert outside.read_text() == before and (p / "pnpm-lock.yaml").is_symlink()


def test_conflict_markers_are_merged(pmx, project, whole):
    p = project("basic")
    lines = (p / "pnpm-lock.yaml").read_text().split("\n")
    golden = "\n".join(lines)
    at = next(i for i, line in enumerate(lines) if line.startswith("        specifier:"))
    lines[at:at + 2] = ["<<<<<<< HEAD", *lines[at:at + 2], "=======", *lines[at:at + 2], ">>>>>>> theirs"]
    (p / "pnpm-lock.yaml").write_text("\n".join(lines))
    done = pmx.install(p)
    assert "merge" in done.text
    assert (p / "pnpm-lock.yaml").read_text() == golden
    whole(p)


def test_dry_run_writes_nothing(pmx, project):
    p = project("basic")
    (p / "pnpm-lock.yaml").unlink()
    before = sorted(os.listdir(p))
    done = pmx.install(p, "--dry-run")
    assert "+ chain-a@" in done.out and "would write pnpm-lock.yaml" in done.out
    assert sorted(os.listdir(p)) == before
    assert not os.path.exists(pmx.store)


@pytest.mark.parametrize("name", ["basic", "peers", "circular-peers", "workspace"])
def test_order_and_threads_change_nothing(pmx, project, tmp_path, name):
    golden = project(name)
    wanted = (golden / "pnpm-lock.yaml").read_text()
    for seed in range(6):
        p = project(name, into="shuffled%d" % seed)
        (p / "pnpm-lock.yaml").unlink()

        def shuffle(manifest, seed=seed):
            for group in ("dependencies", "devDependencies", "optionalDependencies"):
                if group in manifest:
                    entries = list(manifest[group].items())
                    random.Random(seed).shuffle(entries)
                    manifest[group] = dict(entries)
        edit(p / "package.json", shuffle)
        pmx.install(p, "--lockfile-only", "--network-concurrency", str(1 + 7 * (seed % 3)), "--cache-dir", str(tmp_path / ("cache%d" % seed)))
        assert (p / "pnpm-lock.yaml").read_text() == wanted


def test_the_second_resolution_asks_nothing(pmx, project, registry):
    p = project("basic")
    (p / "pnpm-lock.yaml").unlink()
    pmx.install(p, "--lockfile-only")
    (p / "pnpm-lock.yaml").unlink()
    registry.reset()
    pmx.install(p, "--lockfile-only")
    assert registry.counters()["requests"] == 0
    (p / "pnpm-lock.yaml").unlink()
    pmx.install(p, "--lockfile-only", "--offline")
    (p / "pnpm-lock.yaml").unlink()
    done = pmx.install(p, "--lockfile-only", "--offline", "--cache-dir", str(p / "empty"), ok=False)
    assert "PMX_E_OFFLINE" in done.text


@pytest.mark.parametrize("change,code,words", [
    ({"chain-a": "^99.0.0"}, "PMX_E_NO_MATCHING_VERSION", ["chain-a", "^99.0.0", "1.0.0"]),
    ({"no-such-package-at-all": "1"}, "PMX_E_FETCH_NOT_FOUND", ["no-such-package-at-all"]),
    ({"chain-a": "workspace:*"}, "PMX_E_WORKSPACE_PACKAGE", ["chain-a"]),
    ({"chain-a": "catalog:"}, "PMX_E_CATALOG", ["chain-a"]),
    ({"chain-a": "unknown-protocol:x"}, "PMX_E_SPECIFIER", ["chain-a"]),
    ({"../evil": "1"}, "PMX_E_", ["evil"]),
])
def test_errors_that_a_person_can_act_on(pmx, project, change, code, words):
    p = project("basic")
    before = (p / "pnpm-lock.yaml").read_text()
    edit(p / "package.json", lambda m: m["dependencies"].update(change))
    done = pmx.install(p, ok=False)
    assert done.code != 0 and code in done.text, done.text
    for word in words:
        assert word in done.text
    assert (p / "pnpm-lock.yaml").read_text() == before
