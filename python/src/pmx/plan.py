"""Plan: the steps that a layout chose, as a table. Nothing of it has touched the disk."""

import array
import fnmatch
import os

from .graph import NONE, Graph, Package

KINDS = ("place", "symlink", "bin", "hoisted")
ROOTS = ("project", "shared")


class Step:
    """One row of a plan: kind, root, path, package (or None), target, alias, flag. A view: texts are made when asked for."""

    __slots__ = ("_plan", "row")

    def __init__(self, plan, row):
        self._plan, self.row = plan, row

    kind = property(lambda self: KINDS[self._plan._kinds[self.row]])
    root = property(lambda self: ROOTS[memoryview(self._plan._table.root)[self.row]])
    path = property(lambda self: self._plan._table.path[self.row])
    target = property(lambda self: self._plan._table.target[self.row])
    target_root = property(lambda self: ROOTS[memoryview(self._plan._table.target_root)[self.row]])
    alias = property(lambda self: self._plan._table.alias[self.row])
    flag = property(lambda self: memoryview(self._plan._table.flag)[self.row])

    @property
    def package(self):
        index = self._plan._package_rows[self.row]
        return None if index == NONE else Package(self._plan.graph, index)

    def __repr__(self):
        package = self.package
        return "Step(%s %s%s%s%s)" % (self.kind, self.path, " -> " + self.target if self.target else "",
                                      " as " + self.alias if self.alias else "", ": " + package.id if package is not None else "")


class Difference:
    """Two plans beside each other: `added` and `removed` are plans of the steps that only the second or only the first has,
    `same` is how many both have."""

    def __init__(self, added, removed, same):
        self.added, self.removed, self.same = added, removed, same

    def __bool__(self):
        return bool(len(self.added) or len(self.removed))

    def __str__(self):
        lines = ["- %s" % step for step in self.removed.steps] + ["+ %s" % step for step in self.added.steps]
        return "\n".join(line.replace("Step(", "").rstrip(")") for line in lines)

    def __repr__(self):
        return "Difference(%d added, %d removed, %d the same)" % (len(self.added), len(self.removed), self.same)


