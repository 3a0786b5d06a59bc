"""What the registry may do to an install."""

import os
import shutil

import pytest

from conftest import tree


def nothing_trusted(pmx, project, whole):
    """After a failure: a later run, with the registry well again, gives the whole tree."""
    pmx.install(project)
    whole(project)


def test_offline_with_a_cold_store(pmx, registry, project):
    p = project("basic")
    done = pmx.install(p, "--offline", ok=False)
    assert done.code != 0 and "PMX_E_OFFLINE" in done.text
    assert registry.counters()["requests"] == 0


def test_offline_with_a_warm_store(pmx, registry, project, whole):
    first, second = project("basic", into="first"), project("basic", into="second")
    pmx.install(first)
    registry.reset()
    pmx.install(second, "--offline")
    whole(second)
    assert registry.counters()["requests"] == 0


def test_each_tarball_is_asked_for_once_and_no_packument(pmx, registry, project):
    pmx.install(project("peers"))
    counters = registry.counters()
    assert counters["packuments"] == 0
    assert counters["requests"] == counters["tarballs"] == 10


def test_the_connection_cap_holds(pmx, registry, project):
    registry.fault("GET *: delay=20")
    pmx.install(project("shapes"), "--network-concurrency", "3")
    counters = registry.counters()
    assert 2 <= counters["inFlightPeak"] <= 3 and counters["connectionsPeak"] <= 3


def test_not_found(pmx, registry, project, whole):
    p = project("basic")
    registry.fault("GET /chain-c/*: 404")
    done = pmx.install(p, ok=False)
    assert done.code != 0 and "PMX_E_FETCH_NOT_FOUND" in done.text and "chain-c" in done.text
    registry.reset()
    nothing_trusted(pmx, p, whole)


def test_forbidden(pmx, registry, project):
    registry.fault("GET /chain-c/*: 401")
    done = pmx.install(project("basic"), ok=False)
    assert done.code != 0 and "PMX_E_FETCH_AUTH" in done.text


def test_a_server_error_that_passes_is_retried(pmx, registry, project, whole):
    p = project("basic")
    registry.fault("GET /chain-c/*: 500 x1", "GET /chain-d/*: 503=0 x1", "GET /chain-a/*: close x1")
    pmx.install(p)
    whole(p)
    assert registry.counters()["faults"] == 3


def test_a_server_error_that_stays(pmx, registry, project, whole):
    p = project("basic")
    registry.fault("GET /chain-c/*: 500")
    done = pmx.install(p, "--fetch-retries", "1", ok=False)
    assert done.code != 0 and "PMX_E_FETCH" in done.text
    registry.reset()
    nothing_trusted(pmx, p, whole)


@pytest.mark.parametrize("fault", ["wrong-bytes", "truncate", "html"])
def test_bad_bytes_are_never_installed(pmx, registry, project, whole, fault):
    p = project("basic")
    registry.fault("GET /chain-c/*: " + fault)
    done = pmx.install(p, "--fetch-retries", "0", ok=False)
    assert done.code != 0
    assert "PMX_E_INTEGRITY" in done.text or "PMX_E_FETCH" in done.text
    assert not (p / "node_modules" / ".pnpm" / "chain-c@1.0.0" / "node_modules" / "chain-c" / "index.js").exists()
    registry.reset()
    nothing_trusted(pmx, p, whole)


def test_a_truncation_that_passes_is_retried(pmx, registry, project, whole):
    p = project("basic")
    registry.fault("GET /chain-c/*: truncate x1")
    pmx.install(p)
    whole(p)


def test_wrong_integrity_in_the_lockfile(pmx, project):
    p = project("basic")
    lock = (p / "pnpm-lock.yaml").read_text()
    at = lock.index("chain-c@1.0.0")
    start = lock.index("sha512-", at) + 7
    wrong = ("A" if lock[start] != "A" else "B") + lock[start + 1:]
    (p / "pnpm-lock.yaml").write_text(lock[:start] + wrong)
    done = pmx.install(p, ok=False)
    assert done.code != 0 and "PMX_E_INTEGRITY" in done.text and "chain-c" in done.text
    assert [k for k in tree(p) if k.endswith("/chain-c") or k == "chain-c"] == []


def test_a_stalled_body_times_out(pmx, registry, project):
    registry.fault("GET /chain-c/*: stall")
    done = pmx.install(project("basic"), "--fetch-timeout", "500", "--fetch-retries", "0", ok=False)
    assert done.code != 0 and "PMX_E_FETCH" in done.text


