"""The text cases of tests/golden/resolve: their grammar (see the README there), the registry that one describes, and what a
package manager answers to it. Used by test_golden_resolve.py and by tests/golden/resolve/ask_pnpm."""

import base64
import hashlib
import json
import os
import re
import shlex
import time

import yaml

import registry_server

DIRECTORY = os.path.join(registry_server.ROOT, "tests", "golden", "resolve")
HEADER = re.compile(r"# (registry|run|says|error|pnpm-lock\.yaml|"
                    r"\S*(?:package\.json|pnpm-workspace\.yaml|pnpm-lock\.yaml|\.npmrc|\.patch|\.pnpmfile\.[cm]?js)(?: before| after)?)$")
LONG_AGO = "2020-01-01T00:00:00.000Z"
DEFAULT_RUN = "install --lockfile-only"


class Scalars(yaml.SafeLoader):
    """YAML in which only true, false and null are not text: 1.0 is a version."""


Scalars.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":bool", ":null", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items() if first in "tTfFnN~"}


class Case:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.head, self.sections = [], {}
        current = self.head
        with open(path, encoding="utf-8") as f:
            for line in f.read().split("\n"):
                found = HEADER.match(line)
                if found:
                    assert found.group(1) not in self.sections, "%s: twice: %s" % (path, line)
                    current = self.sections[found.group(1)] = []
                else:
                    current.append(line)
        for name, lines in self.sections.items():
            while lines and not lines[-1].strip():
                lines.pop()
            self.sections[name] = "".join(line + "\n" for line in lines)
        assert "package.json" in self.sections, "%s has no '# package.json'" % path

    def said(self, word):
        """What the head says after `word:`, or None."""
        found = re.search(r"^# %s: (.*(?:\n# (?!\w+ \w+:).*)*)" % word, "\n".join(self.head), re.M)
        return found.group(1).replace("\n# ", " ") if found else None

    @property
    def differs(self):
        """Why pnpm's answer is another one, where it is."""
        return self.said("differs from pnpm")

    @property
    def waits(self):
        """What is missing in pmx, where its answer is not the right one yet."""
        return self.said("waits for")

    @property
    def command(self):
        return shlex.split(self.sections.get("run", "").strip() or DEFAULT_RUN)

    @property
    def error(self):
        """(pmx's code, pnpm's code or None, words) or None."""
        if "error" not in self.sections:
            return None
        lines = [line for line in self.sections["error"].split("\n") if line]
        ours = next((line for line in lines if line.startswith("PMX_E_")), "PMX_E_")
        theirs = next((line for line in lines if line.startswith("ERR_PNPM_")), None)
        return ours, theirs, [line for line in lines if line not in (ours, theirs)]

    def answer(self, outcome, ours=True):
        """Takes an outcome for the expected one."""
        if outcome.lockfile is not None and outcome.code == 0:
            self.sections.pop("error", None)
            self.sections["pnpm-lock.yaml"] = outcome.lockfile
        else:
            self.sections.pop("pnpm-lock.yaml", None)
            mine, theirs, words = self.error or ("PMX_E_", None, [])
            if ours:
                mine = outcome.error or mine
            else:
                theirs = outcome.error or theirs
            self.sections["error"] = "".join(line + "\n" for line in (mine, theirs, *words) if line)
        for name in list(self.sections):
            if name.endswith(" after"):
                self.sections[name] = outcome.files.get(name[:-6], "")

    def write(self):
        order = ["registry"]
        order += [n for n in self.sections if n not in ("registry", "run", "says", "error", "pnpm-lock.yaml")
                  and not n.endswith(" after")]
        order += ["run", "says", *[n for n in self.sections if n.endswith(" after")], "error", "pnpm-lock.yaml"]
        text = "\n".join(self.head).rstrip("\n") + "\n"
        for name in order:
            if name in self.sections:
                text += "\n# %s\n%s" % (name, self.sections[name])
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)

    def entries(self):
        """(name, version | 'dist-tags' | 'times', fields) of the section registry."""
        blocks = []
        for line in self.sections.get("registry", "").split("\n"):
            if not line.strip() or line.startswith("# "):
                continue
            if line[0] == " ":
                blocks[-1].append(line)
            else:
                blocks.append([line])
        for first, *rest in blocks:
            what, _, inline = first.partition(" ")
            name, at, version = what.rpartition("@")
            if not at or not name:
                name = what
                version, _, inline = inline.partition(" ")
                assert version in ("dist-tags", "times"), "%s: what is %r?" % (self.path, first)
            fields = yaml.load(inline + "\n" + "\n".join(rest), Scalars) or {}
            yield name, version, fields

    def make_registry(self, directory, sources=False):
        """Recorded packuments; the integrities are hashes of name@version, so that no change of the packer changes a
        lockfile. With `sources`, folders of packages that can be downloaded."""
        packuments = {}
        for name, version, fields in self.entries():
            packument = packuments.setdefault(name, {"name": name, "dist-tags": {}, "versions": {}, "time": {}})
            if version == "dist-tags":
                packument["dist-tags"] = fields
            elif version == "times":
                packument["time"].update(fields)
            else:
                packument["versions"][version] = {"name": name, "version": version, **fields}
        for name, packument in packuments.items():
            folder = os.path.join(directory, name)
            os.makedirs(folder)
            if sources:
                for version, manifest in packument["versions"].items():
                    write(os.path.join(folder, version, "package.json"), json.dumps(manifest))
                if packument["dist-tags"]:
                    write(os.path.join(folder, "dist-tags.json"), json.dumps(packument["dist-tags"]))
                continue
            versions = packument["versions"]
            packument["dist-tags"].setdefault("latest", max(
                (v for v in versions if "-" not in v), default=next(iter(versions)),
                key=lambda v: [int(n) for n in re.findall(r"\d+", v)[:3]]))
            packument["time"] = times(packument["time"], versions)
            for version, manifest in versions.items():
                digest = hashlib.sha512(("%s@%s" % (name, version)).encode()).digest()
                dist = {"integrity": "sha512-" + base64.b64encode(digest).decode(),
                        "tarball": "http://registry.example/%s/-/%s-%s.tgz" % (name, name.split("/")[-1], version)}
                manifest["dist"] = {**dist, **manifest["dist"]} if "dist" in manifest else dist
            write(os.path.join(folder, "package.json"), json.dumps(packument))

    def make_project(self, directory):
        for name, text in self.sections.items():
            if name in ("registry", "run", "says", "error", "pnpm-lock.yaml") or name.endswith(" after"):
                continue
            write(os.path.join(directory, name.removesuffix(" before")), text)

    def outcome(self, directory, code, text, url):
        lockfile = read(os.path.join(directory, "pnpm-lock.yaml"))
        if lockfile is not None:
            lockfile = lockfile.replace(url, "http://registry.example")
        files = {name[:-6]: read(os.path.join(directory, name[:-6])) or "" for name in self.sections if name.endswith(" after")}
        found = re.search(r"\b(PMX_E_\w+|ERR_PNPM_\w+)", text)
        return Outcome(code, text, lockfile, files, found and found.group(1))