class Plan:
    """Where everything goes, one row a step.

    kind      "place": the files of `package` into the directory `path`; "symlink": a link at `path` to `target`; "bin":
              executables of `package` (or of the project `target`) into the directory `path`; "hoisted": `package` is
              visible as `alias`
    columns   kinds, roots, target_roots, flags (uint8), packages (uint32 into the graph, 0xffffffff none), paths, targets,
              aliases (text columns): numpy.asarray(column) shares the memory
    steps     rows as objects; len(plan), plan[i], iteration

    filter, diff, draw, dry_run and to_pandas look at it; fetch, check, link and execute do it."""

    def __init__(self, table, session=None, project=None, config=None, root=None, store_dir=None, whole=True):
        self._table, self._session, self._project, self._config = table, session, project, config
        self._root, self._store_dir, self._whole = root, store_dir, whole
        self.graph = Graph(table.graph, project, config)
        self._kinds, self._package_rows = memoryview(table.kind), memoryview(table.package)

    kinds = property(lambda self: self._table.kind)
    roots = property(lambda self: self._table.root)
    target_roots = property(lambda self: self._table.target_root)
    flags = property(lambda self: self._table.flag)
    packages = property(lambda self: self._table.package)
    paths = property(lambda self: self._table.path)
    targets = property(lambda self: self._table.target)
    aliases = property(lambda self: self._table.alias)
    layout = property(lambda self: self._table.layout, doc="The layout that made it.")

    @property
    def steps(self):
        return [Step(self, row) for row in range(len(self))]

    def _packages_of(self, kind):
        number = KINDS.index(kind)
        return [p for k, p in zip(self._kinds, self._package_rows) if k == number and p != NONE]

    def _like(self, table):
        return Plan(table, self._session, self._project, self._config, self._root, self._store_dir, whole=False)

    def __len__(self):
        return len(self._table)

    def __getitem__(self, row):
        if isinstance(row, slice):
            return self._like(self._table.select(array.array("I", range(*row.indices(len(self))))))
        if row < 0:
            row += len(self)
        if not 0 <= row < len(self):
            raise IndexError("no such step")
        return Step(self, row)

    def __iter__(self):
        return (Step(self, row) for row in range(len(self)))

    def filter(self, rows=None, *, kind=None, package=None, path=None, target=None):
        """The steps that fit all that is given, as a plan.

        rows     a mask or row numbers (list, numpy array, pandas Series), or a function of a Step
        kind     "place", "symlink", "bin", "hoisted", or several of them
        package  a shell pattern over ids: "react@*"; a Package
        path, target  shell patterns"""
        chosen = range(len(self))
        if callable(rows):
            chosen = [row for row in chosen if rows(Step(self, row))]
        elif rows is not None:
            rows = rows.tolist() if hasattr(rows, "tolist") else list(rows)
            if rows and isinstance(rows[0], bool):
                if len(rows) != len(self):
                    raise ValueError("a mask of %d rows for a plan of %d" % (len(rows), len(self)))
                chosen = [row for row, keep in enumerate(rows) if keep]
            else:
                chosen = rows
        if kind is not None:
            wanted = {KINDS.index(k) for k in ((kind,) if isinstance(kind, str) else kind)}
            chosen = [row for row in chosen if self._kinds[row] in wanted]
        if package is not None:
            fits = {package.index} if isinstance(package, Package) else {p.index for p in self.graph.find(package)}
            chosen = [row for row in chosen if self._package_rows[row] in fits]
        for column, pattern in ((self.paths, path), (self.targets, target)):
            if pattern is not None:
                chosen = [row for row in chosen if fnmatch.fnmatchcase(column[row], pattern)]
        return self._like(self._table.select(array.array("I", chosen)))

    def diff(self, other):
        """What changes from this plan to the other: a Difference."""
        gone = self._table.difference(other._table)
        return Difference(other._like(other._table.select(other._table.difference(self._table))), self._like(self._table.select(gone)), len(self) - len(gone))

    def dry_run(self):
        """The places and links that the disk does not have: a plan of them. Reads the disk, changes nothing."""
        shared = os.path.join(self._store_dir, "v1", "shared") if self._store_dir else ""
        return self._like(self._table.select(self._table.missing(self._root or self._project or ".", shared)))

    def draw(self, file=None, limit=200):
        """The tree that it makes: text, or an SVG where `file` ends in .svg. At most `limit` lines."""
        from .drawing import svg_of, tree_lines
        lines = tree_lines(self, limit)
        if file is None:
            return "\n".join(lines)
        with open(file, "w") as out:
            out.write(svg_of(lines) if str(file).endswith(".svg") else "\n".join(lines) + "\n")
        return file

    def to_pandas(self):
        """A DataFrame: kind, root, path, package, target, alias, flag. Texts stay where they are until one is looked at:
        no row becomes a Python object, and a million rows take well under a second."""
        from .frames import plan_frame
        return plan_frame(self)

    def fetch(self, **settings):
        """Brings its packages into the store; answers a Result."""
        return self._session.fetch(self, **settings)

    def check(self, **settings):
        """Checks its packages in the store."""
        return self._session.check(self, **settings)

    def link(self, **settings):
        """Puts its packages into their places, without executables, scripts and records."""
        return self._session.link(self, **settings)

    def execute(self, **settings):
        """Makes the tree be this plan, and commits it. A part of a plan cannot be: the record would promise the rest."""
        return self._session.execute(self, **settings)

    def __repr__(self):
        counts = [sum(1 for k in self._kinds if k == number) for number in range(len(KINDS))] if len(self) < 1_000_000 else None
        shown = ", ".join("%d %s" % (n, k + ("s" if n != 1 and k != "hoisted" else "")) for n, k in zip(counts, KINDS) if n) if counts else "%d steps" % len(self)
        return "Plan(%s%s)" % (self.layout + ": " if self.layout else "", shown or "empty")
