"""What a node_modules holds, as plain values that can be compared."""

import os

STATE_FILES = {".modules.yaml", ".package-lock.json", ".pnpm-workspace-state-v1.json", ".pnpm-workspace-state.json",
               ".package-map.json"}


def is_package_place(relative):
    """node_modules/name, node_modules/@scope/name, …: where a package begins."""
    parts = relative.split("/")
    at = len(parts) - 1
    if parts[at].startswith("."):
        return False
    before = parts[at - 1] if at else "node_modules"
    if before.startswith("@"):
        before = parts[at - 2] if at > 1 else "node_modules"
        return before == "node_modules"
    return before == "node_modules" and not parts[at].startswith("@")


def packages(node_modules):
    """Package places of a tree: path -> 'dir' or '-> target'; executables: path -> 'shim' or '-> target'. A package's
    own files are left out, nested node_modules are not. State files and empty folders are left out."""
    rows = {}

    def walk(directory, relative):
        try:
            entries = sorted(os.scandir(directory), key=lambda e: e.name)
        except FileNotFoundError:
            return
        for entry in entries:
            path = relative + "/" + entry.name if relative else entry.name
            in_bin = os.path.basename(relative) == ".bin"
            if not relative and entry.name in STATE_FILES or path == ".pnpm/lock.yaml":
                continue
            if entry.is_symlink():
                if in_bin or is_package_place(path):
                    rows[path] = "-> " + os.readlink(entry.path)
            elif in_bin:
                rows[path] = "shim"
            elif entry.is_dir():
                if is_package_place(path):
                    rows[path] = "dir"
                    nested = os.path.join(entry.path, "node_modules")
                    if os.path.isdir(nested):
                        walk(nested, path + "/node_modules")
                else:
                    walk(entry.path, path)
    walk(str(node_modules), "")
    return rows


def everything(directory, skip=()):
    """Every entry below a directory: path -> (kind, detail). Detail: link target, or mode and content of a file."""
    rows = {}
    for parent, dirs, files in os.walk(str(directory)):
        for name in dirs + files:
            path = os.path.join(parent, name)
            relative = os.path.relpath(path, str(directory))
            if relative in skip or relative.split("/")[0] == ".pmx":  # records of inodes and times: never the same
                continue
            if os.path.islink(path):
                rows[relative] = ("link", os.readlink(path))
            elif os.path.isdir(path):
                rows[relative] = ("dir", None)
            else:
                with open(path, "rb") as f:
                    rows[relative] = ("file", (bool(os.stat(path).st_mode & 0o111), f.read()))
    return rows


def stamps(directory):
    """Inode and times of every entry: a run that says it did nothing must leave this alone."""
    rows = {}
    for parent, dirs, files in os.walk(str(directory)):
        for name in dirs + files:
            path = os.path.join(parent, name)
            stat = os.lstat(path)
            rows[os.path.relpath(path, str(directory))] = (stat.st_ino, stat.st_mtime_ns)
    return rows


def differences(found, wanted, limit=40):
    rows = ["missing: %s %s" % (k, v) for k, v in sorted(wanted.items()) if k not in found]
    rows += ["too much: %s %s" % (k, v) for k, v in sorted(found.items()) if k not in wanted]
    rows += ["%s is %s instead of %s" % (k, found[k], v) for k, v in sorted(wanted.items())
             if k in found and found[k] != v]
    return rows[:limit] + (["… %d more" % (len(rows) - limit)] if len(rows) > limit else [])
