"""What the five examples share: arguments, a generated project, a study on it, and what is said at the end. The last line
that an example prints is made of verdicts alone (docs/EXPERIMENTS.md says what each means); nobody wrote it by hand."""

import argparse
import contextlib
import importlib.util
import os
import sys
import textwrap

from pmx import lab
from pmx.lab import machine
from pmx.lab.study import scratch

PROJECTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "projects.py")
WORDS = {"faster": "faster", "slower": "slower", "unclear": "not told apart by these runs", "nothing measured": "not measured"}


class Question:
    """with Question(__doc__, "link_cap") as q: study = q.study(cells); …; q.answer(rows, table, said)"""

    def __init__(self, asked, name, arguments=None, size=300, blocks=12):
        self.asked = asked.strip().splitlines()[0]
        parser = argparse.ArgumentParser(description=asked, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--size", type=int, default=size, help="packages of the project that is made [%(default)s]")
        parser.add_argument("--blocks", type=int, default=blocks, help="runs of each cell; five can prove nothing [%(default)s]")
        parser.add_argument("--out", default=name + ".svg",
                            help="the picture; the records lie beside it, as .jsonl; both are made anew [%(default)s]")
        parser.add_argument("--work", default="/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
                            help="where it is measured [tmpfs, where there is one]")
        self.options = parser.parse_args(arguments)
        self.records = os.path.splitext(self.options.out)[0] + ".jsonl"

    def __enter__(self):
        self._open = contextlib.ExitStack()
        self.work = self._open.enter_context(scratch(self.options.work))
        spec = importlib.util.spec_from_file_location("projects", PROJECTS)
        projects = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(projects)
        self.project, self.mirror = projects.generate(os.path.join(self.work, "made"), self.options.size)
        if os.path.exists(self.records):
            os.unlink(self.records)
        print("%s\n\n%s\n" % (self.asked, self.where()))
        return self

    def __exit__(self, *exception):
        return self._open.__exit__(*exception)

    def where(self, work=None):
        """The machine, and what else it had to do."""
        return "%d generated packages, %d blocks; %s; load average %.1f" % (
            self.options.size, self.options.blocks, machine.caption(machine.describe(work=work or self.work)), machine.load())

    def study(self, cells, state=lab.WARM_STORE, work=None, **more):
        study = lab.Study(self.project, cells, state=state, registry=self.mirror, blocks=self.options.blocks, seed=7,
                          work=work or self.work, **more)
        return study.run(self.records, resume=True, progress=True)

    def answer(self, rows, tables, said, null=None):
        """Prints tables and the sentence, and draws rows: [(name, Figure)]."""
        for table in tables:
            print(str(table).rstrip(), end="\n\n")
        try:
            lab.plots.dots(rows, self.options.out, title=textwrap.fill(self.asked, 64), null=null)
            print("%s was drawn; load average at the end %.1f\n" % (os.path.basename(self.options.out), machine.load()))
        except ImportError as missing:
            print("no picture: %s is not here\n" % missing.name, file=sys.stderr)
        print(said)
        return said


def verdicts(rows, base):
    """The clauses that the figures allow: "against copy, hardlink (0.61, 95 % 0.55 to 0.70) is faster and …"."""
    said = {}
    for name, figure in rows:
        said.setdefault(figure.verdict, []).append(name + _figures(figure))
    clauses = ["%s %s %s" % (joined(names), "is" if len(names) == 1 else "are", WORDS.get(verdict, "the " + verdict))
               for verdict, names in said.items()]
    return "against %s, %s" % (base, joined(clauses))


def _figures(figure):
    if figure.pairs < 2:
        return " (%s)" % ("%.2f, one pair" % figure.ratio if figure.pairs else "no pair")
    return " (%.2f, 95 %% %.2f to %.2f)" % (figure.ratio, figure.low, figure.high)


def held(figure, null):
    """The verdict, where it is about more than a cell differs from itself: a faster or slower that the null pair could be, too,
    is unclear."""
    if figure.verdict not in ("faster", "slower"):
        return figure.verdict
    if null is None or null.pairs < 2:
        return "unclear"
    bound = 1 if null.verdict.startswith("same") else max(null.high, 1 / null.low)
    return figure.verdict if figure.high < 1 / bound or figure.low > bound else "unclear"


def better(rows, base, null):
    """Whether anything was shown to beat the base. Two that beat it are not ranked: they were not compared."""
    found = [(name, held(figure, null)) for name, figure in rows]
    faster = [name for name, verdict in found if verdict == "faster"]
    if faster:
        return "so %s %s shown to beat %s" % (joined(faster), "is" if len(faster) == 1 else "are each", base)
    if any(verdict in ("unclear", "nothing measured") for _, verdict in found):
        return "so nothing was shown to beat %s, nor that nothing does" % base
    return "so nothing beats %s" % base


def cost(name, figure, base, null):
    """What a level costs, or saves, beside the base."""
    verdict, low, high = held(figure, null), 100 * (figure.low - 1), 100 * (figure.high - 1)
    if verdict == "slower":
        return "%s costs %.0f to %.0f %% more than %s" % (name, low, high, base)
    if verdict == "faster":
        return "%s saves %.0f to %.0f %% of %s" % (name, -high, -low, base)
    return "what %s costs beside %s was not shown" % (name, base) if verdict in ("unclear", "nothing measured") else \
        "%s costs the %s as %s" % (name, verdict, base)


def joined(names):
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def believed(null):
    """What the null pair says of the rest."""
    if null is None or null.pairs < 2:
        return "there is no null pair to judge that by"
    if null.verdict.startswith("same"):
        return "the null pair is the " + null.verdict
    return "the null pair is %s (95 %% %.2f to %.2f)" % (null.verdict, null.low, null.high)


def sentence(*clauses):
    text = "; ".join(clauses)
    return text[0].upper() + text[1:] + "."
