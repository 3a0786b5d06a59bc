"""What steers a run, as values: Config and Caps. Their document is the one that `pmx install --config-json` takes."""

import difflib
import json
import os

from . import _core, errors

# What people say here, and how the engine calls it. `import` cannot be a keyword argument.
ALIASES = {"importer": "import", "validators": "validator", "store": "store-dir", "cache": "cache-dir", "frozen": "frozen-lockfile"}
SETTINGS = {row["name"]: row for row in _core.settings() if row["name"] not in ("dir", "profile", "config-json", "default-registry")}
CAPS = {name[:-len("-concurrency")].replace("-", "_"): name for name, row in SETTINGS.items()
        if row["type"] == "integer" and name.endswith("-concurrency")}
STRATEGIES = ("linker", "import", "fetcher", "validator")


def _unknown(kind, name, known):
    near = difflib.get_close_matches(name, known, 1)
    return errors.ConfigError("PMX_E_CONFIG", "%s has no \"%s\"" % (kind, name), "",
                              "did you mean \"%s\"?" % near[0] if near else "there are: " + ", ".join(sorted(known)))


class Caps:
    """How much at once: Caps(network=128, unpack=2, link=2). Each is a number of requests or threads; 0 is one per
    processor where the engine allows that; what is left out keeps its default. `Caps.names` lists them."""

    names = tuple(CAPS)
    __slots__ = ("_values",)

    def __init__(self, **values):
        for name, value in values.items():
            if name not in CAPS:
                raise _unknown("Caps", name, CAPS)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise errors.ConfigError("PMX_E_CONFIG", "the cap %s cannot be %r" % (name, value), "", "accepted: a whole number, 0 or more")
        self._values = {name: int(value) for name, value in values.items()}

    def __getattr__(self, name):
        if name in CAPS:
            return self._values.get(name)
        raise AttributeError(name)

    def items(self):
        """(name, number) of those that were given."""
        return self._values.items()

    def __eq__(self, other):
        return isinstance(other, Caps) and self._values == other._values

    def __hash__(self):
        return hash(tuple(sorted(self._values.items())))

    def __repr__(self):
        return "Caps(%s)" % ", ".join("%s=%r" % item for item in self._values.items())


class Config:
    """Settings of a run: strategies, caps, and every other setting of the engine by its name with _ for -.

        Config(linker="isolated", importer="hardlink", fetcher="http1", validators=["integrity", "tree"], check="stat",
               caps=Caps(network=128, unpack=2, link=2), frozen=True)

    linker, importer, fetcher, validators  a built-in name, a plugin's name or path, or a strategy made with @pmx.layout
                                           or @pmx.validator
    check      "none", "stat", "content"
    caps       Caps, or a dict of its numbers
    frozen     the lockfile must be there and fit
    Names that are not known raise ConfigError with the nearest. A Config does not change; `with_` makes another."""

    __slots__ = ("_values", "strategies")

    def __init__(self, caps=None, **settings):
        values, strategies = {}, []
        for name, value in settings.items():
            kebab = ALIASES.get(name, name.rstrip("_").replace("_", "-"))
            if kebab not in SETTINGS:
                raise _unknown("Config", name, [*(n.replace("-", "_") for n in SETTINGS if n != "import"), *ALIASES, "caps"])
            if value is None:
                continue
            items = list(value) if isinstance(value, (list, tuple)) else [value]
            for at, item in enumerate(items):
                if hasattr(item, "_pmx_strategy"):
                    if kebab not in ("linker", "validator"):
                        raise errors.ConfigError("PMX_E_CONFIG", "%s cannot be a strategy in Python" % name, repr(item), "layouts and validators can")
                    wanted = "layout" if kebab == "linker" else "validator"
                    if item.kind != wanted:
                        raise errors.ConfigError("PMX_E_CONFIG", "%s is a %s, and %s takes a %s" % (item.name, item.kind, name, wanted))
                    strategies.append(item)
                    items[at] = item.name
                elif isinstance(item, os.PathLike):
                    items[at] = os.fspath(item)
            values[kebab] = items if isinstance(value, (list, tuple)) else items[0]
        for name, number in (caps if isinstance(caps, Caps) else Caps(**(caps or {}))).items():
            values[CAPS[name]] = number
        self.strategies = tuple(strategies)
        self._values = json.loads(_core.checked_document(json.dumps(values)))

    @classmethod
    def from_json(cls, text):
        """From the document of --config-json, or what `pmx config --json` prints."""
        made = cls()
        made._values = json.loads(_core.checked_document(text if isinstance(text, str) else json.dumps(text)))
        return made

    @classmethod
    def profile(cls, name):
        """From a saved profile: a name below the user's profiles, or a path. Caps and built-in strategies only."""
        made = cls()
        made._values = json.loads(_core.checked_document(_core.read_profile(os.fspath(name), dict(os.environ)), True))
        return made

    def save_profile(self, name):
        """Writes it for `pmx install --profile NAME`; answers the path. Raises where it holds what a profile may not."""
        text = _core.checked_document(self.to_json(), True)
        path = _core.profile_path(os.fspath(name), dict(os.environ))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.replace(path + ".new", path)
        return path

    def to_json(self):
        """The document, as `pmx install --config-json` takes it. Strategies in Python are in it by name only."""
        return json.dumps(self._values, indent=2)

    @property
    def caps(self):
        return Caps(**{short: self._values[name] for short, name in CAPS.items() if name in self._values})

    def get(self, name, default=None):
        """The value of a setting that was given; either spelling."""
        return self._values.get(ALIASES.get(name, name.replace("_", "-")), default)

    def with_(self, caps=None, **settings):
        """Another Config with these changed."""
        other = Config(caps, **settings)
        merged = Config()
        merged._values = {**self._values, **other._values}
        # A strategy stays as long as its name is still the one that is meant.
        names = {item for name in STRATEGIES for item in _listed(merged._values.get(name))}
        kept = {s.name: s for s in (*self.strategies, *other.strategies) if s.name in names}
        merged.strategies = tuple(kept.values())
        return merged

    def __or__(self, other):
        """This one, with the other's settings on top."""
        merged = self.with_()
        merged._values = {**self._values, **other._values}
        merged.strategies = tuple({s.name: s for s in (*self.strategies, *other.strategies)}.values())
        return merged

    def __eq__(self, other):
        return isinstance(other, Config) and (self._values, self.strategies) == (other._values, other.strategies)

    __hash__ = None

    def __repr__(self):
        shown = {name: value for name, value in self._values.items() if name not in CAPS.values()}
        back = {engine: said for said, engine in ALIASES.items()}
        parts = ["%s=%r" % (back.get(name, name.replace("-", "_")), value) for name, value in shown.items()]
        if len(self.caps.items()):
            parts.append("caps=%r" % self.caps)
        return "Config(%s)" % ", ".join(parts)


def _listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]
