"""Real studies: pmx as a process, packages of tests/registry, an example. Small, hermetic; states and orders are asserted,
never times."""

import concurrent.futures
import json
import os
import subprocess
import sys

import pytest
from lab_records import needed

from pmx.lab import Cell, RandomSearch, Study, grid, records, run, tune
from pmx.lab.station import Station


def small(project, packages, work, cells=None, **more):
    return Study(project, cells or grid(linker=["isolated", "hoisted"]), registry=packages, work=work, **{"blocks": 2, **more})


def test_a_study_from_start_to_end(pmx, project, packages, work, tmp_path):
    path = str(tmp_path / "r.jsonl")
    study = small(project, packages, work).run(path)
    timed = [r for r in study.records if "block" in r]
    assert [r["status"] for r in study.records[:2]] == ["prepared", "prepared"]
    assert len(timed) == 6 and all(r["status"] == "ok" for r in timed), [r.get("why") for r in timed]
    assert [r["arm"] for r in timed[3:]] == [r["arm"] for r in timed[:3]][::-1]
    first = timed[0]
    assert first["registry"]["tarballs"] == 0 and first["counters"]["warm"] == 5 and first["stages"]["link"]["tasks"] == 5
    assert first["rusage"]["memory_mb"] > 1 and first["machine"]["cores"] >= 1 and first["version"]
    assert len({r["tree"]["digest"] for r in timed}) == 2  # one for each layout
    assert records.read(path) == study.records
    comparison = study.compare()
    assert [row.name for row in comparison.rows] == ["pmx hoisted"] and comparison.rows[0].figure.pairs == 2
    assert os.listdir(work) == []  # nothing is left behind


def test_resume_runs_only_what_is_not_whole(pmx, project, packages, work, tmp_path):
    path = str(tmp_path / "r.jsonl")
    cells = grid(linker="isolated")
    small(project, packages, work, cells).run(path)
    with pytest.raises(FileExistsError):
        small(project, packages, work, cells).run(path)
    whole = records.read(path)
    with open(path, "w", encoding="utf-8") as f:  # the last block loses its last run
        f.writelines(json.dumps(r) + "\n" for r in whole[:-1])
    again = small(project, packages, work, cells, blocks=3).run(path, resume=True)
    sessions = [{r["session"] for r in again.records if r.get("block") == b} for b in range(3)]
    assert [len(s) for s in sessions] == [1, 2, 1] and sessions[0].isdisjoint(sessions[2])
    assert again.compare().null.pairs == 3
    size = os.path.getsize(path)
    small(project, packages, work, cells, blocks=3).run(path, resume=True)
    assert os.path.getsize(path) == size  # all was there
    with pytest.raises(ValueError, match="seed"):
        small(project, packages, work, cells, blocks=3, seed=2).run(path, resume=True)


@pytest.mark.parametrize("phase", ["p0", "p1", "p2", "p3", "p5", "add", "remove", "switch", "second"])
def test_every_phase_is_proved(pmx, project, packages, work, tmp_path, phase):
    study = small(project, packages, work, grid(linker="isolated"), state=phase, blocks=1, add="esm-only@1.0.0", null=None).run()
    timed = [r for r in study.records if "block" in r]
    assert [r["status"] for r in timed] == ["ok"], [r.get("why") for r in study.records]
    tarballs, packuments = timed[0]["registry"]["tarballs"], timed[0]["registry"]["packuments"]
    assert (tarballs > 0) == (phase in ("p0", "p3"))
    assert packuments > 0 or phase not in ("p0", "p1")


def test_a_damaged_file_is_found_and_repaired_beside_the_undamaged_run(pmx, project, packages, work, tmp_path):
    cells = [Cell("pmx", linker="isolated", check="stat"), Cell("pmx", state="damaged", linker="isolated", check="stat")]
    study = small(project, packages, work, cells, blocks=1, null=None).run()
    timed = {r["arm"]: r for r in study.records if "block" in r}
    damaged = timed["pmx isolated stat (damaged)"]
    assert [r["status"] for r in timed.values()] == ["ok", "ok"], [r.get("why") for r in study.records]
    assert damaged["registry"]["tarballs"] == 1 and damaged["counters"]["repaired"] == 1
    assert damaged["tree"]["digest"] == timed["pmx isolated stat"]["tree"]["digest"]


