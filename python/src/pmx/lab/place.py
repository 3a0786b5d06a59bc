"""Where a cell is run: a copy of the project, and beside it everything that the tool keeps (home, caches, store). Resetting
a state means that a directory goes away. On tmpfs it is removed, after the run that follows and beside the look at its
tree; elsewhere it is moved aside and removed when the study is over, because ext4 does not reuse an inode for some
seconds after it was freed: a run that makes a tree anew right after the old one was deleted pays for the search. Which of
the two was done is in the record."""

import contextlib
import os
import shutil
import subprocess
import time

from . import machine
from .cells import LOCKFILES

LEAST_FREE = 8 << 30
ROOM_FOR_TWO = 1 << 30
FORGET_SECONDS = 60


class Place:
    """root/project, root/home (with store, caches and temporary files), root/aside (what was moved away), root/gone (what is
    to be removed; empty unless `later` says that removing() will be called)."""

    def __init__(self, root, source, registry, aside=None, later=False):
        self.root, self.source, self.registry = root, source, registry
        self.project = os.path.join(root, "project")
        self.second = os.path.join(root, "second")
        self.home = os.path.join(root, "home")
        self.store = os.path.join(self.home, "store")
        self.temporary = os.path.join(root, "tmp")
        os.makedirs(self.temporary, exist_ok=True)
        self.kind = machine.file_system(root)
        self.aside = aside or ("removed" if self.kind == "tmpfs" else "moved")
        self.later = later and self.kind == "tmpfs"
        self._moved = 0
        self._stash = {}
        self.copy(self.project)

    def copy(self, target):
        """The project's files, without what was installed; nothing of the user's configuration gets in."""
        self.discard(target)
        shutil.copytree(self.source, target, symlinks=True, ignore=shutil.ignore_patterns("node_modules", ".git"))
        with open(os.path.join(target, ".npmrc"), "a", encoding="utf-8") as f:
            f.write("\nregistry=%s/\n" % self.registry)

    def discard(self, path):
        """Makes a file or tree disappear, in the way of this file system."""
        if not os.path.lexists(path):
            return
        if self.aside == "moved":
            self._make_room()
            self._move(path, "aside")
        elif self.later and shutil.disk_usage(self.root).free > ROOM_FOR_TWO:
            self._move(path, "gone")
        elif os.path.isdir(path) and not os.path.islink(path):
            remove_tree(path)
        else:
            os.unlink(path)

    def _move(self, path, into):
        os.makedirs(os.path.join(self.root, into), exist_ok=True)
        self._moved += 1
        os.rename(path, os.path.join(self.root, into, str(self._moved)))

    @contextlib.contextmanager
    def removing(self):
        """While the body runs (after a run; never during one) a process of its own removes what resets took away."""
        gone = os.path.join(self.root, "gone")
        process = subprocess.Popen(["rm", "-rf", "--", gone], stderr=subprocess.DEVNULL) if os.path.isdir(gone) else None
        try:
            yield
        finally:
            if process and process.wait():
                remove_tree(gone)

    def _make_room(self):
        """What was moved aside goes when the disk gets full, and the inodes that this frees are given time to be forgotten."""
        if shutil.disk_usage(self.root).free < LEAST_FREE and os.path.isdir(self.root + "/aside"):
            remove_tree(self.root + "/aside")
            forget_inodes(self.root)

    def discard_modules(self, project=None):
        for parent, directories, _ in os.walk(project or self.project):
            if "node_modules" in directories:
                self.discard(os.path.join(parent, "node_modules"))
                directories.remove("node_modules")

    def discard_kept(self):
        """Store, caches, everything below home: the tool has never run here."""
        self.discard(self.home)
        os.makedirs(self.home)

    def discard_lockfiles(self, project=None, names=LOCKFILES):
        for name in names:
            self.discard(os.path.join(project or self.project, name))

    # What is put back before a run that edits: manifests and lockfiles, by a name.
    def stash(self, name):
        found = {}
        for parent, directories, files in os.walk(self.project):
            directories[:] = [d for d in directories if d not in ("node_modules", ".git")]
            for file in files:
                if file in LOCKFILES or file in ("package.json", "pnpm-workspace.yaml"):
                    path = os.path.join(parent, file)
                    with open(path, "rb") as f:
                        found[os.path.relpath(path, self.project)] = f.read()
        self._stash[name] = found

    def has_stash(self, name):
        return name in self._stash

    def restore(self, name, project=None):
        """Manifests and lockfiles as they were; files that did not exist then are removed."""
        target = project or self.project
        wanted = self._stash[name]
        for file in LOCKFILES:
            if file not in wanted and os.path.exists(os.path.join(target, file)):
                os.unlink(os.path.join(target, file))
        for path, content in wanted.items():
            path = os.path.join(target, path)
            if os.path.exists(path):
                with open(path, "rb") as f:
                    if f.read() == content:
                        continue  # an untouched file keeps its times, which a tool may look at
            with open(path, "wb") as f:
                f.write(content)

    def settle(self):
        """Nothing of what was done before the clock starts is still to be written afterwards."""
        if self.kind != "tmpfs":
            subprocess.run(["sync", "-f", self.root], check=False)

    def sizes(self):
        """Bytes of what the tool keeps, each file once: hard links into node_modules count here."""
        total, seen = 0, set()
        for parent, _, files in os.walk(self.home):
            for file in files:
                status = os.lstat(os.path.join(parent, file))
                if status.st_ino not in seen:
                    seen.add(status.st_ino)
                    total += status.st_size
        return total

    def close(self):
        remove_tree(self.root)


def forget_inodes(path):
    """After much was deleted on a disk: nothing is to be written back any more, and no inode was freed just now."""
    if machine.file_system(path) != "tmpfs":
        subprocess.run(["sync", "-f", path], check=False)
        time.sleep(FORGET_SECONDS)


def remove_tree(path):
    """Removes a tree, directories without write permission included. No symbolic link is followed, not even one that takes a
    directory's place meanwhile."""
    try:
        _remove(path)
    except OSError:
        shutil.rmtree(path, onerror=_again)


def _remove(path, parent=None):
    """What shutil.rmtree does, with fewer calls an entry: it is done for every run."""
    here = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        directories = []
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                else:
                    os.unlink(entry.name, dir_fd=here)
        for name in directories:
            _remove(name, here)
    finally:
        os.close(here)
    os.rmdir(path, dir_fd=parent)


def _again(function, where, _):
    parent = os.path.dirname(where)
    if os.path.islink(parent) or not os.path.isdir(parent):
        return
    try:
        os.chmod(parent, 0o700)
        if os.path.isdir(where) and not os.path.islink(where):
            os.chmod(where, 0o700)
        function(where)
    except FileNotFoundError:
        pass
