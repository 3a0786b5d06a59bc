"""The embedded registry itself."""

import gzip
import json
import os
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import registry_server
from conftest import ROOT


def get(url, **headers):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        return answer.read(), answer.headers


def test_ping_and_counters(registry):
    assert get(registry.url + "/-/ping")[0] == b"{}"
    get(registry.url + "/greet")
    counters = registry.counters()
    assert counters["packuments"] == 1 and counters["tarballs"] == 0 and counters["connectionsPeak"] >= 1


def test_counters_tell_forms_bytes_and_cost_and_are_set_to_zero(registry):
    """Asking for them changes none; POST answers what was counted and starts anew."""
    short = get(registry.url + "/greet", Accept="application/vnd.npm.install-v1+json")[0]
    full = get(registry.url + "/greet")[0]
    tarball = get(registry.url + "/greet/-/greet-1.2.0.tgz")[0]
    counters = registry.counters()
    assert counters == {**registry.counters(), "userSeconds": counters["userSeconds"],
                        "systemSeconds": counters["systemSeconds"], "contextSwitches": counters["contextSwitches"],
                        "bytes": counters["bytes"], "connections": counters["connections"],
                        "connectionsOpen": counters["connectionsOpen"], "connectionsPeak": counters["connectionsPeak"]}
    assert counters["requests"] == 3
    assert (counters["abbreviated"], counters["full"], counters["packuments"], counters["tarballs"]) == (1, 1, 2, 1)
    assert counters["packumentBytes"] == len(short) + len(full) and counters["tarballBytes"] == len(tarball)
    assert counters["bytes"] > counters["packumentBytes"] + counters["tarballBytes"]
    assert counters["prepared"] > 0 and counters["userSeconds"] + counters["systemSeconds"] > 0
    registry.reset()
    get(registry.url + "/greet")
    counters = registry.counters()
    assert (counters["requests"], counters["full"], counters["tarballs"], counters["prepared"]) == (1, 1, 0, 0)


def test_prepared_packuments_are_not_made_again(tmp_path):
    for flags, made in (([], 2), (["--prepare"], 0)):
        with registry_server.RegistryServer(os.path.join(ROOT, "tests", "registry"), *flags) as server:
            for _ in range(2):
                get(server.url + "/chain-a", **{"Accept": "application/vnd.npm.install-v1+json",
                                                "Accept-Encoding": "gzip"})
            assert server.counters()["prepared"] == made  # the archive, for its digest, and the packument


