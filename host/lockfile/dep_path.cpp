#include "lockfile/dep_path.hpp"

#include "base/text.hpp"

namespace pmx {

DepPath parse_dep_path(std::string_view key) {
    DepPath path;
    std::size_t end = key.size();
    // The suffix is the longest run of balanced parentheses at the end.
    while (end > 0 && key[end - 1] == ')') {
        std::size_t at = end;
        int open = 0;
        do {
            --at;
            if (key[at] == ')') ++open;
            if (key[at] == '(') --open;
        } while (open > 0 && at > 0);
        if (open > 0) break;
        end = at;
    }
    path.suffix = key.substr(end);
    path.package_key = key.substr(0, end);
    constexpr std::string_view kPatch = "(patch_hash=";
    if (path.suffix.starts_with(kPatch))
        path.patch_hash = path.suffix.substr(kPatch.size(), path.suffix.find(')') - kPatch.size());
    std::size_t at = path.package_key.find('@', 1);
    if (at == std::string_view::npos) return path;
    path.name = path.package_key.substr(0, at);
    path.reference = path.package_key.substr(at + 1);
    return path;
}

std::string_view dep_path_of(std::string_view alias, std::string_view value, std::string& buffer) {
    if (value.starts_with("link:")) return {};
    if (value.starts_with('@')) return value;
    std::size_t at = value.find_first_of("@:(");
    if (at != std::string_view::npos && value[at] == '@') return value;
    buffer.assign(alias);
    buffer += '@';
    buffer += value;
    return buffer;
}

bool is_exact_version(std::string_view text) {
    std::size_t i = 0;
    for (int part = 0; part < 3; ++part) {
        std::size_t start = i;
        while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
        if (i == start) return false;
        if (part < 2 && (i == text.size() || text[i++] != '.')) return false;
    }
    if (i == text.size()) return true;
    if (text[i] != '-' && text[i] != '+') return false;
    for (++i; i < text.size(); ++i) {
        char c = text[i];
        bool legal = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                     c == '.' || c == '+';
        if (!legal) return false;
    }
    return text.size() <= 256;
}

std::string_view registry_of_reference(std::string_view reference) {
    std::size_t colon = reference.find(':');
    if (colon == std::string_view::npos || colon == 0 || !is_exact_version(reference.substr(colon + 1))) return {};
    std::string_view scheme = reference.substr(0, colon);
    bool letter = (scheme[0] >= 'a' && scheme[0] <= 'z') || (scheme[0] >= 'A' && scheme[0] <= 'Z');
    if (!letter) return {};
    return scheme == "runtime" || scheme == "file" || scheme == "link" ? std::string_view{} : scheme;
}

bool is_archive_name(std::string_view path) {
    std::string lower = to_lower_ascii(path.substr(path.size() > 8 ? path.size() - 8 : 0));
    return lower.ends_with(".tgz") || lower.ends_with(".tar.gz") || lower.ends_with(".tar");
}

bool is_git_hosted_url(std::string_view url) {
    bool host = url.starts_with("https://codeload.github.com/") || url.starts_with("https://bitbucket.org/") ||
                url.starts_with("https://gitlab.com/");
    return host && url.find("tar.gz") != std::string_view::npos;
}

}  // namespace pmx
