#!/usr/bin/python3
"""Walks Node's resolution through an installed tree: from every package to every dependency that its lockfile entry
promises, executables included. It knows nothing about layouts, so it holds for isolated, hoisted and global trees, and
it reads lockfiles with general parsers, not with pmx.

    tree_check.py PROJECT [--lockfile FILE] [--prod|--dev] [--no-optional]
"""

import argparse
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lockfiles  # noqa: E402

GROUPS = ("dependencies", "devDependencies", "optionalDependencies")


def _node_version():
    try:
        return subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


NODE = _node_version()


def runs_here(entry):
    return lockfiles.fits(entry) and lockfiles.engine_fits(entry, NODE)


class Edge:
    __slots__ = ("alias", "target", "optional")

    def __init__(self, alias, target, optional):
        self.alias, self.target, self.optional = alias, target, optional


class Package:
    """What the lockfile says about one node: its name and version, its edges, whether it may run here."""

    def __init__(self, key, name, version, fits=True, link_to=None):
        self.key, self.name, self.version, self.fits, self.link_to = key, name, version, fits, link_to
        self.edges = []


def _is_version(text):
    return bool(text) and (text[0].isdigit() or text[0] == "v") and ":" not in text and "/" not in text


def read_pnpm(path, groups):
    document = lockfiles.load_yaml_documents(path)[-1]
    entries = document.get("packages") or {}
    snapshots = document.get("snapshots") or {}
    packages = {}
    for key in snapshots:
        name, version, _ = lockfiles.split_key(key)
        base = key[:len(name) + 1 + len(version)]
        entry = entries.get(base) or {}
        version = entry.get("version") or (version if _is_version(version) else None)
        # pnpm reads the libc of an optional package from its name where the manifest has none.
        if "libc" not in entry and (snapshots[key] or {}).get("optional") and "musl" in re.split("[-_.]", name):
            entry = dict(entry, libc=["musl"])
        packages[key] = Package(key, name, version, runs_here(entry))

    def edge(alias, reference, optional, base_dir):
        if reference.startswith("link:"):
            return Edge(alias, ("link", os.path.normpath(os.path.join(base_dir, reference[5:]))), optional)
        candidates = (alias + "@" + reference, reference)
        for key in candidates:
            if key in packages:
                return Edge(alias, ("package", key), optional)
        return Edge(alias, ("missing", reference), optional)

    for key, snapshot in snapshots.items():
        for group in ("dependencies", "optionalDependencies"):
            for alias, reference in ((snapshot or {}).get(group) or {}).items():
                # link: of a package is relative to the lockfile.
                packages[key].edges.append(edge(alias, reference, group == "optionalDependencies", "."))
    importers = {}
    for directory, importer in (document.get("importers") or {}).items():
        importers[directory] = [edge(alias, row["version"], group == "optionalDependencies", directory)
                                for group in groups for alias, row in ((importer or {}).get(group) or {}).items()]
    return importers, packages


def read_npm(path, groups):
    with open(path, encoding="utf-8-sig") as f:
        entries = json.load(f)["packages"]
    packages, importers = {}, {}

    def find(place, alias):
        while True:
            key = (place + "/" if place else "") + "node_modules/" + alias
            if key in entries:
                return key
            if not place:
                return None
            place = place.rpartition("/node_modules/")[0] if "/node_modules/" in place else \
                ("" if place.startswith("node_modules/") else os.path.dirname(place))

    def edges(place, entry, wanted):
        rows = []
        meta = entry.get("peerDependenciesMeta") or {}
        optional_names = entry.get("optionalDependencies") or {}
        for group in wanted:
            for alias in entry.get(group) or {}:
                optional = alias in optional_names or (group == "peerDependencies"
                                                       and (meta.get(alias) or {}).get("optional", False))
                if group != "optionalDependencies" and alias in optional_names:
                    continue
                target = find(place, alias)
                # npm leaves a peer out where legacy-peer-deps or an override said so.
                if target is None:
                    if not optional and group != "peerDependencies":
                        rows.append(Edge(alias, ("missing", alias), False))
                    continue
                if entries[target].get("link"):
                    rows.append(Edge(alias, ("link", entries[target]["resolved"]), optional))
                else:
                    rows.append(Edge(alias, ("package", target), optional or group == "peerDependencies" and optional))
        return rows

    for place, entry in entries.items():
        if "node_modules/" not in place:
            importers[place or "."] = edges(place, entry, groups)
        elif not entry.get("link"):
            name = entry.get("name") or place.rsplit("node_modules/", 1)[1]
            packages[place] = Package(place, name, entry.get("version"), runs_here(entry))
            packages[place].edges = edges(place, entry, ("dependencies", "optionalDependencies", "peerDependencies"))
    return importers, packages


