"""The studies of the bench: for one project, network and file system, one study for each phase and layout, with pmx, pmx
again, and every peer that has that phase and layout."""

import os
import shutil

import projects
from pmx.lab import Study, grid, peer
from pmx.lab.cells import Cell
from pmx.lab.design import AGAIN
from pmx.lab.export import number
from pmx.lab.phases import phase_of
from pmx.lab.place import forget_inodes, remove_tree

PHASES = ("p0", "p1", "p2", "p3", "p4", "p5", "add", "remove", "switch", "second", "damaged")
LAYOUTS = ("isolated", "hoisted", "global")
# Which layouts a phase is measured with; None: the phase leaves no tree.
OF_PHASE = {"p0": ("isolated", "hoisted"), "p1": (None,), "p2": ("isolated", "hoisted"), "p3": ("isolated", "hoisted"), "p4": LAYOUTS,
            "p5": ("isolated",), "add": ("isolated",), "remove": ("isolated",), "switch": ("isolated",), "second": ("isolated",),
            "damaged": ("isolated",)}
PEERS = {"isolated": ("bun", "pnpm"), "hoisted": ("bun", "utoo", "npm"), "global": ("pnpm",), None: ("bun", "pnpm", "utoo", "npm")}
ROOM = 25 << 30  # bytes that must be free on a disk before a study begins


class Settings:
    """What is alike for all studies of a run."""

    def __init__(self, **given):
        self.__dict__.update(given)


def cells(phase, layout, peers):
    """pmx first, then its other check level where the table asks for it, then peers."""
    if phase == "damaged":
        return [Cell("pmx", linker=layout, check="stat"), Cell("pmx", state="damaged", linker=layout, check="stat")]
    shape = {"linker": layout} if layout else {}
    found = grid(check=["stat", "none"] if phase == "p4" and layout != "global" else "stat", **shape)
    for name in PEERS[layout]:
        if name in peers:
            factors = {} if layout is None else {"linker": layout}
            found.append(peer(name, binary=peers[name], **factors))
    return found


def phases_for(wanted, network):
    """A phase that asks nothing of the registry is not measured again on a modelled network."""
    return [p for p in wanted if phase_of(p).network != "none" or not network.arguments()]


def run(settings, project, kind, work, network, trash):
    """Records of all studies, each with the groups that figures.py looks them up by. `trash` is beside `work`; the caller
    deletes it when everything is over."""
    found = []
    phases = phases_for(settings.phases, network)
    for phase, layout in [(p, o) for p in phases for o in OF_PHASE[p] if o is None or o in settings.layouts]:
        if os.listdir(trash) and shutil.disk_usage(work).free < ROOM:
            settings.say("the disk gets full: what was moved aside is deleted, and a minute goes by")
            for name in os.listdir(trash):
                remove_tree(os.path.join(trash, name))
            forget_inodes(work)
        found += one(settings, project, kind, work, network, phase, layout, trash)
    return found


def one(settings, project, kind, work, network, phase, layout, trash):
    add = projects.addition(project, settings.mirror) if phase in ("add", "remove") else None
    if phase in ("add", "remove") and add is None:
        settings.say("%s: the mirror has no package that could be added to %s" % (phase, os.path.basename(project)))
        return []
    name = " ".join([os.path.basename(project), phase, layout or "–", network.name, kind])
    study = Study(project, cells(phase, layout, settings.peers), state="p4" if phase == "damaged" else phase, name=name,
                  registry=settings.mirror, network=network, blocks=settings.blocks, seed=settings.seed, work=work, add=add,
                  stages=phase != "p5", count_calls=settings.calls and phase == "p4", trash=trash)
    settings.say("%s: %s" % (name, ", ".join(arm.name for arm in study.arms)))
    study.run(os.path.join(settings.out, "records.jsonl"), resume=True, budget=settings.budget, precision=settings.precision,
              progress=settings.say)
    for record in study.records:
        record.update(phase_group=phase, layout_group=layout, file_system=kind)
    _tell(settings, study)
    return study.records


def _tell(settings, study):
    comparison = study.compare()
    for row in comparison.rows:
        settings.say("  %-28s %s against %s: %s" % (row.name, number(row.value), number(row.base), row.figure))
    if comparison.null:
        settings.say("  %-28s %s" % ("pmx" + AGAIN, comparison.null))
