"""A project's files never choose native code, and native code from outside the installation is named the first time."""

import json
import os
import shutil

import pytest

from conftest import registry_server

BUILD = os.path.dirname(os.path.dirname(os.path.realpath(registry_server.pmx_binary())))
BAD = os.path.join(BUILD, "tests", "bad_plugins")


@pytest.fixture
def library(tmp_path):
    """library(name): a copy of one of tests/bad_plugins."""
    def copy(name, to=None):
        source = os.path.join(BAD, name + ".so")
        if not os.path.isfile(source):
            pytest.skip("the pmx under test does not lie in a build tree")
        to = to or tmp_path / "mine"
        os.makedirs(to, exist_ok=True)
        return shutil.copy(source, to)
    return copy


# The library aborts while it is loaded: whoever loads it dies of a signal.
@pytest.mark.parametrize("file, text", [
    ("pmx.yaml", "linker: ./crash-at-load.so\n"),
    ("pmx.yaml", "import: ./crash-at-load.so\n"),
    ("pmx.yaml", "fetcher: ./crash-at-load.so\n"),
    ("pmx.yaml", "validator: [integrity, tree, ./crash-at-load.so]\n"),
    ("pmx.yaml", "plugin-path: [.]\nlinker: crash-at-load\n"),
    ("pmx.yaml", "allow-drafts: true\n"),
    ("pnpm-workspace.yaml", "nodeLinker: ./crash-at-load.so\n"),
    ("pnpm-workspace.yaml", "packageImportMethod: ./crash-at-load.so\n"),
])
def test_a_setting_of_the_project_is_refused_with_the_reason(pmx, project, library, file, text):
    p = project("basic")
    library("crash-at-load", p)
    (p / file).write_text(text)
    done = pmx.install(p, ok=False)
    assert done.code == 2 and "PMX_E_CONFIG" in done.err, done.text
    assert "chooses native code" in done.err or "a project's files never choose it" in done.err, done.text
    assert file in done.err and "with a flag" in done.err and not (p / "node_modules").exists()


@pytest.mark.parametrize("file, text", [
    (".npmrc", "linker=./crash-at-load.so\nplugin-path=.\nimport=./crash-at-load.so\nfetcher=./crash-at-load.so\nvalidator=./crash-at-load.so\n"),
    ("package.json", {key: {"linker": "./crash-at-load.so", "nodeLinker": "./crash-at-load.so", "pluginPath": ["."]} for key in ("pmx", "pnpm", "config")}),
    (".env", "PMX_LINKER=./crash-at-load.so\n"),
])
def test_what_is_no_setting_there_is_not_loaded(pmx, project, library, whole, file, text):
    p = project("basic")
    library("crash-at-load", p)
    if isinstance(text, dict):
        text = json.dumps({**json.loads((p / file).read_text()), **text})
    (p / file).write_text(text)
    done = pmx.install(p, ok=False)
    assert done.code == 0 or "native code" in done.err, done.text
    if done.code == 0:
        whole(p)


def test_a_name_is_not_looked_for_in_the_project(pmx, project, library):
    p = project("basic")
    for place in (p, p / "plugins", p / "node_modules" / ".pmx" / "plugins", p / "lib" / "pmx" / "plugins"):
        library("crash-at-load", place)
    (p / "pmx.yaml").write_text("linker: crash-at-load\n")
    done = pmx.install(p, ok=False)
    assert done.code == 1 and "PMX_E_PLUGIN_NOT_FOUND" in done.err and str(p) not in done.err.split("looked at")[1], done.text


def told(done):
    return [line for line in done.text.splitlines() if "native code from outside the installation" in line]


def test_a_library_is_named_the_first_time(pmx, project, library, tmp_path):
    p = project("basic")
    file = library("odd-layout")

    def install(*flags, env=None):
        shutil.rmtree(p / "node_modules", ignore_errors=True)
        return told(pmx.install(p, "--linker", file, *flags, env=env))

    first = install()
    assert len(first) == 1 and "is used for the first time: " + file in first[0], first
    assert install() == [] and install("--reporter", "append-only") == []
    with open(file, "ab") as more:
        more.write(b"\0")
    changed = install()
    assert len(changed) == 1 and "has changed since it was last used: " + file in changed[0], changed
    assert install() == []
    # Another state is another memory; the same file elsewhere is another library.
    assert len(install(env={"XDG_STATE_HOME": str(tmp_path / "state")})) == 1
    assert (tmp_path / "state" / "pmx" / "plugins").is_file()
    assert (tmp_path / "home" / ".local" / "state" / "pmx" / "plugins").is_file()
    file = shutil.copy(file, tmp_path / "copy.so")
    assert len(install()) == 1


def test_the_installations_own_are_not_named(pmx, project):
    p = project("basic")
    assert told(pmx.install(p)) == [] and not (p.parent / "home" / ".local" / "state").exists()


def test_a_name_on_the_plugin_path_is_named_too(pmx, project, library):
    where = os.path.dirname(library("odd-layout"))
    said = told(pmx.install(project("basic"), "--linker", "odd-layout", "--plugin-path", where))
    assert len(said) == 1 and said[0].endswith(os.path.join(where, "odd-layout.so")), said


def test_it_is_named_before_it_runs(pmx, project, library):
    file = library("exit-at-load")
    done = pmx.install(project("basic"), "--linker", file, "--reporter", "append-only", ok=False)
    assert len(told(done)) == 1, done.text


def test_a_memory_that_cannot_be_written_is_no_error(pmx, project, library, tmp_path):
    (tmp_path / "file").write_text("")
    file = library("odd-layout")
    for name in ("one", "two"):
        done = pmx.install(project("basic", into=name), "--linker", file, env={"XDG_STATE_HOME": str(tmp_path / "file")})
        assert len(told(done)) == 1
