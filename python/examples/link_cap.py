"""Which cap on link threads is best here?

    PYTHONPATH=build/release/python /usr/bin/python3 python/examples/link_cap.py [--size 300] [--blocks 12] [--out link_cap.svg]

A warm store, a lockfile, no node_modules: what is left of an install is linking. Every cap is run once in each block, in
random order, and compared with the cap that is nearest to the number of cores."""

import sys

from pmx import lab
from pmx.lab.machine import cores
from question import Question, believed, better, sentence, verdicts

CAPS = (1, 2, 4, 8)


def main(arguments=None):
    with Question(__doc__, "link_cap", arguments) as q:
        usual = min(CAPS, key=lambda cap: abs(cap - cores()))
        caps = [usual] + [cap for cap in CAPS if cap != usual]
        found = q.study(lab.grid(caps_link=caps)).compare("caps_link", baseline=usual)
        found.rows.sort(key=lambda row: CAPS.index(int(row.name.partition("=")[2])))
        rows = [("a cap of " + name.partition("=")[2], figure) for name, figure in found.figures()]
        base = "a cap of %d" % usual
        return q.answer(rows, [found], sentence(verdicts(rows, base), believed(found.null), better(rows, base, found.null)), found.null)


if __name__ == "__main__":
    main(sys.argv[1:])
