#!/usr/bin/python3
"""pmx and the real pnpm resolve the same manifests from the same packuments: are the lockfiles the same, byte for byte?

    resolve.py --packuments DIR --projects DIR [--only NAME,...] [--modes fresh,kept,frozen,npm] [--oracle DIR]

    fresh   without a lockfile
    kept    over the project's own pnpm-lock.yaml: pins stay
    frozen  pnpm accepts the lockfile that pmx wrote (`--frozen-lockfile`)
    npm     projects with a package-lock.json, over it and from nothing: it is written as npm writes it; `npm ls --all` finds no
            fault in what pmx installed that it does not find in npm's own tree; `npm ci` installs from what pmx wrote.
            The archives must be there too

Packuments are recorded with `pmx registry record` and served by `pmx registry serve`. What pnpm answers is kept below
--oracle (NAME/pnpm-lock.MODE.yaml, and NAME/project where the manifests differ from the project's own), so that a second
run asks pmx only. Differences are counted by section, and the first of them are shown.

Environment: PMX_BIN, PNPM_BIN (a pnpm 12), PMX_INTEROP_DIR (where the copies go)."""

import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import registry_server  # noqa: E402

WORK = os.environ.get("PMX_INTEROP_DIR") or os.path.join(ROOT, "build", "interop")
LOCKFILES = ("pnpm-lock.yaml", "package-lock.json", "npm-shrinkwrap.json", "bun.lock", "yarn.lock")
# Flags that a project cannot do without when pnpm or npm did not make it: both programs get the same.
EXTRA = {"playwright": {"linkWorkspacePackages": "true"}}


def environment(home):
    env = {k: v for k, v in os.environ.items() if not k.lower().startswith(("npm_", "pnpm_", "pmx_")) and k != "CI"}
    env.update(HOME=home, XDG_DATA_HOME=home + "/data", XDG_CACHE_HOME=home + "/cache", XDG_CONFIG_HOME=home + "/config",
               NO_COLOR="1", COREPACK_ENABLE_STRICT="0")
    return env


def copy(source, to, keep_lockfile):
    shutil.rmtree(to, ignore_errors=True)
    ignored = ["node_modules", ".git"] + ([] if keep_lockfile else list(LOCKFILES))
    shutil.copytree(source, to, symlinks=True, ignore=shutil.ignore_patterns(*ignored))
    for folder, _, files in os.walk(to):
        os.chmod(folder, 0o755)


def run(command, cwd, home):
    start = time.monotonic()
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=environment(home), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=900)
    return done, time.monotonic() - start


def pnpm(project, registry, home, name, *flags):
    extra = ["--config.%s=%s" % (re.sub("[A-Z]", lambda m: "-" + m.group().lower(), k), v) for k, v in EXTRA.get(name, {}).items()]
    return run([os.environ["PNPM_BIN"], "install", "--lockfile-only", "--ignore-scripts", "--pm-on-fail=ignore", "--runtime-on-fail=ignore",
                "--registry", registry, "--store-dir", home + "/pnpm-store", "--cache-dir", home + "/pnpm-cache", *extra, *flags], project, home)


def pmx(project, registry, home, name, *flags):
    extra = ["--%s=%s" % (re.sub("[A-Z]", lambda m: "-" + m.group().lower(), k), v) for k, v in EXTRA.get(name, {}).items()]
    return run([registry_server.pmx_binary(), "install", "--lockfile-only", "--ignore-scripts", "--registry", registry, "--store-dir",
                home + "/pmx-store", "--cache-dir", home + "/pmx-cache", *extra, *flags], project, home)


def entries(text):
    """section -> entry -> its text"""
    sections, section, entry = {}, None, None
    for line in text.split("\n"):
        if line and line[0] not in " -" and line.endswith(":"):
            section, entry = line[:-1], None
            sections[section] = {}
        elif section and re.match(r"  \S", line):
            entry = line.strip().rstrip(":").split(": {}")[0]
            sections[section][entry] = ""
        elif section and entry:
            sections[section][entry] += line + "\n"
    return sections


def compare(wanted, ours, shown):
    if wanted == ours:
        return "the same"
    a, b = entries(wanted), entries(ours)
    said = []
    for section in sorted(set(a) | set(b)):
        x, y = a.get(section, {}), b.get(section, {})
        missing, more = sorted(set(x) - set(y)), sorted(set(y) - set(x))
        other = [k for k in x if k in y and x[k] != y[k]]
        if missing or more or other:
            said.append("%s: %d missing, %d more, %d different of %d" % (section, len(missing), len(more), len(other), len(x)))
            for sign, names in (("-", missing), ("+", more), ("~", other)):
                said.extend("    %s %s" % (sign, n) for n in names[:shown])
    diff = [d for d in difflib.unified_diff(wanted.split("\n"), ours.split("\n"), "pnpm", "pmx", lineterm="", n=1)][:shown * 3] if len(wanted) < 3e6 else []
    return "DIFFERENT\n    " + "\n    ".join(said + diff)


def faults(project, home):
    done, _ = run(["npm", "ls", "--all", "--json"], project, home)
    try:
        return {problem.replace(project, "") for problem in json.loads(done.stdout).get("problems") or []}
    except ValueError:
        return {"npm ls said nothing that can be read: " + done.stderr[-300:]}


