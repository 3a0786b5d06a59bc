#!/usr/bin/python3
"""A registry on loopback that keeps what it fetches, so that resolvers can be compared over one fixed state of the
world: every packument somebody asks for is stored once, as the registry sent it, in DIR/<name>/package.json (which
`pmx registry serve DIR` understands too).

    record_packuments.py DIR [--port N] [--mirror TARBALLS] [--log FILE] [--frozen]

A packument that is missing is fetched from npm's configured registry (`npm config get registry`); with --frozen nothing
is fetched, what is not recorded is answered with 404 and named in the log. A client that accepts npm's install form
(application/vnd.npm.install-v1+json) gets the abbreviated document made from the stored one, every other client the
full one. The tarball URLs are this server's own in both; tarballs come from the --mirror that record.py filled, else from
the registry, and are not stored. GET /-/count says how often each form was asked for. SIGINT and SIGTERM end it."""

import argparse
import collections
import gzip
import hashlib
import http.client
import http.server
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INSTALL_FORM = "application/vnd.npm.install-v1+json"
NAME = re.compile(r"(?:@[A-Za-z0-9_~-][\w.~-]*/)?[\w~!'()*-][\w.~!'()*-]*\Z", re.ASCII)
# What npm documents for the install form, and what its registry adds.
ABBREVIATED = ("name", "version", "deprecated", "dependencies", "devDependencies", "optionalDependencies",
               "acceptDependencies", "bundleDependencies", "bundledDependencies", "peerDependencies",
               "peerDependenciesMeta", "bin", "directories", "dist", "engines", "os", "cpu", "libc", "funding",
               "_hasShrinkwrap", "hasInstallScript")
INSTALL_SCRIPTS = ("preinstall", "install", "postinstall")
LARGEST_KEPT = 1 << 30  # bytes of prepared answers held in memory


