"""The bench on top of the lab: its table, its generated projects, its command line. Nothing here measures."""

import json
import os
import subprocess
import sys

import pytest
from lab_records import ROOT, made_record
from pmx.lab.registry import Network

sys.path.append(os.path.join(ROOT, "bench"))

import figures  # noqa: E402
import linear  # noqa: E402
import page  # noqa: E402
import projects  # noqa: E402
import series  # noqa: E402


def study(phase, layout, walls, blocks=8, **more):
    """Records of a study in which each arm always takes the same time."""
    return [made_record(arm, block, wall, phase=phase, phase_group=phase, layout_group=layout, file_system="tmpfs", study=phase, **more)
            for block in range(blocks) for arm, wall in walls.items()]


def row(title, check=None):
    return next(r for r in figures.ROWS if r.title.startswith(title) and check in (None, r.check))


@pytest.mark.parametrize("wall, verdict", [(0.74, "prize"), (0.90, "reached"), (0.99, "missed")])
def test_a_row_is_judged_by_its_limits(wall, verdict):
    found = study("p4", "isolated", {"pmx isolated stat": wall, "bun isolated": 1.0})
    assert figures.judge(row("p4 warm store, isolated", "stat"), found).verdict == verdict


def test_the_fastest_of_several_peers_counts():
    found = study("add", "isolated", {"pmx isolated stat": 1.0, "bun isolated": 4.0, "pnpm isolated": 2.0})
    result = figures.judge(row("add"), found)
    assert result.other == "pnpm isolated" and result.figure.ratio == pytest.approx(0.5)


def test_a_row_without_a_good_pair_says_why():
    found = study("p3", "isolated", {"pmx isolated stat": 1.0}) + study("p3", "isolated", {"bun isolated": 1.0}, status="failed", why="exit 1: oh")
    result = figures.judge(row("p3"), found)
    assert result.verdict == "no pair" and "oh" in result.note and figures.judge(row("p5"), found).verdict == "not measured"


def test_system_calls_are_counted_against_what_the_tree_needs():
    tree = {"files": 100, "directories": 10, "symlinks": 5, "digest": "x"}
    found = [made_record("pmx isolated stat", None, 1.0, status="prepared", phase_group="p4", layout_group="isolated", tree=tree,
                         counters={"files_linked": 90}, system_calls={"linkat": 90, "newfstatat": 90, "mkdirat": 10, "symlinkat": 5})]
    result = figures.judge(row("system calls"), found)
    assert result.figure.ratio == pytest.approx(1.0) and result.verdict == "prize"


def test_unlike_trees_are_noted():
    found = study("p3", "isolated", {"pmx isolated stat": 1.0}, tree={"files": 100, "digest": "a"}) + \
        study("p3", "isolated", {"bun isolated": 1.0}, tree={"files": 150, "digest": "b"})
    assert "100 and 150" in figures.judge(row("p3"), found).note


def test_every_row_is_run_by_some_study():
    peers = dict.fromkeys(("bun", "pnpm", "utoo", "npm"), "/bin/true")
    for r in figures.ROWS:
        names = {c.name for c in series.cells(r.phase, r.layout, peers)}
        assert r.one in names and (not r.others or names & set(r.others)), r.title
        assert r.layout in series.OF_PHASE[r.phase]


def test_what_asks_no_registry_is_measured_on_no_modelled_network():
    plain, modelled = Network.parse("none"), Network.parse("50ms-200mbit")
    assert series.phases_for(series.PHASES, plain) == list(series.PHASES)
    assert series.phases_for(["p0", "p1", "p3", "p4", "p5", "add", "second"], modelled) == ["p0", "p1", "p3"]


def test_the_page_shows_rows_failures_and_machine(tmp_path, capsys, monkeypatch):
    found = study("p4", "isolated", {"pmx isolated stat": 0.9, "pmx isolated none": 0.8, "bun isolated": 1.0, "pmx isolated stat (again)": 0.9})
    found.append(made_record("bun isolated", 9, 1.0, status="failed", why="exit 7", phase_group="p4", layout_group="isolated", file_system="tmpfs", study="p4"))
    monkeypatch.setattr(page, "_picture", lambda *_: None)

    class Given:
        seed, pairs = 1, 8
    page.write(found, str(tmp_path), Given)
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| p4 warm store, isolated + hardlink | stat | bun isolated |" in text and "reached" in text and "exit 7" in text
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert {r["verdict"] for r in rows if r["one"] == "pmx isolated stat" and r["other"] == "bun isolated"} == {"reached"}
    assert set(json.loads((tmp_path / "bencher.json").read_text())) >= {"p/p4/none/bun isolated"}
    capsys.readouterr()
    assert page.agree(str(tmp_path), str(tmp_path)) == 0
    (tmp_path / "other").mkdir()
    rows[0]["verdict"] = "missed"
    (tmp_path / "other" / "rows.json").write_text(json.dumps(rows))
    assert page.agree(str(tmp_path), str(tmp_path / "other")) == 1


def test_a_generated_project_is_the_same_bytes_and_can_be_served(tmp_path):
    trees = []
    for name in ("a", "b"):
        project, mirror = projects.generate(str(tmp_path / name), 12)
        trees.append({os.path.relpath(os.path.join(d, f), str(tmp_path / name)): open(os.path.join(d, f), "rb").read()
                      for d, _, files in os.walk(tmp_path / name) for f in files})
    assert trees[0] == trees[1]
    assert len([p for p in trees[0] if p.endswith(".tgz")]) == 12


def test_what_is_added_is_in_the_mirror_and_not_in_the_project(tmp_path):
    for name in ("mitt", "dequal"):
        os.makedirs(tmp_path / name / "-")
        (tmp_path / name / "package.json").write_text("{}")
        (tmp_path / name / "-" / (name + "-3.0.1.tgz")).write_text("")
    (tmp_path / "package.json").write_text('{"dependencies": {"mitt": "^3.0.0"}}')
    assert projects.addition(str(tmp_path), str(tmp_path)) == "dequal@3.0.1"


def test_exponents():
    assert linear.exponents([100, 1000, 10000], [1.0, 10.0, 1000.0]) == "1.00, 2.00"


@pytest.mark.parametrize("words, said", [(["--peers", "yarn"], "no such peer"), (["--phases", "p9"], "no such phase"), (["--layout", "flat"], "no such layout"),
                                         (["--peers", "none", "--projects", "/nonesuch", "--project", "x"], "--projects DIR"),
                                         (["--peers", "none", "--mirror", "/nonesuch"], "no mirror"), (["--network", "slow"], "50ms-200mbit")])
def test_what_is_missing_is_said_in_a_line(tmp_path, words, said):
    (tmp_path / "package.json").write_text("{}")
    given = words if "--project" in words else [*words, "--project", str(tmp_path)]
    if "--network" in words:
        given += ["--mirror", str(tmp_path)]
    done = subprocess.run([sys.executable, os.path.join(ROOT, "bench", "run"), *given, "--out", str(tmp_path / "out")], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
