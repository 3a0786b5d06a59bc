#include <algorithm>

#include "model/contained_path.hpp"
#include "model/manifest.hpp"
#include "model/text_map.hpp"

namespace pmx {
namespace {

// path.posix.join("/", path).slice(1): "." and ".." resolved, never above the root; a trailing slash stays.
std::string join_under_root(std::string_view path) {
    std::vector<std::string_view> parts;
    bool slash_at_end = path.ends_with('/');
    while (!path.empty()) {
        std::size_t at = path.find('/');
        std::string_view part = path.substr(0, at);
        path.remove_prefix(at == path.npos ? path.size() : at + 1);
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    std::string out;
    for (std::string_view part : parts) {
        if (!out.empty()) out += '/';
        out += part;
    }
    if (slash_at_end && !out.empty()) out += '/';
    return out;
}

// The path with "." and ".." resolved, or "" when a ".." leaves the package.
std::string join_inside(std::string_view path) {
    int depth = 0;
    for (std::string_view rest = path; !rest.empty();) {
        std::size_t at = rest.find('/');
        std::string_view part = rest.substr(0, at);
        rest.remove_prefix(at == rest.npos ? rest.size() : at + 1);
        if (part == "..")
            --depth;
        else if (!part.empty() && part != ".")
            ++depth;
        if (depth < 0) return {};
    }
    return join_under_root(path);
}

std::string with_slashes(std::string_view text, bool colons) {
    std::string out(text);
    for (char& c : out)
        if (c == '\\' || (colons && c == ':')) c = '/';
    return out;
}

// path.posix.basename
std::string_view base_of(std::string_view path) {
    while (path.ends_with('/')) path.remove_suffix(1);
    std::size_t at = path.rfind('/');
    return at == path.npos ? path : path.substr(at + 1);
}

std::string_view without_scope(std::string_view name) {
    if (!name.starts_with('@')) return name;
    std::size_t at = name.find('/');
    return at == name.npos ? name : name.substr(at + 1);
}

bool is_command_name(std::string_view name) {
    return name == "$" || (!name.empty() && name != "." && name != ".." && is_url_safe(name));
}

TextMap pnpm_bin(const Manifest& manifest) {
    TextMapBuilder out;
    for (const auto& [key, raw] : manifest.bin) {
        if (manifest.bin_form == BinForm::array) break;
        std::string_view name = without_scope(manifest.bin_form == BinForm::text ? manifest.name : key);
        std::string path = join_inside(with_slashes(raw, false));
        if (is_command_name(name) && !path.empty()) out.set(name, path);
    }
    return out.take();
}

// Files below `directories.bin`, dotfiles and what is under them left out, as a glob of "**" would.
TextMap bin_directory(const Manifest& manifest, std::span<const std::string_view> files, BinRule rule) {
    std::string raw = with_slashes(manifest.directories_bin, false);
    std::string dir = rule == BinRule::npm ? join_under_root(raw) : join_inside(raw);
    bool whole_package = dir.empty() && join_under_root(raw).empty();
    if (dir.empty() && !(whole_package && (rule == BinRule::npm || raw.find("..") == raw.npos))) return {};
    if (!dir.empty() && !dir.ends_with('/')) dir += '/';
    TextMapBuilder out;
    for (std::string_view file : files) {
        if (!file.starts_with(dir)) continue;
        std::string_view rest = file.substr(dir.size());
        if (rest.starts_with('.') || rest.find("/.") != rest.npos) continue;
        if (is_command_name(base_of(rest))) out.set(base_of(rest), file);
    }
    return out.take();
}

}  // namespace

bool is_url_safe(std::string_view name) {
    for (char c : name) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && std::string_view("-_.!~*'()").find(c) == std::string_view::npos) return false;
    }
    return true;
}

TextMap npm_normal_bin(const Manifest& manifest) {
    TextMapBuilder out;
    for (const auto& [key, raw] : manifest.bin) {
        std::string_view name = manifest.bin_form == BinForm::object ? std::string_view(key)
                                : manifest.bin_form == BinForm::text ? without_scope(manifest.name)
                                                                     : base_of(raw);
        std::string slashed = with_slashes(name, true);
        std::string base = join_under_root(base_of(slashed));
        std::string path = join_under_root(with_slashes(raw, false));
        if (!base.empty() && !path.empty()) out.set(base, path);
    }
    return out.take();
}

bool has_bin_directory(const Manifest& manifest) {
    return manifest.bin_form == BinForm::none && !manifest.directories_bin.empty();
}

std::vector<Bin> bins_of(const Manifest& manifest, std::span<const std::string_view> files, BinRule rule) {
    TextMap found = has_bin_directory(manifest) ? bin_directory(manifest, files, rule)
                    : rule == BinRule::npm      ? npm_normal_bin(manifest)
                                                : pnpm_bin(manifest);
    std::vector<Bin> bins;
    for (auto& [name, path] : found) {
        while (path.ends_with('/')) path.pop_back();
        if (is_contained_path(name) && name.find('/') == name.npos && is_contained_path(path))
            bins.push_back({std::move(name), std::move(path)});
    }
    return bins;
}

}  // namespace pmx
