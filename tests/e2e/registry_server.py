"""`pmx registry serve` as a context manager: the registry of the end-to-end tests and of the golden generators."""

import json
import os
import re
import subprocess
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def pmx_binary():
    return os.environ.get("PMX_BIN") or os.path.join(ROOT, "build", "release", "bin", "pmx")


class RegistryServer:
    def __init__(self, directory, *flags, binary=None):
        self.directory = str(directory)
        self.flags = [str(f) for f in flags]
        self.binary = binary or pmx_binary()
        self.process = None
        self.url = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.binary, "registry", "serve", self.directory, "--port", "0", *self.flags], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd="/")
        line = self.process.stdout.readline()
        found = re.match(r"listening on (http://127\.0\.0\.1:\d+)", line)
        if not found:
            self.process.kill()
            out, err = self.process.communicate()
            raise RuntimeError("the registry did not start: %r %s %s" % (line, out, err))
        self.url = found.group(1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, data=body, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as answer:
            return answer.read()

    def counters(self):
        return json.loads(self._ask("GET", "/-/pmx/counters"))

    def reset(self):
        """Forgets all faults and sets the counters to zero."""
        self._ask("DELETE", "/-/pmx/faults")
        self._ask("POST", "/-/pmx/counters")

    def fault(self, *rules):
        self._ask("POST", "/-/pmx/faults", "\n".join(rules).encode())
