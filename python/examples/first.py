"""Installs a project twice and says where the time went.  first.py PROJECT REGISTRY STORE"""

import sys

import pmx


def main(project, registry, store):
    with pmx.Session(store=store, registry=registry) as session:
        config = pmx.Config(linker="isolated", caps=pmx.Caps(network=16, link=2))
        result = session.install(project, config)
        print(result)
        for stage in result.stage.values():
            print("  ", stage)
        print("tree", result.tree.digest[:12], "with", result.counters["files_linked"], "files linked")
        print("again:", session.install(project, config))


if __name__ == "__main__":
    main(*sys.argv[1:])
