"""The plugins of examples/plugins do real installs: built against an installed SDK, chosen by path, judged by the tree that
they leave and by the counters of the run and of the servers."""

import json
import os
import shutil

import pytest

import example_plugins
from conftest import Pmx, node, run_bin, tree


@pytest.fixture(scope="session")
def plugin(tmp_path_factory):
    return example_plugins.Plugins(tmp_path_factory.mktemp("examples"))


@pytest.fixture
def nginx(tmp_path, registry):
    folder = tmp_path / "nginx"
    folder.mkdir()
    server = example_plugins.Nginx(folder, registry.url)
    yield server
    server.stop()


@pytest.fixture
def signing(tmp_path, registry):
    folder = tmp_path / "signing"
    folder.mkdir()
    server = example_plugins.SigningRegistry(folder, registry.url)
    yield server
    server.stop()


def second(tmp_path, registry):
    """Another machine: a home and a store of its own."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    return Pmx(str(home), registry.url)


# Layouts

def test_the_flat_layout_puts_every_package_in_one_directory(pmx, project, whole, plugin):
    p = project("aliases")
    pmx.install(p, "--linker", plugin("flat-layout"))
    whole(p)
    assert all(kind == "dir" or ".bin/" in path for path, kind in tree(p).items())
    assert not any("/node_modules/" in path for path in tree(p))
    assert "up to date" in pmx.install(p, "--linker", plugin("flat-layout")).text.lower()


def test_the_flat_layout_refuses_two_packages_of_one_name(pmx, project, plugin):
    p = project("clash")
    done = pmx.install(p, "--linker", plugin("flat-layout"), ok=False)
    assert done.code != 0 and "two packages want the name" in done.text and "--linker isolated" in done.text
    assert not tree(p)


def test_an_option_of_a_plugin_is_given_by_its_name(pmx, project, plugin):
    p = project("basic")
    pmx.install(p, "--linker", plugin("first-layout"), "--plugin-option", "first-layout.slots=.mine")
    assert (p / "node_modules" / ".mine").is_dir() and not (p / "node_modules" / ".slots").exists()
    # Another value is another tree, not "up to date".
    pmx.install(p, "--linker", plugin("first-layout"), "--plugin-option", "first-layout.slots=.other")
    assert (p / "node_modules" / ".other").is_dir() and not (p / "node_modules" / ".mine").exists()
    done = pmx.install(p, "--linker", plugin("first-layout"), "--plugin-option", "first-layout.slot=.mine", ok=False)
    assert done.code != 0 and "did you mean first-layout.slots?" in done.text
    assert pmx.install(p, "--plugin-option", "nonsense", ok=False).code == 2


@pytest.mark.parametrize("case", ["basic", "aliases", "bins", "bundled", "circular", "clash", "peers", "platform", "workspace"])
@pytest.mark.parametrize("lock", ["pnpm", "npm"])
def test_the_nested_layout(pmx, project, whole, plugin, case, lock):
    p = project(case, lock)
    pmx.install(p, "--frozen-lockfile", "--linker", plugin("nested-layout"))
    whole(p)
    assert not any(kind.startswith("->") and ".bin/" not in path and case != "workspace" for path, kind in tree(p).items())


def test_the_nested_layout_hoists_nothing(pmx, project, plugin):
    p = project("basic")
    pmx.install(p, "--linker", plugin("nested-layout"))
    found = tree(p)
    assert "chain-a/node_modules/chain-b" in found and "@pnpm.e2e/dep-of-pkg-with-1-dep" not in found
    done = pmx.install(p, "--linker", plugin("nested-layout"), "--plugin-option", "nested-layout.most-places=2", ok=False)
    assert done.code != 0 and "more than 2 packages" in done.text


def test_a_project_changes_its_layout_and_back(pmx, project, whole, plugin):
    p = project("basic")
    pmx.install(p)
    before = tree(p)
    pmx.install(p, "--linker", plugin("nested-layout"))
    whole(p)
    pmx.install(p)
    assert tree(p) == before


def test_a_layout_that_was_built_anew_is_asked_again(pmx, project, whole, plugin, tmp_path):
    mine = tmp_path / "mine.so"
    shutil.copy(plugin("flat-layout"), mine)
    p = project("aliases", into="flat")
    pmx.install(p, "--linker", mine)
    flat = tree(p)
    assert "up to date" in pmx.install(p, "--linker", mine).text.lower()
    shutil.copy(plugin("first-layout"), tmp_path / "new.so")
    os.replace(tmp_path / "new.so", mine)
    pmx.install(p, "--linker", mine)
    whole(p)
    assert tree(p) != flat and (p / "node_modules" / ".slots").is_dir()


# Importers

def test_copies_by_the_kernel(pmx, project, whole, plugin):
    p = project("shapes")
    done = pmx.install(p, "--import", plugin("copy-range"), "--timing=json")
    whole(p)
    base = p / "node_modules" / "exec-bits"
    assert (base / "run-me").stat().st_nlink == 1 and os.access(base / "run-me", os.X_OK)
    assert (p / "node_modules" / "binary-file" / "data.bin").stat().st_size == 256 * 300
    assert done.figure("files_copied") > 30 and done.figure("files_linked") == 0


def test_links_by_io_uring(pmx, project, whole, plugin):
    p = project("shapes")
    done = pmx.install(p, "--import", plugin("uring-link"), "--timing=json")
    whole(p)
    links = (p / "node_modules" / "exec-bits" / "run-me").stat().st_nlink
    if links == 1:  # it said UNSUPPORTED and the next importer did everything
        assert done.figure("files_copied") > 30
        pytest.skip("io_uring is not allowed here: containers forbid it")
    assert done.figure("uring_links") == done.figure("files_linked") > 30
    assert done.figure("uring_enters") < done.figure("uring_links") / 2


@pytest.mark.parametrize("importer", ["copy-range", "uring-link", "plain-importer"])
def test_an_importer_replaces_what_stands_there(pmx, project, whole, plugin, importer):
    p = project("basic")
    pmx.install(p)
    (p / "node_modules" / "chain-a" / "index.js").unlink()
    pmx.install(p, "--force", "--import", plugin(importer))
    whole(p)
    assert (p / "node_modules" / "chain-a" / "index.js").exists()


# Fetchers

def h2_registry(nginx, project, scheme):
    if scheme == "https":
        (project / ".npmrc").write_text("cafile=%s\n" % nginx.certificate)
        return "https://localhost:%d/" % nginx.h2
    return "http://127.0.0.1:%d/" % nginx.h2c


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_http2_brings_everything_over_one_connection(pmx, project, registry, whole, plugin, nginx, scheme):
    p = project("basic")
    url = h2_registry(nginx, p, scheme)
    home = os.path.join(pmx.home, ".npmrc")
    if scheme == "https":
        os.replace(p / ".npmrc", home)  # certificates are trusted where the user says so
    done = pmx.install(p, "--frozen-lockfile", "--registry", url, "--fetcher", plugin("http2-fetcher"), "--timing=json",
                       "--plugin-option", "http2-fetcher.prior-knowledge=true")
    whole(p)
    archives = registry.counters()["tarballs"]
    assert archives > 5 and done.figure("http2_requests") == done.figure("requests") == archives
    # curl 7.88 cannot use a connection of prior knowledge twice; over TLS every version can.
    assert done.figure("http2_connections") == 1 or scheme == "http" and done.figure("http2_connections") == archives
    assert '"GET /chain-a/-/chain-a-1.0.0.tgz HTTP/2.0" 200' in (open(os.path.join(nginx.folder, "access.log")).read())


def test_http2_resolves_and_retries(pmx, project, registry, whole, plugin, nginx):
    p = project("basic")
    (p / "pnpm-lock.yaml").unlink()
    registry.fault("GET /chain-a/-/*: 503 x1")
    url = h2_registry(nginx, p, "http")
    done = pmx.install(p, "--registry", url, "--fetcher", plugin("http2-fetcher"), "--timing=json", "--plugin-option",
                       "http2-fetcher.prior-knowledge=true", "--fetch-retry-mintimeout", "1")
    whole(p)
    assert done.figure("retries") == 1 and (p / "pnpm-lock.yaml").exists()


def test_http2_falls_back_where_a_server_has_only_http1(pmx, project, registry, whole, plugin):
    p = project("basic")
    done = pmx.install(p, "--fetcher", plugin("http2-fetcher"), "--timing=json")
    whole(p)
    assert done.figure("requests") == registry.counters()["tarballs"]


def test_http2_tells_what_is_missing(pmx, project, registry, plugin):
    p = project("basic")
    registry.fault("GET /chain-a/-/*: 404")
    done = pmx.install(p, "--fetcher", plugin("http2-fetcher"), ok=False)
    assert done.code != 0 and "PMX_E_FETCH_NOT_FOUND" in done.text and "chain-a" in done.text


def cache_of(nginx):
    return [os.path.join(folder, file) for folder, _, files in os.walk(os.path.join(nginx.folder, "dav")) for file in files]


def test_a_team_shares_a_cache(pmx, project, registry, whole, plugin, nginx, tmp_path):
    options = ["--fetcher", plugin("shared-cache"), "--plugin-option", "shared-cache.url=http://127.0.0.1:%d/npm" % nginx.dav, "--timing=json"]
    mine, theirs = project("basic", into="mine"), project("basic", into="theirs")
    done = pmx.install(mine, "--frozen-lockfile", *options)
    archives = registry.counters()["tarballs"]
    assert done.figure("cache_fills") == archives == len(cache_of(nginx)) > 5

    registry.reset()
    done = second(tmp_path, registry).install(theirs, "--frozen-lockfile", *options)
    whole(theirs)
    assert done.figure("cache_hits") == archives and registry.counters()["tarballs"] == 0


def test_a_spoiled_or_absent_shared_cache_costs_time_only(pmx, project, registry, whole, plugin, nginx, tmp_path):
    options = ["--fetcher", plugin("shared-cache"), "--plugin-option", "shared-cache.url=http://127.0.0.1:%d/" % nginx.dav, "--timing=json"]
    pmx.install(project("basic", into="mine"), "--frozen-lockfile", *options)
    archives = registry.counters()["tarballs"]
    spoiled = cache_of(nginx)[0]
    with open(spoiled, "r+b") as f:
        f.write(b"spoiled")
    registry.reset()
    theirs = project("basic", into="theirs")
    done = second(tmp_path, registry).install(theirs, "--frozen-lockfile", *options)
    whole(theirs)
    assert done.figure("cache_hits") == archives - 1 and registry.counters()["tarballs"] == 1
    with open(spoiled, "rb") as f:
        assert f.read(2) == b"\x1f\x8b"  # and put right again

    nginx.stop()
    last = project("basic", into="last")
    done = pmx.install(last, "--frozen-lockfile", "--store-dir", tmp_path / "third", *options)
    whole(last)
    assert "shared cache does not answer" in done.text


# Validators

def policy(tmp_path, **rules):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(rules))
    return ["--plugin-option", "policy.file=%s" % path]


def test_a_policy_file_decides(pmx, project, registry, whole, plugin, tmp_path):
    p = project("basic")
    validators = ["--validator", "integrity,tree," + plugin("policy")]

    def install(ok, **rules):
        return pmx.install(p, *validators, *policy(tmp_path, **rules), "--force", ok=ok)

    done = install(False, deny=["chain-b"])
    assert done.code != 0 and "PMX_E_POLICY" in done.text and "chain-b@" in done.text
    assert "denies this package (@pnpm.e2e/*)" in install(False, deny=["@pnpm.e2e/*"]).text
    assert "does not allow the licence MIT" in install(False, licenses=["ISC"]).text
    assert "published" in install(False, **{"maximum-age-days": 1}).text
    assert "policy.json" in pmx.install(p, *validators, "--force", ok=False).text  # there is none in the project
    before = registry.counters()["packuments"]
    install(True, deny=["nobody"], licenses=["MIT", "ISC"], **{"without-license": "allow", "minimum-age-days": 1})
    assert registry.counters()["packuments"] > before  # the ages were asked for
    whole(p)


def test_archives_are_what_the_registry_signed(pmx, project, registry, whole, plugin, signing):
    options = ["--validator", "integrity,tree," + plugin("signatures"), "--registry", signing.url + "/", "--timing=json"]
    p = project("basic")
    done = pmx.install(p, "--frozen-lockfile", *options)
    whole(p)
    assert done.figure("signatures_verified") == registry.counters()["tarballs"] > 5


def test_a_forged_signature_and_none(pmx, project, registry, whole, plugin, signing):
    options = ["--frozen-lockfile", "--validator", "integrity,tree," + plugin("signatures"), "--registry", signing.url + "/"]
    p = project("basic")
    signing.forged.add("chain-b")
    done = pmx.install(p, *options, ok=False)
    assert done.code != 0 and "PMX_E_INTEGRITY" in done.text and "no key of the registry signed this archive" in done.text
    assert not (p / "node_modules" / "chain-a" / "package.json").exists() or not tree(p).get("chain-b")
    signing.forged.clear()
    signing.unsigned.add("chain-b")
    assert "did not sign this package" in pmx.install(p, *options, ok=False).text
    done = pmx.install(p, *options, "--plugin-option", "signatures.unsigned=warn")
    whole(p)
    assert "did not sign this package" in done.text


# The contract

@pytest.mark.parametrize("name", sorted(name for name in os.listdir(example_plugins.EXAMPLES)
                                        if os.path.isdir(os.path.join(example_plugins.EXAMPLES, name))))
def test_an_example_passes_the_conformance_kit(pmx, plugin, tmp_path, name):
    (tmp_path / "policy.json").write_text('{"deny": ["nobody"]}')
    done = pmx("plugin", "check", plugin(name), "--plugin-option", "policy.file=%s" % (tmp_path / "policy.json"),
               "--plugin-option", "shared-cache.url=http://127.0.0.1:9/", "--plugin-option", "signatures.unsigned=allow", cwd=tmp_path)
    assert done.code == 0, done.text
