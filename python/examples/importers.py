"""Is hardlink, reflink or copy the fastest way out of the store, on ext4, XFS and btrfs?

    sudo env PYTHONPATH=build/release/python /usr/bin/python3 python/examples/importers.py [--size 300] [--blocks 12] [--out importers.svg]

A warm store, a lockfile, no node_modules; each way once in a block. Each file system is made in a sparse file and mounted,
which takes root and mkfs; one that cannot be had is named and left out, and if none can, it is measured where --work is.
Figures of unlike file systems are never compared: each is a study of its own."""

import contextlib
import os
import shutil
import subprocess
import sys

from pmx import lab
from pmx.lab.machine import file_system
from question import Question, believed, better, sentence, verdicts

# ext4 fills its tables in the background unless it is told not to: that would be measured, too.
OPTIONS = {"ext4": "loop,noinit_itable", "xfs": "loop", "btrfs": "loop"}
SIZE = 16 << 30  # apparent: the lab deletes what it moved aside where less than 8 GB are free
WAYS = {"hardlink": "files_linked", "reflink": "files_reflinked", "copy": "files_copied"}  # and what proves that it was that


@contextlib.contextmanager
def mounted(kind, work):
    """The mount point of a fresh file system; None, and why on screen, where there can be none."""
    image, point = os.path.join(work, kind + ".image"), os.path.join(work, kind)
    os.mkdir(point)
    with open(image, "wb") as f:
        f.truncate(SIZE)
    missing = "root" if os.geteuid() else None if shutil.which("mkfs." + kind) else "mkfs." + kind
    for command in (["mkfs." + kind, "-q", image], ["mount", "-o", OPTIONS[kind], image, point]):
        if not missing:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            missing = "a mount that works (%s)" % done.stderr.strip() if done.returncode else None
    if missing:
        os.unlink(image)
        print("%s is skipped: it needs %s\n" % (kind, missing))
        yield None
        return
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True)
        os.unlink(image)


def name_of(way, comparison):
    """A way that the file system lacks is done in another: what was counted says so."""
    runs = [r["counters"] for r in comparison.good if r["cell"]["factors"]["importer"] == way]
    done = [other for other, counter in WAYS.items() if any(counters[counter] for counters in runs)]
    return way if done == [way] else "%s [in truth %s]" % (way, " and ".join(done))


def main(arguments=None):
    with Question(__doc__, "importers", arguments) as q:
        cells, found = lab.grid(importer=list(WAYS)), {}
        for kind in OPTIONS:
            with mounted(kind, q.work) as point:
                if point:
                    found[kind] = q.study(cells, work=point, name="importers on " + kind).compare("importer", "hardlink")
        if not found:
            found[file_system(q.work)] = q.study(cells, name="importers here").compare("importer", "hardlink")
        rows, clauses = [], []
        for kind, comparison in found.items():
            ways = [(name_of(name.replace("importer=", ""), comparison), figure) for name, figure in comparison.figures()]
            rows += [("%s on %s" % (way, kind), figure) for way, figure in ways]
            clauses += ["on %s, %s" % (kind, verdicts(ways, "hardlink")), believed(comparison.null),
                        better(ways, "hardlink", comparison.null)]
        return q.answer(rows, found.values(), sentence(*clauses))


if __name__ == "__main__":
    main(sys.argv[1:])
