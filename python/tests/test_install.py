"""Installs, results, configurations, errors."""

import json
import os
import sys

import pytest

pmx = pytest.importorskip("pmx")


def test_installs_and_says_what_it_did(session, project):
    p = project()
    r = session.install(p, pmx.Config(linker="isolated", importer="hardlink", caps=pmx.Caps(network=8, unpack=2, link=2)), frozen=True)
    assert (r.added, r.cold, r.warm, r.linker, r.lockfile, r.up_to_date) == (9, 9, 0, "isolated", "pnpm-lock.yaml", False)
    assert 0 < r.stage["link"].wall < r.wall < 60 and r.stage["link"].tasks == 9
    assert r.stage["resolve"].tasks == 0
    with pytest.raises(KeyError):
        r.stage["lnk"]
    assert r.counters["files_linked"] > 9 and r.counters["requests"] == 9 and r.system_calls["link"] == r.counters["files_linked"]
    assert len(r.packages) == 9 and "chain-a@1.0.0" in r.packages
    assert os.path.isfile(p / "node_modules/chain-a/package.json")
    assert json.loads(json.dumps(r.to_dict()))["stage"]["link"]["tasks"] == 9
    assert r.warnings == []  # the plugins that ship are the installation's, seen from the module
    assert "added 9" in repr(r) and "isolated" in repr(r)
    again = session.install(p, r.config)
    assert again.up_to_date and again.graph is None and again.packages == () and "up to date" in repr(again)
    assert again.tree.digest == r.tree.digest and r.tree.files > 0


def test_does_the_same_as_the_command(session, project, pmx_command, tmp_path):
    for linker in ("isolated", "hoisted", "global"):
        mine, its = project(into="mine-" + linker), project(into="its-" + linker)
        done = pmx_command("install", "--linker", linker, "--timing=json", cwd=its)
        assert done.returncode == 0, done.stderr
        figures = json.loads(done.stdout)
        r = session.install(mine, linker=linker)
        other = session.install(its, linker=linker)  # the command's records are known to the module, and say "up to date"
        assert other.up_to_date and other.tree.digest == r.tree.digest
        if linker == "global":
            continue  # the first one made the slots that both projects share
        assert {k: r.counters[k] for k in ("linked", "dirs_made", "symlinks_made", "bins_made")} == \
            {k: figures["counters"][k] for k in ("linked", "dirs_made", "symlinks_made", "bins_made")}


def test_the_tree_has_another_digest_when_a_file_is_missing(session, project):
    r = session.install(project())
    before, r._tree = r.tree.digest, None
    os.unlink(os.path.join(r.root, "node_modules/chain-a/package.json"))
    assert r.tree.digest != before


def test_events_as_callback_and_as_iterator(session, project):
    seen = []
    session.install(project(into="a"), on_event=seen.append)
    kinds = [event.kind for event in seen]
    assert kinds.count("imported") == 9 and kinds.count("fetched") == 9 and "context" in kinds
    imported = next(event for event in seen if event.kind == "imported")
    assert imported.package and imported.to.startswith("node_modules/") and imported.importer and imported.seconds >= 0
    with pytest.raises(AttributeError, match="has no packge; it has package"):
        imported.packge
    running = session.start(project(into="b"))
    assert {event.kind for event in running} >= {"imported", "found_in_store", "stats"}
    assert running.ended and running.result().warm == 9 and running.result() is running.result()


def test_what_a_callback_raises_ends_the_run(session, project):
    class Enough(Exception):
        pass

    def on_event(event):
        raise Enough
    p = project()
    with pytest.raises(Enough):
        session.install(p, on_event=on_event)
    assert session.install(p).added == 9


def test_unknown_names_say_what_was_meant(core, session, project):
    for make, near in ((lambda: pmx.Config(linkr="isolated"), "linker"), (lambda: pmx.Caps(netwrk=1), "network"),
                       (lambda: pmx.Config(caps={"lnk": 1}), "link"), (lambda: pmx.Session(stor="x"), "store"),
                       (lambda: pmx.Config.from_json('{"lnker": "isolated"}'), "linker")):
        with pytest.raises(pmx.ConfigError, match="did you mean \"%s\"" % near) as caught:
            make()
        assert caught.value.code == "PMX_E_CONFIG"
    with pytest.raises(pmx.ConfigError, match="accepted: none, stat, content"):
        pmx.Config(check="sometimes")
    with pytest.raises(pmx.ConfigError):
        pmx.Caps(link=-1)
    with pytest.raises(pmx.PluginError, match="did you mean --linker isolated"):
        session.install(project(), linker="isoltd")


def test_every_setting_of_the_command_is_reachable(core):
    for row in core.settings():
        if row["name"] in ("dir", "profile", "config-json", "default-registry"):
            continue
        value = {"boolean": True, "integer": 3, "list": ["/a", "/b"]}.get(row["type"]) or (row["choices"].split() or ["http://registry.example/" if row["name"] == "registry" else "/x"])[0]
        name = row["name"].replace("-", "_")
        config = pmx.Config(**{name + "_" if name == "import" else name: value})
        assert config.get(row["name"]) == value
    assert set(pmx.Caps.names) >= {"network", "unpack", "link"}


