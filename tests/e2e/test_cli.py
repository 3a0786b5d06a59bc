"""The command's words: reporters, config, errors."""

import json

import pytest


def test_ndjson_has_pnpms_events(pmx, project):
    p = project("basic")
    events = pmx.install(p, "--reporter", "ndjson").events()
    names = {event["name"] for event in events}
    assert {"pnpm:progress", "pnpm:stage", "pnpm:stats"} <= names
    progress = [e for e in events if e["name"] == "pnpm:progress"]
    assert {"resolved", "imported"} <= {e["status"] for e in progress}
    assert any(e["name"] == "pnpm:stats" and e.get("added", 0) > 5 for e in events)
    assert any(e["name"] == "pnpm:stage" and e.get("stage") == "importing_done" for e in events)
    assert all("time" in e and "level" in e for e in events)


def test_silent_says_nothing(pmx, project):
    done = pmx.install(project("basic"), "--reporter", "silent")
    assert done.text == ""


def test_errors_stay_visible_when_silent(pmx, project):
    p = project("basic")
    (p / "pnpm-lock.yaml").write_text("nonsense: [")
    done = pmx.install(p, "--reporter", "silent", ok=False)
    assert done.code == 1 and "PMX_E_LOCKFILE_BROKEN" in done.text


def test_plain_lines_in_ci(pmx, project):
    done = pmx.install(project("basic"), env={"CI": "1"})
    assert "\x1b" not in done.text and "\r" not in done.text


def test_config_shows_where_each_value_comes_from(pmx, project):
    p = project("basic")
    (p / "pmx.yaml").write_text("check: content\n")
    done = pmx("config", cwd=p, env={"PMX_NETWORK_CONCURRENCY": "7"})
    assert done.code == 0
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.split()}
    assert "content" in lines["check"] and "pmx.yaml" in lines["check"]
    assert "7" in lines["network-concurrency"] and "PMX_NETWORK_CONCURRENCY" in lines["network-concurrency"]


def test_a_misspelt_flag_gets_a_hint(pmx, project):
    done = pmx.install(project("basic"), "--frozen-lokfile", ok=False)
    assert done.code == 2 and "--frozen-lockfile" in done.text


@pytest.mark.parametrize("flag", [("--linker", "nonsense"), ("--check", "nonsense"), ("--network-concurrency", "many")])
def test_a_wrong_value_is_refused(pmx, project, flag):
    done = pmx.install(project("basic"), *flag, ok=False)
    assert done.code != 0 and "PMX_E_" in done.text and "nonsense" in done.text or "many" in done.text


def test_a_project_cannot_choose_native_code(pmx, project):
    p = project("basic")
    (p / "pmx.yaml").write_text("linker: ./evil.so\n")
    done = pmx.install(p, ok=False)
    assert done.code != 0 and "PMX_E_" in done.text


def test_dash_c(pmx, project, whole, tmp_path):
    p = project("basic")
    done = pmx("-C", str(p), "install", cwd=tmp_path)
    assert done.code == 0, done.text
    whole(p)


def test_explain_and_trace(pmx, project, tmp_path):
    p = project("basic")
    done = pmx.install(p, "--explain")
    assert "chain-c" in done.text
    done = pmx.install(project("basic", into="trace"), "--timing=trace", "--store-dir", tmp_path / "cold")
    # The trace goes to a file that the command names, or to its output; either is Chrome's trace format.
    words = [w for w in done.text.split() if w.endswith(".json")]
    text = open(words[-1].strip(",.;:()'\""), encoding="utf-8").read() if words else done.out
    spans = json.loads(text[text.index("{"):])["traceEvents"]
    named = {stage: {s["name"] for s in spans if s.get("cat") == stage} for stage in ("fetch", "unpack", "link")}
    assert named["fetch"] == named["unpack"] == named["link"] and "chain-c@1.0.0" in named["fetch"], named


def test_state_files(pmx, project):
    p = project("basic")
    pmx.install(p)
    modules = json.loads((p / "node_modules" / ".modules.yaml").read_text())
    assert modules["nodeLinker"] == "isolated" and modules["layoutVersion"] == 5 and modules["virtualStoreDir"] == ".pnpm"
    assert (p / "node_modules" / ".pnpm" / "lock.yaml").exists()
    assert (p / "node_modules" / ".pnpm-workspace-state-v1.json").exists()
    q = project("basic", "npm", into="npm")
    pmx.install(q)
    hidden = json.loads((q / "node_modules" / ".package-lock.json").read_text())
    assert "node_modules/chain-a" in hidden["packages"] and "" not in hidden["packages"]
