"""Runs commands, one at a time, and tells of each its exit status, wall time and usage. A program of its own, run with
`python -I -S`, and as small as it can be: at exec the kernel counts the memory of whoever forked as the peak of the new
program, so a program started by an interpreter full of numpy would never seem to need less than that. What is left of
the fault is this program's own size (about 9 MB), below which no peak is reported. It stays for the next command, since
an interpreter takes longer to start than a small install; every command is a fresh process all the same.

Asked by a descriptor, in marshal and in bytes: (command, directory, environment). Answers by another, a line each: the
process that was started, and when it has ended (status, wall, *usage); or () when there is no such program. Whatever is
printed goes where this program's own output goes."""

import marshal
import os
import sys
import time


def run(command, cwd, env, tell):
    os.chdir(cwd)
    began = time.perf_counter()
    try:
        # A group of its own: whoever asked may end it with everything that it started.
        child = os.posix_spawnp(command[0], command, env, setpgroup=0)
    finally:
        os.chdir("/")
    tell(child)
    _, status, usage = os.wait4(child, 0)
    tell((os.waitstatus_to_exitcode(status), time.perf_counter() - began, *usage))


def main(asked, teller):
    for descriptor in (asked, teller):
        os.set_inheritable(descriptor, False)

    def tell(value):
        os.write(teller, b"%r\n" % (value,))
    with open(asked, "rb") as requests:
        while True:
            try:
                command, cwd, env = marshal.load(requests)
            except EOFError:
                return
            try:
                run(command, cwd, env, tell)
            except OSError as error:
                os.write(2, b"%b: %b\n" % (error.filename or command[0], error.strerror.encode()))
                tell(())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
