"""`pmx registry record`: what it takes from a registry is enough to install from, and is taken once."""

import json
import os
import shutil

import pytest

import registry_server
from conftest import Pmx

MANIFEST = {"name": "recorded", "version": "1.0.0", "private": True,
            "dependencies": {"@scope/lib": "^2.0.0", "chain-a": "*", "renamed": "npm:greet@^1.0.0"},
            "optionalDependencies": {"not-darwin": "*", "only-arm": "*"}}


@pytest.fixture
def recorded(pmx, registry, tmp_path):
    """A project with a lockfile, and where its packages go."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text(json.dumps(MANIFEST))
    pmx.install(project, "--lockfile-only")
    registry.reset()
    return project, tmp_path / "mirror"


def record(pmx, mirror, *args):
    return pmx("registry", "record", "--into", mirror, *args, cwd="/")


def files_of(mirror):
    return sorted(os.path.relpath(os.path.join(parent, f), mirror) for parent, _, files in os.walk(mirror) for f in files)


def test_what_was_recorded_installs_without_the_registry(pmx, registry, recorded, tmp_path):
    project, mirror = recorded
    done = record(pmx, mirror, project)
    assert done.code == 0, done.text
    told = json.loads(done.out)
    counted = registry.counters()
    assert told["packuments"] == counted["full"] and told["archives"] == counted["tarballs"] and told["otherPlatforms"] >= 1
    assert counted["abbreviated"] == 0 and told["packumentsThere"] == told["archivesThere"] == 0
    assert not [f for f in files_of(mirror) if not f.endswith((".tgz", "/package.json"))]
    assert any(f.startswith("chain-e/-/") for f in files_of(mirror)), "dependencies of dependencies"
    assert not any(f.startswith("only-arm/-/") for f in files_of(mirror))
    with registry_server.RegistryServer(mirror) as server:
        trees_made = []
        for from_lockfile in (True, False):
            alone = Pmx(str(tmp_path / ("home-%s" % from_lockfile)), server.url)
            copy = tmp_path / ("copy-%s" % from_lockfile)
            copy.mkdir()
            (copy / "package.json").write_text(json.dumps(MANIFEST))
            if from_lockfile:
                shutil.copy(project / "pnpm-lock.yaml", copy)
            alone.install(copy, *(["--frozen-lockfile"] if from_lockfile else ["--no-frozen-lockfile"]))
            assert (copy / "pnpm-lock.yaml").read_text() == (project / "pnpm-lock.yaml").read_text()
            trees_made.append(sorted(os.listdir(copy / "node_modules" / ".pnpm")))
        assert trees_made[0] == trees_made[1] and server.counters()["notFound"] == 0


def test_what_is_there_is_not_asked_for_again_and_what_is_damaged_is(pmx, registry, recorded):
    project, mirror = recorded
    first = json.loads(record(pmx, mirror, project).out)
    registry.reset()
    again = json.loads(record(pmx, mirror, project).out)
    assert registry.counters()["requests"] == 0
    assert (again["packuments"], again["archives"]) == (0, 0)
    assert (again["packumentsThere"], again["archivesThere"]) == (first["packuments"], first["archives"])
    archive = mirror / "greet" / "-" / sorted(os.listdir(mirror / "greet" / "-"))[-1]
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-1] + b"x")
    (mirror / "chain-b" / "package.json").write_text("{")
    again = json.loads(record(pmx, mirror, project).out)
    assert (again["packuments"], again["archives"]) == (1, 1) == (registry.counters()["full"], registry.counters()["tarballs"])
    assert archive.read_bytes() == whole


def test_bytes_that_the_lockfile_does_not_promise_are_not_recorded(pmx, registry, recorded):
    project, mirror = recorded
    registry.fault("GET /chain-b/-/*: wrong-bytes")
    done = record(pmx, mirror, project)
    assert done.code != 0 and "PMX_E_INTEGRITY" in done.err and "repeat the command" in done.err, done.text
    assert not (mirror / "chain-b" / "-").exists() and (mirror / "chain-c" / "-").exists()
    registry.reset()
    done = record(pmx, mirror, project)
    assert done.code == 0 and json.loads(done.out)["archives"] == 1, done.text


def test_an_archive_that_is_gone_is_named(pmx, registry, recorded):
    project, mirror = recorded
    registry.fault("GET /chain-b/-/*: 404")
    done = record(pmx, mirror, project)
    assert done.code != 0 and "chain-b/-/chain-b-" in done.err, done.text


def test_locked_and_abbreviated(pmx, registry, recorded):
    """Only what the lockfile and the manifests name, in the form without times."""
    project, mirror = recorded
    done = record(pmx, mirror, "--locked", "--abbreviated", "--all-platforms", project / "pnpm-lock.yaml")
    assert done.code == 0, done.text
    counted = registry.counters()
    assert counted["full"] == 0 and counted["abbreviated"] == json.loads(done.out)["packuments"] > 0
    assert any(f.startswith("only-arm/-/") for f in files_of(mirror))
    assert "time" not in json.loads((mirror / "greet" / "package.json").read_text())
    locked = (project / "pnpm-lock.yaml").read_text()
    for file in files_of(mirror):
        if file.endswith(".tgz"):
            name, _, archive = file.partition("/-/")
            assert "%s@%s" % (name, archive[len(name.split("/")[-1]) + 1:-4]) in locked


def test_archives_alone(pmx, registry, recorded):
    project, mirror = recorded
    assert record(pmx, mirror, "--archives", project).code == 0
    assert registry.counters()["packuments"] == 0 and all(f.endswith(".tgz") for f in files_of(mirror))


def test_what_is_no_project_is_refused(pmx, registry, tmp_path):
    for words, code in ((["--into", tmp_path / "m", tmp_path / "nowhere"], "PMX_E_NO_LOCKFILE"),
                        (["--into", tmp_path / "m", tmp_path], "PMX_E_NO_LOCKFILE"), ([tmp_path], "PMX_E_USAGE"),
                        (["--into", tmp_path / "m"], "PMX_E_USAGE"), (["--into", tmp_path / "m", "--parallel", "0", tmp_path], "PMX_E_USAGE")):
        done = pmx("registry", "record", *words, cwd="/")
        assert done.code != 0 and code in done.err, (words, done.text)
