"""Layouts and validators in Python, through the same tables as libraries."""

import json
import os
import threading
import time

import pytest

pmx = pytest.importorskip("pmx")


def flat_layout():
    @pmx.layout(name="flat", options={"prefix": ""})
    def flat(graph, options):
        """Everything beside everything."""
        at = {}
        for package in graph.packages:
            if not package.skipped:
                at[package] = pmx.Place(package, "node_modules/" + options["prefix"] + package.name)
                yield at[package]
        for edge in graph.root.dependencies:
            yield pmx.Bins("node_modules/.bin", at[edge.package], edge.alias)
    return flat


def test_a_layout_of_ones_own(session, project):
    p = project()
    flat = flat_layout()
    assert "flat" in repr(flat) and flat.kind == "layout"
    r = session.install(p, pmx.Config(linker=flat))
    assert r.linker == "flat" and r.added == 9
    assert sorted(os.listdir(p / "node_modules")) == sorted([".bin", ".modules.yaml", ".pmx", ".pnpm", ".pnpm-workspace-state-v1.json", "@pnpm.e2e", "@scope",
                                                             *("chain-%s" % c for c in "abcde")])
    assert os.path.exists(p / "node_modules/.bin/tool")
    assert session.install(p, linker=flat).up_to_date
    # Its own earlier plan is what the next one is compared with.
    assert session.install(p, linker=flat, force=True).removed == 0
    assert len(session.plan(session.resolve(p), layout=flat).filter(kind="place")) == 9
    assert session.install(p, linker="isolated").added == 9


def test_a_layout_gets_its_options(session, project):
    p = project()
    plan = session.plan(p, layout=flat_layout().with_options(prefix="x-"))
    assert "node_modules/x-chain-a" in {step.path for step in plan}
    with pytest.raises(TypeError, match="has no option prefx; it has: prefix"):
        flat_layout().with_options(prefx="")


def test_the_plan_of_a_layout_of_ones_own_is_executed(session, project):
    p = project()
    plan = session.plan(p, layout=flat_layout())
    assert plan.execute().linker == "flat" and os.path.isfile(p / "node_modules/chain-a/package.json")


@pytest.mark.parametrize("step, said", [
    (lambda p: pmx.Place(p, "../outside"), "PMX_E_UNSAFE_PATH"),
    (lambda p: pmx.Place(p, "/etc"), "PMX_E_UNSAFE_PATH"),
    (lambda p: pmx.Place(99999, "node_modules/a"), "PMX_E_PLUGIN_FAILED"),
    (lambda p: pmx.Symlink("node_modules/a", "../../x"), "PMX_E_UNSAFE_PATH"),
])
def test_the_engine_checks_every_step(session, project, step, said):
    @pmx.layout(name="evil")
    def evil(graph, options):
        yield step(graph.packages[0])
    p = project()
    with pytest.raises(pmx.Error) as caught:
        session.install(p, linker=evil)
    assert caught.value.code == said and not os.path.exists(p / "node_modules/a")


def test_an_exception_comes_back_with_its_traceback(session, project):
    @pmx.layout(name="broken")
    def broken(graph, options):
        yield pmx.Place(graph.packages[0], {}["no such key"])
    with pytest.raises(pmx.PluginError) as caught:
        session.install(project(), linker=broken)
    error = caught.value
    assert error.code == "PMX_E_PLUGIN_FAILED" and "KeyError: 'no such key'" in error.what and "test_strategies.py:" in error.subject
    assert "Traceback" in error.remedy and "in broken" in error.remedy and isinstance(error.__cause__, KeyError)


def test_the_graph_of_a_layout_is_a_copy(session, project):
    kept = []

    @pmx.layout(name="empty")
    def empty(graph, options):
        kept.append(graph)
    assert len(session.plan(project(), layout=empty)) == 0
    assert kept[0].packages[0].name and len(kept[0]) == 9


def test_validators_see_archives_objects_and_manifests(session, project):
    seen = {"archive": [], "object": [], "manifest": []}
    lock = threading.Lock()

    @pmx.validator(name="curious")
    class Curious:
        def archive(self, archive):
            assert bytes(archive.bytes[:2]) == b"\x1f\x8b" and archive.integrity.startswith("sha512-") and archive.url.startswith("http")
            with lock:
                seen["archive"].append((archive.id, archive.bytes))

        def object(self, stored):
            assert {f.path for f in stored.files} >= {"package.json"} and os.listdir(stored.fd) and stored.level == 1
            with lock:
                seen["object"].append(stored.id)

        def manifest(self, manifest):
            assert json.loads(manifest.json)["name"] == manifest.name
            with lock:
                seen["manifest"].append(manifest.id)
            return True
    p = project()
    config = pmx.Config(validators=["integrity", "tree", Curious])
    session.install(p, config)
    assert (len(seen["archive"]), len(seen["object"]), len(seen["manifest"])) == (9, 0, 9)
    with pytest.raises(ValueError):  # the bytes were lent for the call
        seen["archive"][0][1][0]
    session.install(p, config, force=True)
    assert (len(seen["archive"]), len(seen["object"]), len(seen["manifest"])) == (9, 9, 18)


