"""Large archives, which are unpacked while they arrive: what stands in the store and in the tree when they are not what was
promised, are cut off, begin again, or the run ends in the middle. A server of its own tells each body byte by byte."""

import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import signal
import tarfile
import threading
import time

import pytest

import registry_server
from conftest import Pmx

LARGE = 6 << 20


def archive(name, size=LARGE, seed=1):
    """A package whose archive has about `size` bytes: nothing in it compresses."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def put(path, data):
            info = tarfile.TarInfo("package/" + path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        put("package.json", b'{"name":"%s","version":"1.0.0"}' % name.encode())
        put("data.bin", random.Random(seed).randbytes(size))
        put("index.js", b"module.exports = 'whole'\n")
    return gzip.compress(out.getvalue(), 1, mtime=0)


class Server:
    """Answers GET /NAME/-/NAME-1.0.0.tgz by `play(handler, try)`, where that is set, and counts the tries."""

    def __init__(self):
        self.bodies, self.promised, self.play, self.tries = {}, {}, None, {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                name = self.path.split("/")[1]
                if self.path == "/" + name:
                    return outer.packument(self, name)
                outer.tries[name] = outer.tries.get(name, 0) + 1
                (outer.play or outer.whole)(self, outer.bodies[name], outer.tries[name])

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def packument(self, handler, name):
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(self.promised[name]).digest()).decode()
        dist = {"tarball": "%s/%s/-/%s-1.0.0.tgz" % (self.url, name, name), "integrity": integrity}
        text = json.dumps({"name": name, "dist-tags": {"latest": "1.0.0"},
                           "versions": {"1.0.0": {"name": name, "version": "1.0.0", "dist": dist}}}).encode()
        self.head(handler, len(text))
        handler.wfile.write(text)

    @staticmethod
    def head(handler, length):
        handler.send_response(200)
        if length is None:
            handler.send_header("transfer-encoding", "chunked")
        else:
            handler.send_header("content-length", str(length))
        handler.end_headers()

    @classmethod
    def whole(cls, handler, body, _try):
        cls.head(handler, len(body))
        handler.wfile.write(body)

    @classmethod
    def cut(cls, handler, body, at):
        cls.head(handler, len(body))
        handler.wfile.write(body[:at])
        handler.wfile.flush()
        handler.connection.close()
        handler.close_connection = True


@pytest.fixture
def server():
    it = Server()
    yield it
    it.http.shutdown()
    it.http.server_close()


@pytest.fixture
def arrival(tmp_path, server):
    """arrival({name: bytes}) makes a project whose lockfile promises these archives."""
    class Place:
        def __init__(self):
            (tmp_path / "home").mkdir(exist_ok=True)
            self.pmx = Pmx(str(tmp_path / "home"), server.url)
            self.project, self.server = tmp_path / "project", server

        def promise(self, bodies):
            server.bodies, server.promised = dict(bodies), dict(bodies)
            self.project.mkdir(exist_ok=True)
            deps = ",".join('"%s":"1.0.0"' % name for name in bodies)
            (self.project / "package.json").write_text('{"name":"p","version":"1.0.0","dependencies":{%s}}' % deps)
            lock = ["lockfileVersion: '9.0'", "settings:", "  autoInstallPeers: true", "  excludeLinksFromLockfile: false",
                    "importers:", "  .:", "    dependencies:"]
            for name in bodies:
                lock += ["      %s:" % name, "        specifier: 1.0.0", "        version: 1.0.0"]
            lock.append("packages:")
            for name, body in bodies.items():
                digest = base64.b64encode(hashlib.sha512(body).digest()).decode()
                lock += ["  %s@1.0.0:" % name, "    resolution: {integrity: sha512-%s}" % digest]
            lock.append("snapshots:")
            for name in bodies:
                lock.append("  %s@1.0.0: {}" % name)
            (self.project / "pnpm-lock.yaml").write_text("\n".join(lock) + "\n")
            return self

        def install(self, *args, ok=True):
            return self.pmx.install(self.project, "--frozen-lockfile", "--timing=json", *args, ok=ok)

        def streamed(self, done):
            return done.timing()["counters"]["archives_streamed"]

        def objects(self):
            root = os.path.join(self.pmx.store, "v1", "objects")
            return sorted(key for shard in os.listdir(root) for key in os.listdir(os.path.join(root, shard))) if os.path.isdir(root) else []

        def has_nothing(self):
            assert self.objects() == []
            assert os.listdir(os.path.join(self.pmx.store, "v1", "tmp")) == []
            assert not (self.project / "node_modules" / "big" / "package.json").exists()

        def is_whole(self, name="big", size=LARGE, seed=1):
            root = self.project / "node_modules" / name
            assert (root / "index.js").read_text() == "module.exports = 'whole'\n"
            assert (root / "data.bin").read_bytes() == random.Random(seed).randbytes(size)
            assert os.listdir(os.path.join(self.pmx.store, "v1", "tmp")) == []
    return Place()


def test_a_large_archive_is_streamed_and_a_small_one_is_not(arrival):
    arrival.promise({"big": archive("big"), "small": archive("small", 1000, 2)})
    assert arrival.streamed(arrival.install()) == 1
    arrival.is_whole()
    arrival.is_whole("small", 1000, 2)


def test_of_many_only_a_few_are_streamed_at_once(arrival):
    gate = threading.Barrier(4)

    def play(handler, body, _try):
        Server.head(handler, len(body))
        handler.wfile.write(body[:100000])
        handler.wfile.flush()
        gate.wait(30)
        handler.wfile.write(body[100000:])
    arrival.server.play = play
    arrival.promise({"big%d" % i: archive("big%d" % i, seed=i) for i in range(4)})
    assert arrival.streamed(arrival.install("--unpack-concurrency", "4")) == 2
    for i in range(4):
        arrival.is_whole("big%d" % i, seed=i)


def test_it_is_unpacked_before_the_last_byte_is_there_and_seen_after(arrival):
    seen = {}

    def play(handler, body, _try):
        Server.head(handler, len(body))
        handler.wfile.write(body[:-1])
        handler.wfile.flush()
        tmp = os.path.join(arrival.pmx.store, "v1", "tmp")
        for _ in range(3000):
            seen["files"] = [f for d in os.listdir(tmp) for f in os.listdir(os.path.join(tmp, d))]
            if len(seen["files"]) >= 2:
                break
            time.sleep(0.01)
        seen["objects"] = arrival.objects()
        handler.wfile.write(body[-1:])
    arrival.server.play = play
    arrival.promise({"big": archive("big")})
    arrival.install()
    assert len(seen["files"]) >= 2, "nothing was unpacked"
    assert seen["objects"] == [], "it could be seen before it was proven"
    arrival.is_whole()


def test_of_unknown_length(arrival):
    def play(handler, body, _try):
        Server.head(handler, None)
        for at in range(0, len(body), 100000):
            piece = body[at:at + 100000]
            handler.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")
    arrival.server.play = play
    arrival.promise({"big": archive("big")})
    assert arrival.streamed(arrival.install()) == 1
    arrival.is_whole()


@pytest.mark.parametrize("at", [20, LARGE // 2, -30, -1])
def test_tampered_bytes_leave_nothing(arrival, at):
    body = archive("big")
    arrival.promise({"big": body})
    bad = bytearray(body)
    bad[at] ^= 1
    arrival.server.bodies["big"] = bytes(bad)
    done = arrival.install("--fetch-retries", "0", ok=False)
    assert done.code != 0 and "PMX_E_INTEGRITY" in done.text and "not what the lockfile promises" in done.text, done.text
    arrival.has_nothing()
    arrival.server.bodies["big"] = body
    arrival.install()
    arrival.is_whole()


def test_another_archive_altogether_leaves_nothing(arrival):
    arrival.promise({"big": archive("big")})
    arrival.server.bodies["big"] = archive("big", seed=7)
    done = arrival.install(ok=False)
    assert "PMX_E_INTEGRITY" in done.text
    arrival.has_nothing()


def test_damaged_but_promised_is_a_damaged_archive(arrival):
    body = bytearray(archive("big"))
    for i in range(LARGE // 2, LARGE // 2 + 5000):
        body[i] = 0x55
    arrival.promise({"big": bytes(body)})
    done = arrival.install(ok=False)
    assert "PMX_E_ARCHIVE" in done.text, done.text
    arrival.has_nothing()


def test_a_bomb_is_refused_and_leaves_nothing(arrival):
    zeros = gzip.compress(b"\0" * (1 << 20), 9, mtime=0)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("package/zeros")
        info.size = 6 << 30
        tar.addfile(info, io.BytesIO(b"")) if info.size == 0 else out.write(info.tobuf())
    # 6 GB of zeros in as many members as make the archive large.
    arrival.promise({"big": gzip.compress(out.getvalue(), 9, mtime=0) + zeros * (6 << 10)})
    done = arrival.install(ok=False)
    assert "PMX_E_ARCHIVE" in done.text and "unpacks to more than" in done.text, done.text
    arrival.has_nothing()


def test_cut_off_in_the_middle_leaves_nothing(arrival):
    arrival.server.play = lambda handler, body, _try: Server.cut(handler, body, LARGE // 2)
    arrival.promise({"big": archive("big")})
    done = arrival.install("--fetch-retries", "0", ok=False)
    assert done.code != 0 and "PMX_E_FETCH" in done.text
    arrival.has_nothing()


def test_a_retry_in_the_middle_begins_from_nothing(arrival):
    def play(handler, body, number):
        # The first half of something else: nothing of it may be in what comes out.
        if number <= 2:
            Server.cut(handler, archive("big", seed=9), LARGE * number // 3)
        else:
            Server.whole(handler, body, number)
    arrival.server.play = play
    arrival.promise({"big": archive("big")})
    done = arrival.install("--fetch-retries", "3", "--fetch-retry-mintimeout", "10", "--fetch-retry-maxtimeout", "20")
    assert arrival.streamed(done) == 1
    arrival.is_whole()


def test_an_optional_one_that_is_cut_off_is_passed_over(arrival):
    arrival.server.play = lambda handler, body, _try: Server.cut(handler, body, LARGE // 2)
    arrival.promise({"big": archive("big")})
    for name, old, new in (("package.json", '"dependencies"', '"optionalDependencies"'), ("pnpm-lock.yaml", "    dependencies:", "    optionalDependencies:"),
                           ("pnpm-lock.yaml", "  big@1.0.0: {}", "  big@1.0.0:\n    optional: true")):
        path = arrival.project / name
        path.write_text(path.read_text().replace(old, new))
    done = arrival.install("--fetch-retries", "0")
    assert done.code == 0
    arrival.has_nothing()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_cancelled_in_the_middle_leaves_nothing(arrival, how):
    half, ended = threading.Event(), threading.Event()

    def play(handler, body, _try):
        Server.head(handler, len(body))
        handler.wfile.write(body[:LARGE // 2])
        handler.wfile.flush()
        half.set()
        ended.wait(30)
    arrival.server.play = play
    arrival.promise({"big": archive("big")})
    process = arrival.pmx.start("install", "--frozen-lockfile", cwd=arrival.project)
    assert half.wait(30)
    process.send_signal(how)
    out, err = process.communicate(timeout=30)
    ended.set()
    assert process.returncode != 0, out + err
    arrival.has_nothing()


def test_a_repair_is_streamed_too(arrival):
    arrival.promise({"big": archive("big")})
    arrival.install()
    [key] = arrival.objects()
    place = os.path.join(arrival.pmx.store, "v1", "objects", key.split("-")[1][:2], key)
    largest = max((f for f in os.listdir(place)), key=lambda f: os.path.getsize(os.path.join(place, f)))
    with open(os.path.join(place, largest), "r+b") as f:
        f.truncate(100)
    os.rename(arrival.project / "node_modules", arrival.project / "old")
    done = arrival.install()
    assert done.timing()["counters"]["repaired"] == 1 and arrival.streamed(done) == 1
    arrival.is_whole()


def test_one_that_is_fetched_while_the_graph_grows(arrival):
    body = archive("big")
    arrival.promise({"big": body})
    (arrival.project / "pnpm-lock.yaml").unlink()
    bad = bytearray(body)
    bad[LARGE // 2] ^= 1
    arrival.server.bodies["big"] = bytes(bad)
    install = lambda **more: arrival.pmx.install(arrival.project, "--no-frozen-lockfile", "--timing=json", **more)
    done = install(ok=False)
    assert "PMX_E_INTEGRITY" in done.text, done.text
    arrival.has_nothing()
    arrival.server.bodies["big"] = body
    done = install()
    assert arrival.streamed(done) == 1 and done.timing()["counters"]["cold"] == 1
    arrival.is_whole()


def test_a_validator_that_wants_archives_whole_gets_them_whole(arrival):
    plugin = os.path.join(os.path.dirname(registry_server.pmx_binary()), "..", "lib", "pmx", "test-plugins", "whole-archives.so")
    if not os.path.exists(plugin):
        pytest.skip("the test plugin is not built")
    arrival.promise({"big": archive("big")})
    done = arrival.install("--validator", "integrity,tree," + os.path.abspath(plugin))
    assert arrival.streamed(done) == 0
    arrival.is_whole()
