"""What `pip install .` would make of it; nothing is downloaded here."""

import os
import re

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


def test_the_module_is_what_was_built(core):
    import pmx
    assert pmx.__version__ == re.search(r"VERSION ([\d.]+)", open(os.path.join(PYTHON, "..", "CMakeLists.txt")).read().split("project(pmx")[1]).group(1)
