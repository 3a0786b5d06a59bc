"""States of an install: what is there before the clock starts (`reset`), what is run (`action`), and the proof that the
state was what it is called (`faults`). The proof is what the registry counted and what lies in the tree, never what was
meant: a warm run that downloaded is invalid, and so is a cold one that did not.

    p0 nothing known          p1 resolve only           p2 store warm, no lockfile    p3 lockfile, store cold
    p4 store warm             p5 nothing to do          add, remove: one dependency   switch: another branch
    second: a checkout beside the first                 damaged: one stored file was altered"""

import json
import os

from .cells import Unsupported


class Phase:
    name, title, warm = "", "", True
    network = "archives"   # archives, packuments, both, none
    resolves = False
    content = False        # whether the tree's digest is over the content of files, too
    tree = True            # whether there is a tree
    shares = True          # whether cells that differ in caps alone may take turns in one place

    def prepare(self, session):
        """Once, untimed: the state that every run starts from. session: see station.py."""
        session.first_install()

    def reset(self, session):
        raise NotImplementedError

    def action(self, session):
        return "frozen"

    def project(self, session):
        return session.place.project

    def faults(self, session, counters):
        """What shows that the run was not in this state; empty when it was."""
        found = []
        if self.network in ("archives", "both") and not counters["tarballs"]:
            found.append("a cold run that fetched nothing")
        if self.network in ("packuments", "both") and not counters["packuments"]:
            found.append("resolved without asking for a packument")
        if self.network in ("none", "packuments") and counters["tarballs"]:
            found.append("fetched %d archives in a warm run" % counters["tarballs"])
        return found + self.tree_faults(session)

    def tree_faults(self, session):
        if not os.path.isdir(os.path.join(self.project(session), "node_modules")):
            return ["left no node_modules"]
        return []


class NothingKnown(Phase):
    name, title, warm, network, resolves = "p0", "nothing known", False, "both", True

    def prepare(self, session):
        session.place.stash("given")

    def reset(self, session):
        session.place.restore("given")
        session.place.discard_lockfiles()
        session.place.discard_modules()
        session.place.discard_kept()

    def action(self, session):
        return "install"


class ResolveOnly(NothingKnown):
    name, title, network = "p1", "resolve only", "packuments"
    tree = False

    def action(self, session):
        return "resolve"

    def tree_faults(self, session):
        found = [] if any(os.path.exists(os.path.join(session.place.project, f)) for f in session.tool.lockfiles) \
            else ["left no lockfile"]
        modules = os.path.join(session.place.project, "node_modules")
        if os.path.isdir(modules) and any(not n.startswith(".") for n in os.listdir(modules)):
            found.append("installed packages where only a lockfile was asked for")
        return found


class NoLockfile(Phase):
    name, title, network, resolves = "p2", "store warm, no lockfile", "none", True

    def prepare(self, session):
        session.place.stash("given")
        session.place.discard_lockfiles()
        session.untimed("install")

    def reset(self, session):
        session.place.restore("given")
        session.place.discard_lockfiles()
        session.place.discard_modules()

    def action(self, session):
        return "install"


class ColdStore(Phase):
    name, title, warm, network = "p3", "lockfile, store cold", False, "archives"

    def reset(self, session):
        session.place.restore("installed")
        session.place.discard_modules()
        session.place.discard_kept()


class WarmStore(Phase):
    name, title, network = "p4", "store warm", "none"

    def reset(self, session):
        session.place.restore("installed")
        session.place.discard_modules()


class NothingToDo(Phase):
    name, title, network, shares = "p5", "nothing to do", "none", False

    def reset(self, session):
        pass

    def action(self, session):
        return "again"


class Edit(Phase):
    network = "none"

    def installed(self, session):
        return os.path.lexists(os.path.join(session.place.project, "node_modules", session.subject()))


class Add(Edit):
    name, title = "add", "add one dependency"

    def prepare(self, session):
        session.first_install()
        session.untimed("add:" + session.add)
        session.place.stash("added")
        # A given lockfile may be one that this tool would write otherwise, and the first edit would pay for it: what the tool
        # itself leaves is where every run begins.
        session.untimed("remove:" + session.subject())
        session.place.stash("installed")

    def reset(self, session):
        session.place.restore("installed")
        session.place.discard_modules()
        session.untimed("frozen")
        if self.installed(session):
            session.invalid("%s is there before it was added" % session.subject())

    def action(self, session):
        return "add:" + session.add

    def tree_faults(self, session):
        return [] if self.installed(session) else ["%s was not added" % session.subject()]


class Remove(Add):
    name, title = "remove", "remove one dependency"

    def reset(self, session):
        session.place.restore("added")
        session.place.discard_modules()
        session.untimed("frozen")
        if not self.installed(session):
            session.invalid("%s is not there before it is removed" % session.subject())

    def action(self, session):
        return "remove:" + session.subject()

    def tree_faults(self, session):
        return ["%s was not removed" % session.subject()] if self.installed(session) else []


class SwitchBranch(Phase):
    """From a branch that lacks every third direct dependency to the main one."""
    name, title, network = "switch", "switch branch", "none"

    def prepare(self, session):
        session.first_install()
        path = os.path.join(session.place.project, "package.json")
        with open(path, encoding="utf-8") as f:
            manifest = json.load(f)
        for group in ("dependencies", "devDependencies"):
            names = list(manifest.get(group) or {})
            for name in names[2::3]:
                del manifest[group][name]
        with open(path, "w", encoding="utf-8") as f:
            json.dump(manifest, f, indent=2)
        session.untimed("install")
        session.place.stash("branch")

    def reset(self, session):
        session.place.restore("branch")
        session.place.discard_modules()
        session.untimed("frozen")
        session.place.restore("installed")


class SecondCheckout(Phase):
    name, title, network = "second", "second checkout", "none"

    def reset(self, session):
        session.place.copy(session.place.second)
        session.place.restore("installed", session.place.second)

    def project(self, session):
        return session.place.second


class Damaged(WarmStore):
    """The altered file keeps its size: what finds it is its time, or its content."""
    name, title, network, content, shares = "damaged", "one stored file damaged", "archives", True, False

    def prepare(self, session):
        session.first_install()
        session.tool.store_file(session.place)

    def reset(self, session):
        super().reset(session)
        path = session.tool.store_file(session.place)
        os.chmod(path, 0o644)
        with open(path, "r+b") as f:
            first = f.read(1)
            f.seek(0)
            f.write(bytes([first[0] ^ 1]))

    def faults(self, session, counters):
        found = super().faults(session, counters)
        if counters["tarballs"] > 1:
            found.append("fetched %d archives for one damaged file" % counters["tarballs"])
        return found


PHASES = {phase.name: phase for phase in (NothingKnown(), ResolveOnly(), NoLockfile(), ColdStore(), WarmStore(), NothingToDo(),
                                          Add(), Remove(), SwitchBranch(), SecondCheckout(), Damaged())}


def phase_of(name):
    if isinstance(name, Phase):
        return name
    if name not in PHASES:
        raise Unsupported("no such phase: %s (there are %s)" % (name, ", ".join(PHASES)))
    return PHASES[name]
