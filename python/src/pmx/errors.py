"""What goes wrong, with the stable codes of the engine. Every error says what failed, on what, and what to do next."""


class Error(Exception):
    """Something failed.

    code     "PMX_E_INTEGRITY": stable for ever, for programs
    what     what failed, one sentence
    subject  on what: a path, a package id, a URL without credentials; may be empty
    remedy   what to do next; may be empty; for a strategy of your own, its traceback
    errno    of the system call that was the cause, or 0
    """

    def __init__(self, code, what, subject="", remedy="", errno=0):
        super().__init__(code, what, subject, remedy, errno)
        self.code, self.what, self.subject, self.remedy, self.errno = code, what, subject, remedy, errno

    def __str__(self):
        text = "%s: %s" % (self.what, self.subject) if self.subject else self.what
        return "%s  %s%s" % (self.code, text, "\n  " + self.remedy if self.remedy else "")


class ConfigError(Error):
    """A setting, flag, profile or argument with a wrong name, type or value."""


class ManifestError(Error):
    """package.json, or a specifier or catalog in it."""


class LockfileError(Error):
    """The lockfile is missing, broken, or not what the manifests ask for."""


class ResolutionError(Error):
    """No version, project or peer does for what is asked."""


class FetchError(Error):
    """The network or a server failed, refused, or does not have it."""


class IntegrityError(Error):
    """Bytes that are not what was promised, or an archive that is none."""


class StoreError(Error):
    """The store cannot be read or written."""


class FileSystemError(Error):
    """The file system refused, or the disk is full."""


class PlatformError(Error):
    """A package that does not run on this machine."""


class PluginError(Error):
    """A plugin or strategy is not there, was refused, or failed."""


class PolicyError(Error):
    """A validator refused a package."""


class ScriptError(Error):
    """A lifecycle script or a patch failed."""


class Cancelled(Error):
    """Ended from outside; the tree is repairable, and the same call goes on from there."""


class InternalError(Error):
    """A bug in pmx, which its authors want to know of."""


_FAMILIES = {
    ConfigError: "USAGE CONFIG",
    ManifestError: "MANIFEST SPECIFIER CATALOG",
    LockfileError: "NO_LOCKFILE LOCKFILE_BROKEN LOCKFILE_VERSION LOCKFILE_CONFLICT LOCKFILE_OUTDATED LOCKFILE_MISSING_DEPENDENCY",
    ResolutionError: "RESOLUTION_UNSUPPORTED NO_MATCHING_VERSION WORKSPACE_PACKAGE EXOTIC_SUBDEPENDENCY PEERS",
    FetchError: "PACKUMENT NO_REGISTRY FETCH FETCH_NOT_FOUND FETCH_AUTH OFFLINE",
    IntegrityError: "INTEGRITY ARCHIVE",
    StoreError: "STORE STORE_BUSY",
    FileSystemError: "IO DISK_FULL UNSAFE_PATH",
    PlatformError: "UNSUPPORTED_PLATFORM UNSUPPORTED_ENGINE",
    PluginError: "PLUGIN_NOT_FOUND PLUGIN_REJECTED PLUGIN_FAILED",
    PolicyError: "POLICY",
    ScriptError: "SCRIPT PATCH",
    Cancelled: "CANCELLED",
    InternalError: "INTERNAL",
}
_BY_CODE = {"PMX_E_" + name: family for family, names in _FAMILIES.items() for name in names.split()}


def make(code, what, subject="", remedy="", errno=0):
    """The exception of the class that fits the code. Called by pmx._core."""
    return _BY_CODE.get(code, Error)(code, what, subject, remedy, errno)
