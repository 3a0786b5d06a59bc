"""Packages that no registry describes, resolved and installed without a lockfile: repositories, archives and directories.
The expected lockfiles are what pnpm 12 wrote for the same input."""

import base64
import functools
import hashlib
import http.server
import io
import json
import os
import subprocess
import tarfile
import threading

import pytest

from https_hosts import HttpsHosts


def manifest(name, version, **more):
    return json.dumps({"name": name, "version": version, **more})


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make_project(path, dependencies, **more):
    write(path / "package.json", json.dumps({"name": "root", "version": "1.0.0", "dependencies": dependencies, **more}, indent=2))
    return path


def make_tgz(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("package/package.json")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text.encode()))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


class Repository:
    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    @property
    def url(self):
        return "file://%s" % self.path

    def git(self, *args):
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        env.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
        done = subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@registry.example", *args], cwd=self.path, env=env,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, text):
        write(self.path / "package.json", text)
        write(self.path / "packages" / "inner" / "package.json", manifest("inner", "0.3.0"))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    try:
        subprocess.run(["git", "--version"], capture_output=True, check=True)
    except OSError:
        if os.environ.get("CI"):
            pytest.fail("git is not installed")
        pytest.skip("git is not installed")
    repo = Repository(tmp_path / "repo")
    repo.first = repo.commit(manifest("lib", "1.0.0"))
    repo.git("tag", "v1.0.0")
    repo.second = repo.commit(manifest("lib", "1.1.0"))
    repo.git("tag", "-a", "v1.1.0", "-m", "x")
    repo.git("branch", "feat")
    repo.third = repo.commit(manifest("lib", "2.0.0-dev"))
    return repo


def lockfile(project):
    """From `importers:` on."""
    text = (project / "pnpm-lock.yaml").read_text()
    return text[text.index("importers:"):]


def expected(specifier, reference, name, resolution, *fields, alias="dep"):
    shown = reference if alias == name else "%s@%s" % (name, reference)
    lines = ["importers:", "", "  .:", "    dependencies:", "      %s:" % alias, "        specifier: %s" % specifier,
             "        version: %s" % shown, "", "packages:", "", "  %s@%s:" % (name, reference), "    resolution: {%s}" % resolution]
    lines += ["    " + field for field in fields]
    return "\n".join(lines + ["", "snapshots:", "", "  %s@%s: {}" % (name, reference), ""])


def reinstalled(pmx, project, *flags):
    """The tree again, from the lockfile and the store alone."""
    subprocess.run(["rm", "-rf", str(project / "node_modules")], check=True)
    before = (project / "pnpm-lock.yaml").read_text()
    pmx.install(project, "--frozen-lockfile", "--offline", *flags)
    assert (project / "pnpm-lock.yaml").read_text() == before


def installed(project, alias="dep"):
    return json.loads((project / "node_modules" / alias / "package.json").read_text())


@pytest.mark.parametrize("fragment,commit,version", [
    ("", "third", "2.0.0-dev"), ("#feat", "second", "1.1.0"), ("#v1.0.0", "first", "1.0.0"), ("#v1.1.0", "second", "1.1.0"),
    ("#semver:^1.0.0", "second", "1.1.0"), ("#short", "first", "1.0.0"), ("#whole", "first", "1.0.0"),
])
def test_a_repository(pmx, repository, tmp_path, fragment, commit, version):
    fragment = {"#short": "#" + repository.first[:8], "#whole": "#" + repository.first}.get(fragment, fragment)
    specifier, commit = "git+" + repository.url + fragment, getattr(repository, commit)
    p = make_project(tmp_path / "project", {"dep": specifier})
    pmx.install(p)
    assert installed(p)["version"] == version
    assert lockfile(p) == expected(specifier, "git+%s#%s" % (repository.url, commit), "lib",
                                   "commit: %s, repo: %s, type: git" % (commit, repository.url), "version: " + version)
    reinstalled(pmx, p)
    assert installed(p)["version"] == version


