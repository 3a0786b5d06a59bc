"""More requests at once, more unpack threads: what does each gain alone, and what do both together?

    PYTHONPATH=build/release/python /usr/bin/python3 python/examples/unpack_and_network.py [--size 300] [--network 20ms-200mbit]

A lockfile and a cold store, behind a modelled line: what the lockfile names is fetched at once, as far as the caps allow.
`8 requests / 1 unpack` is 8 requests at once and 1 thread that unpacks. Two factors with two levels each are four cells.
Each cell against the first says what a change gains alone; the interaction says whether two gains add up (1), whether
together they gain less than that (above 1) or more (below 1)."""

import argparse
import sys

from pmx import lab
from question import Question, believed, better, held, sentence, verdicts

REQUESTS, THREADS = (8, 48), (1, 4)
TOGETHER = {"slower": "together the two gain less than they would if they added up",
            "faster": "together the two gain more than they would if they added up",
            "unclear": "these runs cannot say whether the two add up", "nothing measured": "the interaction was not measured"}


def name_of(cell):
    return "%(caps_network)d requests / %(caps_unpack)d unpack" % cell.factors


def main(arguments=None):
    network = argparse.ArgumentParser(add_help=False)
    network.add_argument("--network", default="20ms-200mbit")
    line, rest = network.parse_known_args(arguments)
    with Question(__doc__, "unpack_and_network", rest) as q:
        cells = lab.factorial(caps_network=REQUESTS, caps_unpack=THREADS)
        study = q.study(cells, state=lab.COLD_STORE, network=line.network)
        found = study.compare()
        names = {cell.name: name_of(cell) for cell in cells}
        rows = [(names[row.name], row.figure) for row in found.rows]
        rows.sort(key=lambda row: list(names.values()).index(row[0]))
        effects = study.effects()
        print("\n".join(["| effect, over all levels of the other | ratio |", "|---|---|"]
                        + ["| %s | %r |" % effect for effect in effects]), end="\n\n")
        together = effects[-1][1] if len(effects) == 3 else None
        kind = held(together, found.null) if together else "nothing measured"
        clause = TOGETHER.get(kind, "the two add up (%s)" % kind)
        if together and together.pairs > 1:
            clause += " (interaction %.2f, 95 %% %.2f to %.2f)" % (together.ratio, together.low, together.high)
        base = names[cells[0].name]
        said = sentence("behind %s, %s" % (line.network, verdicts(rows, base)), clause, believed(found.null), better(rows, base, found.null))
        return q.answer(rows + [(name + " (effect)" if "with" not in name else name + " (interaction)", f) for name, f in effects],
                        [found], said, found.null)


if __name__ == "__main__":
    main(sys.argv[1:])
