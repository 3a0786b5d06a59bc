"""What pmx says about lockfiles that do not fit, and about bad ones."""

import json

import pytest


def change_manifest(path, change):
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest, indent=2))


@pytest.mark.parametrize("lock", ["pnpm", "npm"])
def test_frozen_lists_the_differences(pmx, project, lock):
    p = project("basic", lock)
    change_manifest(p / "package.json", lambda m: (m["dependencies"].update({"clash": "^1.0.0", "chain-a": "^2.0.0"}),
                                                   m["dependencies"].pop("@scope/tool")))
    done = pmx.install(p, "--frozen-lockfile", ok=False)
    assert done.code != 0 and "PMX_E_LOCKFILE_OUTDATED" in done.text
    for name in ("clash", "chain-a", "@scope/tool"):
        assert name in done.text
    assert not (p / "node_modules" / "clash").exists()


def test_ci_is_frozen(pmx, project):
    p = project("basic")
    change_manifest(p / "package.json", lambda m: m["dependencies"].update({"clash": "^1.0.0"}))
    done = pmx.install(p, env={"CI": "1"}, ok=False)
    assert done.code != 0 and "PMX_E_LOCKFILE_OUTDATED" in done.text


@pytest.mark.parametrize("text,code", [
    ("lockfileVersion: '9.0'\npackages: [\n", "PMX_E_LOCKFILE_BROKEN"),
    ("", "PMX_E_LOCKFILE_BROKEN"),
    ("\0\0\0", "PMX_E_LOCKFILE_BROKEN"),
    ("lockfileVersion: '5.4'\n", "PMX_E_LOCKFILE_VERSION"),
    ("<<<<<<< HEAD\nlockfileVersion: '9.0'\n=======\nlockfileVersion: '9.0'\n>>>>>>> b\n", "PMX_E_LOCKFILE_CONFLICT"),
])
def test_broken_pnpm_lockfiles(pmx, project, text, code):
    p = project("basic")
    (p / "pnpm-lock.yaml").write_text(text)
    done = pmx.install(p, ok=False)
    assert done.code != 0 and code in done.text, done.text
    assert not (p / "node_modules" / "chain-a").exists()


@pytest.mark.parametrize("text,code", [
    ("{", "PMX_E_LOCKFILE_BROKEN"), ("[]", "PMX_E_LOCKFILE_BROKEN"),
    ('{"lockfileVersion": 1, "dependencies": {}}', "PMX_E_LOCKFILE_VERSION"),
])
def test_broken_npm_lockfiles(pmx, project, text, code):
    p = project("basic", "npm")
    (p / "package-lock.json").write_text(text)
    done = pmx.install(p, ok=False)
    assert done.code != 0 and code in done.text, done.text


@pytest.mark.parametrize("name", ["../../escape", "..", "/tmp/pmx-escape", "a/../../b", ".bin", "node_modules", "a\\b"])
def test_a_name_that_leaves_is_refused(pmx, project, tmp_path, name):
    p = project("basic")
    lock = (p / "pnpm-lock.yaml").read_text()
    (p / "pnpm-lock.yaml").write_text(lock.replace("      chain-a:", "      '%s':" % name, 1))
    change_manifest(p / "package.json", lambda m: m["dependencies"].update({name: m["dependencies"].pop("chain-a")}))
    done = pmx.install(p, ok=False)
    assert done.code != 0 and "PMX_E_" in done.text
    for outside in (tmp_path / "escape", tmp_path.parent / "escape", p / "b", p.parent / "b"):
        assert not outside.exists()


@pytest.mark.parametrize("place", ["node_modules/../../escape", "../escape", "/tmp/pmx-escape", "node_modules/.bin/x"])
def test_a_place_that_leaves_is_refused(pmx, project, tmp_path, place):
    p = project("basic", "npm")
    lock = json.loads((p / "package-lock.json").read_text())
    lock["packages"][place] = lock["packages"]["node_modules/chain-a"]
    (p / "package-lock.json").write_text(json.dumps(lock))
    done = pmx.install(p, ok=False)
    assert done.code != 0 and "PMX_E_" in done.text
    assert not (tmp_path / "escape").exists() and not (tmp_path.parent / "escape").exists()


def test_a_dependency_without_an_entry(pmx, project):
    p = project("basic")
    lock = (p / "pnpm-lock.yaml").read_text()
    (p / "pnpm-lock.yaml").write_text(lock.replace("\n  chain-e@1.0.0: {}\n", "\n"))
    done = pmx.install(p, ok=False)
    assert done.code != 0 and "PMX_E_LOCKFILE_MISSING_DEPENDENCY" in done.text and "chain-e" in done.text


def test_a_manifest_with_a_byte_order_mark(pmx, project, whole):
    p = project("basic")
    text = (p / "package.json").read_bytes()
    (p / "package.json").write_bytes(b"\xef\xbb\xbf" + text)
    pmx.install(p, "--frozen-lockfile")
    whole(p)


def test_the_lockfile_is_left_as_it_is(pmx, project):
    p = project("catalogs")
    before = (p / "pnpm-lock.yaml").read_bytes()
    pmx.install(p)
    assert (p / "pnpm-lock.yaml").read_bytes() == before