class Outcome:
    def __init__(self, code, text, lockfile, files, error):
        self.code, self.text, self.lockfile, self.files, self.error = code, text, lockfile, files, error


def times(given, versions):
    """Years ago, unless the case says another time or a number of minutes before now."""
    def moment(value):
        if re.fullmatch(r"\d+", value):
            return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 60 * int(value)))
        return value
    made = {version: moment(given.get(version, LONG_AGO)) for version in versions}
    return {"created": LONG_AGO, "modified": max(made.values()), **made}


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(path):
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as f:
        return f.read()


def all_cases():
    return [Case(os.path.join(DIRECTORY, name)) for name in sorted(os.listdir(DIRECTORY)) if name.endswith(".txt")]


def ask_pnpm(binary, case, directory):
    """The real pnpm's outcome; `directory` is empty and ours."""
    import subprocess
    home, project, packages = (os.path.join(directory, name) for name in ("home", "project", "registry"))
    for folder in (home, project, packages):
        os.makedirs(folder)
    case.make_registry(packages)
    case.make_project(project)
    with registry_server.RegistryServer(packages) as server:
        write(os.path.join(home, ".npmrc"), "registry=%s/\n" % server.url)
        env = {k: v for k, v in os.environ.items() if not k.lower().startswith(("npm_", "pnpm_", "pmx_")) and k != "CI"}
        env.update(HOME=home, XDG_CONFIG_HOME=home + "/config", XDG_DATA_HOME=home + "/data", XDG_CACHE_HOME=home + "/cache",
                   XDG_STATE_HOME=home + "/state", NO_COLOR="1")
        done = subprocess.run([binary, *case.command, "--ignore-scripts", "--registry", server.url + "/"], cwd=project,
                              env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=120)
    return case.outcome(project, done.returncode, done.stdout, server.url)