def test_a_damaged_file_that_nobody_looks_for_makes_the_run_invalid(pmx, project, packages, work, tmp_path):
    cells = [Cell("pmx", state="damaged", linker="isolated", check="none")]
    study = small(project, packages, work, cells, blocks=1, null=None).run()
    assert study.records[0]["status"] == "invalid" and "fetched nothing" in study.records[0]["why"]


WRONG = """#!/bin/sh
%(pmx)s "$@" || exit
[ -e "$PWD/node_modules" ] && [ "$1" = install ] && { %(deed)s; }
exit 0
"""


def stand_in(tmp_path, pmx, deed):
    path = str(tmp_path / "stand-in")
    with open(path, "w", encoding="utf-8") as f:
        f.write(WRONG % {"pmx": pmx, "deed": deed})
    os.chmod(path, 0o755)
    return path


def test_a_planted_wrong_tree_invalidates_its_run(pmx, project, packages, work, tmp_path):
    wrong = stand_in(tmp_path, pmx, 'echo "// more" >> node_modules/planted.js')
    cells = [Cell("pmx", linker="isolated"), Cell("pmx", binary=wrong, label="wrong", linker="isolated")]
    study = small(project, packages, work, cells, null=None).run()
    assert {(r["arm"], r["status"]) for r in study.records if r["arm"] == "wrong"} == {("wrong", "invalid")}
    assert "another tree" in [r for r in study.records if r["arm"] == "wrong"][0]["why"]
    assert study.compare().rows[0].figure.pairs == 0


def test_a_failing_run_is_on_record_and_out_of_every_figure(pmx, project, packages, work, tmp_path):
    # The third time and every later one, it fails.
    wrong = stand_in(tmp_path, pmx, 'echo x >> %s/times; [ $(wc -l < %s/times) -lt 4 ] || exit 3' % (tmp_path, tmp_path))
    cells = [Cell("pmx", linker="isolated"), Cell("pmx", binary=wrong, label="fails", linker="isolated")]
    study = small(project, packages, work, cells, null=None, blocks=4).run()
    states = [r["status"] for r in study.records if r["arm"] == "fails"]
    assert states.count("failed") >= 2 and "ok" in states
    comparison = study.compare()
    assert comparison.rows[0].figure.pairs == states.count("ok")
    assert "exit 3" in str(comparison)


def test_a_cell_that_cannot_be_prepared_does_not_stop_the_others(pmx, project, packages, work, tmp_path):
    cells = [Cell("pmx", linker="isolated"), Cell("pmx", binary="/bin/false", label="never", linker="isolated")]
    study = small(project, packages, work, cells, null=None).run()
    assert [r["status"] for r in study.records if r["arm"] == "never"] == ["failed"]
    assert [r["status"] for r in study.records if r["arm"] == "pmx isolated"] == ["prepared", "ok", "ok"]


def test_a_budget_ends_a_study_at_the_end_of_a_block(pmx, project, packages, work, tmp_path):
    study = small(project, packages, work, grid(linker="isolated"), blocks=500).run(budget=0.5)
    blocks = [r["block"] for r in study.records if "block" in r]
    assert 1 <= max(blocks) + 1 < 500 and blocks.count(max(blocks)) == 2


def test_a_study_that_goes_on_until_it_is_precise_looks_now_and_then(pmx, project, packages, work, monkeypatch):
    looks = []

    class Look:
        def widest(self):
            return 0.5 if len(looks) < 14 else 0.1

    def compare(self, **given):
        looks.append(len({r["block"] for r in self.records if "block" in r}))
        assert given == {"measure": "wall"}
        return Look()
    monkeypatch.setattr(Study, "compare", compare)
    study = small(project, packages, work, grid(linker="isolated"), blocks=100).run(precision=0.1)
    assert looks == [6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32]
    assert max(r["block"] for r in study.records if "block" in r) == 31


