#!/usr/bin/python3
"""Random small graphs, resolved by pmx and by the npm that is installed here: are the package-lock.json the same, byte for byte?

    npm_graphs.py [FIRST LAST] [--workspaces] [--no-overrides] [--show]

Each seed is a registry of 4 to 12 packages (peers, optional ones, aliases, circles, overrides) and a project, which is resolved
from nothing, again over npm's lockfile, after an edit of its manifests, updated (all, one name) and deduplicated. npm's
answer comes from its own library, run in one process. Needs no network. Environment: PMX_BIN."""

import argparse
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import registry_server  # noqa: E402

# stdin: a line of JSON a question; stdout: a line of JSON an answer
ORACLE = """
const Arborist = require(process.argv[2])
const [registry, cache] = process.argv.slice(3)
process.on('unhandledRejection', () => {})
;(async () => {
  for await (const line of require('readline').createInterface({input: process.stdin})) {
    const {dir, op, args} = JSON.parse(line)
    const options = {path: dir, registry, cache, packageLockOnly: true, ignoreScripts: true, audit: false, fund: false, savePrefix: '^',
      npmVersion: '11.0.0', nodeVersion: process.version, packumentCache: new Map(), ...args}
    const tree = new Arborist(options)
    let answer = {ok: true}
    try { await (op === 'dedupe' ? tree.dedupe(options) : tree.reify(options)) }
    catch (e) { answer = {ok: false, error: (e.code || '') + ' ' + String(e.message).slice(0, 300)} }
    process.stdout.write(JSON.stringify(answer) + '\\n')
  }
})()
"""
STUB = '{\n  "name": "root",\n  "version": "1.0.0",\n  "lockfileVersion": 3,\n  "requires": true,\n  "packages": {\n    "": {}\n  }\n}\n'


