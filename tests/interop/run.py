#!/usr/bin/python3
"""pmx beside the real npm and pnpm, on real projects. Needs the network once: for the peers (npm installs them into
build/interop) and for the tarballs (`pmx registry record` puts them into a mirror outside the repository, PMX_MIRROR).

    run.py [--projects DIR] [--only NAME,...] [--linkers NAME,...] [--checks tree,compare,pnpm,npm] [--keep]

For each project with a lockfile and each linker that fits it:
    tree      pmx install --frozen-lockfile --ignore-scripts, then tree_check over every promised dependency
    compare   the same lockfile installed by pnpm (isolated, hoisted) or npm (hoisted): trees entry by entry, every
              file's bytes and executable bit included; what docs/INTEROP.md explains is counted apart
    pnpm      `pnpm install --frozen-lockfile --offline` after pmx changes nothing (path, mode, inode, time, target of
              every entry of the whole project); pmx after pnpm, and on pnpm's own tree, is up to date
    npm       `npm ls --all` finds no fault in a hoisted tree that it does not find in npm's own; `npm ci --dry-run` and
              `npm install --offline` change nothing

Environment: PMX_MIRROR (the tarballs), PNPM_BIN (a pnpm 12), PMX_BIN, PMX_INTEROP_DIR (where the trees go)."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import lockfiles  # noqa: E402
import registry_server  # noqa: E402
import tree_check  # noqa: E402
import trees  # noqa: E402

WORK = os.environ.get("PMX_INTEROP_DIR") or os.path.join(ROOT, "build", "interop")
# What pnpm rewrites in any tree, its own included: a time of its own, in a file that is renamed into node_modules.
PNPM_TOUCHES = {"node_modules", "node_modules/.pnpm-workspace-state-v1.json"}
# Differences that docs/INTEROP.md explains: (project, linker) -> patterns of the compared lines.
KNOWN = {
    ("zustand", "hoisted"): [r"/(@eslint-community|balanced-match|brace-expansion)\b",
                             r"^\./(@typescript-eslint/(utils|typescript-estree)|minimatch|eslint)/node_modules: "],
    ("atproto", "hoisted"): [r"packages/pds/", r"packages/internal/fetch-node/"],
    ("tanstack-query", "hoisted"): [r"^\./\.bin/(js-yaml|listhen|tsc): ", r"/(extend-shallow|is-extendable)\b"],
}
KNOWN_OF_NPM = [r"/\.(git|npm)ignore: "]


def run(command, cwd, env=None, timeout=900):
    return subprocess.run([str(c) for c in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=timeout)


def environment(home):
    env = {k: v for k, v in os.environ.items() if not k.lower().startswith(("npm_", "pnpm_", "pmx_"))}
    env.update(HOME=home, XDG_DATA_HOME=home + "/data", XDG_CACHE_HOME=home + "/cache", XDG_CONFIG_HOME=home + "/config",
               NO_COLOR="1", CI="1", COREPACK_ENABLE_STRICT="0")
    return env


def pnpm_binary():
    given = os.environ.get("PNPM_BIN")
    if given:
        return given
    peers = os.path.join(WORK, "peers")
    binary = os.path.join(peers, "node_modules", "@pnpm", "exe.linux-x64", "pnpm")
    if not os.path.isfile(binary):
        os.makedirs(peers, exist_ok=True)
        print("installing pnpm 12 with npm", flush=True)
        subprocess.run(["npm", "install", "--prefix", peers, "--no-audit", "--no-fund", "--loglevel=error",
                        "@pnpm/exe.linux-x64@12"], check=True)
    return binary


def listing(modules):
    """Every entry of a node_modules but records and the text of shims: path -> kind, executable bit or link target."""
    rows = {}
    for parent, dirs, files in os.walk(modules):
        base = os.path.relpath(parent, modules)
        base = "" if base == "." else base + "/"
        if not base:
            dirs[:] = [d for d in dirs if d != ".pmx"]
            files = [f for f in files if f not in trees.STATE_FILES]
        for name in dirs + files:
            path = os.path.join(parent, name)
            if base == ".pnpm/" and name == "lock.yaml":
                continue
            if os.path.islink(path):
                rows[base + name] = ("link", os.readlink(path))
            elif name in dirs:
                rows[base + name] = ("dir",)
            elif base.endswith(".bin/"):
                rows[base + name] = ("shim",)
            else:
                stat = os.lstat(path)
                rows[base + name] = ("file", "x" if stat.st_mode & 0o111 else "-", stat.st_size)
    return rows


def same_bytes(one, other):
    with open(one, "rb") as a, open(other, "rb") as b:
        return a.read() == b.read()


def whole(project):
    rows = {}
    for parent, dirs, files in os.walk(project):
        for name in dirs + files:
            path = os.path.join(parent, name)
            stat = os.lstat(path)
            rows[os.path.relpath(path, project)] = (stat.st_mode, stat.st_ino, stat.st_mtime_ns,
                                                    os.readlink(path) if os.path.islink(path) else "")
    return rows


def changes(before, after, allowed):
    return ["%s: %s" % (path, "gone" if path not in after else "new" if path not in before else "touched")
            for path in sorted(set(before) | set(after)) if before.get(path) != after.get(path) and path not in allowed]


class Project:
    """One project, its copies, and the rows of the report."""

    def __init__(self, source, registry, pnpm, rows, chosen):
        self.chosen, self.known, self.edges = chosen, 0, 0
        self.source, self.registry, self.pnpm, self.rows = source, registry, pnpm, rows
        self.name = os.path.basename(source)
        self.home = os.path.join(WORK, "home")
        self.env = environment(self.home)
        self.lock = os.path.basename(lockfiles.lockfiles_of(source)[0])
        self.peer = "npm" if self.lock.endswith(".json") else "pnpm"

    def note(self, linker, check, problems, detail=""):
        self.rows.append((self.name, linker, check, len(problems)))
        print("%-26s %-9s %-8s %s %s" % (self.name, linker, check, "ok" if not problems else
                                         "%d problems" % len(problems), detail), flush=True)
        for problem in problems[:12]:
            print("      " + str(problem)[:300], flush=True)
        return not problems

    def copy(self, into):
        target = os.path.join(WORK, "projects", self.name, into)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.source, target, symlinks=True)
        for parent, dirs, files in os.walk(target):
            for name in dirs + files:
                os.chmod(os.path.join(parent, name), 0o755 if name in dirs else 0o644)
            if "package.json" in files:
                self.mend(os.path.join(parent, "package.json"))
        return target

    @staticmethod
    def mend(manifest):
        """pnpm 12 refuses a lockfile of pnpm 10 whose project says publishConfig.linkDirectory: false."""
        with open(manifest, encoding="utf-8") as f:
            text = f.read()
        if '"linkDirectory": false' in text:
            with open(manifest, "w", encoding="utf-8") as f:
                f.write(text.replace('"linkDirectory": false', '"linkDirectory": true'))

    def pmx(self, project, linker, *more):
        return run([registry_server.pmx_binary(), "install", "--frozen-lockfile", "--ignore-scripts", "--linker", linker,
                    "--registry", self.registry + "/", "--store-dir", os.path.join(WORK, "store"), *more], project, self.env)

    def pnpm_install(self, project, linker, *more):
        return run([self.pnpm, "install", "--frozen-lockfile", "--ignore-scripts", "--registry", self.registry + "/",
                    "--config.node-linker=" + linker, "--config.minimum-release-age=0",
                    "--config.manage-package-manager-versions=false", "--config.pm-on-fail=ignore",
                    "--config.runtime-on-fail=ignore", "--config.trust-lockfile=true", *more], project,
                   self.env)

    def npm_install(self, project):
        return run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--registry",
                    self.registry + "/"], project, self.env)

    def linkers(self):
        fitting = ["isolated", "hoisted", "global"] if self.lock.endswith(".yaml") else ["hoisted", "isolated", "global"]
        return [linker for linker in fitting if linker in self.chosen]

    def check(self, checks):
        for linker in self.linkers():
            project = self.copy(linker)
            start = time.monotonic()
            done = self.pmx(project, linker)
            if not self.note(linker, "install", [] if done.returncode == 0 else done.stderr.splitlines()[-10:],
                             "%.1f s" % (time.monotonic() - start)):
                continue
            if "tree" in checks:
                self.tree(project, linker)
            if "compare" in checks and linker != "global":
                self.compare(project, linker)
            if "pnpm" in checks and linker == "isolated" and self.lock.endswith(".yaml"):
                self.around_pnpm(project)
            if "npm" in checks and linker == "hoisted" and self.lock.endswith(".json"):
                self.npm_ls(project)

    def peer_tree(self, linker):
        """The same project installed by the tool whose lockfile it has; None where that tool has no such layout."""
        target = os.path.join(WORK, "projects", self.name, "peer-" + linker)
        marker = target + ".done"
        if os.path.isfile(marker):
            return target
        if self.lock.endswith(".json") and linker != "hoisted":
            return None
        self.copy("peer-" + linker)
        done = self.pnpm_install(target, linker, "--store-dir", os.path.join(WORK, "pnpm-store")) \
            if self.lock.endswith(".yaml") else self.npm_install(target)
        if done.returncode != 0:
            self.note(linker, "peer", (done.stdout + done.stderr).splitlines()[-8:], "the peer itself failed")
            return None
        open(marker, "w", encoding="utf-8").close()
        return target

    def importers(self, project):
        if self.lock.endswith(".json"):
            return ["."]
        document = lockfiles.load_yaml_documents(os.path.join(project, self.lock))[-1]
        return [d for d in document.get("importers") or {} if os.path.isdir(os.path.join(project, d))]

    def tree(self, project, linker):
        """Hoisting keeps one of several peers, so that a few edges cannot be met; it must be the same few as the peer's."""
        problems, statistics = tree_check.check(project)
        self.edges += statistics["edges"]
        detail = "%(edges)d edges, %(packages)d packages, %(bins)d executables" % statistics
        peer = self.peer_tree(linker) if problems and linker == "hoisted" else None
        if peer:
            own = set(tree_check.check(peer)[0])
            detail += ", %d that %s's own tree does not meet either" % (len(own & set(problems)), self.peer)
            problems = [p for p in problems if p not in own]
        self.note(linker, "tree", problems, detail)

    def compare(self, project, linker):
        peer = self.peer_tree(linker)
        if peer is None:
            return
        problems, entries = [], 0
        for directory in self.importers(project):
            ours = os.path.join(project, directory, "node_modules")
            theirs = os.path.join(peer, directory, "node_modules")
            left, right = listing(ours), listing(theirs)
            entries += len(left)
            for path in sorted(set(left) | set(right)):
                if left.get(path) != right.get(path):
                    problems.append("%s/%s: %s, %s's own %s" % (directory, path, left.get(path, "absent"),
                                                               self.peer, right.get(path, "absent")))
                elif left[path][0] == "file" and not same_bytes(os.path.join(ours, path), os.path.join(theirs, path)):
                    problems.append("%s/%s: other bytes" % (directory, path))
        patterns = KNOWN.get((self.name, linker), []) + (KNOWN_OF_NPM if self.peer == "npm" else [])
        known = [p for p in problems if any(re.search(pattern, p) for pattern in patterns)]
        self.known += len(known)
        self.note(linker, "compare", [p for p in problems if p not in set(known)],
                  "%d entries%s" % (entries, ", %d known differences" % len(known) if known else ""))

    def around_pnpm(self, project):
        before = whole(project)
        done = self.pnpm_install(project, "isolated", "--offline")
        problems = [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()[-8:]
        problems += changes(before, whole(project), PNPM_TOUCHES)
        self.note("isolated", "pnpm", problems, "pnpm after pmx, %d entries" % len(before))
        self.up_to_date(project, "pmx after pnpm")
        peer = self.peer_tree("isolated")
        if peer:
            self.up_to_date(peer, "pmx on pnpm's own tree")

    def up_to_date(self, project, what):
        before = whole(project)
        done = self.pmx(project, "isolated")
        said = (done.stdout + done.stderr).lower()
        problems = [] if done.returncode == 0 and "up to date" in said else said.splitlines()[-6:] or ["no word"]
        problems += [c for c in changes(before, whole(project), {"node_modules"}) if not c.startswith("node_modules/.pmx")]
        self.note("isolated", "pnpm", problems, what)

    def npm_ls(self, project):
        def faults(directory):
            done = run(["npm", "ls", "--all", "--json"], directory, self.env)
            try:
                return set(json.loads(done.stdout).get("problems") or [])
            except ValueError:
                return {"npm ls said nothing that can be read: " + done.stderr[-300:]}
        found = {f.replace(project, "") for f in faults(project)}
        peer = self.peer_tree("hoisted")
        own = {f.replace(peer, "") for f in faults(peer)} if peer else set()
        self.note("hoisted", "npm", sorted(found - own), "npm ls --all (%d of npm's own)" % len(own))
        for what, command in (("npm ci --dry-run", ["ci", "--dry-run"]), ("npm install --offline", ["install", "--offline"])):
            problems, touched = self.npm_again(project, command)
            # npm writes its lockfile anew, and links of a workspace, in a tree of its own too.
            allowed = self.npm_again(peer, command)[1] if peer and touched else []
            self.note("hoisted", "npm", problems + [t for t in touched if t not in allowed],
                      what + (", %d entries touched as in npm's own tree" % len(touched) if touched else ""))

    def npm_again(self, project, command):
        before = whole(project)
        done = run(["npm", *command, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--registry",
                    self.registry + "/"], project, self.env)
        return ([] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()[-8:],
                changes(before, whole(project), set()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", default=os.path.join(os.path.dirname(ROOT), "shared", "fixtures", "projects"))
    parser.add_argument("--only", default="")
    parser.add_argument("--checks", default="tree,compare,pnpm,npm")
    parser.add_argument("--linkers", default="isolated,hoisted,global")
    parser.add_argument("--keep", action="store_true", help="leave the installed projects in build/interop")
    parser.add_argument("--no-record", action="store_true", help="the mirror has everything already")
    args = parser.parse_args()
    if not os.path.isdir(args.projects):
        sys.exit("interop: no projects at %s" % args.projects)
    mirror = os.environ.get("PMX_MIRROR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pmx-mirror")
    chosen = [os.path.join(args.projects, p) for p in sorted(os.listdir(args.projects))
              if not args.only or p in args.only.split(",")]
    chosen = [p for p in chosen if lockfiles.lockfiles_of(p)]
    os.makedirs(WORK, exist_ok=True)
    pnpm = pnpm_binary()
    if not args.no_record:
        subprocess.run([registry_server.pmx_binary(), "registry", "record", "--into", mirror, "--archives", *chosen], check=True)
    rows, start = [], time.monotonic()
    with registry_server.RegistryServer(mirror) as server:
        for project in chosen:
            Project(project, server.url, pnpm, rows, args.linkers.split(",")).check(set(args.checks.split(",")))
            if not args.keep:
                shutil.rmtree(os.path.join(WORK, "projects", os.path.basename(project)), ignore_errors=True)
    table(rows)
    bad = [row for row in rows if row[3]]
    print("\n%d checks of %d projects, %d with problems, %.0f s" % (len(rows), len(chosen), len(bad), time.monotonic() - start))
    sys.exit(1 if bad else 0)


def table(rows):
    """One line per project and linker, one column per kind of check."""
    columns = ["install", "tree", "compare", "pnpm", "npm", "peer"]
    found = {}
    for project, linker, check, problems in rows:
        found.setdefault((project, linker), {}).setdefault(check, []).append(problems)
    print("\n%-26s %-9s" % ("project", "linker") + "".join(" %8s" % c for c in columns[:-1]))
    for (project, linker), checks in found.items():
        cells = []
        for column in columns[:-1]:
            counts = checks.get(column)
            cells.append("" if counts is None else "%d bad" % sum(counts) if sum(counts) else "ok" if len(counts) == 1 else "%d ok" % len(counts))
        print("%-26s %-9s" % (project, linker) + "".join(" %8s" % c for c in cells) + ("  the peer failed" if "peer" in checks else ""))


if __name__ == "__main__":
    main()
