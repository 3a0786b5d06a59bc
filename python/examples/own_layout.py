"""A layout of one's own beside a built-in one.  own_layout.py PROJECT REGISTRY STORE"""

import hashlib
import sys
from urllib.parse import quote

import pmx


@pmx.layout(name="by-id", options={"directory": ".all"})
def by_id(graph, options):
    """Every package once in node_modules/.all, beside links to what it depends on."""
    def home(package):
        # Of the id alone: the same steps whatever the order of the graph.
        name = quote(package.id, safe="@()")
        if len(name) > 120:
            name = name[:80] + "_" + hashlib.sha256(name.encode()).hexdigest()[:32]
        return "node_modules/%s/%s/node_modules" % (options["directory"], name)

    def links(edges, where):
        for edge in edges:
            if edge.package is None:
                yield pmx.ProjectLink("%s/%s" % (where, edge.alias), edge.link)
            elif not edge.package.skipped:
                yield pmx.Symlink("%s/%s" % (where, edge.alias), places[edge.package].dir)

    places = {p: pmx.Place(p, "%s/%s" % (home(p), p.name)) for p in graph.packages if not p.skipped}
    for package, place in places.items():
        yield place
        yield from links([edge for edge in package.dependencies if edge.alias != package.name], home(package))
    for project in graph.projects:
        modules = "node_modules" if project.dir == "." else project.dir + "/node_modules"
        yield from links(project.dependencies, modules)
        for edge in project.dependencies:
            if edge.package in places:
                yield pmx.Bins(modules + "/.bin", places[edge.package], edge.alias)


def main(project, registry, store):
    with pmx.Session(store=store, registry=registry) as session:
        graph = session.resolve(project)
        mine, isolated = session.plan(graph, layout=by_id), session.plan(graph, layout="isolated")
        print(mine, "beside", isolated)
        print(mine.filter(kind="place", path="*chain*").draw())
        print(mine.execute())


if __name__ == "__main__":
    main(*sys.argv[1:])
