"""The other package managers: installed by name, by npm and its configured registry, into a folder of the bench; scripts
off. A peer is measured as the program itself, never through a starter written in JavaScript."""

import os
import platform
import shutil
import subprocess

# What is compared with is part of a figure, so it is named here; --peer-version NAME=VERSION asks for another.
VERSIONS = {"bun": "1.4.5", "pnpm": "12.21.0", "utoo": "1.1.9", "npm": "11.19.0"}
_CPU = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
PACKAGES = {"bun": "bun", "pnpm": "@pnpm/exe.linux-" + _CPU, "utoo": "utoo", "npm": "npm"}
PLACES = {
    "bun": ["@oven/bun-linux-%s/bin/bun" % {"arm64": "aarch64"}.get(_CPU, _CPU), "bun/bin/bun.exe", "bun/bin/bun"],
    "pnpm": ["@pnpm/exe.linux-%s/pnpm" % _CPU, "@pnpm/exe/pnpm", "@pnpm/linux-%s/pnpm" % _CPU],
    "utoo": ["@utoo/utoo-linux-%s/bin/utoo" % _CPU],
    "npm": ["npm/bin/npm-cli.js"],
}


def find(name, directory):
    """The program in a folder that holds node_modules, or None."""
    for place in PLACES[name]:
        path = os.path.join(directory, "node_modules", place)
        if os.path.isfile(path) and os.path.getsize(path) > 4096 and os.access(path, os.X_OK):
            return path
    path = os.path.join(directory, "node_modules", PLACES[name][-1])
    if name == "npm" and os.path.isfile(path):
        return path
    return None


def obtain(names, directory, versions=None, say=print):
    """Paths by name. What the folder lacks is installed into it; a peer that cannot be had is an error that says so."""
    versions = {**VERSIONS, **(versions or {})}
    missing = [n for n in names if find(n, directory) is None]
    if missing:
        npm = shutil.which("npm")
        if not npm:
            raise RuntimeError("npm is needed to install %s; or say --peer-dir" % ", ".join(missing))
        os.makedirs(directory, exist_ok=True)
        wanted = ["%s@%s" % (PACKAGES[n], versions[n]) for n in missing]
        say("installing %s into %s" % (" ".join(wanted), directory))
        done = subprocess.run([npm, "install", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
                               *wanted], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("npm could not install %s:\n%s" % (" ".join(wanted), (done.stdout + done.stderr)[-800:]))
    found = {n: find(n, directory) for n in names}
    lost = [n for n, path in found.items() if path is None]
    if lost:
        raise RuntimeError("no program for %s in %s" % (", ".join(lost), directory))
    return found
