#include "config/settings_table.hpp"

namespace pmx {
namespace {

constexpr unsigned everywhere = in_flag | in_environment | in_user | in_project;
constexpr unsigned with_pnpm = everywhere | in_pnpm;
constexpr unsigned personal = in_flag | in_environment | in_user;
constexpr auto boolean = SettingType::boolean;
constexpr auto integer = SettingType::integer;
constexpr auto text = SettingType::text;
constexpr auto list = SettingType::list;

constexpr SettingSpec table[] = {
    // Strategies
    {"linker", text, "", "isolated hoisted global PATH", with_pnpm, true, "how node_modules is laid out; unset: what the lockfile implies (pnpm's: isolated, npm's: hoisted)", "nodeLinker", ""},
    {"import", text, "auto", "auto hardlink reflink copy PATH", with_pnpm, true, "how files get from the store into node_modules", "packageImportMethod", ""},
    {"fetcher", text, "http1", "http1 PATH", everywhere, true, "what downloads", "", ""},
    {"validator", list, "integrity,tree", "", everywhere, true, "what judges archives and stored packages", "", ""},
    {"check", text, "stat", "none stat content", everywhere, false, "how a stored package is checked before it is linked", "", ""},
    {"plugin-path", list, "", "", personal, true, "more directories to look for plugins in", "", ""},
    {"allow-drafts", boolean, "false", "", personal, true, "load plugins that use draft extensions of the SDK", "", ""},
    // Places
    {"dir", text, "", "", in_flag, false, "run as if started in this directory", "", "-C"},
    {"store-dir", text, "", "", everywhere, false, "where packages are stored, once for all projects", "", ""},
    {"cache-dir", text, "", "", everywhere, false, "where metadata is cached", "", ""},
    {"pnpm-store-dir", text, "", "", in_environment | in_user | in_project | in_pnpm, false, "pnpm's store, only to be named in the files that pnpm reads", "storeDir", "", true},
    {"modules-dir", text, "node_modules", "", with_pnpm, false, "name of the modules directory", "", ""},
    {"virtual-store-dir", text, "", "", with_pnpm, false, "the virtual store, relative to the root; unset: .pnpm in the modules directory", "", ""},
    {"virtual-store-dir-max-length", integer, "120", "", with_pnpm, false, "longest name of a directory in the virtual store", "", ""},
    // Network
    {"registry", text, "", "", with_pnpm, false, "the registry", "", ""},
    {"default-registry", text, "", "", 0, false, "the registry that was built in; lockfiles that name it follow --registry", "", "", true},
    {"network-concurrency", integer, "48", "", with_pnpm, false, "requests at once", "", ""},
    {"fetch-retries", integer, "2", "", with_pnpm, false, "how often a failed request is tried again", "", ""},
    {"fetch-retry-factor", integer, "10", "", with_pnpm, false, "factor of the back-off", "", ""},
    {"fetch-retry-mintimeout", integer, "10000", "", with_pnpm, false, "shortest back-off, in milliseconds", "", ""},
    {"fetch-retry-maxtimeout", integer, "60000", "", with_pnpm, false, "longest back-off, in milliseconds", "", ""},
    {"fetch-timeout", integer, "60000", "", with_pnpm, false, "longest silence of a server, in milliseconds", "", ""},
    {"strict-ssl", boolean, "true", "", with_pnpm, false, "verify certificates", "", ""},
    {"user-agent", text, "", "", with_pnpm, false, "how pmx names itself to servers", "", ""},
    {"offline", boolean, "false", "", with_pnpm, false, "never use the network", "", ""},
    {"prefer-offline", boolean, "false", "", with_pnpm, false, "use what is cached, however old", "", ""},
    // What is installed
    {"frozen-lockfile", boolean, "false", "", with_pnpm, false, "fail when the lockfile and the manifests differ", "", ""},
    {"prod", boolean, "false", "", personal, false, "leave out devDependencies", "", "-P"},
    {"dev", boolean, "false", "", personal, false, "only devDependencies", "", "-D"},
    {"optional", boolean, "true", "", personal | in_project, false, "install optionalDependencies", "", ""},
    {"ignore-scripts", boolean, "false", "", with_pnpm, false, "run no lifecycle script", "", ""},
    {"force", boolean, "false", "", personal, false, "make everything anew", "", ""},
    {"engine-strict", boolean, "false", "", with_pnpm, false, "refuse packages that want another engine", "", ""},
    {"node-version", text, "", "", with_pnpm, false, "the version of Node that engines are compared with; unset: the one on PATH", "", ""},
    {"auto-install-peers", boolean, "true", "", with_pnpm, false, "install missing peers", "", ""},
    {"exclude-links-from-lockfile", boolean, "false", "", with_pnpm, false, "leave link: dependencies out of the lockfile", "", ""},
    // The shape of the tree
    {"hoist", boolean, "true", "", with_pnpm, false, "hoist into the virtual store's own node_modules", "", ""},
    {"hoist-pattern", list, "*", "", with_pnpm, false, "what is hoisted there", "", ""},
    {"public-hoist-pattern", list, "", "", with_pnpm, false, "what is hoisted into the root's node_modules", "", ""},
    {"shamefully-hoist", boolean, "false", "", with_pnpm, false, "hoist everything into the root's node_modules", "", ""},
    {"hoist-workspace-packages", boolean, "true", "", with_pnpm, false, "hoist the workspace's own packages too", "", ""},
    {"hoisting-limits", text, "none", "none workspaces dependencies", with_pnpm, false, "how far the hoisted linker hoists", "", ""},
    {"external-dependencies", list, "", "", with_pnpm, false, "names that the hoisted linker leaves to somebody else", "", ""},
    {"dedupe-direct-deps", boolean, "false", "", with_pnpm, false, "link nothing in a project that the root has already", "", ""},
    {"symlink", boolean, "true", "", with_pnpm, false, "make symbolic links to dependencies", "", ""},
    {"prefer-symlinked-executables", boolean, "false", "", with_pnpm, false, "symbolic links in .bin instead of scripts", "", ""},
    {"extend-node-path", boolean, "true", "", with_pnpm, false, "set NODE_PATH in the scripts of .bin", "", ""},
    // The machine
    {"unpack-concurrency", integer, "0", "", everywhere, false, "archives unpacked at once; 0: one per processor", "", ""},
    {"link-concurrency", integer, "0", "", everywhere, false, "packages linked at once; 0: one per processor", "", ""},
    // What is told
    {"reporter", text, "default", "default append-only ndjson silent", everywhere, false, "how progress is shown", "", ""},
    {"loglevel", text, "info", "error warn info debug", everywhere, false, "what is worth telling", "", ""},
    {"timing", text, "off", "off table json trace", personal, false, "where the time went, at the end", "", ""},
    {"timing-file", text, "", "", personal, false, "write --timing to this file", "", ""},
    {"explain", boolean, "false", "", everywhere, false, "say why each package was fetched, checked, linked or kept", "", ""},
};

}  // namespace

std::span<const SettingSpec> settings_table() { return table; }

const SettingSpec* find_setting(std::string_view name) {
    for (const SettingSpec& spec : table)
        if (spec.name == name) return &spec;
    return nullptr;
}

std::string camel_case(std::string_view kebab) {
    std::string out;
    for (std::size_t i = 0; i < kebab.size(); ++i) {
        bool upper = kebab[i] == '-' && i + 1 < kebab.size() && kebab[i + 1] >= 'a' && kebab[i + 1] <= 'z';
        if (upper) out += static_cast<char>(kebab[++i] - 'a' + 'A');
        else out += kebab[i];
    }
    return out;
}

std::string environment_name(std::string_view kebab) {
    std::string out = "PMX_";
    for (char c : kebab) out += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::string kebab_case(std::string_view camel) {
    std::string out;
    for (char c : camel) {
        if (c >= 'A' && c <= 'Z') {
            out += '-';
            out += static_cast<char>(c - 'A' + 'a');
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace pmx