def test_threads_of_an_executor_run_blocks_of_their_own(pmx, project, packages, work, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        study = small(project, packages, work, grid(linker="isolated"), blocks=4).run(executor=pool, blocks_per_task=2)
    assert study.compare().null.pairs == 4
    assert len({r["session"] for r in study.records}) == 2
    assert {r["block"] for r in study.records if "block" in r} == {0, 1, 2, 3}


def test_dask_is_an_executor(pmx, project, packages, work, tmp_path):
    distributed = needed("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster, \
            distributed.Client(cluster) as client:
        study = small(project, packages, work, grid(linker="isolated"), blocks=2).run(executor=client.get_executor(), blocks_per_task=1)
    assert study.compare().null.pairs == 2 and len({r["session"] for r in study.records}) == 2


def test_mpi_is_an_executor(pmx, project, packages, work, tmp_path):
    needed("mpi4py")
    script, path = tmp_path / "study.py", tmp_path / "r.jsonl"
    script.write_text("""
import sys
from mpi4py.futures import MPIPoolExecutor
from pmx import lab
if __name__ == "__main__":
    project, packages, work, path = sys.argv[1:]
    with MPIPoolExecutor() as pool:
        lab.Study(project, lab.grid(linker="isolated"), registry=packages, work=work, blocks=4).run(path, executor=pool, blocks_per_task=1)
""")
    # One that asks and two that work; this machine may be a container, which has one user and no ssh.
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p), PMX_BIN=pmx, OMPI_ALLOW_RUN_AS_ROOT="1",
                       OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_plm="isolated", OMPI_MCA_rmaps_base_oversubscribe="1", TMPDIR=str(tmp_path))
    done = subprocess.run(["mpiexec", "-n", "3", sys.executable, "-m", "mpi4py.futures", str(script), project, packages, work, str(path)],
                          env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = records.read(str(path))
    assert {r["block"] for r in found if "block" in r and r["status"] == "ok"} == {0, 1, 2, 3}
    assert len({r["session"] for r in found}) == 4 and os.listdir(work) == []


def test_system_calls_are_counted_in_a_run_of_their_own(pmx, project, packages, work, tmp_path):
    if not run.can_count():
        pytest.skip("strace is not here")
    study = small(project, packages, work, grid(linker="isolated", importer="hardlink"), count_calls=True, blocks=1).run()
    calls = study.records[0]["system_calls"]
    assert calls["linkat"] == study.records[0]["counters"]["files_linked"]
    assert all("system_calls" not in r for r in study.records if "block" in r)


def test_tuning_asks_tells_and_saves_only_what_is_faster(pmx, project, packages, work, tmp_path):
    search = RandomSearch({"caps_link": [1, 2], "importer": ["copy", "hardlink"]}, seed=3)
    tuned = tune(project, search, packages, base={"linker": "isolated"}, trials=3, batch=2, blocks=1, confirm=1, work=work)
    assert len(search.told) == 3 and len(tuned.history) == 3 and search.best[0] == min(v for v, _ in search.told)
    assert set(tuned.profile()) == {"linker", "link-concurrency", "import"}
    with pytest.raises(ValueError, match="not faster"):
        tuned.save(str(tmp_path / "p.json"))  # one pair proves nothing
    tuned.save(str(tmp_path / "p.json"), anyway=True)
    with open(tmp_path / "p.json", encoding="utf-8") as f:
        assert json.load(f) == tuned.profile()


def test_a_used_up_space_ends_the_search():
    search = RandomSearch({"a": [1, 2]})
    assert sorted(search.ask()["a"] for _ in range(2)) == [1, 2] and search.ask() is None


def test_a_trace_becomes_a_timeline(pmx, project, packages, work, tmp_path):
    study = small(project, packages, work, grid(linker="isolated"))
    path = study.trace(study.cells[0], str(tmp_path / "trace.json"))
    needed("matplotlib")
    from pmx.lab import plots
    spans = plots.read_trace(path)
    assert {"link", "check"} <= {s[0] for s in spans}
    plots.timeline(path, str(tmp_path / "t.svg"))
    assert (tmp_path / "t.svg").read_text().lstrip().startswith("<?xml")


def test_a_study_says_what_it_lacks(project, packages, work, tmp_path):
    with pytest.raises(ValueError, match="registry"):
        Study(project, grid())
    with pytest.raises(FileNotFoundError):
        Study(str(tmp_path), grid(), registry=packages)
    with pytest.raises(ValueError, match="NAME@VERSION"):
        Study(project, grid(), registry=packages, state="add")
    with pytest.raises(ValueError):
        Study(project, [], registry=packages)


def test_a_station_removes_what_it_made_when_it_fails(work, tmp_path, pmx, project):
    study = Study(project, grid(), registry=str(tmp_path / "nothing"), work=work)
    with pytest.raises(RuntimeError, match="did not start"), Station(study.plan):
        pass
    assert os.listdir(work) == []