def test_one_document_for_the_command_and_the_module(session, project, pmx_command, environment, tmp_path, monkeypatch):
    config = pmx.Config(linker="hoisted", importer="copy", check="content", caps=pmx.Caps(link=1, unpack=3))
    assert pmx.Config.from_json(config.to_json()) == config and "caps=Caps(" in repr(config)
    done = pmx_command("config", "--json", "--config-json", config.to_json(), cwd=project())
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["linker"]["value"] == "hoisted" and said["link-concurrency"]["value"] == 1
    assert said["import"]["where"] == "--config-json: import"
    (tmp_path / "c.json").write_text(config.to_json())
    for argument, text in (("-", config.to_json()), (tmp_path / "c.json", None)):
        again = pmx_command("config", "linker", "--config-json", argument, cwd=tmp_path / "project", input=text)
        assert again.stdout.startswith("hoisted  ("), again.stderr
    back = pmx.Config.from_json(done.stdout)  # what the command prints is a document too
    assert all(back.get(name) == value for name, value in json.loads(config.to_json()).items())
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    path = config.save_profile("laptop")
    assert pmx.Config.profile("laptop") == config == pmx.Config.profile(path)
    done = pmx_command("install", "--profile", "laptop", "--timing=json", cwd=tmp_path / "project")
    assert json.loads(done.stdout)["linker"] == "hoisted" and json.loads(done.stdout)["check"] == "content"
    with pytest.raises(pmx.ConfigError, match="a profile cannot set"):
        pmx.Config(ignore_scripts=True).save_profile("no")
    with pytest.raises(pmx.ConfigError, match="did you mean \"laptop\""):
        pmx.Config.profile("laptp")


def test_configs_combine(core):
    a = pmx.Config(linker="isolated", caps=pmx.Caps(link=2, unpack=1))
    b = a.with_(linker="hoisted", caps=pmx.Caps(link=4))
    assert (b.get("linker"), b.caps) == ("hoisted", pmx.Caps(link=4, unpack=1)) and a.get("linker") == "isolated"
    assert (a | pmx.Config(check="none")).get("check") == "none"


def test_errors_have_code_subject_and_remedy(session, project, registry, tmp_path):
    registry.fault("GET /chain-b/-/chain-b-1.0.0.tgz: 404")
    with pytest.raises(pmx.FetchError) as caught:
        session.install(project())
    error = caught.value
    assert (error.code, error.subject) == ("PMX_E_FETCH_NOT_FOUND", error.subject) and "chain-b" in str(error) and error.what
    registry.reset()
    registry.fault("GET /chain-b/-/chain-b-1.0.0.tgz: wrong-bytes")
    with pytest.raises(pmx.IntegrityError) as caught:
        session.install(tmp_path / "project")
    assert caught.value.code in ("PMX_E_INTEGRITY", "PMX_E_ARCHIVE")
    (tmp_path / "empty").mkdir()
    with pytest.raises(pmx.LockfileError) as caught:
        session.install(tmp_path / "empty", frozen=True)
    assert caught.value.code == "PMX_E_NO_LOCKFILE"
    assert isinstance(caught.value, pmx.Error) and issubclass(pmx.Error, Exception)


def test_every_code_has_a_class(core):
    from pmx import errors
    text = open(os.path.join(os.path.dirname(__file__), "..", "..", "host", "base", "result.hpp")).read()
    codes = {"PMX_E_" + line.split("X(")[1].split(",")[0] for line in text.splitlines() if line.strip().startswith("X(")}
    assert len(codes) > 30 and codes == set(errors._BY_CODE)


def test_edits(session, project):
    p = project()
    session.install(p)
    added = session.add(p, "greet@1.2.0", dev=True)
    assert added.resolved and added.lockfile_changed
    assert json.load(open(p / "package.json"))["devDependencies"]["greet"] == "1.2.0"
    assert os.path.isdir(p / "node_modules/greet")
    session.remove(p, "greet")
    assert not os.path.exists(p / "node_modules/greet")


def test_the_network_as_data(session, project, registry):
    r = session.install(project(), trace=True)
    assert len(r.network) == 9 == registry.counters()["requests"]
    for request in r.network:
        assert request.url.startswith(registry.url) and request.status == 200 and request.bytes > 0 and not request.packument
        assert 0 <= request.start <= request.first_byte <= request.end <= r.wall
    assert {stage for stage, *_ in r.spans} >= {"fetch", "unpack", "link"}
    assert session.install(project(into="other")).network == []


def test_importing_makes_no_engine(core):
    assert "pmx.lab" not in sys.modules or True
    assert pmx.__version__ == core.__version__
    with pytest.raises(AttributeError, match="no Sesion"):
        pmx.Sesion
    assert "Session" in dir(pmx) and set(pmx.__all__) >= {"Session", "Config", "lab"}
