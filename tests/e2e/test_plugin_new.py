"""`pmx plugin new`: eight projects (four kinds, C++ and C), each built against an installed SDK with nothing but CMake and
a compiler, tested, checked, and used by an install."""

import os
import shutil
import subprocess

import pytest

from conftest import Pmx, registry_server
from test_prefix import prefix, run  # noqa: F401  (the fixture: an installation that was moved)

FLAGS = {"layout": "--linker", "importer": "--import", "fetcher": "--fetcher", "validator": "--validator"}
ALL = [(kind, c) for kind in FLAGS for c in (False, True)]


def name_of(kind, c):
    return "my-%s%s" % (kind, "-c" if c else "")


class Built:
    def __init__(self, home, prefix, where):
        self.pmx, self.prefix, self.where = Pmx(home, None), prefix, where

    def file(self, kind, c):
        return str(self.where / "build" / name_of(kind, c) / (name_of(kind, c) + ".so"))


@pytest.fixture(scope="module")
def built(prefix, tmp_path_factory):  # noqa: F811
    """All eight in one run of CMake: a compiler is looked for once."""
    where = tmp_path_factory.mktemp("new")
    pmx = Pmx(str(where), None)
    program = str(prefix / "bin" / "pmx")
    for kind, c in ALL:
        done = subprocess.run([program, "plugin", "new", name_of(kind, c), "--kind", kind, *(["--c"] if c else [])], cwd=where,
                              env=pmx.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "cmake -B build -DCMAKE_PREFIX_PATH=%s" % prefix in done.stdout
        assert FLAGS[kind] in done.stdout
    (where / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(all LANGUAGES C CXX)\nenable_testing()\n"
        + "".join("add_subdirectory(%s)\n" % name_of(kind, c) for kind, c in ALL))
    run("cmake", "-G", "Ninja", "-B", where / "build", "-S", where, "-DCMAKE_PREFIX_PATH=%s" % prefix, "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON",
        "-DCMAKE_C_FLAGS=-Wall -Wextra", "-DCMAKE_CXX_FLAGS=-Wall -Wextra")
    run("cmake", "--build", where / "build", "-j", "2")
    return Built(str(where), prefix, where)


@pytest.mark.parametrize("kind, c", ALL)
def test_its_own_test_and_the_kit_pass(built, kind, c):
    run("ctest", "--test-dir", built.where / "build" / name_of(kind, c), "--output-on-failure", "--no-tests=error")


def test_ctest_runs_the_kit_too(built):
    assert "Test #2: my-layout.check" in run("ctest", "-N", "--test-dir", built.where / "build" / "my-layout")


@pytest.mark.parametrize("kind, c", ALL)
def test_it_installs(built, pmx, tmp_path, project, whole, kind, c):
    p = project("basic")
    done = pmx.install(p, FLAGS[kind], built.file(kind, c))
    assert done.code == 0
    if kind == "layout":
        assert (p / "node_modules" / ".slots").is_dir()
    whole(p)


def test_the_template_of_a_validator_denies(built, pmx, project):
    for c in (False, True):
        done = pmx.install(project("basic", into="denied%d" % c), "--validator", "integrity,tree," + built.file("validator", c),
                           "--plugin-option", "%s.deny=chain-a" % name_of("validator", c), ok=False)
        if "there is no flag" in done.err:
            pytest.skip("no --plugin-option")
        assert done.code == 1 and "PMX_E_POLICY" in done.err, done.text


def test_the_project_has_what_it_says(built):
    files = sorted(os.listdir(built.where / "my-importer"))
    assert files == [".gitignore", "CMakeLists.txt", "README.md", "my_importer.cpp", "my_importer_test.cpp"]
    for name in files:
        assert "@" not in (built.where / "my-importer" / name).read_text().replace("@param", "")


@pytest.fixture
def local(tmp_path):
    (tmp_path / "home").mkdir()
    return Pmx(str(tmp_path / "home"), None)


def test_nothing_is_overwritten(local, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "a-file").write_text("mine")
    for name in ("taken", "a-file"):
        done = local("plugin", "new", name, "--kind", "layout", cwd=tmp_path)
        assert done.code == 2 and "nothing is overwritten" in done.err and str(tmp_path / name) in done.err
    assert os.listdir(tmp_path / "taken") == [] and (tmp_path / "a-file").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "My", "../x", "a b", "9a", "-", "a_b", "a--b", "a-", "x" * 65, "a/b", "ä", "a.so", "."])
def test_bad_names_say_what_is_allowed(local, tmp_path, name):
    done = local("plugin", "new", "--kind", "layout", "--", name, cwd=tmp_path)
    assert done.code == 2 and "small letters, digits and single hyphens" in done.err, done.text
    assert os.listdir(tmp_path) == ["home"]


@pytest.mark.parametrize("words, says", [
    ([], "wants one name"),
    (["a", "b", "--kind", "layout"], "wants one name"),
    (["a"], "which kind of plugin?"),
    (["a", "--kind", "lajout"], "did you mean --kind layout?"),
    (["a", "--kind", "x"], "layout, importer, fetcher or validator"),
    (["hoisted", "--kind", "layout"], "choose another: my-hoisted"),
])
def test_refusals(local, tmp_path, words, says):
    done = local("plugin", "new", *words, cwd=tmp_path)
    assert done.code == 2 and says in done.err, done.text


def test_it_goes_where_C_says(local, tmp_path):
    (tmp_path / "there").mkdir()
    assert local("plugin", "new", "one", "--kind", "validator", "-C", "there", cwd=tmp_path).code == 0
    assert (tmp_path / "there" / "one" / "CMakeLists.txt").is_file()


def test_without_the_templates_the_error_says_how_to_get_them(local, tmp_path):
    (tmp_path / "bin").mkdir()
    alone = tmp_path / "bin" / "pmx"
    shutil.copy(registry_server.pmx_binary(), alone)
    done = subprocess.run([str(alone), "plugin", "new", "x", "--kind", "layout"], cwd=tmp_path, env=local.environment(),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "--component sdk" in done.stderr and str(tmp_path / "share/pmx/template") in done.stderr
