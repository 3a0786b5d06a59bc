"""Phases one by one, and what can be seen between them."""

import os

import pytest

pmx = pytest.importorskip("pmx")


def test_each_phase_takes_up_what_the_last_one_made(session, project, registry):
    p = project()
    g = session.resolve(p)
    assert (len(g), len(g.projects)) == (9, 1) and "9 packages" in repr(g)
    plan = session.plan(g)
    assert plan.layout == "isolated" and len(plan.filter(kind="place")) == 9
    assert registry.counters()["requests"] == 0 and not os.path.exists(p / "node_modules")
    fetched = session.fetch(plan)
    assert (fetched.cold, fetched.warm, fetched.stage["link"].tasks) == (9, 0, 0) and not os.path.exists(p / "node_modules")
    assert session.fetch(plan).warm == 9
    checked = session.check(plan)
    assert checked.warm == 9 and checked.counters["files_checked"] > 9 and not os.path.exists(p / "node_modules")
    linked = session.link(plan)
    assert linked.added == 9 and os.path.isfile(p / "node_modules/chain-a/package.json")
    assert not os.path.exists(p / "node_modules/.pmx/state") and not os.path.exists(p / "node_modules/.bin/tool")
    assert len(plan.dry_run()) == 0
    done = session.execute(plan)  # what was linked has no record: it is made anew, from the store
    assert (done.added, done.cold) == (9, 0) and os.path.exists(p / "node_modules/.bin/tool") and session.install(p).up_to_date
    assert registry.counters()["requests"] == 9


def test_a_damaged_object_is_fetched_again_by_check(session, project, tmp_path):
    p = project()
    session.fetch(p)
    victim = next(os.path.join(d, f) for d, _, files in os.walk(tmp_path / "store/v1/objects") for f in files if f.isdigit())
    with open(victim, "ab") as file:
        file.write(b"x")
    assert session.fetch(p).counters["repaired"] == 0
    assert session.check(p).counters["repaired"] == 1 and session.check(p).counters["repaired"] == 0


def test_resolving_writes_nothing(session, tmp_path, registry):
    p = tmp_path / "new"
    p.mkdir()
    (p / "package.json").write_text('{"name": "new", "dependencies": {"greet": "^1.0.0"}}')
    g = session.resolve(p)
    assert g.lockfile.startswith("lockfileVersion: '9.0'") and os.listdir(p) == ["package.json"]
    before = registry.counters()["requests"]
    plan = session.plan(g, layout="hoisted")
    assert registry.counters()["requests"] == before  # what was resolved is not resolved again
    r = session.execute(plan)
    assert r.lockfile_changed and not r.resolved and (p / "pnpm-lock.yaml").read_text() == g.lockfile
    assert os.path.isfile(p / "node_modules/greet/package.json") and session.install(p, linker="hoisted").up_to_date


def test_a_graph_of_other_manifests_is_refused(session, project):
    p = project()
    plan = session.plan(session.resolve(p))
    manifest = (p / "package.json").read_text()
    (p / "package.json").write_text(manifest.replace('"chain-a": "^1.0.0"', '"chain-a": "1.0.0"'))
    assert (p / "package.json").read_text() != manifest
    with pytest.raises(pmx.LockfileError, match="have changed since"):
        plan.execute()
    assert not os.path.exists(p / "node_modules")


def test_a_graph_as_objects(session, project):
    g = session.resolve(project())
    a, = g.packages.named("chain-a")
    assert (a.name, a.version, a.id, a.optional, a.skipped) == ("chain-a", "1.0.0", "chain-a@1.0.0", False, False)
    edge, = a.dependencies
    assert (edge.alias, edge.package.id, edge.kind) == ("chain-b", "chain-b@1.0.0", "prod") and "chain-b" in repr(edge)
    assert g.packages[-1] == list(g.packages)[-1] and g.packages[:2][1].index == 1 and a.integrity.startswith("sha512-")
    assert [e.alias for e in g.root.dependencies if e.alias == "chain-a"] == ["chain-a"] and g.root.dir == "."
    assert [p.id for p in g.find("@scope/*")] == ["@scope/lib@2.1.0", "@scope/tool@1.0.0"]
    with pytest.raises(IndexError):
        g.packages[99]


def test_columns_are_shared_with_numpy(session, project):
    np = pytest.importorskip("numpy")
    g = session.resolve(project())
    edges = np.asarray(g.edges)
    assert edges.dtype == np.uint32 and edges.shape == (len(edges), 2) and not edges.flags.owndata and not edges.flags.writeable
    assert np.asarray(g.edges).ctypes.data == edges.ctypes.data
    a = g.packages.named("chain-a")[0].index
    start = np.asarray(g.edge_start)
    assert [g.ids[t] for t in edges[start[a]:start[a + 1], 1]] == ["chain-b@1.0.0"]
    names, offsets = np.asarray(g.names.data), np.asarray(g.names.offsets)
    assert names[offsets[a]:offsets[a + 1]].tobytes() == b"chain-a" and offsets.dtype == np.int64
    plan = session.plan(g)
    kinds = np.asarray(plan.kinds)
    del plan, g
    assert (kinds == 0).sum() == 9  # the memory lives as long as somebody looks at it


