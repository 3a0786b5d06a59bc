"""`pmx plugin list`: what is found, what it says about itself, and libraries that must not take pmx down."""

import json
import os
import shutil

import pytest

from conftest import Pmx, registry_server

BUILD = os.path.dirname(os.path.dirname(os.path.realpath(registry_server.pmx_binary())))
BAD = os.path.join(BUILD, "tests", "bad_plugins")


@pytest.fixture
def pmx(tmp_path):
    (tmp_path / "home").mkdir()
    return Pmx(str(tmp_path / "home"), None)


def listed(pmx, tmp_path, *flags, env=None):
    done = pmx("plugin", "list", "--json", *flags, cwd=tmp_path, env=env)
    assert done.code == 0, done.text
    return json.loads(done.out)


def bad(tmp_path, *names):
    for name in names:
        if not os.path.isfile(os.path.join(BAD, name + ".so")):
            pytest.skip("the pmx under test does not lie in a build tree")
        (tmp_path / "plugins").mkdir(exist_ok=True)
        shutil.copy(os.path.join(BAD, name + ".so"), tmp_path / "plugins")
    return tmp_path / "plugins"


def test_the_installation_is_listed(pmx, tmp_path):
    rows = {row["name"]: row for row in listed(pmx, tmp_path)}
    kinds = {"isolated": "layout", "hoisted": "layout", "global": "layout", "hardlink": "importer", "reflink": "importer",
             "copy": "importer", "http1": "fetcher", "file": "fetcher", "git": "fetcher", "integrity": "validator", "tree": "validator"}
    assert {name: row.get("kind") for name, row in rows.items()} == kinds
    assert all(row["installed"] and not row["hidden"] and row["interface"] == "1.0" for row in rows.values())
    assert rows["http1"]["capabilities"] == ["threads", "network"]
    options = {option["name"]: option for option in rows["isolated"]["options"]}
    assert options["hoist"] == {"name": "hoist", "type": "flag", "summary": options["hoist"]["summary"], "default": "true"}
    assert options["hoist-pattern"]["default"] == ["*"]
    assert options["virtual-store-dir-max-length"]["minimum"] == 34


def test_the_text_says_where_and_what(pmx, tmp_path):
    done = pmx("plugin", "list", cwd=tmp_path)
    assert done.code == 0
    assert "(the installation)" in done.out and "Files share their storage with the store" in done.out
    assert "network-concurrency" in done.out and "(1 to 1024) [128]" in done.out


def test_a_directory_of_the_user_comes_first_and_hides(pmx, tmp_path):
    where = bad(tmp_path, "odd-layout")
    shutil.copy(where / "odd-layout.so", where / "isolated.so")
    for env, flags in ((None, ("--plugin-path", where)), ({"PMX_PLUGIN_PATH": str(where)}, ())):
        rows = listed(pmx, tmp_path, *flags, env=env)
        assert [row["file"] for row in rows[:2]] == [str(where / "isolated.so"), str(where / "odd-layout.so")]
        assert not rows[0]["installed"] and not rows[0]["hidden"]
        assert [row["hidden"] for row in rows if row["name"] == "isolated"] == [False, True]
        choice = next(o for o in rows[1]["options"] if o["name"] == "colour")
        assert choice["choices"] == ["red", "green"] and choice["default"] == "red"


def test_broken_libraries_have_a_reason(pmx, tmp_path):
    where = bad(tmp_path, "crash-at-load", "exit-at-load", "hang-at-load", "wrong-major", "newer-minor", "no-symbol", "draft")
    (where / "text.so").write_text("hello")
    rows = {row["name"]: row for row in listed(pmx, tmp_path, "--plugin-path", where)}
    said = {name: rows[name]["error"]["what"] for name in ("crash-at-load", "exit-at-load", "hang-at-load", "wrong-major", "newer-minor",
                                                           "no-symbol", "draft", "text")}
    assert "crashed" in said["crash-at-load"] and "ended the process" in said["exit-at-load"]
    assert "not loaded within" in said["hang-at-load"]
    assert "version 7" in said["wrong-major"] and "needs version 1.9" in said["newer-minor"]
    assert "pmx_plugin_entry_v1" in said["no-symbol"] and "draft" in said["draft"] and "not a shared library" in said["text"]
    assert all(row["error"]["remedy"] and row["error"]["code"] == "PMX_E_PLUGIN_REJECTED" for row in rows.values() if "error" in row)
    assert rows["hardlink"]["kind"] == "importer"  # and the others are listed
    (where / "hang-at-load.so").unlink()
    text = pmx("plugin", "list", "--plugin-path", where, cwd=tmp_path)
    assert text.code == 0 and "broken: the plugin crashed while it was loaded" in text.out


def test_drafts_are_listed_where_they_are_allowed(pmx, tmp_path):
    where = bad(tmp_path, "draft")
    rows = {row["name"]: row for row in listed(pmx, tmp_path, "--plugin-path", where, "--allow-drafts")}
    assert rows["draft"]["capabilities"] == ["draft"]


@pytest.mark.parametrize("words, says", [
    (["plugin", "lst"], "did you mean \"pmx plugin list\""),
    (["plugin", "list", "x"], "does not take"),
    (["plugin", "list", "--kind", "layout"], "there is no flag"),
    (["plugin", "new", "--json"], "there is no flag"),
])
def test_words_that_are_not_understood(pmx, tmp_path, words, says):
    done = pmx(*words, cwd=tmp_path)
    assert done.code == 2 and says in done.err, done.text


def test_each_command_has_help_with_examples(pmx, tmp_path):
    assert "plugin new" in pmx("plugin", "--help", cwd=tmp_path).out
    for command in ("new", "list", "check"):
        out = pmx("plugin", command, "--help", cwd=tmp_path).out
        assert out.startswith("pmx plugin " + command) and "Examples" in out
