"""The plugins of examples/plugins, built against an installed SDK as a stranger would: what `ctest -R sdk.install` built
where that is newer than the sources, otherwise built here, once. And the servers that their tests need."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

import registry_server

ROOT = registry_server.ROOT
EXAMPLES = os.path.join(ROOT, "examples", "plugins")


def missing(what):
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def build_directory():
    return os.path.dirname(os.path.dirname(os.path.abspath(registry_server.pmx_binary())))


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, **more)
    assert done.returncode == 0, "%s\n%s" % (" ".join(map(str, command)), done.stdout)
    return done.stdout


class Plugins:
    def __init__(self, work):
        self.work, self.sdk, self.built = str(work), None, {}

    def __call__(self, name):
        """The path of an example's library."""
        if name not in self.built:
            self.built[name] = self.ready_made(name) or self.build(name)
        return self.built[name]

    def ready_made(self, name):
        library = os.path.join(build_directory(), "tests", "sdk_install", "work", "installed", "lib", "pmx", "plugins", name + ".so")
        sources = [os.path.join(folder, file) for top in (os.path.join(EXAMPLES, name), os.path.join(ROOT, "sdk", "include"))
                   for folder, _, files in os.walk(top) for file in files]
        if os.path.exists(library) and all(os.path.getmtime(library) > os.path.getmtime(source) for source in sources):
            return library
        return None

    def build(self, name):
        if not self.sdk:
            if not os.path.exists(os.path.join(build_directory(), "cmake_install.cmake")):
                missing("the SDK cannot be installed from %s: it is no build directory" % build_directory())
            self.sdk = os.path.join(self.work, "sdk")
            run("cmake", "--install", build_directory(), "--component", "sdk", "--prefix", self.sdk)
        folder = os.path.join(self.work, name)
        launcher = shutil.which("ccache")
        run("cmake", "-S", os.path.join(EXAMPLES, name), "-B", folder, "-DCMAKE_PREFIX_PATH=" + self.sdk,
            *(["-DCMAKE_CXX_COMPILER_LAUNCHER=" + launcher] if launcher else []))
        run("cmake", "--build", folder)
        return os.path.join(folder, name + ".so")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    """One nginx in a folder of its own: HTTP/2 with TLS and in the clear in front of `registry`, and a WebDAV folder."""

    def __init__(self, folder, registry):
        binary = shutil.which("nginx") or (os.path.exists("/usr/sbin/nginx") and "/usr/sbin/nginx")
        if not binary:
            missing("nginx is not here")
        self.folder = str(folder)
        self.h2, self.h2c, self.dav = free_port(), free_port(), free_port()
        for name in ("dav", "temp"):
            os.mkdir(os.path.join(self.folder, name))
        self.certificate = os.path.join(self.folder, "cert.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", os.path.join(self.folder, "key.pem"),
            "-out", self.certificate)
        config = os.path.join(self.folder, "nginx.conf")
        temps = " ".join("%s_temp_path %s/temp/%s;" % (kind, self.folder, kind)
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(config, "w") as f:
            f.write("""daemon off; worker_processes 1; pid %(folder)s/pid; error_log %(folder)s/error.log warn;
%(user)s
events { worker_connections 512; }
http { access_log %(folder)s/access.log; %(temps)s client_max_body_size 100m;
  server { listen 127.0.0.1:%(h2)d ssl http2; ssl_certificate %(folder)s/cert.pem; ssl_certificate_key %(folder)s/key.pem;
           location / { proxy_pass %(registry)s; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; } }
  server { listen 127.0.0.1:%(h2c)d http2;
           location / { proxy_pass %(registry)s; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; } }
  server { listen 127.0.0.1:%(dav)d; root %(folder)s/dav;
           location / { dav_methods PUT DELETE; create_full_put_path on; client_body_in_file_only off; } }
}
""" % {"folder": self.folder, "temps": temps, "registry": registry, "h2": self.h2, "h2c": self.h2c, "dav": self.dav,
       "user": "user root;" if os.getuid() == 0 else ""})
        self.process = subprocess.Popen([binary, "-p", self.folder, "-e", os.path.join(self.folder, "error.log"), "-c", config],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.dav), 1).close()
                break
            except OSError:
                assert self.process.poll() is None, open(os.path.join(self.folder, "error.log")).read()
                time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


class SigningRegistry:
    """A registry in front of another one that signs: /-/npm/v1/keys, /NAME/VERSION with dist.signatures. What is unsigned or
    forged is said by name."""

    def __init__(self, folder, registry):
        self.folder, self.unsigned, self.forged = str(folder), set(), set()
        key, public = os.path.join(self.folder, "key.pem"), os.path.join(self.folder, "public.der")
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        run("openssl", "ec", "-in", key, "-pubout", "-outform", "DER", "-out", public)
        outer, self.key = self, key
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.registry = registry

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = outer.answer(urllib.parse.unquote(self.path))
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def get(self, path):
        try:
            with self.opener.open(self.registry + path, timeout=20) as answer:
                return answer.read()
        except urllib.error.HTTPError:
            return None

    def answer(self, path):
        import base64
        if path == "/-/npm/v1/keys":
            with open(os.path.join(self.folder, "public.der"), "rb") as f:
                key = base64.b64encode(f.read()).decode()
            return json.dumps({"keys": [{"expires": None, "keyid": "SHA256:test", "keytype": "ecdsa-sha2-nistp256",
                                         "scheme": "ecdsa-sha2-nistp256", "key": key}]}).encode()
        parts = path[1:].split("/")
        name, rest = ("/".join(parts[:2]), parts[2:]) if path.startswith("/@") else (parts[0], parts[1:])
        if len(rest) != 1:
            return self.get(path)
        document = self.get("/" + name)
        version = document and json.loads(document)["versions"].get(rest[0])
        if not version:
            return None
        if name not in self.unsigned:
            message = "%s@%s:%s" % (name, rest[0], version["dist"]["integrity"])
            if name in self.forged:
                message += " "
            signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=message.encode(),
                                       stdout=subprocess.PIPE, check=True, timeout=60).stdout
            version["dist"]["signatures"] = [{"keyid": "SHA256:test", "sig": base64.b64encode(signature).decode()}]
        return json.dumps(version).encode()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