def beside_npm(source, base, registry, home, keep):
    """What differs, as texts; None when neither of the two can."""
    ours, theirs, again = base + "/pmx", base + "/npm", base + "/ci"
    for project in (ours, theirs, again):
        copy(source, project, True)
        lock = os.path.join(project, "package-lock.json")
        with open(lock) as f:
            version = json.load(f)["lockfileVersion"]
        if not keep:  # npm's lockfile it is to be, and of that version
            with open(lock, "w") as f:
                json.dump({"lockfileVersion": version, "requires": True, "packages": {"": {}}}, f)
    npm = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--registry", registry, "--cache", home + "/npm"]
    installed, _ = run([registry_server.pmx_binary(), "install", "--no-frozen-lockfile", "--ignore-scripts", "--registry", registry, "--store-dir",
                        home + "/pmx-store", "--cache-dir", home + "/pmx-cache"], ours, home)
    wanted, _ = run(["npm", "install", *npm], theirs, home)
    if installed.returncode != 0 or wanted.returncode != 0:
        if installed.returncode != 0 and wanted.returncode != 0:
            return None
        done, who = (installed, "pmx") if installed.returncode != 0 else (wanted, "npm")
        return ["only %s FAILED: %s" % (who, (done.stderr + done.stdout).strip()[-500:])]
    texts = []
    for project in (ours, theirs):
        with open(os.path.join(project, "package-lock.json")) as f:
            texts.append(f.read())
    found = [] if texts[0] == texts[1] else ["package-lock.json DIFFERS"]
    found.extend("npm ls: " + fault for fault in sorted(faults(ours, home) - faults(theirs, home))[:6])
    with open(os.path.join(again, "package-lock.json"), "w") as f:
        f.write(texts[0])
    done, _ = run(["npm", "ci", *npm], again, home)
    # What npm refuses of its own, a registry with gaps: that is no difference.
    if done.returncode != 0 and texts[0] == texts[1]:
        print("    npm ci refuses the lockfile that npm wrote too:", next((line for line in done.stderr.split("\n") if "Missing" in line or "Invalid" in line), ""))
    elif done.returncode != 0:
        found.append("npm ci REFUSES: " + (done.stderr + done.stdout).strip()[-500:])
    for project in (ours, theirs, again):
        shutil.rmtree(project, ignore_errors=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packuments", required=True)
    parser.add_argument("--projects", required=True)
    parser.add_argument("--oracle")
    parser.add_argument("--only", default="")
    parser.add_argument("--modes", default="fresh,kept,frozen")
    parser.add_argument("--show", type=int, default=6)
    options = parser.parse_args()
    only, modes = set(filter(None, options.only.split(","))), options.modes.split(",")
    oracle = options.oracle or os.path.join(WORK, "resolve-oracle")
    names = sorted(set(os.listdir(options.projects)) | {n for n in os.listdir(oracle) if "+" in n} if os.path.isdir(oracle) else os.listdir(options.projects))
    failed = same = 0
    with registry_server.RegistryServer(options.packuments) as server:
        registry = server.url + "/"
        for name in names:
            if (only and name not in only) or name.startswith("."):
                continue
            own = os.path.join(options.projects, name.split("+")[0])
            source = os.path.join(oracle, name, "project") if "+" in name else own
            if not os.path.isfile(os.path.join(source, "package.json")):
                continue
            home = os.path.join(WORK, "resolve", name, "home")
            shutil.rmtree(os.path.join(WORK, "resolve", name), ignore_errors=True)
            os.makedirs(home)
            for mode in [m for m in modes if m in ("fresh", "kept")]:
                if mode == "kept" and not os.path.isfile(os.path.join(own, "pnpm-lock.yaml")):
                    continue
                if mode == "kept" and "+" in name:
                    continue
                kept = os.path.join(oracle, name, "pnpm-lock.%s.yaml" % mode)
                project = os.path.join(WORK, "resolve", name, mode)
                if not os.path.isfile(kept):
                    copy(source, project, mode == "kept")
                    done, _ = pnpm(project, registry, home, name, "--no-frozen-lockfile")
                    if done.returncode != 0:
                        print("%-26s %-6s pnpm cannot: %s" % (name, mode, (done.stderr + done.stdout).strip().split("\n")[0][:140]))
                        continue
                    os.makedirs(os.path.dirname(kept), exist_ok=True)
                    shutil.copyfile(os.path.join(project, "pnpm-lock.yaml"), kept)
                copy(source, project, mode == "kept")
                done, seconds = pmx(project, registry, home, name, "--no-frozen-lockfile")
                written = os.path.join(project, "pnpm-lock.yaml")
                if done.returncode != 0 or not os.path.isfile(written):
                    failed += 1
                    print("%-26s %-6s pmx FAILED (%d): %s" % (name, mode, done.returncode, (done.stderr + done.stdout).strip()[-700:]), flush=True)
                    continue
                verdict = compare(open(kept).read(), open(written).read(), options.show)
                same, failed = same + (verdict == "the same"), failed + (verdict != "the same")
                print("%-26s %-6s %.2f s  %s" % (name, mode, seconds, verdict), flush=True)
                if "frozen" in modes:
                    before = open(written).read()
                    done, _ = pnpm(project, registry, home, name, "--frozen-lockfile")
                    if done.returncode != 0 or open(written).read() != before:
                        failed += 1
                        print("%-26s %-6s pnpm --frozen-lockfile REFUSES: %s" % (name, mode, (done.stdout + done.stderr).strip()[-500:]), flush=True)
            if "npm" in modes and os.path.isfile(os.path.join(source, "package-lock.json")):
                for mode in ("kept", "fresh"):
                    verdict = beside_npm(source, os.path.join(WORK, "resolve", name, "npm-" + mode), registry, home, mode == "kept")
                    if verdict is not None:
                        same, failed = same + (not verdict), failed + bool(verdict)
                    said = "npm cannot, nor can pmx" if verdict is None else "; ".join(verdict) or "the same; npm ls and npm ci as with its own"
                    print("%-26s npm %-5s %s" % (name, mode, said), flush=True)
    print("%d the same, %d not" % (same, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
