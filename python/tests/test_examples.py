"""The examples of docs/PYTHON.md are programs that run, and the page shows them as they are."""

import os
import re
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")


@pytest.mark.parametrize("name, says", [("first.py", "again: Result(up to date"), ("own_layout.py", "Result(by-id")])
def test_it_runs(core, project, registry, environment, tmp_path, name, says):
    p = project()
    done = subprocess.run([sys.executable, os.path.join(HERE, "..", "examples", name), str(p), registry.url + "/", str(tmp_path / "store")],
                          env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and says in done.stdout, done.stdout + done.stderr
    tool = subprocess.run(["node", "-e", "require('chain-a')"], cwd=p, capture_output=True, text=True, timeout=60)
    assert tool.returncode == 0, tool.stderr


def test_the_page_shows_the_files():
    page = open(os.path.join(ROOT, "docs", "PYTHON.md"), encoding="utf-8").read()
    blocks = re.findall(r"^```python (\S+)\n(.*?)^```$", page, re.M | re.S)
    assert len(blocks) >= 2
    for name, text in blocks:
        assert text == open(os.path.join(ROOT, name), encoding="utf-8").read(), name


def test_every_link_of_the_page_is_there():
    page = open(os.path.join(ROOT, "docs", "PYTHON.md"), encoding="utf-8").read()
    for path in re.findall(r"`((?:host|python|docs)/[\w./-]+)`", page):
        assert os.path.exists(os.path.join(ROOT, path)), path