def test_a_subdirectory_of_a_repository(pmx, repository, tmp_path):
    specifier = "git+%s#v1.0.0&path:/packages/inner" % repository.url
    p = make_project(tmp_path / "project", {"dep": specifier})
    pmx.install(p)
    assert installed(p) == {"name": "inner", "version": "0.3.0"}
    assert lockfile(p) == expected(specifier, "git+%s#%s&path:/packages/inner" % (repository.url, repository.first), "inner",
                                   "commit: %s, path: /packages/inner, repo: %s, type: git" % (repository.first, repository.url),
                                   "version: 0.3.0")
    reinstalled(pmx, p)
    assert installed(p)["name"] == "inner"


def test_a_branch_that_moved_stays_where_the_lockfile_has_it(pmx, repository, tmp_path):
    p = make_project(tmp_path / "project", {"lib": "git+" + repository.url})
    pmx.install(p)
    before = (p / "pnpm-lock.yaml").read_text()
    repository.commit(manifest("lib", "3.0.0"))
    make_project(p, {"lib": "git+" + repository.url, "near": "link:near"})
    (p / "near").mkdir()
    pmx.install(p, "--no-frozen-lockfile")
    assert installed(p, "lib")["version"] == "2.0.0-dev"
    assert repository.third in before and repository.third in (p / "pnpm-lock.yaml").read_text()


@pytest.mark.parametrize("fragment,code,says", [
    ("#nope", "PMX_E_NO_MATCHING_VERSION", "nope"), ("#semver:^9", "PMX_E_NO_MATCHING_VERSION", "v1.1.0, v1.0.0"),
    ("-is-not-here", "PMX_E_FETCH_NOT_FOUND", "is-not-here"), ("#path:nope", "PMX_E_FETCH_NOT_FOUND", "nope"),
])
def test_what_a_repository_does_not_have(pmx, repository, tmp_path, fragment, code, says):
    p = make_project(tmp_path / "project", {"dep": "git+" + repository.url + fragment})
    done = pmx.install(p, ok=False)
    assert done.code == 1 and code in done.text and says in done.text, done.text
    assert not (p / "pnpm-lock.yaml").exists()


@pytest.mark.parametrize("specifier", ["file:lib.tgz", "./lib.tgz", "file:./sub/../lib.tgz"])
def test_an_archive_on_disk(pmx, tmp_path, specifier):
    p = make_project(tmp_path / "project", {"dep": specifier})
    integrity = make_tgz(p / "lib.tgz", manifest("tarpkg", "4.0.0", bin={"t": "package.json"}))
    pmx.install(p)
    assert installed(p)["name"] == "tarpkg"
    assert lockfile(p) == expected(specifier, "file:lib.tgz", "tarpkg", "integrity: %s, tarball: file:lib.tgz" % integrity,
                                   "version: 4.0.0", "hasBin: true")
    reinstalled(pmx, p)


@pytest.fixture
def web(tmp_path):
    (tmp_path / "web").mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append((self.command, self.path))

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path / "web")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url, server.asked, server.directory = "http://127.0.0.1:%d" % server.server_port, asked, tmp_path / "web"
    yield server
    server.shutdown()


def test_an_archive_by_url_is_fetched_once(pmx, web, tmp_path):
    integrity = make_tgz(web.directory / "lib.tgz", manifest("tarpkg", "4.0.0"))
    url = web.url + "/lib.tgz"
    p = make_project(tmp_path / "project", {"dep": url, "again": url})
    pmx.install(p)
    assert installed(p)["name"] == installed(p, "again")["name"] == "tarpkg"
    assert "  tarpkg@%s:\n    resolution: {integrity: %s, tarball: %s}\n    version: 4.0.0\n" % (url, integrity, url) in lockfile(p)
    assert [path for method, path in web.asked if method == "GET"] == ["/lib.tgz"]
    reinstalled(pmx, p)
    assert len(web.asked) == 1


