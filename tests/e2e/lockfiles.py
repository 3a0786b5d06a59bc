"""What a lockfile pins: one row per package that comes as a tarball. Read with the general parsers of Python, on
purpose not with pmx's own codecs, so that a fault of theirs shows."""

import json
import os

import yaml

try:
    _Loader = yaml.CSafeLoader
except AttributeError:
    _Loader = yaml.SafeLoader


def load_yaml_documents(path):
    """All documents of a YAML file; pnpm's own lockfile is always the last one."""
    with open(path, encoding="utf-8-sig") as f:
        return [d for d in yaml.load_all(f, Loader=_Loader) if d is not None]


def split_key(key):
    """'@s/n@1.0.0(peer@1)' -> ('@s/n', '1.0.0', '(peer@1)'). The version may be a path or a URL."""
    at = key.find("@", 1)
    name, rest = key[:at], key[at + 1:]
    paren = rest.find("(")
    if paren < 0:
        return name, rest, ""
    return name, rest[:paren], rest[paren:]


def _listed(value):
    return [value] if isinstance(value, str) else list(value or [])


def fits(entry, os_name="linux", cpu="x64", libc="glibc"):
    """npm's rule for os, cpu and libc: a '!x' forbids, otherwise the list must name us."""
    for field, mine in (("os", os_name), ("cpu", cpu), ("libc", libc)):
        wanted = _listed(entry.get(field))
        if not wanted or wanted == ["any"]:
            continue
        if "!" + mine in wanted:
            return False
        positive = [w for w in wanted if not w.startswith("!")]
        if positive and mine not in positive:
            return False
    return True


def _numbers(text):
    parts = text.lstrip("v=").split("-")[0].split("+")[0].split(".")
    return [int(p) for p in parts if p.isdigit()]


def _comparator(text, have):
    operator = text[:len(text) - len(text.lstrip("<>=^~"))]
    numbers = _numbers(text[len(operator):])
    full = (numbers + [0, 0, 0])[:3]
    if not numbers:
        return True
    if operator == ">=":
        return have >= full
    if operator == "<":
        return have < full
    if operator in (">", "<="):
        upper = full if len(numbers) == 3 else numbers[:-1] + [numbers[-1] + 1]
        above = have > full if len(numbers) == 3 else have >= (upper + [0, 0])[:3]
        return above if operator == ">" else not above
    if have < full:
        return False
    fixed = 1 if operator == "^" and full[0] else 2 if operator == "^" else min(len(numbers), 2) if operator == "~" \
        else len(numbers)
    return have[:fixed] == full[:fixed]


def engine_fits(entry, node):
    """engines.node against a version such as '20.18.1': the forms that manifests use, prereleases left out."""
    engines = entry.get("engines")
    wanted = engines.get("node") if isinstance(engines, dict) else None
    if not isinstance(wanted, str) or not node:
        return True
    have = (_numbers(node) + [0, 0, 0])[:3]
    for alternative in wanted.split("||"):
        words = alternative.replace(">= ", ">=").replace("> ", ">").replace("< ", "<").replace("<= ", "<=") \
            .replace("^ ", "^").replace("~ ", "~").split()
        if len(words) == 3 and words[1] == "-":
            words = [">=" + words[0], "<=" + words[2]]
        if all(_comparator(word, have) for word in words):
            return True
    return False


def tarball_name(name, version):
    return "%s-%s.tgz" % (name.split("/")[-1], version)


def pinned_tarballs(path):
    """Yields dicts name, version, integrity, url (or None), fits (or is wanted on every platform)."""
    if path.endswith((".yaml", ".yml")):
        for document in load_yaml_documents(path):
            optional = {}
            for key, snapshot in (document.get("snapshots") or {}).items():
                name, version, _ = split_key(key)
                base = "%s@%s" % (name, version)
                optional[base] = optional.get(base, True) and bool((snapshot or {}).get("optional"))
            for key, entry in (document.get("packages") or {}).items():
                name, version, _ = split_key(key)
                resolution = entry.get("resolution") or {}
                if resolution.get("type") in ("directory", "git") or "integrity" not in resolution:
                    continue
                yield {"name": name, "version": entry.get("version", version), "url": resolution.get("tarball"),
                       "integrity": resolution["integrity"], "fits": fits(entry) or not optional.get(key, True)}
        return
    with open(path, encoding="utf-8-sig") as f:
        lock = json.load(f)
    for place, entry in (lock.get("packages") or {}).items():
        if "node_modules/" not in place or entry.get("link") or "integrity" not in entry or entry.get("inBundle"):
            continue
        name = entry.get("name") or place.rsplit("node_modules/", 1)[1]
        yield {"name": name, "version": entry["version"], "url": entry.get("resolved"),
               "integrity": entry["integrity"],
               "fits": fits(entry) or not (entry.get("optional") or entry.get("devOptional"))}


def lockfiles_of(project):
    return [os.path.join(project, f) for f in ("pnpm-lock.yaml", "package-lock.json", "npm-shrinkwrap.json")
            if os.path.isfile(os.path.join(project, f))]
