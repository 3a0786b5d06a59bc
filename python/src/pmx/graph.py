"""Graph: what is to be installed, in flat arrays and as objects."""

import fnmatch

NONE = 0xFFFFFFFF
EDGE_KINDS = ("prod", "dev", "optional", "peer")


class Package:
    """A package of a graph: a number and a view. Its texts are made when they are asked for."""

    __slots__ = ("_graph", "index")

    def __init__(self, graph, index):
        self._graph, self.index = graph, index

    id = property(lambda self: self._graph._table.id[self.index], doc="name@version, peers and patches behind it.")
    name = property(lambda self: self._graph._table.name[self.index])
    version = property(lambda self: self._graph._table.version[self.index], doc="Empty where the lockfile does not know it.")
    integrity = property(lambda self: self._graph._table.integrity[self.index], doc="SRI text or empty.")
    flags = property(lambda self: self._graph._flags[self.index])
    optional = property(lambda self: bool(self.flags & 1), doc="Reached through optional dependencies only.")
    skipped = property(lambda self: bool(self.flags & 2), doc="Not to be installed here: a layout must not place it.")
    has_bin = property(lambda self: bool(self.flags & 4))
    is_directory = property(lambda self: bool(self.flags & 8), doc="Its files come from a directory of the workspace.")
    built = property(lambda self: bool(self.flags & 16), doc="It, or what it depends on, runs scripts or is patched.")

    @property
    def dependencies(self):
        """Edges to what it depends on, in the lockfile's order."""
        return self._graph._edges_of(self.index)

    def __int__(self):
        return self.index

    def __index__(self):
        return self.index

    def __eq__(self, other):
        return isinstance(other, Package) and self.index == other.index and self._graph._table is other._graph._table

    def __hash__(self):
        return hash(self.index)

    def __repr__(self):
        return "Package(%s)" % self.id


class Project:
    """A project of the workspace: dir relative to the root ("." for the root), name, dependencies."""

    __slots__ = ("_graph", "index")

    def __init__(self, graph, index):
        self._graph, self.index = graph, index

    dir = property(lambda self: self._graph._table.project_dir[self.index])
    name = property(lambda self: self._graph._table.project_name[self.index], doc="Empty where it is not known.")

    @property
    def dependencies(self):
        return self._graph._edges_of(self._graph._table.packages + self.index)

    def __repr__(self):
        return "Project(%s)" % self.dir


class Edge:
    """One dependency: `alias` is its name under node_modules, `package` what it is (None: the directory `link`), `kind`
    "prod", "dev", "optional" or "peer"."""

    __slots__ = ("alias", "package", "link", "kind")

    def __init__(self, alias, package, link, kind):
        self.alias, self.package, self.link, self.kind = alias, package, link, kind

    def __repr__(self):
        return "Edge(%s -> %s, %s)" % (self.alias, self.package.id if self.package is not None else self.link, self.kind)


class Packages:
    """The packages of a graph, sorted by id: by number, by name, in order."""

    def __init__(self, graph):
        self._graph = graph

    def __len__(self):
        return self._graph._table.packages

    def __getitem__(self, at):
        if isinstance(at, slice):
            return [Package(self._graph, i) for i in range(*at.indices(len(self)))]
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError("no such package")
        return Package(self._graph, at)

    def named(self, name):
        """Every version of it."""
        return [Package(self._graph, i) for i in memoryview(self._graph._table.name.find(name))]

    def __repr__(self):
        shown = ", ".join(self._graph._table.id[i] for i in range(min(len(self), 4)))
        return "Packages(%d: %s%s)" % (len(self), shown, ", …" if len(self) > 4 else "")


class Graph:
    """What is to be installed.

    packages         by number, in order; packages.named("react")
    projects         of the workspace, the root first
    names, versions, ids, integrities   columns of texts, one row a package: column[i] is a str, column.offsets (int64) and
                     column.data (UTF-8) are shared with numpy
    flags            uint32 by package: 1 optional, 2 skipped, 4 has programs, 8 directory, 16 built
    edges            uint32, two columns: node, package; nodes are packages, then projects. 0xffffffff: a directory
    edge_kinds       uint8 by edge: 0 prod, 1 dev, 2 optional, 3 peer
    edge_start       uint64: edges of node i are rows edge_start[i] to edge_start[i + 1]
    numpy.asarray(column) shares the memory of each, and keeps it alive; they are read-only.
    lockfile         the text of the lockfile that says the same"""

    def __init__(self, table, project=None, config=None):
        self._table, self._project, self._config = table, project, config
        self._flags, self._start = memoryview(table.flags), memoryview(table.edge_start)
        self._targets, self._kinds = memoryview(table.edges), memoryview(table.edge_kind)

    ids = property(lambda self: self._table.id)
    names = property(lambda self: self._table.name)
    versions = property(lambda self: self._table.version)
    integrities = property(lambda self: self._table.integrity)
    flags = property(lambda self: self._table.flags)
    edges = property(lambda self: self._table.edges)
    edge_kinds = property(lambda self: self._table.edge_kind)
    edge_start = property(lambda self: self._table.edge_start)
    lockfile = property(lambda self: self._table.lockfile_text)
    packages = property(Packages)

    @property
    def projects(self):
        return [Project(self, i) for i in range(self._table.projects)]

    @property
    def root(self):
        return Project(self, 0)

    @property
    def locations(self):
        """npm's lockfiles: (path, Package or None) of everything that they place; empty for others."""
        packages = memoryview(self._table.location_package)
        return [(self._table.location[i], None if p == NONE else Package(self, p)) for i, p in enumerate(packages)]

    def _edges_of(self, node):
        table = self._table
        edges = []
        for row in range(self._start[node], self._start[node + 1]):
            target = self._targets[row, 1]
            edges.append(Edge(table.edge_alias[row], None if target == NONE else Package(self, target), table.edge_link[row], EDGE_KINDS[self._kinds[row]]))
        return edges

    def find(self, pattern):
        """Packages whose id matches a shell pattern: "react@*"."""
        return [package for package in self.packages if fnmatch.fnmatchcase(package.id, pattern)]

    def to_pandas(self):
        """One row a package: id, name, version, flags, dependencies (their number)."""
        from .frames import graph_frame
        return graph_frame(self)

    def __len__(self):
        return self._table.packages

    def __repr__(self):
        return "Graph(%d packages, %d projects, %d dependencies%s)" % (
            self._table.packages, self._table.projects, len(self._kinds), ", " + self._table.lockfile_name if self._table.lockfile_name else "")