def test_a_directory_is_copied_and_a_path_is_linked(pmx, tmp_path):
    p = make_project(tmp_path / "project", {"copied": "file:libs/dir", "linked": "link:libs/dir", "bare": "./libs/dir"})
    write(p / "libs" / "dir" / "package.json", manifest("dirpkg", "1.0.0"))
    pmx.install(p)
    assert lockfile(p) == """importers:

  .:
    dependencies:
      bare:
        specifier: ./libs/dir
        version: link:libs/dir
      copied:
        specifier: file:libs/dir
        version: dirpkg@file:libs/dir
      linked:
        specifier: link:libs/dir
        version: link:libs/dir

packages:

  dirpkg@file:libs/dir:
    resolution: {directory: libs/dir, type: directory}

snapshots:

  dirpkg@file:libs/dir: {}
"""
    modules = p / "node_modules"
    assert os.path.realpath(modules / "linked") == os.path.realpath(modules / "bare") == os.path.realpath(p / "libs" / "dir")
    assert os.path.realpath(modules / "copied") != os.path.realpath(p / "libs" / "dir")
    assert installed(p, "copied") == {"name": "dirpkg", "version": "1.0.0"}


def test_directories_of_a_member_are_relative_to_the_root(pmx, tmp_path):
    p = make_project(tmp_path / "project", {})
    write(p / "pnpm-workspace.yaml", "packages:\n  - packages/*\n")
    make_project(p / "packages" / "a", {"lib": "file:../../libs/lib", "far": "link:../../libs/far", "packed": "file:packed.tgz"})
    write(p / "libs" / "lib" / "package.json", manifest("lib", "1.0.0"))
    write(p / "libs" / "far" / "package.json", manifest("far", "1.0.0"))
    make_tgz(p / "packages" / "a" / "packed.tgz", manifest("packed", "1.0.0"))
    pmx.install(p)
    text = lockfile(p)
    assert "        version: link:../../libs/far\n" in text
    assert "        version: file:libs/lib\n" in text and "{directory: libs/lib, type: directory}" in text
    assert "        version: file:packages/a/packed.tgz\n" in text
    for name in ("lib", "far", "packed"):
        assert installed(p / "packages" / "a", name)["name"] == name
    reinstalled(pmx, p)


@pytest.mark.parametrize("specifier,code", [("file:nope", "PMX_E_MANIFEST"), ("file:nope.tgz", "PMX_E_FETCH_NOT_FOUND"),
                                            ("portal:nope", "PMX_E_SPECIFIER"), ("not a range", "PMX_E_SPECIFIER")])
def test_what_is_not_there(pmx, tmp_path, specifier, code):
    p = make_project(tmp_path / "project", {"dep": specifier})
    done = pmx.install(p, ok=False)
    assert done.code == 1 and code in done.text and "nope" in done.text + "nope" * (code == "PMX_E_SPECIFIER"), done.text
    assert not (p / "pnpm-lock.yaml").exists()


def test_a_dependency_of_a_dependency_comes_from_a_registry(pmx, repository, tmp_path):
    p = make_project(tmp_path / "project", {"packed": "file:packed.tgz"})
    make_tgz(p / "packed.tgz", manifest("packed", "1.0.0", dependencies={"lib": "git+" + repository.url}))
    done = pmx.install(p, ok=False)
    assert done.code == 1 and "PMX_E_EXOTIC_SUBDEPENDENCY" in done.text, done.text
    write(p / "pnpm-workspace.yaml", "packages:\n  - .\nblockExoticSubdeps: false\n")
    pmx.install(p)
    assert (p / "node_modules" / ".pnpm").is_dir() and repository.third in lockfile(p)


@pytest.fixture
def hosts(tmp_path, repository):
    (tmp_path / "hosts").mkdir()
    try:
        hosts = HttpsHosts(str(tmp_path / "hosts"), "github.com", "codeload.github.com", "gitlab.com", "bitbucket.org")
    except OSError:
        if os.environ.get("CI"):
            pytest.fail("openssl is not installed")
        pytest.skip("openssl is not installed")
    for place in ("github.com/team/lib.git", "gitlab.com/team/sub/lib.git", "bitbucket.org/team/lib.git"):
        hosts.serve_repository(place, repository.path, tmp_path / "hosts" / place.replace("/", "-"))
    yield hosts
    hosts.close()


def hosted_project(path, hosts, specifier):
    p = make_project(path, {"dep": specifier})
    write(p / ".npmrc", "cafile=%s\n" % hosts.certificate)
    return p


