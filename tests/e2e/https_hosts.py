"""An https proxy that plays hosts of the internet on this machine: files by host and path, bare repositories by git's plain
("dumb") protocol. Its certificate is made with the openssl program for the test and trusted by nobody else."""

import http.server
import os
import ssl
import subprocess
import threading


class HttpsHosts:
    def __init__(self, directory, *hosts):
        self.key, self.certificate = os.path.join(directory, "key.pem"), os.path.join(directory, "certificate.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=test", "-addext", "subjectAltName=" + ",".join("DNS:" + host for host in hosts),
                        "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True, timeout=60)
        self.files, self.repositories, self.asked = {}, {}, []  # "host/path" → bytes; "host/path" → directory
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            host = None

            def do_CONNECT(self):
                self.host = self.path.rsplit(":", 1)[0]
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self.connection = context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                self.close_connection = False

            def do_GET(self):
                path = "%s%s" % (self.host, self.path)
                outer.asked.append("%s %s" % (self.command, path))
                body = outer.answer(path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.send_header("Content-Type", "application/octet-stream")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body or b"")

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        if path in self.files:
            return self.files[path]
        plain = path.split("?")[0]
        for prefix, directory in self.repositories.items():
            if plain.startswith(prefix + "/"):
                file = os.path.join(directory, plain[len(prefix) + 1:])
                if os.path.isfile(file):
                    with open(file, "rb") as f:
                        return f.read()
        return None

    def serve_repository(self, path, source, directory):
        subprocess.run(["git", "clone", "-q", "--bare", str(source), str(directory)], check=True, capture_output=True, timeout=60)
        subprocess.run(["git", "update-server-info"], cwd=str(directory), check=True, capture_output=True, timeout=60)
        self.repositories[path] = str(directory)

    def environment(self):
        return {"HTTPS_PROXY": self.url, "https_proxy": self.url, "GIT_SSL_CAINFO": self.certificate}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
