"""A layout of one's own beside a built-in one.  own_layout.py PROJECT REGISTRY STORE"""

import sys

import pmx


@pmx.layout(name="by-version", options={"separator": "@"})
def by_version(graph, options):
    """Every package once in node_modules/.all, beside links to what it depends on."""
    def home(package):
        return "node_modules/.all/%s%s%s" % (package.id.replace("/", "+"), options["separator"], package.index)

    places = {}
    for package in graph.packages:
        if not package.skipped:
            places[package] = pmx.Place(package, "%s/node_modules/%s" % (home(package), package.name))
            yield places[package]
            for edge in package.dependencies:
                if edge.package is not None and not edge.package.skipped and edge.alias != package.name:
                    yield pmx.Symlink("%s/node_modules/%s" % (home(package), edge.alias), "%s/node_modules/%s" % (home(edge.package), edge.package.name))
    for edge in graph.root.dependencies:
        if edge.package in places:
            yield pmx.Symlink("node_modules/" + edge.alias, places[edge.package].dir)
            yield pmx.Bins("node_modules/.bin", places[edge.package], edge.alias)


def main(project, registry, store):
    with pmx.Session(store=store, registry=registry) as session:
        graph = session.resolve(project)
        mine, isolated = session.plan(graph, layout=by_version), session.plan(graph, layout="isolated")
        print(mine, "beside", isolated)
        print(mine.filter(kind="place", path="*chain*").draw())
        print(mine.execute())


if __name__ == "__main__":
    main(*sys.argv[1:])