@pytest.mark.parametrize("specifier,commit,archive", [
    ("team/lib", "third", "codeload.github.com/team/lib/tar.gz/{0}"),
    ("team/lib#feat", "second", "codeload.github.com/team/lib/tar.gz/{0}"),
    ("github:team/lib#semver:^1.0.0", "second", "codeload.github.com/team/lib/tar.gz/{0}"),
    ("git+ssh://git@github.com/team/lib.git#v1.0.0", "first", "codeload.github.com/team/lib/tar.gz/{0}"),
    ("https://github.com/team/lib", "third", "codeload.github.com/team/lib/tar.gz/{0}"),
    ("gitlab:team/sub/lib#v1.1.0", "second", "gitlab.com/team/sub/lib/-/archive/{0}/lib-{0}.tar.gz"),
    ("bitbucket:team/lib", "third", "bitbucket.org/team/lib/get/{0}.tar.gz"),
])
def test_a_known_host_serves_archives(pmx, repository, hosts, tmp_path, specifier, commit, archive):
    archive = archive.format(getattr(repository, commit))
    integrity = make_tgz(tmp_path / "archive.tgz", manifest("lib", "1.1.0"))
    hosts.files[archive] = (tmp_path / "archive.tgz").read_bytes()
    p = hosted_project(tmp_path / "project", hosts, specifier)
    pmx.install(p, env=hosts.environment())
    assert installed(p)["name"] == "lib"
    assert lockfile(p) == expected(specifier, "https://" + archive, "lib", "gitHosted: true, integrity: %s, tarball: https://%s" %
                                   (integrity, archive), "version: 1.1.0")
    assert [asked for asked in hosts.asked if asked.endswith(archive)] == ["GET " + archive]
    reinstalled(pmx, p)
    assert installed(p)["name"] == "lib"


def test_102_an_archive_of_a_git_host(pmx, repository, hosts, tmp_path):
    """Behaviour 102: the archive's URL is in the name; a dependency of a dependency comes from there only if it may."""
    archive = "codeload.github.com/team/lib/tar.gz/" + repository.first
    make_tgz(tmp_path / "archive.tgz", manifest("lib", "1.0.0"))
    hosts.files[archive] = (tmp_path / "archive.tgz").read_bytes()
    p = hosted_project(tmp_path / "project", hosts, "team/lib#v1.0.0")
    pmx.install(p, env=hosts.environment())
    key = "\n  lib@https://%s:\n" % archive
    assert key + "    resolution: {gitHosted: true, " in lockfile(p)

    above = make_project(tmp_path / "above", {"packed": "file:packed.tgz"})
    write(above / ".npmrc", "cafile=%s\n" % hosts.certificate)
    make_tgz(above / "packed.tgz", manifest("packed", "1.0.0", dependencies={"lib": "team/lib#v1.0.0"}))
    done = pmx.install(above, env=hosts.environment(), ok=False)
    assert done.code == 1 and "PMX_E_EXOTIC_SUBDEPENDENCY" in done.text, done.text
    assert not (above / "pnpm-lock.yaml").exists()
    write(above / "pnpm-workspace.yaml", "packages:\n  - .\nblockExoticSubdeps: false\n")
    pmx.install(above, env=hosts.environment())
    assert key + "    resolution: {gitHosted: true, " in lockfile(above)