def resolve(directory, alias):
    """Node's algorithm for a bare specifier, from a real directory; the found place, not yet its real path."""
    while True:
        if os.path.basename(directory) != "node_modules":
            place = os.path.join(directory, "node_modules", alias)
            if os.path.isdir(place):
                return place
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def find_bin(directory, name):
    while True:
        place = os.path.join(directory, "node_modules", ".bin", name)
        if os.path.lexists(place):
            return place
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def manifest_of(directory):
    try:
        with open(os.path.join(directory, "package.json"), encoding="utf-8-sig") as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def bins_of(directory, manifest, from_npm):
    """Executable name -> file, for those whose file is there."""
    rows = {}
    declared = manifest.get("bin")
    if from_npm and declared is None:
        return rows  # a package-lock.json promises the executables it lists; directories.bin is not among them
    if isinstance(declared, str) and isinstance(manifest.get("name"), str):
        rows[manifest["name"].rsplit("/", 1)[-1]] = declared
    elif isinstance(declared, dict):
        for name, file in declared.items():
            name = name.rsplit("/", 1)[-1]
            if isinstance(file, str) and name and name not in (".", ".."):
                rows[name] = file
    elif isinstance(manifest.get("directories"), dict) and isinstance(manifest["directories"].get("bin"), str):
        base = os.path.join(directory, manifest["directories"]["bin"])
        for parent, _, files in os.walk(base):
            for file in files:
                rows[file] = os.path.relpath(os.path.join(parent, file), directory)
    root = os.path.realpath(directory)
    kept = {}
    for name, file in rows.items():
        target = os.path.normpath(os.path.join(root, file.lstrip("/")))
        if target.startswith(root + os.sep) and os.path.isfile(target):
            kept[name] = target
    return kept


def same_version(found, promised):
    def plain(text):
        return text.strip().lstrip("v=").split("+")[0]
    return isinstance(found, str) and plain(found) == plain(promised)


class Checker:
    def __init__(self, project, importers, packages, from_npm=False):
        self.from_npm = from_npm
        self.project = os.path.realpath(project)
        self.importers, self.packages = importers, packages
        self.problems, self.edges, self.bins, self.visited = [], 0, 0, set()
        self.manifests = {}

    def manifest(self, directory):
        if directory not in self.manifests:
            manifest = manifest_of(directory)
            self.manifests[directory] = (manifest, bins_of(directory, manifest, self.from_npm) if manifest else {})
        return self.manifests[directory]

    def problem(self, where, text):
        self.problems.append("%s: %s" % (os.path.relpath(where, self.project), text))

    def run(self):
        todo = []
        for directory, edges in self.importers.items():
            place = os.path.join(self.project, directory)
            if os.path.isfile(os.path.join(place, "package.json")):
                todo.append((os.path.realpath(place), directory, edges))
        while todo:
            place, key, edges = todo.pop()
            if (place, key) in self.visited:
                continue
            self.visited.add((place, key))
            for edge in edges:
                step = self.follow(place, edge)
                if step:
                    todo.append(step)
        return self.problems

    def follow(self, place, edge):
        self.edges += 1
        kind, target = edge.target
        found = resolve(place, edge.alias)
        if found and os.path.realpath(found) == place:
            return None  # a package that asks for its own name finds itself
        if kind == "missing":
            if not edge.optional:
                self.problem(place, "%s: the lockfile has no entry for %s" % (edge.alias, target))
            return None
        if kind == "link":
            wanted = os.path.realpath(os.path.join(self.project, target))
            if found is None:
                if os.path.isdir(wanted):
                    self.problem(place, "%s does not resolve (link to %s)" % (edge.alias, target))
            elif os.path.realpath(found) != wanted:
                self.problem(place, "%s is %s instead of the directory %s"
                             % (edge.alias, os.path.relpath(found, self.project), target))
            return None
        package = self.packages[target]
        if found is None:
            if not (edge.optional and not package.fits):
                self.problem(place, "%s does not resolve (%s)" % (edge.alias, target))
            return None
        real = os.path.realpath(found)
        manifest, bins = self.manifest(real)
        if manifest is None:
            # pnpm installs an archive without package.json too; nobody promised more than its files.
            if not os.listdir(real):
                self.problem(place, "%s resolves to an empty directory %s" % (edge.alias, found))
            return None
        if package.version and not same_version(manifest.get("version"), package.version):
            self.problem(place, "%s resolves to version %s at %s instead of %s"
                         % (edge.alias, manifest.get("version"), os.path.relpath(found, self.project), target))
            return None
        for name, file in bins.items():
            self.bins += 1
            shim = find_bin(place, name)
            if shim is None:
                self.problem(place, "executable %s of %s has no .bin entry" % (name, target))
            elif not os.path.exists(shim):
                self.problem(place, "%s dangles" % shim)
            elif not os.access(shim, os.X_OK):
                self.problem(place, "%s is not executable" % shim)
        return real, package.key, package.edges


def check(project, lockfile=None, groups=GROUPS):
    """(problems, statistics)"""
    lockfile = lockfile or lockfiles.lockfiles_of(project)[0]
    read = read_pnpm if lockfile.endswith((".yaml", ".yml")) else read_npm
    importers, packages = read(lockfile, groups)
    checker = Checker(project, importers, packages, read is read_npm)
    problems = checker.run()
    return problems, {"edges": checker.edges, "packages": len(checker.visited), "bins": checker.bins}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project")
    parser.add_argument("--lockfile")
    parser.add_argument("--prod", action="store_true")
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--no-optional", action="store_true")
    args = parser.parse_args()
    groups = [g for g in GROUPS if not (args.prod and g == "devDependencies")
              and not (args.dev and g != "devDependencies") and not (args.no_optional and g == "optionalDependencies")]
    problems, statistics = check(args.project, args.lockfile, groups)
    for problem in problems[:200]:
        print(problem)
    print("%d problems; %s" % (len(problems), ", ".join("%d %s" % (n, what) for what, n in statistics.items())))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
