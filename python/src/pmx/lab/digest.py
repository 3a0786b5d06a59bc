"""What a run left behind, as one number: two installs did the same work when their trees have the same digest. The digest
is over path, type, executable bit, size and link target of everything in every node_modules (content too when asked
for), and leaves out what a package manager notes about its own run, which holds times and paths. A second digest leaves
out every `.bin`, too: some peers make those in a race, and leave another few each time."""

import hashlib
import os
import stat

# Notes of package managers: their presence is no difference, nor is what they hold.
NOTES = frozenset((".pmx", ".modules.yaml", ".pnpm-workspace-state-v1.json", ".pnpm-workspace-state.json", ".package-lock.json",
                   "lock.yaml", ".yarn-integrity", ".cache", ".vite", ".utoo", ".utoo-state.json"))


class Tree:
    """digest, bare (the digest without `.bin`), files, directories, symlinks, bytes (of each file once, however many names it has), packages."""

    def __init__(self, digest, bare, files, directories, symlinks, size, packages):
        self.digest, self.bare, self.files, self.directories, self.symlinks = digest, bare, files, directories, symlinks
        self.bytes, self.packages = size, packages

    def to_json(self):
        return {"digest": self.digest, "bare": self.bare, "files": self.files, "directories": self.directories, "symlinks": self.symlinks,
                "bytes": self.bytes, "packages": self.packages}

    def __repr__(self):
        return "Tree(%s, %d files, %d directories, %d symlinks)" % (self.digest[:12], self.files, self.directories, self.symlinks)


def modules_of(project):
    """Every node_modules of a project that lies in no other one."""
    found, waiting = [], [project]
    while waiting:
        here = waiting.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.name == "node_modules":
                    found.append(entry.path)
                elif entry.name not in (".git",) and entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return sorted(found)


def of(project, content=False, replace=()):
    """The tree of a project. `replace` names prefixes of link targets that are this run's own place, such as the store,
    and are no difference between two runs."""
    rows, inodes = [], set()
    counts = {"files": 0, "directories": 0, "symlinks": 0, "packages": 0, "bytes": 0}
    project = os.path.abspath(project)
    for modules in modules_of(project):
        waiting = [modules]
        while waiting:
            here = waiting.pop()
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.name in NOTES:
                        continue
                    _one(entry, project, rows, inodes, counts, waiting, content, replace)
    rows.sort()
    whole, bare = hashlib.sha256(), hashlib.sha256()
    for row in rows:
        whole.update(row + b"\n")
        if b"/.bin" not in row:
            bare.update(row + b"\n")
    return Tree(whole.hexdigest(), bare.hexdigest(), counts["files"], counts["directories"], counts["symlinks"], counts["bytes"], counts["packages"])


def _one(entry, project, rows, inodes, counts, waiting, content, replace):
    path = os.fsencode(entry.path[len(project) + 1:])
    if entry.is_symlink():
        target = os.readlink(entry.path)
        for prefix in replace:
            if target.startswith(prefix):
                target = "@" + target[len(prefix):]
        counts["symlinks"] += 1
        rows.append(b"l %s\0%s" % (path, os.fsencode(target)))
        return
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        counts["directories"] += 1
        rows.append(b"d %s" % path)
        waiting.append(entry.path)
        return
    counts["files"] += 1
    counts["packages"] += entry.name == "package.json" and _is_package(path)
    if status.st_ino not in inodes:
        inodes.add(status.st_ino)
        counts["bytes"] += status.st_size
    # Only whether it is executable: umask, owner and time are not the work of a package manager.
    row = b"f %s\0%d\0%d" % (path, bool(status.st_mode & 0o100), status.st_size)
    if content:
        with open(entry.path, "rb") as f:
            row += b"\0" + hashlib.sha256(f.read()).hexdigest().encode()
    rows.append(row)


def _is_package(path):
    parts = path.split(b"/")
    above = parts[-3] if len(parts) > 2 else b""
    return above == b"node_modules" or (above.startswith(b"@") and len(parts) > 3 and parts[-4] == b"node_modules")


def difference(one, other, limit=20, replace=()):
    """Up to `limit` paths that two trees do not share alike, as (path, what); for the person who asks why a digest differs."""
    sides = []
    for project in (one, other):
        rows, waiting = [], modules_of(os.path.abspath(project))
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.name not in NOTES:
                        _one(entry, os.path.abspath(project), rows, set(), dict.fromkeys(
                            ("files", "directories", "symlinks", "packages", "bytes"), 0), waiting, False, replace)
        sides.append({row[2:].split(b"\0")[0]: row for row in rows})
    a, b = sides
    found = []
    for path in sorted(a.keys() | b.keys()):
        if a.get(path) != b.get(path):
            what = "only in the first" if path not in b else "only in the second" if path not in a else "differs"
            found.append((os.fsdecode(path), what))
            if len(found) == limit:
                break
    return found
