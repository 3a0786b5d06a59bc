// Result<T>: the one error type of pmx. Everything that can fail returns it; exceptions stop at three doors (main,
// the plugin boundary, the Python boundary). An Error says what failed, on what, and what to do next, and carries a
// code that scripts may rely on for ever. [any thread]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace pmx {

// Stable codes. The name on screen is PMX_E_<NAME>; names are never reused and never renamed.
#define PMX_ERROR_CODES(X)                                                                                   \
    X(USAGE, 2)               /* a flag or argument that cannot be understood */                            \
    X(CONFIG, 2)              /* a setting with a wrong type or value */                                    \
    X(MANIFEST, 1)            /* package.json is missing, broken, or names something unsafe */              \
    X(NO_LOCKFILE, 1)         /* the job needs a lockfile and there is none */                              \
    X(LOCKFILE_BROKEN, 1)     /* not parseable, or structurally wrong */                                    \
    X(LOCKFILE_VERSION, 1)    /* a format version pmx does not read */                                      \
    X(LOCKFILE_CONFLICT, 1)   /* merge conflict markers */                                                  \
    X(LOCKFILE_OUTDATED, 1)   /* manifests and lockfile differ under --frozen-lockfile */                   \
    X(LOCKFILE_MISSING_DEPENDENCY, 1) /* an edge to a package that the lockfile does not hold */            \
    X(UNSAFE_PATH, 1)         /* a path that leaves the place it must stay in */                            \
    X(RESOLUTION_UNSUPPORTED, 1) /* a kind of resolution that pmx cannot install */                         \
    X(SPECIFIER, 1)           /* a dependency's specifier that cannot be understood */                      \
    X(CATALOG, 1)             /* catalog: without such an entry, or an entry that a catalog may not hold */ \
    X(NO_MATCHING_VERSION, 1) /* no version of the package satisfies what is asked for */                   \
    X(WORKSPACE_PACKAGE, 1)   /* workspace: without such a project, or in another version */                \
    X(EXOTIC_SUBDEPENDENCY, 1) /* a dependency of a dependency that comes from no registry */               \
    X(PEERS, 1)               /* missing or unfit peers under strict-peer-dependencies */                   \
    X(PACKUMENT, 1)           /* a registry's document that is no packument */                              \
    X(NO_REGISTRY, 1)         /* no registry configured */                                                  \
    X(FETCH, 1)               /* the network or the server failed, after retries */                         \
    X(FETCH_NOT_FOUND, 1)     /* 404 */                                                                     \
    X(FETCH_AUTH, 1)          /* 401 or 403 */                                                              \
    X(OFFLINE, 1)             /* needed from the network while --offline */                                 \
    X(INTEGRITY, 1)           /* bytes do not have the digest that was promised */                          \
    X(ARCHIVE, 1)             /* a tarball that is truncated, hostile or no tarball */                      \
    X(STORE, 1)               /* the store cannot be read or written */                                     \
    X(STORE_BUSY, 1)          /* another process holds the store */                                         \
    X(DISK_FULL, 1)           /* ENOSPC or EDQUOT */                                                        \
    X(IO, 1)                  /* any other file system error */                                             \
    X(UNSUPPORTED_PLATFORM, 1) /* a required package does not run here */                                   \
    X(UNSUPPORTED_ENGINE, 1)  /* a required package wants another engine, under engine-strict */            \
    X(PLUGIN_NOT_FOUND, 1)    /* no library of that name on the search path */                              \
    X(PLUGIN_REJECTED, 1)     /* not a plugin, wrong major, newer minor, wrong kind */                      \
    X(PLUGIN_FAILED, 1)       /* a plugin broke its contract or reported an internal error */               \
    X(PATCH, 1)               /* a patch that does not apply */                                             \
    X(SCRIPT, 1)              /* a lifecycle script failed */                                               \
    X(POLICY, 1)              /* a validator refused a package */                                           \
    X(CANCELLED, 130)         /* SIGINT, SIGTERM, or a cancelled call */                                    \
    X(INTERNAL, 70)           /* a bug in pmx */

enum class Code : std::uint16_t {
#define PMX_X(name, exit) name,
    PMX_ERROR_CODES(PMX_X)
#undef PMX_X
};

// "PMX_E_INTEGRITY"; static storage.
std::string_view code_name(Code code);
// The exit status of a command that ends with this code.
int exit_status(Code code);

struct Error {
    Code code = Code::INTERNAL;
    std::string what;     // what failed, one sentence without a full stop
    std::string subject;  // on what: a path, a package id, a URL without credentials
    std::string remedy;   // what to do next; may be empty
    int sys = 0;          // errno where one was the cause

    // Adds "while …" context in front; the code and the remedy stay.
    Error&& during(std::string_view doing) &&;
};

template <class T = void>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

[[nodiscard]] Failure fail(Code code, std::string what, std::string subject = {}, std::string remedy = {});
// From errno: picks DISK_FULL for ENOSPC/EDQUOT, CANCELLED for EINTR never; otherwise `code`.
[[nodiscard]] Failure fail_errno(int error_number, std::string what, std::string subject, Code code = Code::IO);

// "PMX_E_INTEGRITY  what: subject\n  remedy" without colour; what `main` prints. Control bytes are escaped.
std::string to_string(const Error& error);

#define PMX_CONCAT_(a, b) a##b
#define PMX_CONCAT(a, b) PMX_CONCAT_(a, b)
// PMX_TRY(auto x, expr): x = the value of expr, or return its error.
#define PMX_TRY(declaration, ...)                                                         \
    auto PMX_CONCAT(pmx_try_, __LINE__) = (__VA_ARGS__);                                  \
    if (!PMX_CONCAT(pmx_try_, __LINE__))                                                  \
        return ::tl::make_unexpected(std::move(PMX_CONCAT(pmx_try_, __LINE__)).error()); \
    declaration = std::move(*PMX_CONCAT(pmx_try_, __LINE__))
// PMX_CHECK(expr): return the error of a Result<void>.
#define PMX_CHECK(...)                                                                               \
    do {                                                                                             \
        auto pmx_check_ = (__VA_ARGS__);                                                             \
        if (!pmx_check_) return ::tl::make_unexpected(std::move(pmx_check_).error());                \
    } while (0)

}  // namespace pmx
