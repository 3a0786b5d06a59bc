"""A cell is what is run: a tool (pmx or a peer) and its factors. pmx's factors are its settings and caps, so that any of
them can be a factor of a study; a peer has a layout. Each tool says its command for an action, its environment, and
which lockfiles are its own; scripts are off everywhere, and everything it keeps lies below one place, so that a cold
run is one directory less.

Actions: `resolve` (a lockfile only), `install` (resolve and install), `frozen` (from the lockfile), `again` (when all is
there), `add:SPEC`, `remove:NAME`."""

import json
import os
import shutil
import subprocess

from .registry import pmx_binary

LOCKFILES = ("pnpm-lock.yaml", "package-lock.json", "npm-shrinkwrap.json", "bun.lock", "bun.lockb", "yarn.lock")


_SHOWN = ("linker", "importer", "check")  # factors whose values speak for themselves


class Unsupported(Exception):
    """A tool has no such action, layout or factor."""


class Cell:
    """tool, factors and, for a binary of one's own, its path. `state` is a phase where that is not the study's, so that two
    states can stand in one study. Equal cells do equal work; `name` is what a table shows."""

    def __init__(self, tool="pmx", binary=None, label=None, state=None, **factors):
        if tool not in TOOLS:
            raise Unsupported("no such tool: %s (there are %s)" % (tool, ", ".join(TOOLS)))
        self.tool, self.binary, self.factors, self.label, self.state = tool, binary, factors, label, state

    @property
    def name(self):
        shown = [("%s" % v if k in _SHOWN else "%s=%s" % (k.replace("caps_", ""), v))
                 for k, v in sorted(self.factors.items(), key=lambda i: (_SHOWN.index(i[0]) if i[0] in _SHOWN else len(_SHOWN), i[0]))]
        return self.label or " ".join([self.tool, *shown, *(["(%s)" % self.state] if self.state else [])])

    @property
    def key(self):
        return json.dumps(self.to_json(), sort_keys=True)

    def to_json(self):
        found = {"tool": self.tool, "name": self.name, "factors": self.factors}
        if self.binary:
            found["binary"] = self.binary
        if self.state:
            found["state"] = self.state
        return found

    @staticmethod
    def from_json(value):
        return Cell(value["tool"], value.get("binary"), value.get("name"), value.get("state"), **value["factors"])

    def __eq__(self, other):
        return isinstance(other, Cell) and self.key == other.key

    def __hash__(self):
        return hash(self.key)

    def __repr__(self):
        return "Cell(%s)" % self.name


class Tool:
    """What all tools share. `place` has .project, .home, .store and .registry (the URL, without a slash at its end)."""
    name = ""
    lockfiles = ()      # the first is written when there is none
    reads = LOCKFILES   # what it can start from

    def __init__(self, cell):
        self.cell = cell
        self.binary = cell.binary or self.find()
        self.linker = cell.factors.get("linker")

    def find(self):
        found = shutil.which(self.name)
        if not found:
            raise Unsupported("%s is not on PATH" % self.name)
        return found

    def version(self):
        try:
            done = subprocess.run([self.binary, "--version"], capture_output=True, text=True, timeout=60, cwd="/", check=False)
        except OSError as error:
            raise Unsupported("%s: %s" % (self.binary, error.strerror)) from error
        words = (done.stdout.strip().splitlines() or [""])[0].split()
        return words[-1].lstrip("v") if words else "?"

    def environment(self, place):
        """The caller's, without what would configure a package manager, and with all homes inside the place."""
        env = {k: v for k, v in os.environ.items() if not k.lower().startswith(("npm_", "pnpm_", "pmx_", "bun_", "utoo_", "yarn_"))}
        env.update(HOME=place.home, XDG_DATA_HOME=place.home + "/data", XDG_CACHE_HOME=place.home + "/cache",
                   XDG_CONFIG_HOME=place.home + "/config", XDG_STATE_HOME=place.home + "/state", BUN_INSTALL=place.home + "/bun",
                   TMPDIR=place.temporary, CI="1", NO_COLOR="1", npm_config_registry=place.registry + "/")
        return env

    def command(self, action, place):
        raise NotImplementedError

    def first_action(self, place):
        """What makes a lockfile of its own out of another one's, or out of nothing."""
        return "install"

    def stages(self, place, kind, path):
        """Flags that make the tool write its own stages and counters, or None when it has none."""

    def store_file(self, place):
        """A stored file to damage; only for tools that check what they stored."""
        raise Unsupported("%s does not check its store" % self.name)


