"""Projects to measure on: those of a directory outside the repository, by name, and generated ones of any size."""

import base64
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile
import tempfile

# Small, without dependencies, and present in mirrors made for large projects: what `add` adds.
ADDITIONS = ("mitt", "dequal", "kleur", "zustand", "slugify", "clsx", "nanoid", "ms")


def find(name, directory):
    """The path of a project: a path itself, or a name below the directory of projects."""
    if os.path.isfile(os.path.join(name, "package.json")):
        return os.path.abspath(name)
    if directory is None or not os.path.isdir(directory):
        raise RuntimeError("the project %s is not here: --projects DIR says where projects are (each a folder with package.json and a "
                           "lockfile), or name a project by its path" % name)
    path = os.path.join(directory, name)
    if not os.path.isfile(os.path.join(path, "package.json")):
        there = sorted(d for d in os.listdir(directory) if os.path.isfile(os.path.join(directory, d, "package.json")))
        raise RuntimeError("no project %s in %s; there are %s" % (name, directory, ", ".join(there) or "none"))
    return os.path.abspath(path)


def addition(project, mirror):
    """NAME@VERSION of a package that the mirror has and the project lacks, for the phases add and remove."""
    known = ""
    for file in ("pnpm-lock.yaml", "package-lock.json", "package.json"):
        path = os.path.join(project, file)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as f:
                known += f.read()
    for name in ADDITIONS:
        archives = os.path.join(mirror, name, "-")
        described = os.path.isfile(os.path.join(mirror, name, "package.json"))
        if not described or not os.path.isdir(archives) or "%s@" % name in known or '"%s"' % name in known or "/%s\"" % name in known:
            continue
        found = sorted(f for f in os.listdir(archives) if f.endswith(".tgz"))
        if found:
            return "%s@%s" % (name, found[-1][len(name) + 1:-4])
    return None


def record(wanted, mirror, pmx, say):
    """Lets pmx take into a mirror what the projects need, and one package more, for `add`."""
    with tempfile.TemporaryDirectory() as scratch:
        with open(os.path.join(scratch, "package.json"), "w", encoding="utf-8") as f:
            json.dump({"name": "additions", "version": "1.0.0", "dependencies": {name: "*" for name in ADDITIONS[:4]}}, f)
        say("recording %s into %s" % (", ".join(os.path.basename(p) for p in wanted), mirror))
        done = subprocess.run([pmx, "registry", "record", "--into", mirror, *wanted, scratch], check=False)
    if done.returncode != 0:
        raise RuntimeError("pmx registry record failed")


def generate(root, count, files=12, seed=1):
    """A project of `count` packages and a mirror for it: root/project, root/mirror. Each package has up to three
    dependencies among those before it and some files of a few hundred bytes: a tree with as many files a package as it
    has packages would say nothing of packages. The same numbers give the same bytes."""
    dice = random.Random(seed)
    mirror, project = os.path.join(root, "mirror"), os.path.join(root, "project")
    os.makedirs(project)
    depended = set()
    for index in range(count):
        name = "made-%04d" % index
        wanted = sorted({dice.randrange(index) for _ in range(dice.randrange(4))}) if index else []
        depended.update(wanted)
        manifest = {"name": name, "version": "1.0.0", "main": "index.js",
                    "dependencies": {"made-%04d" % w: "^1.0.0" for w in wanted}}
        content = {"package.json": json.dumps(manifest)}
        for n in range(dice.randrange(1, 2 * files - 1)):
            content["lib/d%d/f%d.js" % (n % 3, n)] = "module.exports = %d;\n" % dice.randrange(10 ** 6) * dice.randrange(5, 40)
        archive = _archive(content)
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        os.makedirs(os.path.join(mirror, name, "-"))
        with open(os.path.join(mirror, name, "-", name + "-1.0.0.tgz"), "wb") as f:
            f.write(archive)
        document = {"name": name, "dist-tags": {"latest": "1.0.0"}, "modified": "2026-01-01T00:00:00.000Z",
                    "time": {"1.0.0": "2026-01-01T00:00:00.000Z"},
                    "versions": {"1.0.0": {**manifest, "dist": {"integrity": integrity, "shasum": hashlib.sha1(archive).hexdigest(),
                                                                "tarball": "https://registry.example/%s/-/%s-1.0.0.tgz" % (name, name)}}}}
        with open(os.path.join(mirror, name, "package.json"), "w", encoding="utf-8") as f:
            json.dump(document, f)
    roots = [i for i in range(count) if i not in depended]
    with open(os.path.join(project, "package.json"), "w", encoding="utf-8") as f:
        json.dump({"name": "made-%d" % count, "version": "1.0.0", "private": True,
                   "dependencies": {"made-%04d" % i: "^1.0.0" for i in roots}}, f)
    return project, mirror


def _archive(content):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=6) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in content.items():
            entry = tarfile.TarInfo("package/" + path)
            entry.size, entry.mode = len(text), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()
