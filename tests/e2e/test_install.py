"""An install from a lockfile under each linker: what must be on disk, and whether Node runs it."""

import os

import pytest

from conftest import LOCKFILES, node, run_bin, tree

CASES = sorted(d for d in os.listdir(LOCKFILES) if os.path.isdir(os.path.join(LOCKFILES, d)))
NPM_CASES = [c for c in CASES if os.path.isfile(os.path.join(LOCKFILES, c, "package-lock.json"))]


@pytest.mark.parametrize("linker", ["isolated", "hoisted", "global"])
@pytest.mark.parametrize("case", CASES)
def test_pnpm_lockfile(pmx, project, whole, case, linker):
    p = project(case)
    pmx.install(p, "--frozen-lockfile", "--ignore-scripts", "--linker", linker)
    whole(p)


@pytest.mark.parametrize("linker", ["hoisted", "isolated", "global"])
@pytest.mark.parametrize("case", NPM_CASES)
def test_npm_lockfile(pmx, project, whole, case, linker):
    p = project(case, "npm")
    pmx.install(p, "--frozen-lockfile", "--ignore-scripts", "--linker", linker)
    whole(p)


@pytest.mark.parametrize("method", ["auto", "hardlink", "copy"])
def test_import_methods_and_modes(pmx, project, method):
    p = project("shapes")
    pmx.install(p, "--import", method)
    base = p / "node_modules" / "exec-bits"
    assert os.access(base / "run-me", os.X_OK) and os.access(base / "bin" / "tool", os.X_OK)
    assert not (base / "leave-me").stat().st_mode & 0o111
    assert (base / "run-me").stat().st_nlink == (1 if method == "copy" else 2)
    assert node("console.log(require('deep-directories/" + "/".join("level-%02d" % i for i in range(1, 21))
                + "/leaf.js'))", p) == "leaf"
    assert len(os.listdir(p / "node_modules" / "many-files" / "lib" / "3")) == 30
    assert (p / "node_modules" / "unicode-names" / "日本.txt").exists()
    assert (p / "node_modules" / "long-names" / ("x" * 120 + ".js")).exists()
    assert (p / "node_modules" / "binary-file" / "data.bin").stat().st_size == 256 * 300
    both = p / "node_modules" / "@pnpm.e2e" / "with-same-file-in-different-cases"
    assert (both / "Foo.js").read_text() != (both / "foo.js").read_text()


def test_the_lockfile_decides_the_linker(pmx, project):
    isolated = project("basic", into="a")
    hoisted = project("basic", "npm", into="b")
    pmx.install(isolated)
    pmx.install(hoisted)
    assert (isolated / "node_modules" / "chain-a").is_symlink() and (isolated / "node_modules" / ".pnpm").is_dir()
    assert not (hoisted / "node_modules" / "chain-a").is_symlink()
    assert not (hoisted / "node_modules" / ".pnpm").exists()


def test_isolated_layout_is_pnpms(pmx, project):
    p = project("basic")
    pmx.install(p)
    found = tree(p)
    slot = ".pnpm/@pnpm.e2e+pkg-with-1-dep@100.0.0/node_modules/@pnpm.e2e/"
    assert found["@pnpm.e2e/pkg-with-1-dep"] == "-> ../" + slot + "pkg-with-1-dep"
    assert found[slot + "dep-of-pkg-with-1-dep"] == \
        "-> ../../../@pnpm.e2e+dep-of-pkg-with-1-dep@100.0.0/node_modules/@pnpm.e2e/dep-of-pkg-with-1-dep"
    assert "@pnpm.e2e/dep-of-pkg-with-1-dep" not in found
    assert found[".pnpm/node_modules/chain-b"] == "-> ../chain-b@1.0.0/node_modules/chain-b"


def test_global_links_into_a_shared_virtual_store(pmx, project):
    a, b = project("basic", into="a"), project("basic", into="b")
    pmx.install(a, "--linker", "global")
    pmx.install(b, "--linker", "global")
    real = [os.path.realpath(p / "node_modules" / "chain-a") for p in (a, b)]
    assert real[0] == real[1] and not real[0].startswith(str(a))


@pytest.mark.parametrize("linker", ["isolated", "hoisted"])
def test_bins_run(pmx, project, linker):
    p = project("bins")
    pmx.install(p, "--linker", linker)
    assert run_bin(p, "bin-one") == "one"
    assert run_bin(p, "bin-two", "a b", "c") == "two a b c"
    assert run_bin(p, "second") == "second"
    if linker == "isolated":  # npm's way of linking executables, which hoisted follows, cannot start this one either
        assert run_bin(p, "bin-no-shebang") == "no shebang"
    assert run_bin(p, "bin-sh", "x") == "sh x"
    assert run_bin(p, "bin-crlf") == "crlf"
    assert run_bin(p, "tool") == "scoped tool 2.1.0"
    assert run_bin(p, "hello-world-js-bin") == "Hello from the parent!"


