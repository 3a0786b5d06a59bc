"""Trees by their digest."""

import os

from pmx.lab import digest


def tree(root, **files):
    for path, content in files.items():
        where = os.path.join(root, "node_modules", path.replace("__", "/"))
        os.makedirs(os.path.dirname(where), exist_ok=True)
        if isinstance(content, tuple):
            os.symlink(content[0], where)
        else:
            with open(where, "w", encoding="utf-8") as f:
                f.write(content)
    return str(root)


def base(root, **more):
    return tree(root, **{"a__package.json": "{}", "a__index.js": "1", "b": ("a",), **more})


def test_equal_trees_have_equal_digests_wherever_they_lie(tmp_path):
    one, two = digest.of(base(tmp_path / "one")), digest.of(base(tmp_path / "elsewhere"))
    assert one.digest == two.digest
    assert (one.files, one.directories, one.symlinks, one.packages, one.bytes) == (2, 1, 1, 1, 3)


def test_each_difference_shows(tmp_path):
    wanted = digest.of(base(tmp_path / "0")).digest
    changed = base(tmp_path / "1")
    os.chmod(changed + "/node_modules/a/index.js", 0o755)
    longer = base(tmp_path / "2", **{"a__index.js": "12"})
    more = base(tmp_path / "3", c__x="")
    empty = base(tmp_path / "4")
    os.mkdir(empty + "/node_modules/empty")
    linked = base(tmp_path / "5")
    os.unlink(linked + "/node_modules/b")
    os.symlink("c", linked + "/node_modules/b")
    assert len({wanted, *(digest.of(t).digest for t in (changed, longer, more, empty, linked))}) == 6
    assert digest.difference(base(tmp_path / "6"), more) == [("node_modules/c", "only in the second"), ("node_modules/c/x", "only in the second")]


def test_content_counts_when_asked_for(tmp_path):
    one, two = base(tmp_path / "1"), base(tmp_path / "2", **{"a__index.js": "2"})
    assert digest.of(one).digest == digest.of(two).digest
    assert digest.of(one, content=True).digest != digest.of(two, content=True).digest


def test_notes_of_package_managers_and_places_are_no_difference(tmp_path):
    one = base(tmp_path / "1", **{".modules.yaml": "today", "x": (str(tmp_path / "1/store/x"),)})
    two = base(tmp_path / "2", **{".modules.yaml": "yesterday, and longer", "x": (str(tmp_path / "2/store/x"),)})
    a = digest.of(one, replace=(str(tmp_path / "1"),))
    assert a.digest == digest.of(two, replace=(str(tmp_path / "2"),)).digest


def test_the_bare_digest_leaves_out_executables(tmp_path):
    one, two = digest.of(base(tmp_path / "1", **{".bin__x": ("../a/index.js",)})), digest.of(base(tmp_path / "2"))
    assert one.digest != two.digest and one.bare == two.bare


def test_a_file_with_many_names_is_counted_once_in_bytes(tmp_path):
    root = base(tmp_path / "1")
    os.link(root + "/node_modules/a/index.js", root + "/node_modules/a/again.js")
    assert digest.of(root).bytes == 3 and digest.of(root).files == 3


def test_digests_are_those_of_earlier_records(tmp_path):
    """A study is resumed, and compared with last year's: what a tree's digest is must not change with the code."""
    root = base(tmp_path / "1", **{"é__package.json": "{}", "@s__p__package.json": "{}", "@s__p__lib__x.js": "long enough", "here": (str(tmp_path / "1/store"),),
                                   ".bin__x": ("../a/index.js",), ".modules.yaml": "", "a__.bindings__x": "12", "a__node_modules__b__package.json": "{}"})
    os.chmod(root + "/node_modules/a/index.js", 0o755)
    os.makedirs(root + "/packages/one/node_modules/.bin")
    os.makedirs(root + "/packages/one/src")
    found = digest.of(root, replace=(str(tmp_path / "1"),))
    assert found.digest == "ffd43138cfe472ab5d89ef3895fdba01227451831a2887602cf2de8e1687e628"
    assert found.bare == "355b6474f4d67dc2cfa4e3c26ccac9fbb8b01628dcea62bfe4ff500dc416b537"
    assert digest.of(root, content=True, replace=(str(tmp_path / "1"),)).digest == "06aa68b0f09798048666c01dd635a00bb858727ebfc3f18d257c55b7c60ab978"
    assert (found.files, found.directories, found.symlinks, found.packages, found.bytes) == (7, 10, 3, 4, 22)
    nothing = tmp_path / "2"
    nothing.mkdir()
    assert digest.of(str(nothing)).digest == digest.of(str(nothing)).bare == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
