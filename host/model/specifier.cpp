#include "model/specifier.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "base/text.hpp"
#include "model/hosted.hpp"
#include "model/manifest.hpp"
#include "model/range.hpp"
#include "model/semver.hpp"
#include "model/web_address.hpp"

namespace pmx {
namespace {

constexpr std::size_t npos = std::string_view::npos;

Failure refuse(std::string what, const Specifier& specifier, std::string remedy = {}) {
    std::string shown = without_credentials(specifier.raw);
    bool named = !specifier.alias.empty() && shown != specifier.alias && !shown.starts_with(specifier.alias + "@");
    return fail(Code::SPECIFIER, std::move(what), named ? specifier.alias + "@" + shown : shown, std::move(remedy));
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && to_lower_ascii(text.substr(0, prefix.size())) == prefix;
}

bool is_archive_name(std::string_view path) {
    std::string end = to_lower_ascii(path.substr(path.size() > 7 ? path.size() - 7 : 0));
    return end.ends_with(".tgz") || end.ends_with(".tar.gz") || end.ends_with(".tar");
}

// "scheme:": letters, with "git+" before them perhaps. "" for none.
std::string_view scheme_of(std::string_view text) {
    std::size_t at = starts_with_ignoring_case(text, "git+") ? 4 : 0, start = at;
    while (at < text.size() && ((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'z')) ++at;
    return at > start && at < text.size() && text[at] == ':' ? text.substr(0, at) : std::string_view();
}

bool is_path(std::string_view text) {
    return text.starts_with('.') || text.starts_with('/') || text.starts_with("~/") ||
           (text.size() > 1 && text[1] == ':' && ((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z'));
}

// "user@host.tld:path", as scp writes it.
bool is_scp(std::string_view text) {
    std::size_t at = text.find('@');
    if (at == npos || at == 0) return false;
    std::string_view host = text.substr(at + 1);
    std::size_t dot = host.find_first_of(":.");
    if (dot == npos || dot == 0 || host[dot] != '.') return false;
    std::size_t colon = host.find(':', dot);
    return colon != npos && colon > dot + 1 && colon + 1 < host.size() && host.substr(0, colon).find('@') == npos;
}

// ":22/path" or ":22" at the end: a port, so no scp path.
bool has_port(std::string_view text) {
    for (std::size_t colon = text.find(':'); colon != npos; colon = text.find(':', colon + 1)) {
        std::size_t end = colon + 1;
        while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
        if (end > colon + 1 && (end == text.size() || text[end] == '/')) return true;
    }
    return false;
}

// "lodash", "@scope/name": what may stand in a specifier as another package's name.
bool is_foreign_name(std::string_view name) {
    if (name.find('\\') != npos || name == "." || name == "..") return false;
    std::size_t slash = name.find('/');
    if (!name.starts_with('@')) return !name.empty() && slash == npos;
    if (slash == npos || slash < 2) return false;
    std::string_view base = name.substr(slash + 1);
    return !base.empty() && base.find('/') == npos && base != "." && base != "..";
}

// Splits "name@version" at the '@' that is no scope's.
std::pair<std::string_view, std::optional<std::string_view>> split_name(std::string_view text) {
    std::size_t at = text.find('@', 1);
    if (at == npos) return {text, std::nullopt};
    return {text.substr(0, at), text.substr(at + 1)};
}

bool is_selector(std::string_view text) {
    return Range::parse(text, {.loose = true}).has_value();
}

Result<Specifier> from_registry(Specifier it, std::string_view text) {
    text = trim(text);
    if (auto version = Version::parse(text, true)) {
        it.kind = SpecifierKind::version;
        it.value = version->to_string();
    } else if (is_selector(text)) {
        it.kind = SpecifierKind::range;
        it.value = text;
    } else if (is_url_safe(text)) {
        it.kind = SpecifierKind::tag;
        it.value = text;
    } else {
        return refuse("neither a version, a range nor a tag: \"" + printable(text) + "\"", it,
                      "write a range such as ^1.2.0, a tag such as latest, a path with ./ before it, or a URL");
    }
    return it;
}

Result<Specifier> from_selector(Specifier it, std::optional<std::string_view> text) {
    if (text && !trim(*text).empty()) return from_registry(std::move(it), *text);
    it.kind = SpecifierKind::tag;
    it.value = "latest";
    return it;
}

Result<Specifier> from_alias(Specifier it, std::string_view target) {
    it.is_alias = true;
    if (target.empty()) return refuse("an alias without the name of a package", it, "write npm:name@version");
    // "npm:^1.0.0" is pnpm's; "npm:x" is a range as well, but npm's and a person's is the package.
    if (!it.alias.empty() && target != "x" && target != "X" && is_selector(target)) {
        it.name = it.alias;
        return from_registry(std::move(it), target);
    }
    auto [name, version] = split_name(target);
    if (!judge_package_name(name).valid_for_old)
        return refuse("an alias can only name a package of a registry", it, "write npm:name@version");
    if (version && starts_with_ignoring_case(*version, "npm:")) return refuse("an alias of an alias", it, "write npm:name@version");
    it.name = name;
    return from_selector(std::move(it), version);
}

Result<Specifier> from_jsr(Specifier it, std::string_view target) {
    it.is_alias = true;
    std::string_view name = it.alias;
    std::optional<std::string_view> version;
    if (target.starts_with('@')) std::tie(name, version) = split_name(target);
    else if (split_name(target).second) name = split_name(target).first;
    else version = target;
    if (!name.starts_with('@')) return refuse("packages of JSR have a scope", it, "write jsr:@scope/name@version");
    if (!is_foreign_name(name)) return refuse("not the name of a JSR package: \"" + printable(name) + "\"", it, "write jsr:@scope/name@version");
    std::string own(name);
    std::size_t slash = own.find('/');
    it.name = "@jsr/" + own.substr(1, slash - 1) + "__" + own.substr(slash + 1);
    if (it.alias.empty()) it.alias = own;
    return from_selector(std::move(it), version);
}

// "work:^1.0.0", "work:name@^1.0.0". What a package of the named registry is called under an unscoped alias cannot be
// told from a tag: there a word is a name.
Result<Specifier> from_named_registry(Specifier it, std::string_view registry, std::string_view target) {
    it.registry = registry;
    auto [name, version] = split_name(target);
    bool has_name = target.starts_with('@') || version || (!is_selector(target) && !it.alias.starts_with('@'));
    if (!has_name) {
        if (it.alias.empty()) return refuse("a version without the name of a package", it, "write " + it.registry + ":name@version");
        it.name = it.alias;
        return from_registry(std::move(it), target);
    }
    if (!is_foreign_name(name))
        return refuse("not the name of a package in the registry " + it.registry + ": \"" + printable(name) + "\"", it,
                      "write " + it.registry + ":name@version");
    it.name = name;
    if (it.alias.empty()) it.alias = it.name;
    it.is_alias = it.name != it.alias;
    return from_selector(std::move(it), version);
}

Specifier from_workspace(Specifier it, std::string_view target) {
    it.kind = SpecifierKind::workspace;
    bool path = target.empty() || target.front() == '.' || target.front() == '_' || target.front() == '/';
    if (auto [name, version] = split_name(target); !path && version) {
        it.name = name;
        it.is_alias = true;
        target = *version;
    }
    it.value = target;
    return it;
}

// Without "file:" and the slashes that some write after it: "file:///abs" and "file:/./x" are "/abs" and "./x".
std::string path_after_file(std::string_view path) {
    if (path.starts_with("//localhost/")) path.remove_prefix(11);
    if (!path.starts_with('/')) return std::string(path);
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    std::string_view first = path.substr(0, path.find('/'));
    return first == "." || first == ".." || first == "~" ? std::string(path) : "/" + std::string(path);
}

Specifier from_path(Specifier it, std::string_view text) {
    bool copied = starts_with_ignoring_case(text, "file:");
    it.value = copied ? path_after_file(text.substr(5)) : std::string(text);
    it.kind = is_archive_name(it.value) ? SpecifierKind::file : copied ? SpecifierKind::directory : SpecifierKind::link;
    return it;
}

// "v1.2", "semver:^1.0.0", "path:/packages/a", and several of them: npm joins with "::", pnpm with '&'.
Result<> read_fragment(std::string_view text, Specifier& it) {
    GitSpecifier& git = it.git;
    auto is_key = [](std::string_view part) { return part.starts_with("semver:") || part.starts_with("path:"); };
    auto override_of = [&](std::string_view old, std::string_view now) -> Failure {
        return refuse("a " + std::string(now) + " beside a " + std::string(old), it, "keep one of them");
    };
    for (bool before_is_key = false; !text.empty();) {
        std::size_t end = text.find("::");
        for (std::size_t join = text.find('&'); join < end; join = text.find('&', join + 1))
            if (before_is_key || is_key(text) || is_key(text.substr(join + 1))) end = join;
        std::string_view part = text.substr(0, end);
        text.remove_prefix(end == npos ? text.size() : end + (text[end] == '&' ? 1 : 2));
        before_is_key = is_key(part);
        if (part.starts_with("semver:")) {
            if (!git.committish.empty()) return override_of("committish", "semver range");
            if (!git.range.empty()) return override_of("semver range", "second semver range");
            auto range = decode_component(part.substr(7));
            git.range = range ? std::move(*range) : std::string(part.substr(7));
        } else if (part.starts_with("path:")) {
            if (!git.path.empty()) return override_of("path", "second path");
            git.path = part.substr(5);
        } else if (part.find(':') == npos && !part.empty()) {
            if (!git.range.empty()) return override_of("semver range", "committish");
            if (!git.committish.empty()) return override_of("committish", "second committish");
            git.committish = part;
        }
    }
    return {};
}

Result<Specifier> from_hosted(Specifier it, const HostedRepository& hosted) {
    if (hosted.project.empty() || (hosted.user.empty() && hosted.host != HostedRepository::Host::gist))
        return refuse("a repository without an owner or a name", it, "write " + std::string(hosted.name()) + ":owner/repository");
    it.kind = SpecifierKind::git;
    it.git.host = hosted.name();
    it.git.user = hosted.user;
    it.git.project = hosted.project;
    it.git.saved = hosted.to_string();
    it.git.prefers_ssh = hosted.form == HostedRepository::Form::ssh;
    HostedRepository plain = hosted;
    plain.committish.clear();
    using Form = HostedRepository::Form;
    std::string url = hosted.form == Form::ssh ? plain.ssh_url() : hosted.form == Form::git ? plain.git_url() : plain.https_url();
    it.git.url = url.starts_with("git+") ? url.substr(4) : url;
    PMX_CHECK(read_fragment(hosted.committish, it));
    it.value = it.git.url;
    return it;
}

Result<Specifier> from_repository(Specifier it, std::string_view text) {
    it.kind = SpecifierKind::git;
    it.git.saved = text;
    std::size_t hash = text.find('#');
    std::string_view address = text.substr(0, hash);
    if (starts_with_ignoring_case(address, "git+")) address.remove_prefix(4);
    it.git.prefers_ssh = starts_with_ignoring_case(address, "ssh:");
    std::string_view rest = it.git.prefers_ssh && address.substr(4).starts_with("//") ? address.substr(6) : std::string_view();
    std::size_t colon = rest.find(':');
    bool scp = colon != npos && colon > 0 && colon + 1 < rest.size() && !has_port(rest) && rest.find('@', colon) == npos;
    if (!scp && !parse_web_address(address)) return refuse("not a URL", it);
    it.git.url = scp ? rest : address;
    if (hash != npos) {
        auto fragment = decode_component(text.substr(hash + 1));
        PMX_CHECK(read_fragment(fragment ? *fragment : text.substr(hash + 1), it));
    }
    it.value = it.git.url;
    return it;
}

constexpr auto kGitSchemes = std::to_array<std::string_view>({"git", "git+http", "git+https", "git+rsync", "git+ftp", "git+file", "git+ssh", "ssh"});

Result<Specifier> from_url(Specifier it, std::string_view text, std::string_view scheme_as_written) {
    std::string scheme = to_lower_ascii(scheme_as_written);
    if (std::find(kGitSchemes.begin(), kGitSchemes.end(), scheme) != kGitSchemes.end()) return from_repository(std::move(it), text);
    if (scheme == "http" || scheme == "https") {
        std::optional<WebAddress> url = parse_web_address(text);
        if (!url) return refuse("not a URL", it);
        if (url->path.ends_with(".git")) return from_repository(std::move(it), text);
        it.kind = SpecifierKind::tarball;
        it.value = text;
        return it;
    }
    return refuse("a protocol that pmx does not know: \"" + scheme + ":\"", it,
                  "known are npm:, workspace:, catalog:, link:, file:, jsr:, git URLs, http: and https:, and the registries of namedRegistries");
}

// The registry that `text` names before its colon; "" for none.
std::string_view named_registry_of(std::string_view text, std::string_view names) {
    std::size_t colon = text.find(':');
    if (colon == npos || colon == 0) return {};
    std::string_view wanted = text.substr(0, colon);
    while (!names.empty()) {
        std::size_t end = std::min(names.find_first_of(" ,"), names.size());
        if (names.substr(0, end) == wanted) return wanted;
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return {};
}

Result<Specifier> parse_value(Specifier it, std::string_view text, std::string_view named_registries) {
    it.name = it.alias;
    auto after = [&](std::string_view prefix) { return text.substr(prefix.size()); };
    if (text.starts_with("workspace:")) return from_workspace(std::move(it), after("workspace:"));
    if (text.starts_with("catalog:")) {
        it.kind = SpecifierKind::catalog;
        it.value = trim(after("catalog:"));
        if (it.value.empty()) it.value = "default";
        return it;
    }
    if (text.starts_with("link:")) {
        it.kind = SpecifierKind::link;
        it.value = after("link:");
        return it;
    }
    if (starts_with_ignoring_case(text, "npm:")) {
        PMX_TRY(Specifier found, from_alias(std::move(it), after("npm:")));
        if (found.alias.empty()) found.alias = found.name;
        return found;
    }
    if (text.starts_with("jsr:")) return from_jsr(std::move(it), after("jsr:"));
    if (std::string_view registry = named_registry_of(text, named_registries); !registry.empty())
        return from_named_registry(std::move(it), registry, text.substr(registry.size() + 1));
    if (is_path(text) || starts_with_ignoring_case(text, "file:")) return from_path(std::move(it), text);
    if (std::optional<HostedRepository> hosted = hosted_repository(text)) return from_hosted(std::move(it), *hosted);
    if (std::string_view scheme = scheme_of(text); !scheme.empty()) return from_url(std::move(it), text, scheme);
    if (is_scp(text)) return from_repository(std::move(it), "git+ssh://" + std::string(text));
    if (text.find('/') != npos || is_archive_name(text)) return from_path(std::move(it), text);
    return from_registry(std::move(it), text);
}

}  // namespace

Result<Specifier> parse_specifier(std::string_view alias, std::string_view text, std::string_view named_registries) {
    Specifier it;
    it.alias = alias;
    it.raw = text;
    if (!alias.empty())
        if (NameVerdict verdict = judge_package_name(alias); !verdict.valid_for_old)
            return fail(Code::SPECIFIER, "not the name of a package: " + verdict.errors.front(), std::string(alias));
    return parse_value(std::move(it), text, named_registries);
}

Result<Specifier> parse_package_argument(std::string_view text, std::string_view named_registries) {
    Specifier it;
    it.raw = text;
    if (scheme_of(text).empty() && is_scp(text)) return parse_value(std::move(it), "git+ssh://" + std::string(text), named_registries);
    std::size_t at = text.find('@', 1);
    std::string_view name = text.substr(0, at);
    bool path = !name.starts_with('@') && (name.find('/') != npos || is_archive_name(name));
    if (!named_registry_of(text, named_registries).empty() || !scheme_of(text).empty() || path || name.empty())
        return parse_value(std::move(it), text, named_registries);
    if (at == npos && !judge_package_name(name).valid_for_old) return parse_value(std::move(it), text, named_registries);
    std::string_view value = at == npos ? std::string_view() : text.substr(at + 1);
    PMX_TRY(Specifier found, parse_specifier(name, value, named_registries));
    found.raw = text;
    if (!value.empty()) return found;
    found.kind = SpecifierKind::tag;
    found.value = "latest";
    return found;
}

}  // namespace pmx