def test_a_missing_bin_target_is_no_error(pmx, project):
    p = project("broken-bin")
    pmx.install(p)
    assert (p / "node_modules" / "@pnpm.e2e" / "broken-bin" / "package.json").exists()


@pytest.mark.parametrize("linker", ["isolated", "hoisted", "global"])
def test_workspace(pmx, project, whole, linker):
    p = project("workspace")
    pmx.install(p, "--linker", linker)
    whole(p)
    assert os.path.realpath(p / "packages" / "app" / "node_modules" / "ws-lib") == str(p / "packages" / "lib")
    assert os.path.realpath(p / "packages" / "other" / "node_modules" / "linked") == str(p / "packages" / "lib")
    assert node("console.log(require('ws-lib').chain)", p / "packages" / "app") == "chain-d"
    assert run_bin(p / "packages" / "app", "ws-lib") == "ws-lib"
    assert node("console.log(require('@scope/lib').version)", p / "packages" / "app") == "1.0.0"
    assert node("console.log(require('@scope/lib').version)", p / "packages" / "other") == "2.1.0"


def test_install_from_a_member_installs_the_workspace(pmx, project, whole):
    p = project("workspace")
    pmx.install(p / "packages" / "app")
    whole(p)


@pytest.mark.parametrize("linker", ["isolated", "hoisted"])
def test_injected_dependency_meets_its_own_peer(pmx, project, linker):
    p = project("injected")
    pmx.install(p, "--linker", linker)
    assert node("console.log(require('in-lib'))", p / "packages" / "app1") == "1.0.0"
    if linker == "isolated":
        copy = os.path.realpath(p / "packages" / "app1" / "node_modules" / "in-lib")
        assert copy.startswith(str(p / "node_modules" / ".pnpm"))


def test_groups(pmx, project, whole):
    p = project("groups")
    pmx.install(p, "--prod")
    assert not (p / "node_modules" / "bins-many").exists() and (p / "node_modules" / "chain-d").exists()
    whole(p, ("dependencies", "optionalDependencies"))
    pmx.install(p)
    whole(p)
    p = project("groups", into="dev")
    pmx.install(p, "--dev")
    assert (p / "node_modules" / "bins-many").exists() and not (p / "node_modules" / "chain-d").exists()
    p = project("groups", into="no-optional")
    pmx.install(p, "--no-optional")
    assert not (p / "node_modules" / "@pnpm.e2e" / "has-optional").exists()
    assert (p / "node_modules" / "chain-d").exists()


@pytest.mark.parametrize("lock", ["pnpm", "npm"])
def test_packages_for_other_platforms_are_neither_fetched_nor_linked(pmx, registry, project, lock):
    p = project("platform", lock)
    pmx.install(p)
    found = " ".join(tree(p))
    for name in ("not-compatible-with-any-os", "only-arm", "dep-of-optional-pkg"):
        assert name not in found
    assert (p / "node_modules" / "@pnpm.e2e" / "has-optional").exists()
    # has-native, has-optional, only-linux, not-darwin, chain-e
    assert registry.counters()["tarballs"] == 5
    assert "up to date" in pmx.install(p).text.lower()


def test_scripts_wait_for_permission(pmx, project):
    p = project("scripts")
    done = pmx.install(p, ok=False)
    example = p / "node_modules" / "@pnpm.e2e" / "pre-and-postinstall-scripts-example"
    assert not (example / "generated-by-postinstall.js").exists()
    assert "pre-and-postinstall-scripts-example" in done.text


def test_a_foreign_file_in_node_modules_stays(pmx, project):
    p = project("basic")
    (p / "node_modules").mkdir()
    (p / "node_modules" / "mine.txt").write_text("mine")
    pmx.install(p)
    assert (p / "node_modules" / "mine.txt").read_text() == "mine"


def test_many_bin_directories_are_written_by_several_workers(pmx, tmp_path):
    """Enough of them for a second worker, and all the same as one worker makes them."""
    bins = {}
    for workers in ("1", "4"):
        root = tmp_path / workers
        root.mkdir()
        (root / "package.json").write_text('{"name":"root","private":true}')
        (root / "pnpm-workspace.yaml").write_text("packages: ['p/*']\n")
        for number in range(40):
            (root / "p" / str(number)).mkdir(parents=True)
            (root / "p" / str(number) / "package.json").write_text(
                '{"name":"p%d","dependencies":{"bins-many":"1.0.0","@scope/tool":"1.0.0"}}' % number)
        pmx.install(root, "--link-concurrency", workers)
        bins[workers] = {(number, name): (root / "p" / str(number) / "node_modules" / ".bin" / name).read_text()
                         for number in range(40) for name in sorted(os.listdir(root / "p" / str(number) / "node_modules" / ".bin"))}
    assert len(bins["1"]) >= 40 * 3
    assert bins["1"] == bins["4"]
