"""Odd metadata and answers of registries, each with the outcome that is right: ../shared/vectors/packuments/corpus.json."""

import base64
import hashlib
import http.server
import io
import json
import os
import tarfile
import threading

import pytest

from conftest import SHARED, Pmx, shared

PATH = os.path.join(SHARED, "vectors", "packuments", "corpus.json")


def cases():
    if not os.path.isfile(PATH):
        return [pytest.param(None, id="absent")]
    with open(PATH, encoding="utf-8") as f:
        return [pytest.param(case, id=case["id"]) for case in json.load(f)["cases"]]


def archive(manifest):
    text = json.dumps(manifest).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("package/package.json")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


def sri(algorithm, data):
    return algorithm + "-" + base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


class Answers:
    """What a registry says in one case: path → (status, headers, body)."""

    def __init__(self, case, base):
        self.base, self.paths = base, {}
        for name, packument in case["packuments"].items():
            if "$raw" in packument:
                raw = packument["$raw"]
                self.paths["/" + name] = raw["status"], raw["headers"], base64.b64decode(raw["base64"])
            else:
                body = json.dumps(self.packument(name, packument)).encode()
                self.paths["/" + name] = 200, {"content-type": "application/json"}, body

    def packument(self, name, packument):
        out = {key: value for key, value in packument.items() if key != "$fill"}
        if "$fill" in packument:
            out["readme"] = "x" * packument["$fill"]
        if isinstance(out.get("versions"), dict):
            out["versions"] = {version: self.version(name, version, manifest) for version, manifest in out["versions"].items()}
        return out

    def version(self, name, version, manifest):
        if not isinstance(manifest, dict):
            return manifest
        bare = {key: value for key, value in manifest.items() if key != "$dist"}
        data = archive(bare)
        path = "/%s/-/%s-%s.tgz" % (name, name.split("/")[-1], version)
        self.paths[path] = 200, {"content-type": "application/octet-stream"}, data
        words = {"{tarball}": self.base + path, "{shasum}": hashlib.sha1(data).hexdigest()}
        words.update({"{%s}" % algorithm: sri(algorithm, data) for algorithm in ("sha1", "sha256", "sha512")})
        dist = manifest.get("$dist", {"tarball": "{tarball}", "integrity": "{sha512}", "shasum": "{shasum}"})
        if dist is None:
            return bare

        def said(value):
            for word, meaning in words.items():
                value = value.replace(word, meaning) if isinstance(value, str) else value
            return value
        return {**bare, "dist": {key: said(value) for key, value in dist.items()}}


@pytest.fixture
def registry_of():
    answers = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.replace("%2f", "/").replace("%2F", "/")
            status, headers, body = answers["paths"].get(path, (404, {}, b"{}"))
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            if "content-length" not in headers:
                self.send_header("content-length", str(len(body)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = "http://127.0.0.1:%d" % server.server_port

    def make(case):
        made = Answers(case, base)
        answers["paths"] = made.paths
        return base
    yield make
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("case", cases())
def test_case(case, registry_of, tmp_path):
    if case is None:
        shared("vectors", "packuments", "corpus.json")
    base = registry_of(case)
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    (project / "package.json").write_text(json.dumps(case["manifest"]))
    done = Pmx(str(home), base)("install", "--ignore-scripts", "--fetch-retries", "1", "--fetch-retry-mintimeout", "20",
                                "--fetch-retry-maxtimeout", "40", "--fetch-timeout", "2000", cwd=project)
    if case["outcome"] == "install":
        assert done.code == 0, done.text
    elif case["outcome"] == "error":
        assert done.code != 0, done.text
    if done.code != 0:
        assert "PMX_E_" in done.text and "PMX_E_INTERNAL" not in done.text, done.text
        assert not (project / "node_modules" / "w").exists()
    for name, version in case["want"].items():
        assert json.loads((project / "node_modules" / name / "package.json").read_text())["version"] == version
    # Whatever the outcome: nothing is written where a hostile name points to.
    places = [os.path.join(where, name) for where, folders, files in os.walk(tmp_path) for name in folders + files]
    assert [place for place in places if os.path.basename(place) in ("evil", "hostname") and "node_modules/evil" not in place] == []