def test_plans_are_filtered_compared_and_drawn(session, project, tmp_path):
    g = session.resolve(project())
    isolated, hoisted = session.plan(g), session.plan(g, layout="hoisted")
    assert len(isolated.filter(kind="symlink", package="chain-*")) == len(isolated.filter(lambda s: s.kind == "symlink" and s.package and s.package.name.startswith("chain-")))
    assert {s.package.id for s in isolated.filter(path="node_modules/.pnpm/@scope*", kind="place")} == {"@scope/lib@2.1.0", "@scope/tool@1.0.0"}
    assert len(isolated[:3]) == 3 and isolated[2:3][0].path == isolated[2].path
    mask = [step.kind == "place" for step in isolated]
    assert len(isolated.filter(mask)) == 9
    with pytest.raises(ValueError):
        isolated.filter([True])
    change = isolated.diff(hoisted)
    assert change and change.same + len(change.removed) == len(isolated) and change.same + len(change.added) == len(hoisted)
    assert not isolated.diff(session.plan(g)) and isolated.diff(isolated.filter(kind="place")).same == 9
    assert "+ place node_modules/chain-a: chain-a@1.0.0" in str(change)
    text = hoisted.draw()
    assert "├─ chain-a = chain-a@1.0.0" in text and text.startswith(".")
    svg = (tmp_path / "plan.svg")
    hoisted.draw(svg)
    assert svg.read_text().startswith("<svg") and "chain-a@1.0.0" in svg.read_text()
    assert "more" in isolated.draw(limit=5)
    assert len(isolated.dry_run()) == len(isolated.filter(kind=("place", "symlink")))


def test_a_part_of_a_plan_is_executed(session, project):
    p = project()
    plan = session.plan(session.resolve(p), layout="hoisted")
    part = plan.filter(package="@scope/*")
    with pytest.raises(pmx.ConfigError, match="a part of a plan"):
        part.execute()
    part.link()
    assert sorted(os.listdir(p / "node_modules/@scope")) == ["lib", "tool"] and not os.path.exists(p / "node_modules/chain-a")
    assert {s.package.id for s in plan.dry_run()} == {i for i in (s.package.id for s in plan if s.kind == "place") if not i.startswith("@scope")}
    session.install(p, linker="hoisted")
    assert len(plan.dry_run()) == 0


def test_a_plan_as_a_table(session, project):
    pd = pytest.importorskip("pandas")
    plan = session.plan(session.resolve(project()))
    frame = plan.to_pandas()
    assert list(frame.columns) == ["kind", "root", "path", "package", "target", "alias", "flag"] and len(frame) == len(plan)
    places = frame[frame.kind == "place"]
    assert sorted(places.package)[:2] == ["@pnpm.e2e/dep-of-pkg-with-1-dep@100.0.0", "@pnpm.e2e/pkg-with-1-dep@100.0.0"]
    assert frame[frame.path == plan[3].path].index.tolist() == [3]
    assert frame.path.iloc[4] == plan[4].path and frame.sort_values("path").path.iloc[0] == min(frame.path)
    assert len(plan.filter(frame.kind == "bin")) == len(plan.filter(kind="bin"))
    assert frame.path.array.startswith("node_modules/").sum() == sum(p.startswith("node_modules/") for p in frame.path)
    assert frame.groupby("kind", observed=True).size()["place"] == 9 and "place" in repr(frame)
    assert isinstance(frame.path.astype(str).iloc[0], str)
    assert list(plan.graph.to_pandas().columns) == ["id", "name", "version", "flags", "dependencies"]
    assert pd.concat([frame, frame]).shape == (2 * len(plan), 7)


def a_large_plan(core, graph, rows):
    """Steps that no layout had to make: the columns themselves."""
    np = pytest.importorskip("numpy")
    path = b"node_modules/.pnpm/some-package@1.2.3/node_modules/%07d"
    data = np.tile(np.frombuffer(b"".join(path % i for i in range(1000)), np.uint8), rows // 1000)
    offsets = np.arange(rows + 1, dtype=np.int64) * len(path % 0)
    return pmx.Plan(core.PlanTable(graph._table, np.ones(rows, np.uint8), np.zeros(rows, np.uint32), offsets, data,
                                   np.zeros(rows + 1, np.int64), np.zeros(0, np.uint8)))


def test_a_million_rows_make_no_object_a_row(core, session, project):
    pytest.importorskip("pandas")
    import sys
    import time
    plan = a_large_plan(core, session.resolve(project()), 1_000_000)
    plan[:10].to_pandas()  # what pandas imports late
    texts, blocks = core.texts_made(), sys.getallocatedblocks()
    began = time.perf_counter()
    frame = plan.to_pandas()
    seconds = time.perf_counter() - began
    assert len(frame) == 1_000_000
    assert core.texts_made() - texts == 0
    assert sys.getallocatedblocks() - blocks < 20_000
    assert frame.path.iloc[-1].endswith("/0000999")
    chosen = frame[frame.path.array.startswith("node_modules/")]
    assert len(chosen) == 1_000_000 and sys.getallocatedblocks() - blocks < 40_000
    print("a million rows reach pandas in %.3f s" % seconds)