LETTERS = "abcdefghijklmn"
RANGES = ["^1.0.0","^1.0.0","^1.0.0","^2.0.0","^2.0.0","*","1.0.0","1.1.0","~1.0.0","^1.1.0","2.0.0",">=1.0.0","1 || 2","<2","latest"]
def make(seed, reg, workspaces=False, overrides=True):
    """Writes the registry; the project's files, the same after an edit, and the names of its packages."""
    r = random.Random(seed)
    n = r.randint(4, 12)
    pre = "p%d-" % seed
    names = [(("@s%d/" % seed) if r.random() < .1 else pre) + LETTERS[i] for i in range(n)]
    vers = {x: sorted(r.sample(["1.0.0","1.0.1","1.1.0","2.0.0","2.1.0"], r.randint(1, 4))) for x in names}
    peery = r.choice([0, .15, .3, .5])
    def rng(x):
        if r.random() < .93:
            for _ in range(9):
                k = r.choice(RANGES)
                if fits(k, vers[x]): return k
        return "^1.0.0" if fits("^1.0.0", vers[x]) else "*"
    def spec(x, me):
        if r.random() < .05: return "npm:%s@%s" % ((lambda y: (y, rng(y)))(r.choice(names)))
        return rng(x)
    for x in names:
        doc = {"name": x, "dist-tags": {"latest": vers[x][-1] if r.random() < .8 else r.choice(vers[x])}, "versions": {}}
        for v in vers[x]:
            m = {"name": x, "version": v, "dist": {"integrity": "sha512-" + (x + v).replace("@","").replace("/","").replace("-","").replace(".", "").ljust(86, "A")[:86] + "==", "tarball": "https://registry.example/%s/-/%s-%s.tgz" % (x, x.split("/")[-1], v)}}
            for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
                y = r.choice(names)
                if y == x: continue
                kind = r.random()
                if kind < peery:
                    m.setdefault("peerDependencies", {})[y] = rng(y)
                    if r.random() < .25: m.setdefault("peerDependenciesMeta", {})[y] = {"optional": True}
                elif kind < peery + .1:
                    m.setdefault("optionalDependencies", {})[y] = spec(y, x) if r.random() < .8 else "^9.0.0"
                else: m.setdefault("dependencies", {})[y] = spec(y, x)
            if r.random() < .05: m["deprecated"] = "gone"
            if r.random() < .03: m["engines"] = {"node": ">=99"}
            if r.random() < .05: m["bin"] = "x.js"
            doc["versions"][v] = m
        d = os.path.join(reg, x)
        os.makedirs(d, exist_ok=True)
        json.dump(doc, open(d + "/package.json", "w"))
    def groups(m, count, extra=()):
        for y in r.sample(names, min(n, count)):
            g = r.choice(["dependencies"] * 5 + ["devDependencies"] * 2 + ["optionalDependencies", "peerDependencies"])
            m.setdefault(g, {})[y] = spec(y, None) if g != "peerDependencies" else rng(y)
    root = {"name": "root", "version": "1.0.0"}
    groups(root, r.randint(1, 5))
    if overrides and r.random() < .15:
        y = r.choice(names); v = r.choice(vers[y])
        root["overrides"] = r.choice([{y: v}, {y + "@^1.0.0": v}, {r.choice(names): {y: v}}])
        for g in ("dependencies","devDependencies","optionalDependencies","peerDependencies"):
            if y in root.get(g, {}): root[g][y] = v if y in root["overrides"] else root[g][y]
    files = {"package.json": root}
    if workspaces:
        root["workspaces"] = r.choice([["packages/*"], ["packages/*"], {"packages": ["packages/*"]}])
        k = r.randint(1, 4); ws = []
        for i in range(k):
            ws.append((r.choice(["w", "z", "@s%d/w" % seed]) + str(i)))
        for i, w in enumerate(ws):
            m = {"name": w, "version": r.choice(["1.0.0", "1.2.0", "2.0.0"])}
            if r.random() < .1: del m["version"]
            groups(m, r.randint(0, 4))
            for o in ws:
                if o != w and r.random() < .25:
                    m.setdefault(r.choice(["dependencies", "devDependencies", "peerDependencies"]), {})[o] = r.choice(["*", "^1.0.0", "^1.0.0", "*"])
            files["packages/d%d/package.json" % i] = m
        # a registry package with a workspace's name
        for w in ws:
            d = os.path.join(reg, w)
            os.makedirs(d, exist_ok=True)
            json.dump({"name": w, "dist-tags": {"latest": "1.0.5"}, "versions": {"1.0.5": {"name": w, "version": "1.0.5", "dist": {"integrity": "sha512-" + (w.replace("@","").replace("/","")).ljust(86,"B") + "==", "tarball": "https://registry.example/%s/-/%s-1.0.5.tgz" % (w, w.split("/")[-1])}}}}, open(d + "/package.json", "w"))
        if r.random() < .3: root.setdefault("dependencies", {})[r.choice(ws)] = r.choice(["*", "^1.0.0"])
    # second step: an edit of the manifests
    f2 = json.loads(json.dumps(files))
    for path, m in f2.items():
        for _ in range(r.choice([0, 1, 1, 2])):
            act = r.random()
            have = [(g, y) for g in ("dependencies","devDependencies","optionalDependencies") for y in m.get(g, {}) if y in vers]
            if act < .4 and have:
                g, y = r.choice(have); del m[g][y]
                if not m[g]: del m[g]
            elif act < .7 and have:
                g, y = r.choice(have); m[g][y] = rng(y)
            else:
                y = r.choice(names)
                if not any(y in m.get(g, {}) for g in ("dependencies","devDependencies","optionalDependencies","peerDependencies")):
                    m.setdefault(r.choice(["dependencies","devDependencies"]), {})[y] = rng(y)
    return files, f2, names
def fits(k, vs):
    t = lambda v: tuple(map(int, v.split(".")))
    for v in vs:
        a = t(v)
        if k in ("*", "latest", ">=1.0.0", "1 || 2"): return True
        if k == "<2" and a < (2,0,0): return True
        if k[0] == "^" and a[0] == t(k[1:])[0] and a >= t(k[1:]): return True
        if k[0] == "~" and a[:2] == t(k[1:])[:2]: return True
        if k == v: return True
    return False
def write(files, proj):
    for p, m in files.items():
        q = os.path.join(proj, p); os.makedirs(os.path.dirname(q), exist_ok=True)
        json.dump(m, open(q, "w"), indent=2)