class Upstream:
    """The registry behind; one connection for each thread that asks."""

    def __init__(self, url):
        self.url = urllib.parse.urlsplit(url)
        self.local = threading.local()

    def connection(self):
        if getattr(self.local, "connection", None) is None:
            host, port = self.url.hostname, self.url.port
            self.local.connection = http.client.HTTPConnection(host, port, timeout=60) if self.url.scheme == "http" \
                else http.client.HTTPSConnection(host, port, timeout=60, context=ssl.create_default_context())
        return self.local.connection

    def get(self, path):
        """(status, bytes); 599 when five attempts failed."""
        for attempt in range(5):
            try:
                connection = self.connection()
                connection.request("GET", self.url.path.rstrip("/") + path, headers={
                    "Accept": "application/json, */*", "Accept-Encoding": "gzip", "Connection": "keep-alive"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.getheader("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if answer.status < 500 and answer.status != 429:
                    return answer.status, body
                message = str(answer.status)
            except (OSError, http.client.HTTPException, EOFError) as error:
                message = repr(error)
                self.local.connection = None
            print("attempt %d of %s: %s" % (attempt + 1, path, message), file=sys.stderr, flush=True)
            time.sleep(0.3 * 2 ** attempt)
        return 599, b""


class Records:
    def __init__(self, directory, mirror, upstream):
        self.directory, self.mirror, self.upstream = directory, mirror, upstream
        self.lock = threading.Lock()
        self.busy = collections.defaultdict(threading.Lock)  # by name: one fetch of each at a time
        self.prepared, self.kept = collections.OrderedDict(), 0
        self.counts = collections.Counter()

    def stored(self, name):
        """(status, text) of the packument as it was recorded, fetched first where that is allowed."""
        path = os.path.join(self.directory, name, "package.json")
        with self.lock:
            busy = self.busy[name]
        with busy:
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    return 200, f.read()
            if self.upstream is None:
                return 404, b""
            status, body = self.upstream.get("/" + name.replace("/", "%2f"))
            if status != 200:
                return status, b""
            if not isinstance(json.loads(body).get("versions"), dict):
                return 404, b""  # unpublished: nothing to choose from
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path + ".part", "wb") as f:
                f.write(body)
            os.replace(path + ".part", path)
            with self.lock:
                self.counts["recorded"] += 1
            return 200, body

    def packument(self, name, short, base):
        """(status, bytes, etag)."""
        key = (name, short, base)
        with self.lock:
            if key in self.prepared:
                self.prepared.move_to_end(key)
                return 200, *self.prepared[key]
        status, text = self.stored(name)
        if status != 200:
            return status, b"", ""
        document = json.loads(text)
        if short:
            document = abbreviated(document)
        for manifest in document["versions"].values():
            dist = manifest.get("dist")
            if dist and dist.get("tarball"):
                dist["tarball"] = "%s/%s/-/%s" % (base, name, dist["tarball"].rsplit("/", 1)[-1])
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        answer = body, '"%s"' % hashlib.sha256(body).hexdigest()[:32]
        with self.lock:
            if key not in self.prepared:
                self.prepared[key] = answer
                self.kept += len(body)
                while self.kept > LARGEST_KEPT:
                    self.kept -= len(self.prepared.popitem(last=False)[1][0])
        return 200, *answer

    def tarball(self, name, file):
        path = os.path.join(self.mirror, name, "-", file) if self.mirror else ""
        if path and os.path.isfile(path):
            with open(path, "rb") as f:
                return 200, f.read()
        return self.upstream.get("/%s/-/%s" % (name, urllib.parse.quote(file))) if self.upstream else (404, b"")


def abbreviated(document):
    versions = {}
    for version, manifest in document["versions"].items():
        short = {key: manifest[key] for key in ABBREVIATED if key in manifest}
        scripts = manifest.get("scripts")
        if isinstance(scripts, dict) and any(key in scripts for key in INSTALL_SCRIPTS):
            short["hasInstallScript"] = True
        versions[version] = short
    short = {"name": document.get("name"), "dist-tags": document.get("dist-tags", {}), "versions": versions}
    # Without "modified" a client that refuses young versions has to ask for every full document; registries that
    # keep no such time still know when the last version came.
    times = {key: value for key, value in (document.get("time") or {}).items() if isinstance(value, str)}
    modified = document.get("modified") or times.get("modified") or max(times.values(), default=None)
    if modified:
        short["modified"] = modified
    return short


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    records = log = None

    def answer(self, status, body=b"", kind="application/json", etag=""):
        if etag and self.headers.get("If-None-Match") in (etag, "W/" + etag):
            status, body = 304, b""
        if status >= 400 and not body:
            body = b'{"error":"not found"}'
        self.send_response_only(status)
        if status != 304:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Vary", "Accept")
        if etag:
            self.send_header("ETag", etag)
            self.send_header("Cache-Control", "public, max-age=300")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return status

    def note(self, what, path, status):
        with self.records.lock:
            self.records.counts["%s %d" % (what, status)] += 1
            if self.log:
                self.log.write("%d %s %s\n" % (status, what, path))
                self.log.flush()

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).strip("/")
        if path == "-/ping":
            return self.answer(200, b"{}")
        if path == "-/count":
            with self.records.lock:
                return self.answer(200, json.dumps(dict(sorted(self.records.counts.items()))).encode())
        base = "http://" + (self.headers.get("Host") or "127.0.0.1:%d" % self.server.server_port)
        name, mark, file = path.partition("/-/")
        if mark and NAME.match(name) and re.match(r"[^/.\0][^/\0]*\Z", file):
            status, body = self.records.tarball(name, file)
            return self.note("tarball", path, self.answer(status, body, "application/octet-stream"))
        if NAME.match(path):
            short = INSTALL_FORM in self.headers.get("Accept", "")
            status, body, etag = self.records.packument(path, short, base)
            kind = INSTALL_FORM if short else "application/json"
            return self.note("abbreviated" if short else "full", path, self.answer(status, body, kind, etag))
        name, _, version = path.rpartition("/")
        status, body = 404, b""
        if NAME.match(name):
            status, body, _ = self.records.packument(name, False, base)
            if status == 200:
                document = json.loads(body)
                version = document.get("dist-tags", {}).get(version, version)
                found = document["versions"].get(version)
                status, body = (200, json.dumps(found).encode()) if found else (404, b"")
        return self.note("version", path, self.answer(status, body))

    do_HEAD = do_GET

    def do_POST(self):  # audits and the like: not served
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.note("post", self.path, self.answer(404))

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client that went away is no news
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mirror", help="a directory that record.py filled, for the tarballs")
    parser.add_argument("--log", help="one line for each request: status, kind, path")
    parser.add_argument("--frozen", action="store_true", help="fetch nothing")
    args = parser.parse_args()
    directory = os.path.abspath(args.directory)
    if directory == REPOSITORY or directory.startswith(REPOSITORY + os.sep):
        parser.error("the packuments must lie outside the repository")
    os.makedirs(directory, exist_ok=True)
    upstream = None
    if not args.frozen:
        registry = subprocess.run(["npm", "config", "get", "registry"], cwd="/", check=True, capture_output=True,
                                  text=True).stdout.strip()
        upstream = Upstream(registry)
    Handler.records = Records(directory, args.mirror and os.path.abspath(args.mirror), upstream)
    Handler.log = open(args.log, "a", encoding="utf-8") if args.log else None
    server = Server(("127.0.0.1", args.port), Handler)
    print("http://127.0.0.1:%d/" % server.server_port, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
