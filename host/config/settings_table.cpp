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
    {"plugin-option", list, "", "", personal, false, "an option that a plugin declares, as PLUGIN.OPTION=VALUE; the items of a list one by one", "", ""},
    {"allow-drafts", boolean, "false", "", personal, true, "load plugins that use draft extensions of the SDK", "", ""},
    {"profile", text, "", "", in_flag | in_environment, false, "caps and strategies from profiles/NAME.json beside your config.yaml, or from a file", "", ""},
    {"config-json", text, "", "", in_flag, false, "settings as one JSON document: a file, - for standard input, or the text", "", ""},
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
    {"network-concurrency", integer, "128", "", with_pnpm, false, "requests at once", "", ""},
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
    {"lockfile", boolean, "true", "", with_pnpm, false, "read and write a lockfile", "", ""},
    {"lockfile-only", boolean, "false", "", personal, false, "write the lockfile and nothing else", "", ""},
    {"prefer-frozen-lockfile", boolean, "true", "", with_pnpm, false, "resolve nothing where the lockfile fits the manifests", "", ""},
    {"dry-run", boolean, "false", "", in_flag, false, "say what would be done, and write nothing", "", ""},
    // Which versions are chosen
    {"resolution-mode", text, "highest", "highest time-based lowest-direct", with_pnpm, false, "which of the versions that fit is taken", "", ""},
    {"tag", text, "latest", "", everywhere, false, "the tag that a package without a version means", "", ""},
    {"minimum-release-age", integer, "1440", "", with_pnpm, false, "how old a release must be, in minutes", "", ""},
    {"minimum-release-age-exclude", list, "", "", with_pnpm, false, "packages (name, pattern, name@1.0.0 || 1.0.1) that may be younger", "", ""},
    {"minimum-release-age-strict", boolean, "false", "", with_pnpm, false, "fail where only younger releases fit; unset: where minimum-release-age is set", "", ""},
    {"minimum-release-age-ignore-missing-time", boolean, "true", "", with_pnpm, false, "take releases of which the registry tells no time", "", ""},
    {"auto-install-peers-from-highest-match", boolean, "false", "", with_pnpm, false, "where peers are wanted in ranges that exclude each other, install the highest", "", ""},
    {"strict-peer-dependencies", boolean, "false", "", with_pnpm, false, "fail when a peer is missing or does not fit", "", ""},
    {"resolve-peers-from-workspace-root", boolean, "true", "", with_pnpm, false, "the root's dependencies are peers for every project", "", ""},
    {"dedupe-peer-dependents", boolean, "true", "", with_pnpm, false, "merge packages that differ in peers that do not matter", "", ""},
    {"dedupe-peers", boolean, "false", "", with_pnpm, false, "name peers without peers of their own", "", ""},
    {"dedupe-injected-deps", boolean, "true", "", with_pnpm, false, "link an injected project where that makes no difference", "", ""},
    {"peers-suffix-max-length", integer, "1000", "", with_pnpm, false, "longest text of a package's peers in the lockfile", "", ""},
    {"link-workspace-packages", text, "false", "true false deep", with_pnpm, false, "link projects of the workspace where their version fits", "", ""},
    {"prefer-workspace-packages", boolean, "false", "", with_pnpm, false, "prefer them to newer versions of the registry", "", ""},
    {"inject-workspace-packages", boolean, "false", "", with_pnpm, false, "copy projects of the workspace instead of linking them", "", ""},
    {"block-exotic-subdeps", boolean, "true", "", with_pnpm, false, "refuse dependencies of dependencies that come from no registry", "", ""},
    {"ignore-compatibility-db", boolean, "false", "", with_pnpm, false, "leave known mistakes of published manifests as they are", "", ""},
    {"allow-unused-patches", boolean, "false", "", with_pnpm, false, "warn of patches for packages that are not there, do not fail", "", ""},
    {"lockfile-include-tarball-url", boolean, "false", "", with_pnpm, false, "write every archive's URL into the lockfile", "", ""},
    // What an edit saves
    {"save-exact", boolean, "false", "", with_pnpm, false, "save the version itself, not a range", "", "-E"},
    {"save-prefix", text, "^", "", with_pnpm, false, "what stands before a saved version", "", ""},
    {"save-workspace-protocol", text, "rolling", "true false rolling", with_pnpm, false, "save projects of the workspace as workspace:", "", ""},
    {"save-catalog", boolean, "false", "", personal, false, "save into the default catalog", "", ""},
    {"save-catalog-name", text, "", "", with_pnpm, false, "save into this catalog", "", ""},
    {"catalog-mode", text, "manual", "strict prefer manual", with_pnpm, false, "whether what is added comes from the default catalog", "", ""},
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
    {"resolve-concurrency", integer, "0", "", everywhere, false, "documents of the registry read at once; 0: two", "", ""},
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
