#include "install/resolved_before.hpp"

#include <algorithm>
#include <charconv>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "install/state.hpp"

namespace pmx {
namespace {

// To be changed with whatever changes what resolve() gives.
constexpr std::string_view kHeader = "pmx-resolved 1 " PMX_VERSION "\n";
constexpr std::size_t kKept = 16, kFileLimit = 4u << 20, kConfigurationLimit = 16u << 20;

struct Entry {
    std::string key;
    Told told;
};

std::string path_of(const Settings& settings) {
    return join_path(settings.text("cache-dir"), "resolved/" + quick_hash_hex(settings.root));
}

// "" where something that it depends on cannot be read, or is about to change.
std::string key_of(const Settings& settings, const Inputs& inputs) {
    std::string whole;
    auto add = [&](std::string_view text) { whole.append(std::to_string(text.size())).append(1, '\n').append(text); };
    add(settings_fingerprint(settings));
    auto is_manifest = [&](const std::string& path) {
        return std::any_of(inputs.projects.begin(), inputs.projects.end(), [&](const ProjectFile& file) { return file.path == path; });
    };
    for (const FileEdit& edit : inputs.edited)
        if (!is_manifest(edit.path)) return {};
    for (const std::string& path : settings.files_read) {
        if (is_manifest(path)) continue;
        auto text = read_file_if_exists(AT_FDCWD, path.c_str(), kConfigurationLimit);
        if (!text) return {};
        if (!*text) continue;
        add(path);
        add(**text);
    }
    for (const ProjectFile& file : inputs.projects) {
        add(file.dir);
        add(file.text);
    }
    add(inputs.lockfile.text);
    return quick_hash_hex(whole);
}

bool number(std::string_view& rest, std::size_t& out) {
    const std::size_t end = rest.find('\n');
    if (end == rest.npos) return false;
    const auto [at, error] = std::from_chars(rest.data(), rest.data() + end, out);
    rest.remove_prefix(end + 1);
    return error == std::errc();
}

// The newest first. What is not whole ends it.
std::vector<Entry> read_entries(const Settings& settings) {
    std::vector<Entry> entries;
    auto text = read_file_if_exists(AT_FDCWD, path_of(settings).c_str(), kFileLimit);
    if (!text || !*text || !(*text)->starts_with(kHeader)) return entries;
    std::string_view rest = **text;
    rest.remove_prefix(kHeader.size());
    while (!rest.empty() && entries.size() < kKept) {
        const std::size_t end = rest.find('\n');
        if (end == rest.npos) return entries;
        Entry entry{std::string(rest.substr(0, end)), {}};
        rest.remove_prefix(end + 1);
        std::size_t count = 0;
        if (!number(rest, count)) return entries;
        for (std::size_t i = 0; i < count; ++i) {
            std::size_t size = 0;
            if (!number(rest, size) || size > rest.size()) return entries;
            entry.told.emplace_back(rest.substr(0, size));
            rest.remove_prefix(size);
        }
        entries.push_back(std::move(entry));
    }
    return entries;
}

}  // namespace

std::optional<Told> told_before(const Settings& settings, const Inputs& inputs) {
    std::vector<Entry> entries = read_entries(settings);
    if (entries.empty()) return std::nullopt;
    const std::string key = key_of(settings, inputs);
    for (Entry& entry : entries)
        if (!key.empty() && entry.key == key) return std::move(entry.told);
    return std::nullopt;
}

void remember_told(const Settings& settings, const Inputs& inputs, const Told& told) {
    Entry entry{key_of(settings, inputs), told};
    if (entry.key.empty()) return;
    std::vector<Entry> entries = read_entries(settings);
    if (!entries.empty() && entries.front().key == entry.key) return;
    std::erase_if(entries, [&](const Entry& old) { return old.key == entry.key; });
    entries.insert(entries.begin(), std::move(entry));
    if (entries.size() > kKept) entries.resize(kKept);
    std::string text(kHeader);
    for (const Entry& one : entries) {
        text.append(one.key).append(1, '\n').append(std::to_string(one.told.size())).append(1, '\n');
        for (const std::string& message : one.told) text.append(std::to_string(message.size())).append(1, '\n').append(message);
    }
    if (text.size() > kFileLimit) return;
    const std::string path = path_of(settings);
    if (make_dirs(AT_FDCWD, parent_path(path))) (void)write_file_atomically(AT_FDCWD, path.c_str(), text, Durable::no);
}

}  // namespace pmx