def test_optional_tarball_that_is_gone_is_skipped(pmx, registry, project):
    p = project("groups")
    registry.fault("GET /@pnpm.e2e/has-optional/*: 404")
    done = pmx.install(p)
    assert (p / "node_modules" / "chain-d").exists()
    assert not (p / "node_modules" / "@pnpm.e2e" / "has-optional").exists(), done.text


def test_a_vanished_registry(pmx, project):
    done = pmx.install(project("basic"), "--registry", "http://127.0.0.1:9/", "--fetch-retries", "0", ok=False)
    assert done.code != 0 and "PMX_E_FETCH" in done.text


def test_credentials_do_not_follow_to_another_origin(pmx, registry, project, tmp_path):
    """The other origin answers only to those who come without the token."""
    import registry_server
    with registry_server.RegistryServer(registry.directory) as other:
        p = project("basic")
        (p / ".npmrc").write_text("//%s/:_authToken=secret\n" % registry.url[7:])
        registry.fault("GET /chain-c/*: need-auth=Bearer secret", "GET /chain-c/*: redirect=%s*" % other.url)
        other.fault("* /*: need-auth=")
        pmx.install(p)
        assert other.counters()["tarballs"] == 1 and other.counters()["faults"] == 0


def test_http_proxy_is_used(pmx, registry, project):
    done = pmx.install(project("basic"), "--fetch-retries", "0", env={"HTTP_PROXY": "http://127.0.0.1:9/"}, ok=False)
    assert done.code != 0
    shutil.rmtree(pmx.store, ignore_errors=True)
    done = pmx.install(project("basic", into="no-proxy"), "--fetch-retries", "0",
                       env={"HTTP_PROXY": "http://127.0.0.1:9/", "NO_PROXY": "127.0.0.1"})
    assert os.path.isdir(pmx.store)


def large_package(tmp_path):
    """A registry with one package of 7 MB that does not compress, and a project that wants it."""
    folder = tmp_path / "packages" / "large" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name":"large","version":"1.0.0"}')
    (folder / "data.bin").write_bytes(os.urandom(7 << 20))
    project = tmp_path / "wants-large"
    project.mkdir()
    (project / "package.json").write_text('{"name":"wants-large","dependencies":{"large":"1.0.0"}}')
    return tmp_path / "packages", project, (folder / "data.bin").read_bytes()


@pytest.mark.parametrize("rules", [[], ["RANGE *: ignore-range"], ["RANGE *: wrong-range"], ["RANGE *: 416"], ["RANGE *: 503"],
                                   ["RANGE *: truncate x2"], ["RANGE *: close"], ["RANGE *: stall x1"], ["RANGE *: html"],
                                   ["RANGE *: need-auth=x"], ["RANGE *: redirect=http://127.0.0.1:9/"], ["RANGE *: endless"]])
def test_a_large_archive_comes_in_parts_and_right_whatever_becomes_of_them(pmx, tmp_path, rules):
    import registry_server
    packages, p, content = large_package(tmp_path)
    with registry_server.RegistryServer(packages, "--latency-ms", "40", "--bandwidth-mbps", "100") as registry:
        if rules:
            registry.fault(*rules)
        flags = ["--registry", registry.url + "/", "--fetch-timeout", "1000", "--fetch-retry-mintimeout", "10"]
        pmx.install(p, *flags)
        assert (p / "node_modules" / "large" / "data.bin").read_bytes() == content
        counters = registry.counters()
        if not rules:
            assert (counters["tarballs"], counters["faults"]) == (1, 0) and 3 <= counters["ranges"] <= 7
            assert counters["connectionsPeak"] <= 9
        else:
            assert counters["faults"] >= 1


def test_a_registry_that_serves_no_parts_is_not_asked_for_any(pmx, tmp_path):
    import registry_server
    packages, p, content = large_package(tmp_path)
    with registry_server.RegistryServer(packages, "--latency-ms", "40", "--bandwidth-mbps", "400", "--no-ranges") as registry:
        pmx.install(p, "--registry", registry.url + "/")
        assert (p / "node_modules" / "large" / "data.bin").read_bytes() == content
        counters = registry.counters()
        assert (counters["tarballs"], counters["ranges"], counters["requests"]) == (1, 0, 2)
