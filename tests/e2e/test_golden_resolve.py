"""The text cases of tests/golden/resolve. PMX_ACCEPT=1 takes what pmx says for what is expected; with PNPM_BIN the real pnpm is
asked the same."""

import os

import pytest

import registry_server
import resolve_cases
from conftest import Pmx

CASES = [pytest.param(case, id=case.name) for case in resolve_cases.all_cases()]
# Those that wait must fail: who makes one right takes its line out.
OURS = [pytest.param(case, id=case.name, marks=pytest.mark.xfail(reason=case.waits, strict=True) if case.waits else ())
        for case in resolve_cases.all_cases()]


def check(case, outcome, code):
    if case.error:
        _, _, words = case.error
        assert outcome.code != 0 and code in outcome.text, outcome.text
        return words
    assert outcome.code == 0, outcome.text
    assert outcome.lockfile == case.sections.get("pnpm-lock.yaml")
    for name, text in outcome.files.items():
        assert text == case.sections[name + " after"]
    return []


@pytest.mark.parametrize("case", OURS)
def test_pmx(case, tmp_path):
    packages, project, home = tmp_path / "registry", tmp_path / "project", tmp_path / "home"
    for folder in (packages, project, home):
        folder.mkdir()
    case.make_registry(str(packages))
    case.make_project(str(project))
    with registry_server.RegistryServer(packages) as server:
        done = Pmx(str(home), server.url)(*case.command, "--ignore-scripts", cwd=project)
    outcome = case.outcome(str(project), done.code, done.text, server.url)
    if os.environ.get("PMX_ACCEPT"):
        case.answer(outcome)
        case.write()
        return
    words = check(case, outcome, case.error and case.error[0])
    if case.error:
        assert outcome.lockfile == case.sections.get("pnpm-lock.yaml before"), "the lockfile was touched"
    for word in words + case.sections.get("says", "").splitlines():
        assert word in outcome.text, outcome.text


@pytest.mark.parametrize("case", CASES)
def test_pnpm(case, tmp_path):
    binary = os.environ.get("PNPM_BIN")
    if not binary:
        pytest.skip("PNPM_BIN names no pnpm to ask")
    if case.differs:
        pytest.skip("differs from pnpm: " + case.differs)
    outcome = resolve_cases.ask_pnpm(binary, case, str(tmp_path))
    check(case, outcome, case.error and (case.error[1] or ""))
