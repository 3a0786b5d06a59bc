"""Pictures are made, hold what they must, and are the same bytes for the same data."""

from lab_records import needed

from pmx.lab import statistics


def figures():
    return [("link=1", statistics.ratio([(1.2 + i / 100, 1.0) for i in range(8)])),
            ("link=4", statistics.ratio([(0.7 + i / 100, 1.0) for i in range(8)])), ("nothing", statistics.ratio([]))]


def test_dots(tmp_path):
    needed("matplotlib")
    from pmx.lab import plots
    for name in ("a", "b"):
        plots.dots(figures(), str(tmp_path / name), title="wall", limits=[1.0, 0.8], null=statistics.ratio([(1, 1)] * 6))
    text = (tmp_path / "a").read_text()
    assert text == (tmp_path / "b").read_text()
    assert "link=1" in text and "null pair" in text and "nothing" not in text


def test_scaling_and_flame(tmp_path):
    needed("matplotlib")
    from pmx.lab import plots
    plots.scaling({"1 thread": [(100, [1.0, 1.1]), (1000, [11.0])]}, str(tmp_path / "s"))
    plots.flame({"pmx": {"linkat": 900, "newfstatat": 800, "futex": 3}}, str(tmp_path / "f"))
    assert "in proportion" in (tmp_path / "s").read_text() and "linkat 900" in (tmp_path / "f").read_text()


def test_frames(tmp_path):
    needed("pandas")
    from lab_records import made_record

    from pmx.lab import compare, export
    found = [made_record(arm, b, w) for b in range(3) for arm, w in (("a", 1.0), ("b", 2.0))]
    assert export.frame(found)["wall"].mean() == 1.5
    assert compare.Comparison(found, baseline="a").frame()["ratio"][0] == 2.0
