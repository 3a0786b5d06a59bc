"""One command in one fresh process, and what the kernel says of it: wall, user and system time, peak memory, faults,
context switches. The usage is that of the process and of all children that it waited for (wait4), without anything of
this interpreter (launcher.py says why that takes a program). Counting system calls slows a program down, so it is
another run: `system_calls()`."""

import ast
import marshal
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile

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


class Launcher:
    """with Launcher() as launcher: launcher.execute(…), any number of times, from one thread. See launcher.py."""

    def __init__(self):
        self._process = self._output = None
        self._answers = b""

    def __enter__(self):
        asked, self._ask = os.pipe()
        self._answer, teller = os.pipe()
        self._output = tempfile.TemporaryFile(buffering=0)
        try:
            self._process = subprocess.Popen([sys.executable, "-I", "-S", LAUNCHER, str(asked), str(teller)], stdin=subprocess.DEVNULL,
                                             stdout=self._output, stderr=subprocess.STDOUT, pass_fds=(asked, teller), start_new_session=True)
        except BaseException:
            self._close(self._ask, self._answer)
            raise
        finally:
            self._close(asked, teller)
        return self

    def __exit__(self, *_):
        self._close(self._ask, self._answer)
        self._process.wait()

    def _close(self, *descriptors):
        for descriptor in descriptors:
            os.close(descriptor)

    def execute(self, command, cwd, env, timeout=600):
        """Runs a command. Its output goes to a file, not to a pipe, so that nobody competes for the processor to read it."""
        # Bytes: the launcher need not read this machine's locale as this interpreter does.
        asked = [os.fsencode(word) for word in command], os.fsencode(cwd), {os.fsencode(k): os.fsencode(v) for k, v in env.items()}
        self._output.seek(0)
        self._output.truncate()
        child, timed_out = None, False
        try:
            with open(self._ask, "wb", closefd=False) as f:
                f.write(marshal.dumps(asked))
            child = self._told()
            told = child and self._told(timeout)
            if child and not told:
                timed_out = told is None
                _kill(child)
                told = self._told()
        except BaseException:
            child = child or self._told(1)
            if child:
                _kill(child)
            self._process.kill()  # what it would still say is of this command
            raise
        if not told:
            return Outcome(127, 0.0, {}, self._text())
        code, wall, *usage = told
        return Outcome(code, wall, _usage(usage), self._text(), timed_out)

    def _told(self, timeout=None):
        """The next line; None when it does not come in time, () when there is nobody to say it."""
        while b"\n" not in self._answers:
            ready, _, _ = select.select([self._answer], [], [], timeout)
            if not ready:
                return None
            more = os.read(self._answer, 4096)
            if not more:
                return ()
            self._answers += more
        line, self._answers = self._answers.split(b"\n", 1)
        return ast.literal_eval(line.decode())

    def _text(self):
        self._output.seek(max(0, self._output.seek(0, os.SEEK_END) - 4000))
        return self._output.read().decode("utf-8", "replace")


def execute(command, cwd, env, timeout=600):
    """One command by a launcher of its own."""
    with Launcher() as launcher:
        return launcher.execute(command, cwd, env, timeout)


def _kill(group):
    try:
        os.killpg(group, signal.SIGKILL)
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
