"""What `pip install .` would make of it; nothing is downloaded here."""

import glob
import os
import re
import subprocess
import sys

import pytest

tomllib = pytest.importorskip("tomllib")
PYTHON = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def test_the_project_says_what_the_build_says():
    with open(os.path.join(PYTHON, "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)
    assert project["build-system"]["build-backend"] == "scikit_build_core.build"
    cmake = open(os.path.join(PYTHON, "..", "CMakeLists.txt")).read()
    assert project["project"]["version"] == re.search(r"project\(pmx VERSION ([\d.]+)", cmake).group(1)
    options = project["tool"]["scikit-build"]
    assert os.path.isfile(os.path.join(PYTHON, options["cmake"]["source-dir"], "CMakeLists.txt"))
    for package in options["wheel"]["packages"]:
        assert os.path.isfile(os.path.join(PYTHON, package, "__init__.py"))
    module = open(os.path.join(PYTHON, "CMakeLists.txt")).read()
    assert "COMPONENT %s" % options["install"]["components"][0] in module


def test_a_wheel_is_the_module_and_every_plugin(core, tmp_path):
    """Configured as scikit-build-core does it, with what pyproject.toml says; what its target would build is asked, not built."""
    with open(os.path.join(PYTHON, "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)
    options = project["tool"]["scikit-build"]
    # build.targets is an error to a minimum-version below 0.10, and unknown to older releases.
    assert options["minimum-version"] == "0.10" and "scikit-build-core>=0.10" in project["build-system"]["requires"]
    done = subprocess.run(["cmake", "-G", "Ninja", "-S", os.path.join(PYTHON, options["cmake"]["source-dir"]), "-B", str(tmp_path / "b"),
                           "-DCMAKE_BUILD_TYPE=" + options["cmake"]["build-type"], *options["cmake"]["args"], "-DSKBUILD=2", "-DSKBUILD_PROJECT_NAME=pmx",
                           "-DPython_EXECUTABLE=" + sys.executable, "-DPMX_DEFAULT_REGISTRY=http://registry.example/",
                           "-DCMAKE_INSTALL_PREFIX=" + str(tmp_path / "wheel")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    target, = options["build"]["targets"]
    commands = subprocess.run(["ninja", "-C", str(tmp_path / "b"), "-t", "commands", target], capture_output=True, text=True, check=True).stdout
    made = re.findall(r" -o (\S+)", commands)
    lists = [open(path).read() for path in glob.glob(os.path.join(PYTHON, "..", "plugins", "**", "CMakeLists.txt"), recursive=True)]
    plugins = [name for text in lists for name in re.findall(r"^pmx_add_plugin\((\w+)", text, re.MULTILINE)]
    assert len(plugins) > 8 and {"lib/pmx/plugins/%s.so" % name for name in plugins} <= set(made)
    assert [path for path in made if os.path.basename(path).startswith("_core.")] and "bin/pmx" not in made


def test_the_module_is_what_was_built(core):
    import pmx
    assert pmx.__version__ == re.search(r"VERSION ([\d.]+)", open(os.path.join(PYTHON, "..", "CMakeLists.txt")).read().split("project(pmx")[1]).group(1)
