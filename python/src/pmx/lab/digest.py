"""What a run left behind, as one number: two installs did the same work when their trees have the same digest. The digest
is over path, type, executable bit, size and link target of everything in every node_modules (content too when asked
for), and leaves out what a package manager notes about its own run, which holds times and paths. A second digest leaves
out every `.bin`, too: some peers make those in a race, and leave another few each time."""

import hashlib
import os

# Notes of package managers: their presence is no difference, nor is what they hold.
NOTES = frozenset((".pmx", ".modules.yaml", ".pnpm-workspace-state-v1.json", ".pnpm-workspace-state.json", ".package-lock.json",
                   "lock.yaml", ".yarn-integrity", ".cache", ".vite", ".utoo", ".utoo-state.json"))
_NOTES = frozenset(map(os.fsencode, NOTES))


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
    name_of_all, name_of_git = (b"node_modules", b".git") if isinstance(project, bytes) else ("node_modules", ".git")
    found, waiting = [], [project]
    while waiting:
        here = waiting.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.name == name_of_all:
                    found.append(entry.path)
                elif entry.name != name_of_git and entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return sorted(found)


def of(project, content=False, replace=()):
    """The tree of a project. `replace` names prefixes of link targets that are this run's own place, such as the store,
    and are no difference between two runs."""
    directories, files, symlinks, size, packages = _rows(project, content, replace)
    # By kind, then by path, as one sorted list of rows would be: each row begins with the letter of its kind.
    rows = sorted(directories) + sorted(files) + sorted(symlinks)
    digest = bare = _of_rows(rows)
    kept = [row for row in rows if b"/.bin" not in row]
    if len(kept) < len(rows):
        bare = _of_rows(kept)
    return Tree(digest, bare, len(files), len(directories), len(symlinks), size, packages)


def _of_rows(rows):
    return hashlib.sha256(b"\n".join([*rows, b""])).hexdigest()


def _rows(project, content=False, replace=()):
    """Rows of directories, files and symbolic links, in no order; bytes and packages. This is done after every run, thousands
    of times in a study: names are bytes throughout, and nothing is called for an entry that one loop can do."""
    project = os.fsencode(os.path.abspath(project))
    replace = [os.fsencode(prefix) for prefix in replace]
    directories, files, symlinks, sizes, packages = [], [], [], {}, 0
    cut = len(project) + 1
    waiting = modules_of(project)
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                name = entry.name
                if name in _NOTES:
                    continue
                path = entry.path
                if entry.is_dir(follow_symlinks=False):
                    directories.append(b"d " + path[cut:])
                    waiting.append(path)
                elif entry.is_symlink():
                    target = os.readlink(path)
                    for prefix in replace:
                        if target.startswith(prefix):
                            target = b"@" + target[len(prefix):]
                    symlinks.append(b"l %b\0%b" % (path[cut:], target))
                else:
                    status = os.lstat(path)
                    sizes[status.st_ino] = status.st_size
                    # Only whether it is executable: umask, owner and time are not the work of a package manager.
                    row = b"f %b\0%d\0%d" % (path[cut:], status.st_mode >> 6 & 1, status.st_size)
                    if content:
                        with open(path, "rb") as f:
                            row += b"\0" + hashlib.sha256(f.read()).hexdigest().encode()
                    files.append(row)
                    if name == b"package.json" and _is_package(path[cut:]):
                        packages += 1
    return directories, files, symlinks, sum(sizes.values()), packages


def _is_package(path):
    parts = path.split(b"/")
    above = parts[-3] if len(parts) > 2 else b""
    return above == b"node_modules" or (above.startswith(b"@") and len(parts) > 3 and parts[-4] == b"node_modules")


def difference(one, other, limit=20, replace=()):
    """Up to `limit` paths that two trees do not share alike, as (path, what); for the person who asks why a digest differs."""
    sides = []
    for project in (one, other):
        directories, files, symlinks, _, _ = _rows(project, replace=replace)
        sides.append({row[2:].split(b"\0")[0]: row for row in directories + files + symlinks})
    a, b = sides
    found = []
    for path in sorted(a.keys() | b.keys()):
        if a.get(path) != b.get(path):
            what = "only in the first" if path not in b else "only in the second" if path not in a else "differs"
            found.append((os.fsdecode(path), what))
            if len(found) == limit:
                break
    return found
