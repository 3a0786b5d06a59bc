"""The examples of docs/PYTHON.md are programs that run, and the page shows them as they are."""

import importlib
import math
import os
import re
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "lab"))
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


QUESTIONS = ("link_cap", "check_level", "importers", "unpack_and_network", "layouts")


@pytest.fixture
def question(monkeypatch):
    """An example by its name, as it finds what lies beside it."""
    monkeypatch.syspath_prepend(os.path.join(HERE, "..", "examples"))
    return importlib.import_module


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered(core, question, name, tmp_path, capsys):
    from lab_records import needed
    needed("matplotlib")
    from pmx.lab import records
    said = question(name).main(["--size", "6", "--blocks", "1", "--out", str(tmp_path / "seen.svg")])
    shown = capsys.readouterr().out
    assert shown.endswith("\n" + said + "\n") and shown.count(said) == 1 and said.endswith(".") and ". " not in said
    assert "not told apart by these runs" in said and "load average" in shown, shown  # one block can prove nothing
    assert "No run failed." in shown and "do not count" not in shown, shown
    assert (tmp_path / "seen.svg").read_text().startswith("<?xml")
    assert len({r["arm"] for r in records.good(records.read(str(tmp_path / "seen.jsonl")))}) >= 4


def test_a_file_system_that_cannot_be_had_is_named(core, question, tmp_path, capsys, monkeypatch):
    importers = question("importers")
    monkeypatch.setattr(importers.shutil, "which", lambda name: None)
    monkeypatch.setattr(importers.os, "geteuid", lambda: 0)
    said = importers.main(["--size", "4", "--blocks", "1", "--out", str(tmp_path / "seen.svg"), "--work", str(tmp_path)])
    shown = capsys.readouterr().out
    for kind in ("ext4", "xfs", "btrfs"):
        assert "%s is skipped: it needs mkfs.%s\n" % (kind, kind) in shown, shown
    assert said.startswith("On %s, against hardlink" % importers.file_system(str(tmp_path))), said


def test_a_sentence_says_what_the_figures_support(question):
    q, of_logs = question("question"), importlib.import_module("pmx.lab.statistics").of_logs
    clear = [0.001 * k for k in range(8)]
    half, twice, same = (of_logs([v + shift for v in clear]) for shift in (math.log(0.5), math.log(2), 0))
    noise = of_logs([0.4, -0.5, 0.3, -0.2, 0.5, -0.4])
    said = q.verdicts([("a", half), ("b", twice), ("c", same), ("d", noise), ("e", of_logs([]))], "z")
    for name, word in (("a", "is faster"), ("b", "is slower"), ("c", "is the same within ±2 %"), ("d", "is not told apart by these runs"),
                       ("e", "is not measured")):
        assert re.search(r"\b%s \([^)]*\) %s" % (name, word), said), said
    assert q.better([("a", half), ("d", noise)], "z", same) == "so a is shown to beat z"
    assert q.better([("b", twice), ("c", same)], "z", same) == "so nothing beats z"
    nothing = "so nothing was shown to beat z, nor that nothing does"
    assert q.better([("b", twice), ("d", noise)], "z", same) == nothing
    assert all(q.better([("a", half)], "z", null) == nothing for null in (None, of_logs([0.1]), twice)), "no better than a cell is than itself"
    assert q.cost("b", twice, "z", same).startswith("b costs 100 to 10") and "was not shown" in q.cost("b", twice, "z", twice)
    assert q.cost("a", half, "z", same).startswith("a saves") and "same within" in q.cost("c", same, "z", same)
    assert "no null pair" in q.believed(None) and "null pair is slower" in q.believed(twice)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_its_page(name):
    """Text and picture are what a run printed and drew; the page says how to run it again."""
    at = os.path.join(HERE, "..", "examples", name)
    page = open(at + ".md", encoding="utf-8").read()
    assert "python/examples/%s.py" % name in page and "](%s.svg)" % name in page and "load average" in page
    assert open(at + ".svg", encoding="utf-8").read().startswith("<?xml")