def test_a_subdirectory_of_an_archive(pmx, repository, hosts, tmp_path):
    path = tmp_path / "archive.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in (("package.json", manifest("lib", "1.0.0")), ("packages/inner/package.json", manifest("inner", "0.3.0"))):
            info = tarfile.TarInfo("lib-1/" + name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    url = "codeload.github.com/team/lib/tar.gz/" + repository.first
    hosts.files[url] = path.read_bytes()
    p = hosted_project(tmp_path / "project", hosts, "team/lib#v1.0.0&path:/packages/inner")
    pmx.install(p, env=hosts.environment())
    assert installed(p) == {"name": "inner", "version": "0.3.0"}
    text = lockfile(p)
    assert "  inner@https://%s#path:/packages/inner:\n" % url in text
    assert ", path: /packages/inner, tarball: https://%s}\n" % url in text
    reinstalled(pmx, p)
    assert installed(p)["name"] == "inner"


def test_a_host_that_serves_no_archive_is_cloned(pmx, repository, hosts, tmp_path):
    p = hosted_project(tmp_path / "project", hosts, "team/lib#v1.0.0")
    pmx.install(p, env=hosts.environment())
    repo = "https://github.com/team/lib.git"
    assert lockfile(p) == expected("team/lib#v1.0.0", "git+%s#%s" % (repo, repository.first), "lib",
                                   "commit: %s, repo: %s, type: git" % (repository.first, repo), "version: 1.0.0")


def test_a_repository_that_the_host_does_not_show(pmx, hosts, tmp_path):
    p = hosted_project(tmp_path / "project", hosts, "team/secret")
    done = pmx.install(p, env=hosts.environment(), ok=False)
    assert done.code == 1 and "PMX_E_FETCH" in done.text and "github.com/team/secret" in done.text, done.text


@pytest.mark.parametrize("specifier,works", [("git+ssh://git@github.com/team/secret.git#v1.0.0", True), ("git@github.com:team/secret.git#v1.0.0", True),
                                             ("team/secret#v1.0.0", False)])
def test_ssh_is_tried_where_it_is_written(pmx, repository, hosts, tmp_path, specifier, works):
    ssh = tmp_path / "ssh"
    write(ssh, "#!/bin/sh\nexec git-upload-pack %s\n" % repository.path)
    ssh.chmod(0o755)
    p = hosted_project(tmp_path / "project", hosts, specifier)
    done = pmx.install(p, env={**hosts.environment(), "GIT_SSH": str(ssh), "GIT_SSH_VARIANT": "simple"}, ok=works)
    if not works:
        assert done.code == 1 and "PMX_E_FETCH" in done.text, done.text
        return
    repo = "ssh://git@github.com/team/secret.git"
    assert lockfile(p) == expected(specifier, "git+%s#%s" % (repo, repository.first), "lib",
                                   "commit: %s, repo: %s, type: git" % (repository.first, repo), "version: 1.0.0")
    assert installed(p)["version"] == "1.0.0"


@pytest.mark.parametrize("specifier", ["git@host.example:team/lib.git#feat", "git+ssh://git@host.example:team/lib.git#feat",
                                       "ssh://git@host.example/team/lib.git#feat"])
def test_any_host_over_ssh(pmx, repository, tmp_path, specifier):
    ssh = tmp_path / "ssh"
    write(ssh, "#!/bin/sh\nexec git-upload-pack %s\n" % repository.path)
    ssh.chmod(0o755)
    p = make_project(tmp_path / "project", {"dep": specifier})
    pmx.install(p, env={"GIT_SSH": str(ssh), "GIT_SSH_VARIANT": "simple"})
    repo = "ssh://git@host.example/team/lib.git"
    assert lockfile(p) == expected(specifier, "git+%s#%s" % (repo, repository.second), "lib",
                                   "commit: %s, repo: %s, type: git" % (repository.second, repo), "version: 1.1.0")


def test_what_changes_on_disk_is_resolved_again(pmx, tmp_path):
    p = make_project(tmp_path / "project", {"dirpkg": "file:dir", "tarpkg": "file:lib.tgz"})
    write(p / "dir" / "package.json", manifest("dirpkg", "1.0.0"))
    write(p / "near" / "package.json", manifest("near", "1.0.0"))
    make_tgz(p / "lib.tgz", manifest("tarpkg", "4.0.0"))
    pmx.install(p)
    assert "up to date" in pmx.install(p).text.lower()
    write(p / "dir" / "package.json", manifest("dirpkg", "1.0.0", dependencies={"near": "link:../near"}))
    pmx.install(p)
    assert "  dirpkg@file:dir:\n    dependencies:\n      near: link:near\n" in lockfile(p) or "      near: link:../near\n" in lockfile(p)
    integrity = make_tgz(p / "lib.tgz", manifest("tarpkg", "5.0.0"))
    pmx.install(p)
    assert integrity in lockfile(p) and "    version: 5.0.0\n" in lockfile(p)
    assert installed(p, "tarpkg")["version"] == "5.0.0"
    assert "up to date" in pmx.install(p).text.lower()