class Pmx(Tool):
    name = "pmx"
    lockfiles = ("pnpm-lock.yaml", "package-lock.json", "npm-shrinkwrap.json")
    reads = lockfiles
    FLAGS = {"importer": "import", "caps_network": "network-concurrency", "caps_unpack": "unpack-concurrency",
             "caps_link": "link-concurrency"}

    def find(self):
        return pmx_binary()

    def settings(self):
        """The factors as settings of pmx, by the names that its flags and its configuration have."""
        return {self.FLAGS.get(k, k.replace("_", "-")): v for k, v in self.cell.factors.items()}

    def command(self, action, place):
        verb, _, subject = action.partition(":")
        words = {"resolve": ["install", "--no-frozen-lockfile", "--lockfile-only"], "install": ["install", "--no-frozen-lockfile"],
                 "frozen": ["install", "--frozen-lockfile"], "again": ["install"], "add": ["add", subject],
                 "remove": ["remove", subject]}[verb]
        flags = ["--ignore-scripts", "--reporter", "silent", "--store-dir", place.store, "--registry", place.registry + "/"]
        for name, value in sorted(self.settings().items()):
            if value is False:
                flags.append("--no-" + name)
            elif value is True:
                flags.append("--" + name)
            elif value is not None:
                flags += ["--" + name, ",".join(value) if isinstance(value, (list, tuple)) else str(value)]
        return [self.binary, *words, *flags]

    def stages(self, place, kind, path):
        return ["--timing=" + kind, "--timing-file", path]

    def store_file(self, place):
        """The second file of the stored package in the middle, by name: the same one whenever the store is the same."""
        objects = os.path.join(place.store, "v1", "objects")
        found = sorted(os.path.join(a, b) for a in os.listdir(objects) for b in os.listdir(os.path.join(objects, a)))
        for key in found[len(found) // 2:] + found:
            path = os.path.join(objects, key, "1")
            if os.path.isfile(path) and os.path.getsize(path) > 0:
                return path
        raise Unsupported("nothing in the store to damage")


class Bun(Tool):
    name = "bun"
    lockfiles = ("bun.lock", "bun.lockb")

    def command(self, action, place):
        verb, _, subject = action.partition(":")
        words = {"resolve": ["install", "--lockfile-only"], "install": ["install"], "frozen": ["install", "--frozen-lockfile"],
                 "again": ["install"], "add": ["add", subject], "remove": ["remove", subject]}[verb]
        return [self.binary, *words, "--ignore-scripts", "--silent", "--linker", self.linker or "isolated", "--registry",
                place.registry + "/"]


class Pnpm(Tool):
    name = "pnpm"
    lockfiles = ("pnpm-lock.yaml",)
    reads = ("pnpm-lock.yaml",)

    def command(self, action, place):
        verb, _, subject = action.partition(":")
        words = {"resolve": ["install", "--no-frozen-lockfile", "--lockfile-only"], "install": ["install", "--no-frozen-lockfile"],
                 "frozen": ["install", "--frozen-lockfile"], "again": ["install"], "add": ["add", subject],
                 "remove": ["remove", subject]}[verb]
        linker = self.linker or "isolated"
        layout = ["--config.enable-global-virtual-store=" + ("true" if linker == "global" else "false"),
                  "--config.node-linker=" + ("isolated" if linker == "global" else linker)]
        # The release age would make a restore ask for every packument; the others download another pnpm.
        flags = ["--config.minimum-release-age=0", "--config.manage-package-manager-versions=false", "--config.pm-on-fail=ignore"]
        return [self.binary, *words, "--reporter", "silent", *(["--ignore-scripts"] if verb != "remove" else
                ["--config.ignore-scripts=true"]), *layout, *flags, "--store-dir", place.store, "--registry", place.registry + "/"]


class Utoo(Tool):
    name = "utoo"
    lockfiles = ("package-lock.json",)
    reads = ("package-lock.json", "pnpm-lock.yaml")

    def command(self, action, place):
        verb, _, subject = action.partition(":")
        if self.linker not in (None, "hoisted"):
            raise Unsupported("utoo has one layout: hoisted")
        if verb == "resolve":
            return [self.binary, "deps", "--registry", place.registry + "/"]
        words = {"install": ["install"], "frozen": ["install"], "again": ["install"], "add": ["install", subject],
                 "migrate": ["install", "--from", "pnpm"], "remove": ["uninstall", subject]}[verb]
        return [self.binary, *words, "--ignore-scripts", "--registry", place.registry + "/"]

    def first_action(self, place):
        pnpm = [os.path.exists(os.path.join(place.project, file)) for file in ("pnpm-lock.yaml", "pnpm-workspace.yaml")]
        return "migrate" if all(pnpm) else "install"


class Npm(Tool):
    name = "npm"
    lockfiles = ("package-lock.json", "npm-shrinkwrap.json")
    reads = lockfiles

    def command(self, action, place):
        verb, _, subject = action.partition(":")
        if self.linker not in (None, "hoisted"):
            raise Unsupported("npm's layout here is hoisted")
        words = {"resolve": ["install", "--package-lock-only"], "install": ["install"], "frozen": ["ci"], "again": ["install"],
                 "add": ["install", subject], "remove": ["uninstall", subject]}[verb]
        # A registry that says nothing of ages would be asked again for every archive.
        return [self.binary, *words, "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]


TOOLS = {tool.name: tool for tool in (Pmx, Bun, Pnpm, Utoo, Npm)}


def tool_of(cell):
    return TOOLS[cell.tool](cell)
