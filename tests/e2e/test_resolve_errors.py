"""What a person is told when a project cannot be resolved, and that nothing is written then."""

import os

import pytest

from test_behaviours import world  # noqa: F401

SIMPLE = """
# registry
a@1.0.0 {dependencies: {b: ^1.0.0}}
b@1.0.0

# package.json
{"dependencies": {"a": "^1.0.0"}}
"""
QUICK = ("--fetch-retries", "0", "--fetch-timeout", "2000")


def untouched(w):
    assert not (w.path / "pnpm-lock.yaml").exists() and not w.modules.exists()


@pytest.mark.parametrize("status,code", [(401, "PMX_E_FETCH_AUTH"), (403, "PMX_E_FETCH_AUTH"), (404, "PMX_E_FETCH_NOT_FOUND")])
@pytest.mark.parametrize("name,words", [("a", ["a@^1.0.0"]), ("b", ["b@^1.0.0", "a@1.0.0"])])
def test_refusals_are_told_apart(world, status, code, name, words):  # noqa: F811
    w = world(SIMPLE)
    (w.path / ".npmrc").write_text("//127.0.0.1:1/:_authToken=a-secret-of-somebody\n")
    w.server.fault("GET /%s: %d" % (name, status))
    done = w.install(*QUICK, ok=False)
    assert code in done.text, done.text
    assert status == 404 or "(%d)" % status in done.text
    for word in words:
        assert word in done.text, done.text
    assert w.server.url.split("//")[1] in done.text
    assert "a-secret-of-somebody" not in done.text
    untouched(w)


def test_the_line_that_would_matter(world):  # noqa: F811
    w = world(SIMPLE)
    host = w.server.url.split("//")[1]
    (w.path / ".npmrc").write_text("//%s/:_authToken=a-secret-of-somebody\n" % host)
    w.server.fault("GET /a: 401")
    done = w.install(*QUICK, ok=False)
    assert ".npmrc" in done.text and "_authToken" in done.text, done.text
    assert "a-secret-of-somebody" not in done.text


def test_a_registry_that_is_not_there(world):  # noqa: F811
    w = world(SIMPLE)
    w.server.__exit__(None, None, None)
    done = w.install(*QUICK, ok=False)
    assert "PMX_E_FETCH" in done.text and w.server.url.split("//")[1] in done.text
    untouched(w)
    w.server.__enter__()


@pytest.mark.parametrize("fault", ["html", "truncate", "close", "500"])
def test_answers_that_are_none(world, fault):  # noqa: F811
    w = world(SIMPLE)
    w.server.fault("GET /a: " + fault)
    done = w.install(*QUICK, ok=False)
    assert "PMX_E_" in done.text and "PMX_E_INTERNAL" not in done.text and "a" in done.text
    untouched(w)


def test_a_version_hidden_by_its_age_says_when_it_will_be_old_enough(world):  # noqa: F811
    w = world(SIMPLE.replace("b@1.0.0", "b@0.9.0"))
    with open(os.path.join(w.server.directory, "a", "times.json"), "w", encoding="utf-8") as f:
        f.write('{"1.0.0": 30}')
    (w.path / "pnpm-workspace.yaml").write_text("minimumReleaseAge: 1440\nminimumReleaseAgeStrict: true\n")
    done = w.install(*QUICK, ok=False)
    assert "PMX_E_NO_MATCHING_VERSION" in done.text and "old enough" in done.text and "a@1.0.0" in done.text, done.text
    untouched(w)


def test_the_nearest_versions_are_named(world):  # noqa: F811
    w = world("""
# registry
a@1.0.0
a@1.9.0
a@3.0.0
a@9.0.0

# package.json
{"dependencies": {"a": "^2.0.0"}}
""")
    done = w.install(*QUICK, ok=False)
    assert "1.9.0" in done.text and "3.0.0" in done.text, done.text
    untouched(w)


def test_unmet_peers_are_a_tree(world):  # noqa: F811
    w = world("""
# registry
a@1.0.0 {dependencies: {b: 1.0.0}}
b@1.0.0 {peerDependencies: {p: ^1.0.0, q: "*"}}
p@2.0.0

# package.json
{"dependencies": {"a": "1.0.0", "p": "2.0.0"}}

# pnpm-workspace.yaml
autoInstallPeers: false
strictPeerDependencies: true
""")
    done = w.install(*QUICK, ok=False)
    assert "PMX_E_PEERS" in done.text
    assert "└─┬ a 1.0.0\n  └─┬ b 1.0.0\n" in done.text, done.text
    assert "unmet peer p@^1.0.0: found 2.0.0" in done.text and "missing peer q@*" in done.text
    untouched(w)
