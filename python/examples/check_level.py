"""What does a check level cost?

    PYTHONPATH=build/release/python /usr/bin/python3 python/examples/check_level.py [--size 300] [--blocks 12] [--out check_level.svg]

What lies in the store is checked before it is linked: not at all, by each file's size and time, or by reading it again.
A warm store, a lockfile, no node_modules; each level once in a block, against `stat`, which is what pmx does unasked.
The second table is the wall clock's neighbour: processor time, which is what other work on the machine loses."""

import sys

from pmx import lab
from question import Question, believed, cost, joined, sentence, verdicts

# The first one fills the store. Only `content` keeps what it needs to read files again: in a store that another level
# filled, it would have to fetch everything once more.
LEVELS = ("content", "stat", "none")


def main(arguments=None):
    with Question(__doc__, "check_level", arguments) as q:
        cells = lab.grid(check=LEVELS)
        study = q.study(cells, null=cells[LEVELS.index("stat")])
        found = study.compare("check", baseline="stat")
        spent = study.compare("check", baseline="stat", measure="cpu")
        rows = [(name.replace("check=", ""), figure) for name, figure in found.figures()]
        processor = [(name.replace("check=", ""), figure) for name, figure in spent.figures()]
        said = sentence(verdicts(rows, "stat"), believed(found.null), "in processor time " + verdicts(processor, "stat"),
                        believed(spent.null), "so in time " + joined([cost(name, f, "stat", found.null) for name, f in rows]),
                        "in processor time " + joined([cost(name, f, "stat", spent.null) for name, f in processor]))
        shown = [(name + ", wall", figure) for name, figure in rows] + [(name + ", processor time", figure) for name, figure in processor]
        return q.answer(shown, [found, spent], said, found.null)


if __name__ == "__main__":
    main(sys.argv[1:])
