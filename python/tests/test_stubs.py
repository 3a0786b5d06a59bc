"""_core.pyi is written by hand: here it is compared with the module, name by name and argument by argument."""

import ast
import os
import re

import pytest

pmx = pytest.importorskip("pmx")
HERE = os.path.dirname(os.path.abspath(__file__))
STUBS = os.path.join(HERE, "..", "src", "pmx", "_core.pyi")
# What the language or pybind11 gives every class.
COMMON = {"__new__", "__doc__", "__module__", "__init__", "__repr__", "__buffer__"}


def stubs():
    """name → None for a value, [arguments] for a function, {member → …} for a class."""
    def arguments(node):
        everything = node.args
        names = [a.arg for a in everything.posonlyargs + everything.args if a.arg != "self"]
        defaults = [ast.unparse(d) for d in everything.defaults]
        return [(name, None) for name in names[:len(names) - len(defaults)]] + list(zip(names[len(names) - len(defaults):], defaults))

    def members(body):
        found = {}
        for node in body:
            if isinstance(node, ast.FunctionDef):
                is_property = any(ast.unparse(d) == "property" for d in node.decorator_list)
                found[node.name] = None if is_property else arguments(node)
            elif isinstance(node, ast.AnnAssign):
                found[node.target.id] = None
            elif isinstance(node, ast.ClassDef):
                found[node.name] = members(node.body)
        return found
    return members(ast.parse(open(STUBS).read()).body)


def signature(function):
    """The arguments that pybind11 wrote into the docstring: [(name, default text or None)]."""
    first = (function.__doc__ or "").strip().split("\n")[0]
    inside = re.match(r"\w+\((.*)\) -> ", first)
    assert inside, "no signature in the docstring of %s: %r" % (function, first)
    text, parts, depth, part = inside.group(1), [], 0, ""
    for c in text + ",":
        depth += (c in "[({<") - (c in "])}>")
        if c == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += c
    found = []
    for piece in filter(None, parts):
        name, _, rest = piece.partition(":")
        if name.strip() == "self":
            continue
        found.append((name.strip(), rest.split(" = ")[1].strip() if " = " in rest else None))
    return found


def same_default(stub, real):
    if stub is None or real is None:
        return stub == real
    return ast.literal_eval(stub) == ast.literal_eval(real)


def test_every_name_is_in_the_stubs_and_the_other_way_round(core):
    real = {name for name in dir(core) if not name.startswith("__")}
    assert real == {name for name in stubs() if not name.startswith("__")}
    for name, members in stubs().items():
        if isinstance(members, dict):
            own = {n for n in vars(getattr(core, name)) if n not in COMMON and not n.startswith("_pybind11")}
            assert own == {n for n in members if n not in COMMON}, name


def test_signatures_are_those_of_the_module(core):
    def compare(where, function, arguments):
        given = signature(function)
        assert [n for n, _ in given] == [n for n, _ in arguments], where
        for (name, real), (_, stub) in zip(given, arguments):
            assert same_default(stub, real), "%s(%s=%s) in the stubs, %s in the module" % (where, name, stub, real)
    for name, what in stubs().items():
        value = getattr(core, name)
        if isinstance(what, dict):
            for member, arguments in what.items():
                if arguments is not None and member not in ("__len__", "__buffer__"):
                    compare("%s.%s" % (name, member), getattr(value, member), arguments)
                elif arguments is None:
                    assert isinstance(vars(value)[member], property), "%s.%s" % (name, member)
        elif what is not None:
            compare(name, value, what)


def test_everything_public_is_documented(core):
    for name in pmx.__all__:
        value = getattr(pmx, name)
        assert value.__doc__ and len(value.__doc__.strip()) > 15, name
        if isinstance(value, type):
            for member, function in vars(value).items():
                if not member.startswith("_") and callable(function) and member not in ("to_dict", "interrupt", "cancel"):
                    assert function.__doc__, "%s.%s has no docstring" % (name, member)
    assert os.path.exists(os.path.join(HERE, "..", "src", "pmx", "py.typed"))


PUBLIC = os.path.join(HERE, "..", "src", "pmx", "__init__.pyi")


def test_the_package_has_what_its_stubs_say(core):
    """__init__.pyi: names, members, and the arguments of every function, with their defaults."""
    import inspect
    nodes = {node.name: node for node in ast.parse(open(PUBLIC).read()).body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert {name for name in nodes if not name.startswith("_")} == set(pmx.__all__) - {"lab"}

    def compare(where, function, node):
        real = inspect.signature(function)
        arguments = node.args
        wanted = [a.arg for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
        given = [p.name for p in real.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        assert [n for n in wanted if n not in ("self", "cls")] == [n for n in given if n not in ("self", "cls")], where
        positional = arguments.posonlyargs + arguments.args
        defaults = dict(zip([a.arg for a in positional][len(positional) - len(arguments.defaults):], arguments.defaults))
        defaults.update((a.arg, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults) if d is not None)
        for name in wanted:
            if name in ("self", "cls"):
                continue
            default = real.parameters[name].default
            assert (default is inspect.Parameter.empty) == (name not in defaults), "%s(%s)" % (where, name)
            if name in defaults:
                assert ast.literal_eval(defaults[name]) == default, "%s(%s)" % (where, name)
        assert bool(arguments.vararg) == any(p.kind == p.VAR_POSITIONAL for p in real.parameters.values()), where
        assert bool(arguments.kwarg) == any(p.kind == p.VAR_KEYWORD for p in real.parameters.values()), where

    for name, node in nodes.items():
        if name.startswith("_"):
            continue
        value = getattr(pmx, name)
        if isinstance(node, ast.FunctionDef):
            compare(name, value, node)
            continue
        functions = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
        for member, function in functions.items():
            if any(ast.unparse(d) == "property" for d in function.decorator_list):
                assert isinstance(inspect.getattr_static(value, member), property), "%s.%s" % (name, member)
            elif not member.startswith("__") or member == "__init__":
                compare("%s.%s" % (name, member), getattr(value, member), function)
        fields = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign)]
        if hasattr(value, "_fields"):
            assert list(value._fields) == fields, name
        public = {m for m in vars(value) if not m.startswith("_") and m not in ("interrupt", "take_exception")}
        assert public <= set(functions) | set(fields), "%s: not in the stubs: %s" % (name, public - set(functions) - set(fields))


def test_a_result_has_every_figure_that_the_stubs_promise(session, project):
    node = next(n for n in ast.parse(open(PUBLIC).read()).body if isinstance(n, ast.ClassDef) and n.name == "Result")
    result = session.install(project())
    for field in (n.target.id for n in node.body if isinstance(n, ast.AnnAssign)):
        getattr(result, field)
    assert set(result._values) - {"stages", "requests", "made"} <= {n.target.id for n in node.body if isinstance(n, ast.AnnAssign)}
