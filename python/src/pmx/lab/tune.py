"""Looking for better caps and strategies, without believing the luckiest of many runs. A search is asked for points and
told how each did: `ask()` gives {factor: value}, `tell(point, value)` takes the ratio to the defaults (smaller is
better), so that Optuna or anything else can stand in for the random search here. Points are judged in batches, each beside
the defaults in the same blocks; the winner is then measured again in blocks of its own, and only that figure counts. It
is saved as a profile that `pmx install --profile` reads."""

import itertools
import json
import math
import random

from .cells import Cell, Pmx
from .study import Study


class RandomSearch:
    """Points of a space {factor: [values]} at random, by a seed, none twice."""

    def __init__(self, space, seed=1):
        if not space or any(not list(v) for v in space.values()):
            raise ValueError("a space names factors, each with values")
        points = [dict(zip(space, row)) for row in itertools.product(*space.values())]
        random.Random(seed).shuffle(points)
        self._left, self.told = points, []

    def ask(self):
        """A point, or None when the space is used up."""
        return self._left.pop() if self._left else None

    def tell(self, point, value):
        self.told.append((value, point))

    @property
    def best(self):
        """(value, point) of the smallest value that was told, or None."""
        return min(self.told, key=lambda t: t[0]) if self.told else None


class Tuned:
    """point (the winner), figure (its second measurement against the defaults), history [(point, Figure)]."""

    def __init__(self, point, figure, history, base):
        self.point, self.figure, self.history, self.base = point, figure, history, base

    @property
    def better(self):
        return self.figure is not None and self.figure.verdict == "faster"

    def profile(self):
        """The winner as settings of pmx."""
        return Pmx(Cell("pmx", binary="pmx", **self.point)).settings()

    def save(self, path, anyway=False):
        """Writes the profile; a winner that is not faster than the defaults is refused, unless anyway."""
        if not self.better and not anyway:
            raise ValueError("the winner is not faster than the defaults (%s): nothing to save" % (self.figure,))
        with open(path, "w", encoding="utf-8") as f:
            json.dump(self.profile(), f, indent=2, sort_keys=True)
            f.write("\n")
        return path

    def __repr__(self):
        return "Tuned(%s: %s; %d points tried)" % (self.point, self.figure, len(self.history))


def tune(project, search, registry, state="p4", base=None, trials=16, batch=4, blocks=4, confirm=12, seed=1, progress=None, **study):
    """Asks `search` for up to `trials` points and measures them beside the defaults `base`; further arguments are
    Study's. Gives a Tuned."""
    base = dict(base or {})
    default = Cell("pmx", label="defaults", **base)
    history = []
    for number in range(math.ceil(trials / batch)):
        points = [p for p in (search.ask() for _ in range(min(batch, trials - len(history)))) if p is not None]
        if not points:
            break
        cells = [Cell("pmx", label="point %d" % (len(history) + i), **{**base, **p}) for i, p in enumerate(points)]
        done = Study(project, [default, *cells], state=state, registry=registry, blocks=blocks, seed="%s/%d" % (seed, number), null=None,
                     **study).run(progress=progress)
        figures = dict(done.compare(baseline="defaults").figures())
        for point, cell in zip(points, cells):
            figure = figures.get(cell.name)
            # A point that cannot be run is the worst there is, so that a search learns to stay away.
            search.tell(point, figure.ratio if figure and figure.pairs else math.inf)
            history.append((point, figure))
    measured = [(f.ratio, i) for i, (_, f) in enumerate(history) if f and f.pairs]
    if not measured:
        return Tuned({}, None, history, base)
    winner = {**base, **history[min(measured)[1]][0]}
    last = Study(project, [default, Cell("pmx", label="winner", **winner)], state=state, registry=registry, blocks=confirm,
                 seed="%s/winner" % seed, null=None, **study).run(progress=progress)
    return Tuned(winner, dict(last.compare(baseline="defaults").figures()).get("winner"), history, base)
