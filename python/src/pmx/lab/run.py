"""One command in one fresh process, and what the kernel says of it: wall, user and system time, peak memory, faults,
context switches. The usage is that of the process and of all children that it waited for (wait4), without anything of
this interpreter (launcher.py says why that takes a program). Counting system calls slows a program down, so it is
another run: `system_calls()`."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

LAUNCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launcher.py")

# Where a log lies and what help there is: not what went wrong.
_SAYS_NOTHING = re.compile(r"complete log|npm help|Full logs|^npm error\s*$")


class Outcome:
    """code, wall in seconds, rusage, and the end of what was printed."""

    def __init__(self, code, wall, rusage, text, timed_out=False):
        self.code, self.wall, self.rusage, self.text, self.timed_out = code, wall, rusage, text, timed_out

    @property
    def failure(self):
        """None, or what went wrong in one line."""
        if self.timed_out:
            return "no end within the time that was given"
        if self.code == 0:
            return None
        said = [line.strip() for line in self.text.strip().splitlines() if line.strip() and not _SAYS_NOTHING.search(line)]
        return "exit %d: %s" % (self.code, " / ".join(said[-3:])[-400:])


def execute(command, cwd, env, timeout=600):
    """Runs a command. Its output goes to a file, not to a pipe, so that nobody competes for the processor to read it."""
    reader, writer = os.pipe()
    try:
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", LAUNCHER, str(writer), *command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, pass_fds=(writer,), start_new_session=True)
            os.close(writer)
            writer = None
            timed_out = _wait(process, timeout)
            with open(reader, "rb", closefd=False) as f:
                told = f.read()
            output.seek(max(0, output.seek(0, os.SEEK_END) - 4000))
            text = output.read().decode("utf-8", "replace")
    finally:
        for descriptor in (reader, writer):
            if descriptor is not None:
                os.close(descriptor)
    if not told:
        return Outcome(process.returncode or 1, 0.0, {}, text, timed_out)
    code, wall, *usage = ast.literal_eval(told.decode())
    return Outcome(code, wall, _usage(usage), text, timed_out)


def _wait(process, timeout):
    timed_out = threading.Event()

    def stop():
        timed_out.set()
        _kill(process)
    timer = threading.Timer(timeout, stop)
    timer.start()
    try:
        process.wait()
    except BaseException:
        _kill(process)
        process.wait()
        raise
    finally:
        timer.cancel()
    return timed_out.is_set()


def _kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _usage(u):
    # The order of struct rusage: utime, stime, maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd,
    # msgrcv, nsignals, nvcsw, nivcsw.
    return {"user": round(u[0], 6), "system": round(u[1], 6), "memory_mb": round(u[2] / 1024, 1), "faults_minor": u[6],
            "faults_major": u[7], "blocks_in": u[9], "blocks_out": u[10], "switches_voluntary": u[14],
            "switches_involuntary": u[15]}


def can_count():
    """Whether system calls can be counted here."""
    return shutil.which("strace") is not None


def system_calls(command, cwd, env, timeout=1800):
    """The command again under `strace -c -f`: (Outcome, {name: calls}). Its times mean nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        table = os.path.join(scratch, "calls")
        outcome = execute(["strace", "-c", "-f", "-o", table, *command], cwd, env, timeout)
        calls = {}
        if os.path.exists(table):
            with open(table, encoding="utf-8", errors="replace") as f:
                calls = parse_strace(f.read())
    return outcome, calls


def parse_strace(text):
    """The table of `strace -c`: calls by name."""
    calls = {}
    for line in text.splitlines():
        found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z_0-9]+)\s*$", line)
        if found and found[2] != "total":
            calls[found[2]] = calls.get(found[2], 0) + int(found[1])
    return calls
