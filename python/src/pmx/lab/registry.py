"""The registry of an experiment: `pmx registry serve` on loopback, with a modelled network, and its counters, which prove
what state a run was really in. A registry that runs elsewhere is used by its URL when it answers /-/pmx/counters."""

import http.client
import json
import os
import re
import subprocess
import urllib.parse


def pmx_binary():
    """PMX_BIN, or what ./dev build made beside these sources or beside the module's copy of them, or `pmx` on PATH."""
    given = os.environ.get("PMX_BIN")
    if given:
        return given
    here = os.path.dirname(os.path.abspath(__file__))
    for built in (("..", "..", "..", "..", "build", "release"), ("..", "..", "..")):
        path = os.path.normpath(os.path.join(here, *built, "bin", "pmx"))
        if os.path.isfile(path):
            return path
    return "pmx"


class Network:
    """latency_ms before each answer, bandwidth_mbps; further flags of `pmx registry serve` as they are. Named in records."""

    def __init__(self, name="none", latency_ms=0, bandwidth_mbps=0, flags=()):
        self.name, self.latency_ms, self.bandwidth_mbps, self.flags = name, latency_ms, bandwidth_mbps, tuple(flags)

    def arguments(self):
        found = list(self.flags)
        if self.latency_ms:
            found += ["--latency-ms", "%g" % self.latency_ms]
        if self.bandwidth_mbps:
            found += ["--bandwidth-mbps", "%g" % self.bandwidth_mbps]
        return found

    @staticmethod
    def parse(text):
        """none, or 50ms-200mbit."""
        if text == "none":
            return Network()
        found = re.fullmatch(r"(\d+)ms-(\d+)mbit", text)
        if not found:
            raise ValueError("a network is `none` or like `50ms-200mbit`, not %r" % text)
        return Network(text, int(found[1]), int(found[2]))


class Registry:
    """with Registry(directory) as registry: registry.url, registry.reset(), registry.counters()"""

    def __init__(self, directory, network=None, binary=None, prepare=False):
        self.directory, self.network, self.binary = str(directory), network or Network(), binary or pmx_binary()
        self.prepare = prepare  # packuments are made before anybody asks
        self.process, self.url = None, None

    def __enter__(self):
        command = [self.binary, "registry", "serve", self.directory, "--port", "0", *self.network.arguments(),
                   *(["--prepare"] if self.prepare else [])]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        found = re.match(r"listening on (http://127\.0\.0\.1:\d+)", line)
        if not found:
            self.process.kill()
            rest = self.process.communicate()[0]
            raise RuntimeError("the registry of %s did not start: %s" % (self.directory, (line + rest).strip()[-500:]))
        self.url = found.group(1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()

    def _ask(self, method, path):
        where = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        try:
            connection.request(method, path, headers={"Connection": "close"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def counters(self):
        """requests, packuments, tarballs, bytes, connections_peak, …, since reset(). `cpu` is the server's own processor time
        in seconds: on a small machine, part of what is measured. `prepared` counts what it made while it was being asked."""
        found = {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), k): v
                 for k, v in json.loads(self._ask("GET", "/-/pmx/counters")).items()}
        found["cpu"] = round(found.pop("user_seconds", 0) + found.pop("system_seconds", 0), 4)
        return found

    def reset(self):
        self._ask("POST", "/-/pmx/counters")