def test_a_broken_packument_ends_the_preparation_with_its_name(tmp_path):
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "package.json").write_text("{")
    done = subprocess.run([registry_server.pmx_binary(), "registry", "serve", str(tmp_path), "--port", "0", "--prepare"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "torn" in done.stderr, done.stderr


def test_a_modelled_line_changes_no_byte(registry, tmp_path):
    """Paced in pieces, through sendfile and from memory, on one connection that is kept and shared by two requests."""
    big = tmp_path / "big" / "-"
    big.mkdir(parents=True)
    content = os.urandom(700_000)
    (big / "big-1.0.0.tgz").write_bytes(content)
    small = tmp_path / "small" / "-"
    small.mkdir(parents=True)
    (small / "small-1.0.0.tgz").write_bytes(content[:3000])
    with registry_server.RegistryServer(tmp_path, "--latency-ms", "2", "--bandwidth-mbps", "400", "--total-mbps", "300") as server:
        for _ in range(2):
            assert get(server.url + "/big/-/big-1.0.0.tgz")[0] == content
            assert get(server.url + "/small/-/small-1.0.0.tgz")[0] == content[:3000]
        host, port = server.url[7:].split(":")
        with socket.create_connection((host, int(port)), timeout=10) as s:
            ask = b"GET /big/-/big-1.0.0.tgz HTTP/1.1\r\nHost: x\r\n%s\r\n"
            s.sendall(ask % b"" + ask % b"Connection: close\r\n")
            answer = b""
            while chunk := s.recv(1 << 20):
                answer += chunk
        assert answer.count(content) == 2
        assert server.counters()["tarballs"] == 6


def mirror_of_big(tmp_path, size=700_000):
    big = tmp_path / "big" / "-"
    big.mkdir(parents=True)
    content = os.urandom(size)
    (big / "big-1.0.0.tgz").write_bytes(content)
    return content, "/big/-/big-1.0.0.tgz"


def status_of(url, **headers):
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def test_parts_of_archives(tmp_path):
    """Paced and unpaced, through sendfile and from memory; a part counts as a range, not as an archive."""
    content, path = mirror_of_big(tmp_path)
    size = len(content)
    for flags in ([], ["--latency-ms", "2", "--bandwidth-mbps", "400"]):
        with registry_server.RegistryServer(tmp_path, *flags) as server:
            status, body, headers = status_of(server.url + path)
            assert (status, body, headers["Accept-Ranges"]) == (200, content, "bytes")
            etag = headers["ETag"]
            for asked, first, last in (("0-99", 0, 99), ("100000-599999", 100000, 599999), ("%d-" % (size - 5), size - 5, size - 1),
                                       ("-7", size - 7, size - 1), ("0-99999999", 0, size - 1), ("-99999999", 0, size - 1)):
                status, body, headers = status_of(server.url + path, **{"Range": "bytes=" + asked, "If-Range": etag})
                assert status == 206 and body == content[first:last + 1], asked
                assert headers["Content-Range"] == "bytes %d-%d/%d" % (first, last, size) and headers["ETag"] == etag
            for asked in ("%d-" % size, "-0"):
                status, _, headers = status_of(server.url + path, Range="bytes=" + asked)
                assert status == 416 and headers["Content-Range"] == "bytes */%d" % size
            counters = server.counters()
            assert (counters["ranges"], counters["tarballs"], counters["requests"]) == (8, 1, 9)
            # What is no single range that can be read is as if it were not there; so is one of another file.
            for asked in ("bytes=1-2,5-6", "bytes=2-1", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=99999999999999999999-"):
                assert status_of(server.url + path, Range=asked)[:2] == (200, content), asked
            assert status_of(server.url + path, **{"Range": "bytes=0-9", "If-Range": '"other"'})[:2] == (200, content)
            assert server.counters()["ranges"] == 8


def test_a_registry_without_parts_and_one_that_lies_about_them(tmp_path):
    content, path = mirror_of_big(tmp_path)
    with registry_server.RegistryServer(tmp_path, "--no-ranges") as server:
        status, body, headers = status_of(server.url + path, Range="bytes=0-9")
        assert (status, body, headers["Accept-Ranges"]) == (200, content, None)
    with registry_server.RegistryServer(tmp_path) as server:
        server.fault("RANGE *: ignore-range x1", "RANGE *: wrong-range x1", "RANGE *: 500 x1")
        assert status_of(server.url + path)[0] == 200
        ask = {"Range": "bytes=5000-5009"}
        assert status_of(server.url + path, **ask)[:2] == (200, content)
        status, body, headers = status_of(server.url + path, **ask)
        assert status == 206 and body == content[:1000] and headers["Content-Range"].startswith("bytes 0-999/")
        assert status_of(server.url + path, **ask)[0] == 500
        assert status_of(server.url + path, **ask)[:2] == (206, content[5000:5010])
        assert server.counters()["faults"] == 3


def test_what_cannot_be_modelled_is_refused():
    for flags in (["--latency-ms", "-1"], ["--bandwidth-mbps", "fast"], ["--connect-round-trips", "99"]):
        done = subprocess.run([registry_server.pmx_binary(), "registry", "serve", "/tmp", "--port", "0", *flags],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode != 0 and "PMX_E_USAGE" in done.stderr, done.stderr


def test_packument_full_and_abbreviated(registry):
    full = json.loads(get(registry.url + "/@pnpm.e2e%2fpre-and-postinstall-scripts-example")[0])
    assert full["time"]["1.0.0"].startswith("2020") and "scripts" in full["versions"]["1.0.0"]
    body, headers = get(registry.url + "/@pnpm.e2e/pre-and-postinstall-scripts-example",
                        Accept="application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8")
    short = json.loads(body)["versions"]["1.0.0"]
    assert "scripts" not in short and short["hasInstallScript"] is True
    assert headers["Content-Type"] == "application/vnd.npm.install-v1+json"
    assert short["dist"]["tarball"].startswith(registry.url + "/@pnpm.e2e/")


def test_tags_versions_and_order(registry):
    packument = json.loads(get(registry.url + "/@pnpm.e2e/dep-of-pkg-with-1-dep")[0])
    assert packument["dist-tags"] == {"latest": "100.0.0"}
    assert list(packument["versions"]) == ["100.0.0", "100.1.0", "101.0.0"]
    assert json.loads(get(registry.url + "/@scope/lib")[0])["dist-tags"]["latest"] == "2.1.0"


def test_etag_and_gzip(registry):
    body, headers = get(registry.url + "/greet", **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip" and json.loads(gzip.decompress(body))["name"] == "greet"
    with pytest.raises(urllib.error.HTTPError) as error:
        get(registry.url + "/greet", **{"Accept-Encoding": "gzip", "If-None-Match": headers["ETag"]})
    assert error.value.code == 304


def test_unknown_is_json_404(registry):
    for path in ("/nothing", "/greet/-/greet-9.9.9.tgz", "/..%2f..%2fetc", "/greet/-/..%2f..%2fpackage.json", "/@a%2f..%2fb"):
        with pytest.raises(urllib.error.HTTPError) as error:
            get(registry.url + path)
        assert error.value.code == 404 and "error" in json.loads(error.value.read())
    missing = json.loads(get(registry.url + "/-/pmx/missing")[0])
    assert missing[:2] == ["/nothing", "/greet/-/greet-9.9.9.tgz"] and len(missing) == registry.counters()["notFound"] == 5
    registry.reset()
    assert json.loads(get(registry.url + "/-/pmx/missing")[0]) == []


def test_integrities_are_those_of_the_golden_lockfiles(registry):
    """Packing must give the same bytes for ever: lockfiles in this repository rely on it."""
    import lockfiles
    seen = 0
    folder = os.path.join(ROOT, "tests", "golden", "lockfiles")
    for case in os.listdir(folder):
        lock = os.path.join(folder, case, "pnpm-lock.yaml")
        if not os.path.isfile(lock):
            continue
        for row in lockfiles.pinned_tarballs(lock):
            packument = json.loads(get(registry.url + "/" + row["name"])[0])
            assert packument["versions"][row["version"]]["dist"]["integrity"] == row["integrity"], row["name"]
            seen += 1
    assert seen > 50


def test_faults(registry):
    registry.fault("GET /greet: 500 x2", "GET /clash: truncate x1", "GET /chain-a: wrong-bytes x1")
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError):
            get(registry.url + "/greet")
    assert json.loads(get(registry.url + "/greet")[0])["name"] == "greet"
    with pytest.raises(Exception):
        get(registry.url + "/clash")
    assert get(registry.url + "/clash")
    assert get(registry.url + "/chain-a")[0] != get(registry.url + "/chain-a")[0]
    assert registry.counters()["faults"] == 4


def test_a_bad_rule_is_refused():
    done = subprocess.run([registry_server.pmx_binary(), "registry", "serve", os.path.join(ROOT, "tests", "registry"),
                           "--port", "0", "--fault", "nonsense"], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "fault" in done.stderr


def test_garbage_and_pipelining(registry):
    host, port = registry.url[7:].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as s:
        s.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 400")
    with socket.create_connection((host, int(port)), timeout=10) as s:
        s.sendall(b"GET /-/ping HTTP/1.1\r\nHost: x\r\n\r\nGET /-/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := s.recv(4096):
            answer += chunk
    assert answer.count(b"HTTP/1.1 200") == 2


def test_recorded_and_mirrored_directories(registry, tmp_path):
    tarball = get(registry.url + "/greet/-/greet-1.2.0.tgz")[0]
    packument = json.loads(get(registry.url + "/greet")[0])
    recorded = tmp_path / "recorded" / "greet"
    recorded.mkdir(parents=True)
    packument["versions"]["1.2.0"]["dist"]["tarball"] = "http://elsewhere.example/greet/-/greet-1.2.0.tgz"
    (recorded / "package.json").write_text(json.dumps(packument))
    (recorded / "greet-1.2.0.tgz").write_bytes(tarball)
    mirrored = tmp_path / "mirrored" / "greet" / "-"
    mirrored.mkdir(parents=True)
    (mirrored / "greet-1.2.0.tgz").write_bytes(tarball)
    for kind in ("recorded", "mirrored"):
        with registry_server.RegistryServer(tmp_path / kind) as server:
            version = json.loads(get(server.url + "/greet")[0])["versions"]["1.2.0"]
            assert version["dist"]["tarball"] == server.url + "/greet/-/greet-1.2.0.tgz", kind
            assert version["dist"]["integrity"] == packument["versions"]["1.2.0"]["dist"]["integrity"]
            assert get(version["dist"]["tarball"])[0] == tarball


def test_recorded_times_are_served(tmp_path):
    """They decide what a client that refuses young versions may choose."""
    times = {"1.0.0": "2024-05-06T07:08:09.000Z", "1.1.0": "2025-01-02T03:04:05.000Z"}
    versions = {v: {"name": "timed", "version": v, "description": "left out when short", "funding": "somewhere",
                    "dist": {"tarball": "http://elsewhere.example/timed/-/timed-%s.tgz" % v}} for v in times}
    versions["1.1.0"]["hasInstallScript"] = True  # without scripts: the registry had shortened it already
    stored = {"name": "timed", "dist-tags": {"latest": "1.1.0"}, "versions": versions, "time": times}
    for modified in (None, "2025-02-03T04:05:06.000Z"):
        folder = tmp_path / str(modified) / "timed"
        folder.mkdir(parents=True)
        if modified:
            stored["time"] = {"modified": modified, **times}
        (folder / "package.json").write_text(json.dumps(stored))
        with registry_server.RegistryServer(folder.parent) as server:
            assert json.loads(get(server.url + "/timed")[0])["time"] == stored["time"]
            short = json.loads(get(server.url + "/timed", Accept="application/vnd.npm.install-v1+json")[0])
        assert short["modified"] == (modified or times["1.1.0"]) and "time" not in short
        assert short["versions"]["1.1.0"]["hasInstallScript"] is True
        assert short["versions"]["1.0.0"]["funding"] == "somewhere" and "description" not in short["versions"]["1.0.0"]