class Comparison:
    def __init__(self, base, url, show):
        self.base, self.url, self.show, self.counts, self.bad = base, url, show, {}, []
        self.env = {"PATH": os.environ["PATH"], "HOME": base + "/home", "NO_COLOR": "1"}
        library = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=True).stdout.strip() + "/npm/node_modules/@npmcli/arborist"
        with open(base + "/oracle.cjs", "w") as f:
            f.write(ORACLE)
        self.npm = subprocess.Popen(["node", base + "/oracle.cjs", library, url, base + "/npm"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, text=True, env=self.env, cwd=base)

    def ask(self, directory, op="install", **args):
        self.npm.stdin.write(json.dumps({"dir": directory, "op": op, "args": args}) + "\n")
        self.npm.stdin.flush()
        return json.loads(self.npm.stdout.readline() or '{"ok": false, "error": "npm ended"}')

    def pmx(self, directory, *args):
        more = ["--no-frozen-lockfile"] if args[0] == "install" else []
        return subprocess.run([registry_server.pmx_binary(), *args, *more, "--lockfile-only", "--registry", self.url, "--cache-dir", self.base + "/cache",
                               "--store-dir", self.base + "/store"], cwd=directory, env=self.env, capture_output=True, text=True, timeout=120)

    def step(self, seed, name, theirs, done, a, b):
        """Notes the outcome; whether npm had one to go on from."""
        ok = done.returncode == 0
        verdict = ("the same" if read(a) == read(b) else "DIFFERENT") if ok and theirs["ok"] else "both fail" if not ok and not theirs["ok"] else \
            "npm FAILS" if ok else "pmx FAILS"
        self.counts[(name, verdict)] = self.counts.get((name, verdict), 0) + 1
        if verdict not in ("the same", "both fail"):
            self.bad.append("%d %s" % (seed, name))
            print(seed, name, verdict, theirs.get("error", ""), "" if ok else (done.stderr + done.stdout)[-400:], flush=True)
            if self.show and verdict == "DIFFERENT":
                print("\n".join(difflib.unified_diff(read(a).split("\n"), read(b).split("\n"), "npm", "pmx", lineterm="", n=2)))
        return theirs["ok"]

    def case(self, seed, files, edited, names):
        a, b = self.base + "/a/%d" % seed, self.base + "/b/%d" % seed
        for directory in (a, b):
            write(files, directory)
            write_lock(directory, STUB)
        if not self.step(seed, "fresh", self.ask(a, save=True, add=[]), self.pmx(b, "install"), a, b):
            return
        lock = read(a)
        write_lock(b, lock)
        self.step(seed, "again", {"ok": True}, self.pmx(b, "install"), a, b)
        write(edited, a), write(edited, b), write_lock(b, lock)
        if not self.step(seed, "edit", self.ask(a, save=True, add=[]), self.pmx(b, "install"), a, b):
            return
        lock, one = read(a), random.Random(seed).choice(names)

        def again():
            write_lock(a, lock), write_lock(b, lock)
        again()
        self.step(seed, "update", self.ask(a, update={"all": True}, save=False), self.pmx(b, "update", "-r", "--no-save"), a, b)
        if '/' + one + '"' in lock:
            again()
            theirs, done = self.ask(a, update={"names": [one]}, save=False), self.pmx(b, "update", "-r", "--no-save", one)
            if "PMX_E_USAGE" not in done.stderr:  # npm says nothing of a name that only a peer or an alias has
                self.step(seed, "update one", theirs, done, a, b)
        again()
        self.step(seed, "dedupe", self.ask(a, "dedupe", save=False), self.pmx(b, "dedupe"), a, b)


def read(directory):
    with open(directory + "/package-lock.json") as f:
        return f.read()


def write_lock(directory, text):
    with open(directory + "/package-lock.json", "w") as f:
        f.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", nargs="?", type=int, default=0)
    parser.add_argument("last", nargs="?", type=int, default=300)
    parser.add_argument("--workspaces", action="store_true")
    parser.add_argument("--no-overrides", action="store_true")
    parser.add_argument("--show", action="store_true", help="the differences, line by line")
    options = parser.parse_args()
    base = tempfile.mkdtemp(prefix="npm-graphs-")
    os.makedirs(base + "/home")
    cases = {seed: make(seed, base + "/registry", options.workspaces, not options.no_overrides) for seed in range(options.first, options.last)}
    try:
        with registry_server.RegistryServer(base + "/registry") as server:
            comparison = Comparison(base, server.url + "/", options.show)
            try:
                for seed, case in cases.items():
                    comparison.case(seed, *case)
            finally:
                comparison.npm.kill()
    finally:
        shutil.rmtree(base, ignore_errors=True)
    for (name, verdict), count in sorted(comparison.counts.items()):
        print("%-10s %-9s %d" % (name, verdict, count))
    print("%d of %d comparisons differ" % (len(comparison.bad), sum(comparison.counts.values())))
    return 1 if comparison.bad else 0


if __name__ == "__main__":
    sys.exit(main())
