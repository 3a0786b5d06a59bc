#!/usr/bin/python3
"""Fills a mirror directory with every tarball that a set of lockfiles pins, so that tests and benches can be served
from this machine: MIRROR/<name>/-/<file>.tgz, which `pmx registry serve MIRROR` understands.

    record.py MIRROR PROJECT_OR_LOCKFILE...

npm does the downloading (`npm cache add`, so its configured registry, proxy and credentials hold, and it verifies the
integrity); files that are already in the mirror are not asked for again, so an interrupted run can simply be repeated.
Packages that cannot run on linux x64 are left out."""

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
import lockfiles  # noqa: E402

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STRENGTH = ("sha512", "sha384", "sha256", "sha1")


def strongest(integrity):
    parts = dict(p.split("-", 1) for p in integrity.split() if "-" in p)
    for algorithm in STRENGTH:
        if algorithm in parts:
            return algorithm, base64.b64decode(parts[algorithm].split("?")[0])
    return None


def content_file(cache, integrity):
    found = strongest(integrity)
    if not found:
        return None
    algorithm, digest = found
    hexed = digest.hex()
    path = os.path.join(cache, "_cacache", "content-v2", algorithm, hexed[:2], hexed[2:4], hexed[4:])
    return path if os.path.isfile(path) else None


def cached_file(cache, integrity, url):
    """By the lockfile's digest, or, where that is weaker than npm's own, by the URL in npm's index."""
    path = content_file(cache, integrity)
    if path:
        return path
    key = "make-fetch-happen:request-cache:" + url
    hexed = hashlib.sha256(key.encode()).hexdigest()
    index = os.path.join(cache, "_cacache", "index-v5", hexed[:2], hexed[2:4], hexed[4:])
    if not os.path.isfile(index):
        return None
    with open(index, encoding="utf-8") as f:
        rows = [json.loads(line.split("\t", 1)[1]) for line in f if "\t" in line]
    rows = [row for row in rows if row.get("key") == key and row.get("integrity")]
    return content_file(cache, rows[-1]["integrity"]) if rows else None


def matches(path, integrity):
    algorithm, digest = strongest(integrity)
    with open(path, "rb") as f:
        return hashlib.file_digest(f, algorithm).digest() == digest if hasattr(hashlib, "file_digest") \
            else hashlib.new(algorithm, f.read()).digest() == digest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirror")
    parser.add_argument("projects", nargs="+")
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--batch", type=int, default=150)
    args = parser.parse_args()
    mirror = os.path.abspath(args.mirror)
    if mirror == REPOSITORY or mirror.startswith(REPOSITORY + os.sep):
        parser.error("the mirror must lie outside the repository")
    cache = os.path.join(mirror, ".npm-cache")
    os.makedirs(cache, exist_ok=True)
    registry = subprocess.run(["npm", "config", "get", "registry"], cwd="/", check=True, capture_output=True,
                              text=True).stdout.strip().rstrip("/")

    for project in args.projects:
        paths = lockfiles.lockfiles_of(project) if os.path.isdir(project) else [project]
        wanted, left_out = {}, 0
        for path in paths:
            for row in lockfiles.pinned_tarballs(path):
                if not row["fits"]:
                    left_out += 1
                    continue
                target = os.path.join(mirror, row["name"], "-", lockfiles.tarball_name(row["name"], row["version"]))
                wanted[target] = row
        missing = {t: r for t, r in wanted.items() if not os.path.isfile(t)}
        print("%s: %d tarballs, %d missing, %d for other platforms" % (project, len(wanted), len(missing), left_out),
              flush=True)
        todo = sorted(missing.items())
        for start in range(0, len(todo), args.batch):
            batch = todo[start:start + args.batch]
            for _, row in batch:
                # A recorded URL may carry another registry's host; packages of a registry are asked for at ours.
                if not row["url"] or "/-/" in row["url"]:
                    row["url"] = "%s/%s/-/%s" % (registry, row["name"],
                                                 lockfiles.tarball_name(row["name"], row["version"]))
            urls = [row["url"] for _, row in batch if not cached_file(cache, row["integrity"], row["url"])]
            if urls:
                subprocess.run(["npm", "cache", "add", "--cache", cache, "--maxsockets", str(args.parallel),
                                "--loglevel", "error", "--prefer-offline", *urls], cwd="/", check=False,
                               stdout=subprocess.DEVNULL)
            for target, row in batch:
                source = cached_file(cache, row["integrity"], row["url"])
                if source is None:
                    continue
                os.makedirs(os.path.dirname(target), exist_ok=True)
                if not matches(source, row["integrity"]):
                    print("  damaged in npm's cache: %s" % os.path.basename(target), flush=True)
                    os.unlink(source)
                    continue
                try:
                    os.link(source, target)
                except OSError:
                    shutil.copyfile(source, target)
            print("  %d / %d" % (min(start + args.batch, len(todo)), len(todo)), flush=True)
        left = [t for t in wanted if not os.path.isfile(t)]
        print("%s: %d of %d here" % (project, len(wanted) - len(left), len(wanted)), flush=True)
        for target in left[:20]:
            print("  not there: %s" % os.path.relpath(target, mirror), flush=True)


if __name__ == "__main__":
    main()
