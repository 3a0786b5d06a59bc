"""Orders, grids and cells."""

import pytest

from pmx.lab import design
from pmx.lab.cells import Cell, Unsupported, tool_of


class Place:
    project, home, store, registry, temporary = "/w/project", "/w/home", "/w/home/store", "http://127.0.0.1:1", "/w/tmp"


def test_every_block_has_each_arm_once_and_every_second_one_is_reversed():
    for block in range(0, 10, 2):
        order = design.order(block, 5, seed=7)
        assert sorted(order) == list(range(5))
        assert design.order(block + 1, 5, seed=7) == order[::-1]


def test_an_order_is_made_again_by_its_seed_and_differs_by_another():
    def orders(seed):
        return [design.order(block, 6, seed) for block in range(8)]
    assert orders(7) == orders(7)
    assert orders(7) != orders(8)
    assert len({tuple(o) for o in orders(7)}) > 4


def test_a_grid_is_every_combination():
    cells = design.grid(linker=["isolated", "hoisted"], caps_link=[1, 2, 4])
    assert len(cells) == 6 and len(set(cells)) == 6
    assert cells[0].name == "pmx isolated link=1"
    with pytest.raises(ValueError):
        design.grid(linker=[])


def test_two_cells_of_one_name_are_a_mistake():
    with pytest.raises(ValueError, match="called"):
        design.arms([Cell("pmx", check="stat"), Cell("pmx", binary="/other/pmx", check="stat")])


def test_a_cell_survives_the_way_to_another_machine():
    for cell in (Cell("pmx", linker="isolated", caps_link=2, state="damaged"), Cell("bun", binary="/b", linker="hoisted", label="x")):
        again = Cell.from_json(cell.to_json())
        assert again.name == cell.name and again.factors == cell.factors and again.state == cell.state
        assert again.key == Cell.from_json(again.to_json()).key


def test_factors_of_pmx_are_its_flags():
    tool = tool_of(Cell("pmx", binary="pmx", linker="isolated", importer="copy", caps_link=3, network_concurrency=9, symlink=False))
    command = tool.command("frozen", Place)
    for flag in (["--linker", "isolated"], ["--import", "copy"], ["--link-concurrency", "3"], ["--network-concurrency", "9"]):
        assert command[command.index(flag[0]) + 1] == flag[1]
    assert "--no-symlink" in command and "--frozen-lockfile" in command and "--ignore-scripts" in command


@pytest.mark.parametrize("name", ["pmx", "bun", "pnpm", "utoo", "npm"])
@pytest.mark.parametrize("action", ["resolve", "install", "frozen", "again", "add:x@1.0.0", "remove:x"])
def test_no_tool_runs_scripts_or_leaves_its_place(name, action):
    tool = tool_of(Cell(name, binary="/bin/" + name))
    command = tool.command(action, Place)
    assert action == "resolve" and name == "utoo" or any("ignore-scripts" in word for word in command)
    environment = tool.environment(Place)
    assert environment["HOME"] == "/w/home"
    assert not any(k.lower().startswith("npm_config") and k != "npm_config_registry" for k in environment)


def test_a_layout_that_a_peer_lacks_is_said():
    with pytest.raises(Unsupported):
        tool_of(Cell("utoo", binary="/u", linker="isolated")).command("frozen", Place)
    with pytest.raises(Unsupported):
        Cell("yarn")
