"""What a figure was measured on. `describe()` is written into every record; `differences()` says why two records must not
be compared: another processor, another number of cores, another kernel or file system. The host's name is left out on
purpose: nodes of one kind are one machine here."""

import hashlib
import os
import platform


def _first(path, key=None):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                if key is None:
                    return line.strip()
                if line.startswith(key):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""


def file_system(path):
    """The type of the file system that holds a path: tmpfs, ext4, …"""
    path = os.path.realpath(path)
    best, kind = "", "unknown"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as f:
            for line in f:
                left, _, right = line.partition(" - ")
                point = left.split(" ")[4].replace("\\040", " ")
                inside = path == point or path.startswith(point.rstrip("/") + "/")
                if inside and len(point) >= len(best):
                    best, kind = point, right.split(" ")[0]
    except OSError:
        pass
    return kind


def cores():
    """Processors that this process may use, which is what a container leaves of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def load():
    """Runnable processes, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)


def describe(**paths):
    """The machine, and the file system of each path that is given by name: describe(work="/dev/shm/x")."""
    memory = _first("/proc/meminfo", "MemTotal").split(" ")[0]
    facts = {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": cores(),
        "memory_gb": round(int(memory or 0) / 1024 / 1024),
        "kernel": platform.release(),
        "governor": _first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
        "file_systems": {name: file_system(path) for name, path in sorted(paths.items())},
    }
    facts["id"] = hashlib.sha256(repr(sorted((k, v) for k, v in facts.items() if k in _KIND)).encode()).hexdigest()[:12]
    return facts


_KIND = ("processor", "cores", "memory_gb", "kernel", "governor")


def differences(a, b):
    """Names of what differs between two descriptions; empty when their figures may be compared."""
    found = [k for k in _KIND if a.get(k) != b.get(k)]
    if a.get("file_systems") != b.get("file_systems"):
        found.append("file_systems")
    return found


def caption(facts):
    """One line for the foot of a table."""
    systems = ", ".join(sorted(set(facts.get("file_systems", {}).values())))
    return "%s, %d cores, %d GB, Linux %s%s" % (facts.get("processor", "?"), facts.get("cores", 0), facts.get("memory_gb", 0),
                                                facts.get("kernel", "?"), ", " + systems if systems else "")
