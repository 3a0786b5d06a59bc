"""Where a cell is run: what a reset takes away is gone, and nothing else."""

import os

import pytest

from pmx.lab import place


@pytest.fixture
def tree(tmp_path):
    outside = tmp_path / "outside"
    (outside / "kept").mkdir(parents=True)
    (outside / "kept" / "file").write_text("mine")
    root = tmp_path / "tree"
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "file").write_text("1")
    os.link(outside / "kept" / "file", root / "a" / "b" / "hard")
    os.symlink(outside, root / "a" / "link")
    os.symlink("nowhere", root / "dangling")
    os.mkfifo(root / "fifo")
    os.chmod(root / "a" / "b", 0o500)
    return root


def test_a_tree_is_removed_and_nothing_that_it_points_at(tree, tmp_path):
    place.remove_tree(str(tree))
    assert os.listdir(tmp_path) == ["outside"] and (tmp_path / "outside" / "kept" / "file").read_text() == "mine"


def test_what_the_quick_way_cannot_remove_goes_all_the_same(tree, tmp_path, monkeypatch):
    quick = place._remove

    def refused(path, parent=None):
        if path == "b":
            raise PermissionError(path)
        quick(path, parent)
    monkeypatch.setattr(place, "_remove", refused)
    test_a_tree_is_removed_and_nothing_that_it_points_at(tree, tmp_path)


def test_a_link_is_not_a_tree(tree, tmp_path):
    os.symlink(tree, tmp_path / "link")
    place.remove_tree(str(tmp_path / "link"))
    assert os.path.isdir(tree / "a" / "b" / "c")


@pytest.mark.parametrize("later", [True, False])
def test_what_a_reset_takes_away_is_gone_after_the_look_at_the_tree(work, project, later):
    where = place.Place(os.path.join(work, "p"), project, "http://registry.example", aside="removed", later=later)
    modules = os.path.join(where.project, "node_modules")
    for _ in range(2):
        os.makedirs(os.path.join(modules, "a", "b"))
        where.discard_modules()
        assert not os.path.exists(modules)
        with where.removing():
            pass
        assert not os.path.exists(os.path.join(where.root, "gone"))
    where.close()
    assert os.listdir(work) == []
