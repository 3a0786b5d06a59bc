"""docs/PLUGINS.md and its pages: what is shown as code stands in a file that the tests build and run, and the reference is what
the headers say."""

import os
import re
import subprocess
import sys

import pytest

import example_plugins

ROOT = example_plugins.ROOT
PAGES = ["docs/PLUGINS.md"] + sorted("docs/plugins/" + name for name in os.listdir(os.path.join(ROOT, "docs", "plugins")))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


@pytest.mark.parametrize("page", PAGES)
def test_what_is_shown_as_code_is_in_a_file(page):
    text = read(page)
    blocks = re.findall(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", text, re.M | re.S)
    assert text.count("```") == 2 * len(blocks)
    for language, file, code in blocks:
        assert file, "%s: code without a file: %s" % (page, code[:80])
        assert code in read(file), "%s: this is not (any more) in %s:\n%s" % (page, file, code)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page):
    text = re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert os.path.exists(os.path.join(ROOT, os.path.dirname(page), link)), link
    for path in re.findall(r"`((?:examples|plugins|sdk|tests|docs)/[\w./-]+)`", text):
        assert os.path.exists(os.path.join(ROOT, path)), path


def test_every_example_is_named_in_a_page():
    pages = "".join(read(page) for page in PAGES)
    for name in os.listdir(os.path.join(ROOT, "examples", "plugins")):
        if os.path.isdir(os.path.join(ROOT, "examples", "plugins", name)):
            assert name in pages, name
            assert os.path.exists(os.path.join(ROOT, "examples", "plugins", name, "README.md")), name


def test_the_reference_is_what_the_headers_say():
    done = subprocess.run([sys.executable, os.path.join(ROOT, "sdk", "reference.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_from_nothing_to_a_working_layout(pmx, project, registry, whole, tmp_path):
    """Every line of the page's first section, with nothing but an installed pmx and SDK."""
    build = example_plugins.build_directory()
    if not os.path.exists(os.path.join(build, "cmake_install.cmake")):
        example_plugins.missing("pmx cannot be installed from %s: it is no build directory" % build)
    for component in ("sdk", "Unspecified"):
        example_plugins.run("cmake", "--install", build, "--component", component, "--prefix", tmp_path / "prefix")
    p = project("basic")
    work = tmp_path / "work"
    work.mkdir()
    env = pmx.environment({"PREFIX": str(tmp_path / "prefix"), "PROJECT": str(p)})
    example_plugins.run("sh", os.path.join(ROOT, "examples", "plugins", "afternoon.sh"), cwd=str(work), env=env)
    whole(p)
    assert (p / "node_modules" / ".cellar").is_dir() and not (p / "node_modules" / ".slots").exists()
