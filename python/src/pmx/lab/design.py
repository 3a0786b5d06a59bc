"""Which cells are run, and in which order. Each cell is run once in a block; the order inside a block is random, by a
seed, and every second block is the one before it reversed, so that what drifts (heat, caches, other work on the machine)
meets every cell alike. A null pair is one cell twice: what its ratio shows is the machine, and nothing else."""

import itertools
import random

from .cells import Cell

AGAIN = " (again)"


def grid(tool="pmx", binary=None, **factors):
    """Every combination of the factors' values: grid(linker=["isolated", "hoisted"], caps_link=[1, 2, 4]) is six cells."""
    names = list(factors)
    values = [list(v) if isinstance(v, (list, tuple)) else [v] for v in factors.values()]
    if any(not v for v in values):
        raise ValueError("a factor without values makes no cell")
    return [Cell(tool, binary, **dict(zip(names, row))) for row in itertools.product(*values)]


factorial = grid  # a full factorial design is a grid; statistics.effects() reads it


def peer(tool, binary=None, **factors):
    """One cell of another package manager, to stand in a grid beside pmx's: grid(...) + [peer("bun", linker="isolated")]."""
    return Cell(tool, binary, **factors)


class Arm:
    """What takes one turn in each block: a cell, or a cell for the second time."""

    def __init__(self, cell, again=False):
        self.cell, self.again = cell, again
        self.name = cell.name + (AGAIN if again else "")


def arms(cells, null=None):
    """The cells in their order and, for the null pair, one of them again. Two cells of one name are a mistake."""
    names = [cell.name for cell in cells]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError("two cells are called %s: give one a label" % ", ".join(twice))
    found = [Arm(cell) for cell in cells]
    if null is not None:
        found.append(Arm(null, again=True))
    return found


def order(block, count, seed):
    """The order of a block, as indexes of arms: block 0 at random, 1 the same reversed, 2 at random, …"""
    shuffled = list(range(count))
    random.Random("%s/%d" % (seed, block // 2)).shuffle(shuffled)
    return shuffled[::-1] if block % 2 else shuffled
