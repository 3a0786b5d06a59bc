"""A record is one run as one line of JSON: what was run, in which state, the proof of that state, and what was measured.
A file of records is only ever appended to, a line at a time, so that a study that is cut off loses nothing and can go on.

Status: `ok` counts; `failed` (the command), `invalid` (the state's proof, or another tree) and `prepared` (an untimed
run before the blocks) are kept and shown, and never enter a figure. `good()` is the one way to the records that count."""

import json
import os

SCHEMA = 1
STATUSES = ("ok", "failed", "invalid", "prepared")
REQUIRED = ("schema", "study", "cell", "status")


class RecordError(ValueError):
    """A line that is no record; says the file and the line."""


def append(path, record):
    """Adds a record to a file. The line is written by one call, so that a reader sees it whole or not."""
    if record.get("status") not in STATUSES:
        raise RecordError("a record's status is one of %s, not %r" % (", ".join(STATUSES), record.get("status")))
    line = json.dumps({"schema": SCHEMA, **record}, separators=(",", ":"), ensure_ascii=False) + "\n"
    directory = os.path.dirname(os.path.abspath(path))
    os.makedirs(directory, exist_ok=True)
    with open(path, "ab") as f:
        if f.tell() and not _ends_with_newline(path):
            f.write(b"\n")  # what a killed writer left; read() skips it
        f.write(line.encode())


def _ends_with_newline(path):
    with open(path, "rb") as f:
        f.seek(-1, os.SEEK_END)
        return f.read(1) == b"\n"


def read(path):
    """All records of a file, in order. A line that is cut short is skipped; one that is no record is an error."""
    found = []
    if not os.path.exists(path):
        return found
    with open(path, encoding="utf-8", errors="replace") as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if not isinstance(record, dict) or any(k not in record for k in REQUIRED):
                raise RecordError("%s:%d: not a record" % (path, number))
            if record["schema"] > SCHEMA:
                raise RecordError("%s:%d: schema %s is newer than this lab's %d" % (path, number, record["schema"], SCHEMA))
            found.append(record)
    return found


def good(records):
    """Only what counts."""
    return [r for r in records if r["status"] == "ok"]


def bad(records):
    """What must be shown beside every figure."""
    return [r for r in records if r["status"] in ("failed", "invalid")]


def value(record, measure):
    """A measure by its dotted name: `wall`, `rusage.memory_mb`, `stages.link.wall_ms`, `counters.files_linked`,
    `registry.bytes`, `cpu` (user and system time). None where the record has no such thing."""
    if measure == "cpu":
        usage = record.get("rusage") or {}
        return usage["user"] + usage["system"] if "user" in usage else None
    here = record
    for part in measure.split("."):
        if not isinstance(here, dict) or part not in here:
            return None
        here = here[part]
    return here


UNITS = {"wall": "s", "cpu": "s", "rusage.memory_mb": "MB", "rusage.user": "s", "rusage.system": "s"}


def unit(measure):
    return UNITS.get(measure, "ms" if measure.endswith("_ms") else "")
