"""One process and what is measured of it."""

import os

import pytest

from pmx.lab import machine, plots, run


def execute(*command, **more):
    return run.execute(list(command), "/", dict(os.environ), **more)


def test_the_usage_is_the_programs_own():
    big = "x = bytearray(60 << 20); sum(range(300000))"
    fat = execute("/usr/bin/python3", "-c", big)
    assert fat.failure is None and fat.rusage["memory_mb"] > 60 and fat.rusage["user"] > 0
    ballast = bytearray(100 << 20)  # of this interpreter: nobody's business
    assert execute("true").rusage["memory_mb"] < 20
    assert len(ballast)


def test_children_that_are_waited_for_count():
    outcome = execute("sh", "-c", "/usr/bin/python3 -c 'bytearray(60 << 20)'; exit 0")
    assert outcome.rusage["memory_mb"] > 60


def test_failures_are_named():
    assert "exit 3: oh / no" in execute("sh", "-c", "echo oh; echo no >&2; exit 3").failure
    assert "No such file" in execute("/nonesuch").failure
    killed = execute("sh", "-c", "sleep 60 & sleep 60", timeout=0.3)
    assert killed.timed_out and "no end" in killed.failure
    assert execute("sh", "-c", "kill -9 $$").code == -9


def test_a_launcher_runs_one_command_after_another(tmp_path):
    with run.Launcher() as launcher:
        def answer(*command, cwd="/", env=None, timeout=60):
            return launcher.execute(command, cwd, env or dict(os.environ), timeout)
        assert answer("sh", "-c", "echo much more than the next one says").failure is None
        first = answer("sh", "-c", "echo $GIVEN; pwd; exit 1", cwd=tmp_path, env={"GIVEN": "ä\udcff", "PATH": os.environ["PATH"]})
        assert first.text.split() == ["ä\ufffd", str(tmp_path)] and first.failure.startswith("exit 1")
        assert "/nonesüch: No such file" in answer("/nonesüch").failure and "No such file" in answer("true", cwd="/nonesuch").failure
        assert answer("sleep", "60", timeout=0.1).timed_out
        assert answer("/usr/bin/python3", "-c", "bytearray(60 << 20)").rusage["memory_mb"] > 60
        last = answer("true")  # what others needed or failed at is not its own
        assert last.failure is None and last.text == "" and last.rusage["memory_mb"] < 20


def test_an_interrupted_command_is_ended(monkeypatch):
    told, seen = run.Launcher._told, []

    def interrupted(self, timeout=None):
        if timeout == 600:
            raise KeyboardInterrupt
        seen.append(told(self, timeout))
        return seen[-1]
    monkeypatch.setattr(run.Launcher, "_told", interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute("sleep", "600", timeout=600)
    while os.path.exists("/proc/%d/stat" % seen[0]):
        with open("/proc/%d/stat" % seen[0], encoding="utf-8") as f:
            if f.read().rsplit(")", 1)[1].split()[0] in "ZX":
                break


def test_the_table_of_strace_is_read():
    text = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 45.00    0.000100          10        10           linkat
 55.00    0.000120           6        20         3 openat
------ ----------- ----------- --------- --------- ----------------
100.00    0.000220           7        30         3 total
"""
    assert run.parse_strace(text) == {"linkat": 10, "openat": 20}


def test_system_calls_have_families():
    assert [plots.family(c) for c in ("openat", "linkat", "symlinkat", "newfstatat", "futex", "mmap", "epoll_wait", "recvfrom", "getpid")] == \
        ["files", "change", "change", "look", "wait", "memory", "wait", "network", "other"]


def test_a_machine_names_its_file_systems():
    facts = machine.describe(here="/", proc="/proc")
    assert facts["file_systems"]["proc"] == "proc" and facts["file_systems"]["here"] != "proc"
    assert facts["id"] == machine.describe(other="/proc")["id"]
