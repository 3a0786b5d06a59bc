"""`cmake --install` gives a tree that runs from anywhere: installed, moved, and used there with nothing of the build tree:
the command, its plugins, and the SDK that builds another plugin for it."""

import os
import shutil
import subprocess

import pytest

import registry_server
from conftest import ROOT, node

BUILD = os.path.dirname(os.path.dirname(os.path.realpath(registry_server.pmx_binary())))


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, "%s\n%s%s" % (command, done.stdout, done.stderr)
    return done.stdout


def cache(name):
    """A value of the build tree's CMakeCache.txt, "" when absent."""
    with open(os.path.join(BUILD, "CMakeCache.txt")) as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition("=")
            if key.partition(":")[0] == name:
                return value
    return ""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    if not os.path.isfile(os.path.join(BUILD, "cmake_install.cmake")) or not shutil.which("cmake"):
        pytest.skip("the pmx under test does not lie in a build tree, or there is no cmake")
    base = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", base / "first")
    (base / "elsewhere").mkdir()
    os.rename(base / "first", base / "elsewhere" / "a place")
    return base / "elsewhere" / "a place"


@pytest.fixture
def installed(pmx, prefix):
    """pmx(...) that runs the moved command, which sees nothing of the environment's plugins."""
    def call(*args, cwd, program=prefix):
        return subprocess.run([str(program / "bin" / "pmx"), *map(str, args)], cwd=str(cwd), env=pmx.environment(),
                              capture_output=True, text=True, timeout=120)
    return call


def copy_example(tmp_path):
    target = tmp_path / "hello"
    shutil.copytree(os.path.join(ROOT, "examples", "hello"), target, ignore=shutil.ignore_patterns("node_modules"))
    return target


@pytest.mark.parametrize("linker", ["isolated", "hoisted", "global"])
def test_the_moved_tree_installs(installed, tmp_path, linker):
    project = copy_example(tmp_path)
    done = installed("install", "--linker", linker, cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    node("require('./index.js')", project)
    again = installed("install", "--linker", linker, cwd=project)
    assert again.returncode == 0, again.stdout + again.stderr


def test_its_parts_are_where_they_belong(prefix):
    assert os.access(prefix / "bin" / "pmx", os.X_OK)
    assert list(prefix.glob("include/pmx/abi.h")) and list(prefix.glob("lib/**/pmx-sdk-config.cmake"))
    plugins = {p.stem: p for p in prefix.glob("lib/**/pmx/plugins/*.so")}
    if cache("PMX_STATIC_PLUGINS") not in ("ON", "1", "TRUE"):
        assert {"isolated", "hoisted", "global", "hardlink", "reflink", "copy", "http1", "file", "git", "integrity",
                "tree"} <= set(plugins)
    assert list(prefix.glob("share/pmx/template/README.md"))
    # Nothing else comes along, and no path of the build tree is followed at run time.
    assert sorted(p.name for p in prefix.iterdir()) == ["bin", "include", "lib", "share"]
    assert os.listdir(prefix / "bin") == ["pmx"]
    for binary in [prefix / "bin" / "pmx", *plugins.values()]:
        run_path = run("readelf", "-d", binary) if shutil.which("readelf") else ""
        assert "RUNPATH" not in run_path and "RPATH" not in run_path, binary
    for text in [*prefix.glob("lib/**/*.cmake"), *prefix.glob("lib/**/*.pc")]:
        assert BUILD not in text.read_text() and ROOT not in text.read_text(), text


def test_a_plugin_built_with_the_moved_sdk_is_found_by_name(installed, prefix, tmp_path):
    """The example layout, found through find_package, installed into the same prefix, used by an install."""
    flags = "-fsanitize=%s" % cache("PMX_SANITIZE") if cache("PMX_SANITIZE") else ""
    libdir = next(prefix.glob("lib/**/pmx-sdk-config.cmake")).parents[2].relative_to(prefix)
    run("cmake", "-S", os.path.join(ROOT, "examples", "plugins", "flat-layout"), "-B", tmp_path / "build",
        "-DCMAKE_PREFIX_PATH=%s" % prefix, "-DCMAKE_INSTALL_LIBDIR=%s" % libdir, "-DCMAKE_CXX_FLAGS=" + flags)
    run("cmake", "--build", tmp_path / "build")
    # Into a copy: the other tests of this file look at what an installation alone contains.
    mine = tmp_path / "mine"
    shutil.copytree(prefix, mine)
    project = copy_example(tmp_path)
    refused = installed("install", "--linker", "flat-layout", cwd=project, program=mine)
    assert refused.returncode != 0 and "flat-layout" in refused.stdout + refused.stderr
    run("cmake", "--install", tmp_path / "build", "--prefix", mine)
    assert os.path.isfile(mine / libdir / "pmx" / "plugins" / "flat-layout.so")
    done = installed("install", "--linker", "flat-layout", cwd=project, program=mine)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "node_modules" / "greet" / "package.json").is_file()
    node("require('./index.js')", project)
