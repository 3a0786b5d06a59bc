"""Records: written once, read whole, never averaged when they do not count; comparisons of machines and of failures."""

import json

import pytest
from lab_records import made_record

from pmx.lab import compare, export, machine, records
from pmx.lab.study import complete_blocks


def test_round_trip(tmp_path):
    path = str(tmp_path / "deep" / "r.jsonl")
    wanted = [made_record("a", 0, 1.5), made_record("b é\n", 0, 2.5, status="failed", why="exit 1: \"no\"")]
    for record in wanted:
        records.append(path, record)
    assert records.read(path) == wanted
    with open(path, encoding="utf-8") as f:
        assert len(f.read().splitlines()) == 2


def test_a_line_that_was_cut_off_is_skipped_and_the_next_one_is_whole(tmp_path):
    path = str(tmp_path / "r.jsonl")
    records.append(path, made_record("a", 0, 1.0))
    with open(path, "a", encoding="utf-8") as f:
        f.write('{"schema":1,"study":"made","ce')
    records.append(path, made_record("a", 1, 1.0))
    assert [r["block"] for r in records.read(path)] == [0, 1]


def test_what_is_no_record_is_an_error_with_its_line(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"some": "thing"}\n')
    with pytest.raises(records.RecordError, match=r"r\.jsonl:1"):
        records.read(str(path))
    path.write_text(json.dumps({**made_record("a", 0, 1.0), "schema": 99}) + "\n")
    with pytest.raises(records.RecordError, match="newer"):
        records.read(str(path))
    with pytest.raises(records.RecordError, match="status"):
        records.append(str(path), {**made_record("a", 0, 1.0), "status": "fine"})


def test_runs_that_do_not_count_never_enter_a_figure_and_are_shown():
    found = [made_record(arm, block, wall) for block in range(8) for arm, wall in (("a", 1.0), ("b", 2.0))]
    found += [made_record("b", 8, 0.001, status="failed", why="exit 1"), made_record("a", 8, 1.0),
              made_record("b", 9, 900.0, status="invalid", why="fetched"), made_record("a", 9, 1.0), made_record("a", None, 50.0, status="prepared")]
    c = compare.Comparison(found, baseline="a")
    assert [row.name for row in c.rows] == ["b"]
    assert c.rows[0].figure.ratio == pytest.approx(2.0) and c.rows[0].figure.pairs == 8
    assert c.rows[0].value == 2.0
    assert len(c.failures) == 2 and "2 runs do not count" in c.table()
    assert export.bencher(found)["p/p4/none/b"]["latency"]["value"] == pytest.approx(2e9)
    assert export.bencher(found)["p/p4/none/b"]["latency"]["upper_value"] == pytest.approx(2e9)


def test_a_pair_is_of_one_block_and_one_session():
    found = [made_record("a", 0, 1.0, session="1"), made_record("b", 0, 9.0, session="2"), made_record("b", 1, 9.0, session="1")]
    assert compare.Comparison(found, baseline="a").rows[0].figure.pairs == 0
    assert complete_blocks(found, {"a", "b"}) == set()
    assert complete_blocks(found + [made_record("a", 1, 1.0, session="1")], {"a", "b"}) == {1}


def test_the_null_pair_is_shown_beside_the_rows_and_is_none():
    found = [made_record(arm, block, wall) for block in range(6) for arm, wall in (("a", 1.0), ("a (again)", 1.0), ("b", 2.0))]
    c = compare.Comparison(found, baseline="a")
    assert [row.name for row in c.rows] == ["b"]
    assert c.null.verdict.startswith("same") and "Null pair" in c.table()


def test_unlike_machines_are_refused_unless_told_to():
    here = machine.describe(work="/")
    there = {**here, "cores": here["cores"] + 14}
    found = [made_record(arm, b, w, machine=m, session=s) for s, m in (("1", here), ("2", there)) for b in range(3)
             for arm, w in (("a", 1.0), ("b", 2.0))]
    with pytest.raises(compare.UnlikeMachines, match="cores"):
        compare.Comparison(found, baseline="a")
    assert compare.Comparison(found, baseline="a", machines="pool").rows[0].figure.pairs == 6


def test_another_file_system_is_another_machine():
    here = machine.describe(work="/")
    assert machine.differences(here, dict(here)) == []
    assert machine.differences(here, {**here, "file_systems": {"work": "floppy"}}) == ["file_systems"]


def test_a_factor_is_compared_with_all_else_equal():
    found = []
    for block in range(6):
        for linker, base in (("isolated", 1.0), ("hoisted", 3.0)):
            for link in (1, 2):
                found.append(made_record("%s %d" % (linker, link), block, base / link, factors={"linker": linker, "caps_link": link}))
    c = compare.Comparison(found, by="caps_link", baseline=1)
    assert [row.name for row in c.rows] == ["caps_link=2"]
    assert c.rows[0].figure.ratio == pytest.approx(0.5) and c.rows[0].figure.pairs == 12
    names = dict(compare.Comparison(found, baseline="isolated 1").effects())
    assert names["linker: isolated → hoisted"].ratio == pytest.approx(3.0)


def test_values_by_dotted_names():
    record = made_record("a", 0, 1.0)
    assert records.value(record, "rusage.memory_mb") == 10.0
    assert records.value(record, "cpu") == pytest.approx(0.75)
    assert records.value(record, "stages.link.wall_ms") is None


def test_csv_has_a_row_for_each_run_and_a_column_for_each_factor():
    text = export.to_csv([made_record("a", 0, 1.0, factors={"caps_link": 2}), made_record("b", 0, 1.0, status="failed", why="x, \"y\"")])
    lines = text.splitlines()
    assert len(lines) == 3 and "factor.caps_link" in lines[0] and '"x, ""y"""' in lines[2]
