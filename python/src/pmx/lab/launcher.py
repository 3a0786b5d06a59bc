"""Runs one command and writes its exit status, wall time and usage to a descriptor. A program of its own, run with `python
-I -S`, and as small as it can be: at exec the kernel counts the memory of whoever forked as the peak of the new program,
so a program started by an interpreter full of numpy would never seem to need less than that. What is left of the fault
is this program's own size (about 9 MB), below which no peak is reported."""

import os
import sys
import time

if __name__ == "__main__":
    teller, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(teller, False)
    began = time.perf_counter()
    try:
        child = os.posix_spawnp(command[0], command, os.environ)
    except OSError as error:
        sys.stderr.write("%s: %s\n" % (command[0], error.strerror))
        sys.exit(127)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    os.write(teller, repr((os.waitstatus_to_exitcode(status), wall, *usage)).encode())