@pytest.mark.parametrize("answer", [False, "it is not wanted", "raise"])
def test_verdicts(session, project, answer):
    @pmx.validator(name="strict", on="manifest")
    def strict(manifest):
        if manifest.name == "chain-c":
            if answer == "raise":
                raise pmx.Mismatch("it is not wanted")
            return answer
    with pytest.raises(pmx.PolicyError) as caught:
        session.install(project(), validators=["integrity", "tree", strict])
    assert caught.value.subject == "chain-c@1.0.0" and ("strict" if answer is False else "not wanted") in caught.value.what


def test_a_refused_object_is_fetched_again(session, project):
    refuse = []

    @pmx.validator(name="picky", on="object")
    def picky(stored):
        return stored.id not in refuse
    p = project()
    config = pmx.Config(validators=["integrity", "tree", picky])
    session.install(p, config)
    refuse.append("chain-b@1.0.0")
    assert session.install(p, config, force=True).counters["repaired"] == 1


def test_a_wrong_answer_is_an_error_of_the_validator(session, project):
    @pmx.validator(name="odd", on="archive")
    def odd(archive):
        return 7
    with pytest.raises(pmx.PluginError, match="answers None, True, False or a sentence, not 7"):
        session.install(project(), validators=[odd])


def test_several_threads_ask_at_once(session, project):
    """Worker threads take the interpreter's lock inside the call only: one that waits lets the others in."""
    inside, most, lock = [0], [0], threading.Lock()

    @pmx.validator(name="slow", on="archive")
    def slow(archive):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.05)
        with lock:
            inside[0] -= 1
    session.install(project(), validators=["integrity", slow], caps=pmx.Caps(unpack=4))
    assert most[0] > 1


def test_ctrl_c_ends_a_strategy_that_asks_nobody(session, project):
    import signal
    started = threading.Event()

    @pmx.layout(name="endless")
    def endless(graph, options):
        started.set()
        while True:
            time.sleep(0.01)

    def interrupt():
        started.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        session.install(project(), linker=endless)


def test_strategies_are_refused_where_they_do_not_fit(core):
    flat = flat_layout()
    with pytest.raises(pmx.ConfigError, match="is a layout"):
        pmx.Config(validators=[flat])
    with pytest.raises(pmx.ConfigError, match="layouts and validators can"):
        pmx.Config(fetcher=flat)
    with pytest.raises(ValueError):
        pmx.validator(name="x", on="moon")
    with pytest.raises(TypeError, match="none of the methods"):
        pmx.validator(name="x")(type("Empty", (), {}))
    kept = [core.Strategy("layout", "l%d" % i, "1", "", {"plan": print}, []) for i in range(100)]
    with pytest.raises(ValueError, match="128 strategies"):
        kept += [core.Strategy("layout", "m%d" % i, "1", "", {"plan": print}, []) for i in range(100)]
    del kept


def test_many_strategies_come_and_go(session, project):
    p = project()
    session.install(p)
    for _ in range(150):
        assert len(session.plan(p, layout=flat_layout())) > 9


def example(name):
    import importlib.util
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", name + ".py")
    spec = importlib.util.spec_from_file_location("pmx_example_" + name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_conformance_kit_passes_on_strategies(core):
    seen = []
    layout = pmx.check(example("own_layout").by_id, on_verdict=seen.append)
    assert layout.ok, layout
    assert seen == list(layout) and sum(v.outcome == "pass" for v in layout) > 10, layout
    assert not [v for v in layout if v.case.startswith(("importer.", "fetcher."))]

    @pmx.validator(name="names", on="manifest")
    def names(manifest):
        return json.loads(manifest.json).get("name") == manifest.name
    checked = pmx.check(names)
    assert checked.ok and "pass" in str(checked), checked


def test_the_conformance_kit_finds_what_is_wrong(core):
    @pmx.layout(name="moody")
    def moody(graph, options):
        """Other steps each time: no pure function."""
        for package in graph.packages:
            if not package.skipped:
                yield pmx.Place(package, "node_modules/.all/%s-%d/%s" % (package.id.replace("/", "+"), time.perf_counter_ns(), package.name))
    verdicts = pmx.check(moody, only=["layout.*"])
    assert not verdicts.ok and "fail" in repr(verdicts) and {v.case.split(".")[0] for v in verdicts} <= {"layout", "library"}

    @pmx.layout(name="endless")
    def endless(graph, options):
        while True:
            pass
    slow = pmx.check(endless, only=["layout.order"], seconds=0.5)
    assert not slow.ok and "did not end within 0.5 s" in str(slow)


def test_checking_can_be_interrupted(core):
    class Enough(Exception):
        pass

    def told(verdict):
        raise Enough
    with pytest.raises(Enough):
        pmx.check(flat_layout(), on_verdict=told)
