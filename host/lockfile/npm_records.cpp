// read_records() for npm's lockfiles: the entries of `packages`, field by field, for those who edit the lockfile.
// read_lockfile() has checked paths, names and versions of the same text.
#include <algorithm>

#include <simdjson.h>

#include "lockfile/codecs.hpp"

namespace pmx {
namespace {

namespace dom = simdjson::dom;

class NpmRecordReader {
  public:
    explicit NpmRecordReader(Lockfile& lockfile) : lockfile_(lockfile), arena_(lockfile.graph.arena) {}

    void read() {
        dom::object root = parser_.parse(lockfile_.text.data(), lockfile_.text.size());
        std::string_view name;
        if (!root["name"].get(name)) lockfile_.npm_name = keep(name);
        lockfile_.entries.clear();
        dom::object packages = root["packages"];
        lockfile_.entries.reserve(packages.size());
        for (auto [path, value] : packages) {
            dom::object json;
            if (value.get(json)) continue;
            lockfile_.entries.push_back(entry(path, json));
        }
        std::sort(lockfile_.entries.begin(), lockfile_.entries.end(),
                  [](const NpmEntry& a, const NpmEntry& b) { return a.path < b.path; });
    }

  private:
    std::string_view keep(std::string_view text) { return text.empty() ? text : arena_.copy(text); }

    NpmEntry entry(std::string_view path, dom::object json) {
        NpmEntry entry;
        entry.path = keep(path);
        for (auto [key, value] : json)
            if (!text(entry, key, value) && !flag(entry, key, value) && !group(entry, key, value)) {
                other(entry, key, value);
                entry.other.emplace_back(keep(key), keep(simdjson::minify(value)));
            }
        return entry;
    }

    bool text(NpmEntry& entry, std::string_view key, dom::element value) {
        constexpr std::pair<std::string_view, std::string_view NpmEntry::*> kTexts[] = {
            {"name", &NpmEntry::name},           {"version", &NpmEntry::version},
            {"resolved", &NpmEntry::resolved},   {"integrity", &NpmEntry::integrity},
            {"deprecated", &NpmEntry::deprecated}};
        std::string_view string;
        for (const auto& [field, member] : kTexts)
            if (key == field && !value.get(string)) {
                entry.*member = keep(string);
                return true;
            }
        return false;
    }

    bool flag(NpmEntry& entry, std::string_view key, dom::element value) {
        constexpr std::pair<std::string_view, bool NpmEntry::*> kFlags[] = {
            {"link", &NpmEntry::link},           {"dev", &NpmEntry::dev},
            {"optional", &NpmEntry::optional},   {"devOptional", &NpmEntry::dev_optional},
            {"peer", &NpmEntry::peer},           {"extraneous", &NpmEntry::extraneous},
            {"inBundle", &NpmEntry::in_bundle},  {"hasInstallScript", &NpmEntry::has_install_script},
            {"hasShrinkwrap", &NpmEntry::has_shrinkwrap}};
        bool set = false;
        for (const auto& [field, member] : kFlags)
            if (key == field && !value.get(set)) {
                entry.*member = set;
                return true;
            }
        return false;
    }

    bool group(NpmEntry& entry, std::string_view key, dom::element value) {
        constexpr std::pair<std::string_view, NpmEntry::Map NpmEntry::*> kGroups[] = {
            {"dependencies", &NpmEntry::dependencies},
            {"devDependencies", &NpmEntry::dev_dependencies},
            {"optionalDependencies", &NpmEntry::optional_dependencies},
            {"peerDependencies", &NpmEntry::peer_dependencies}};
        dom::object json;
        for (const auto& [field, member] : kGroups) {
            if (key != field || value.get(json)) continue;
            std::string_view specifier;
            for (auto [name, text] : json)
                if (!text.get(specifier)) (entry.*member).emplace_back(keep(name), keep(specifier));
            return true;
        }
        return false;
    }

    void other(NpmEntry& entry, std::string_view key, dom::element value) {
        dom::object json;
        if (key == "peerDependenciesMeta" && !value.get(json)) {
            for (auto [peer, meta] : json) {
                dom::object fields;
                bool optional = false;
                if (!meta.get(fields) && !fields["optional"].get(optional) && optional) entry.optional_peers.push_back(keep(peer));
            }
        } else if (key == "bundleDependencies" || key == "bundledDependencies") {
            dom::array names;
            std::string_view name;
            if (value.get(names)) return;
            for (dom::element item : names)
                if (!item.get(name)) entry.bundled.push_back(keep(name));
        }
    }

    Lockfile& lockfile_;
    Arena& arena_;
    dom::parser parser_;
};

// `true` bundles whatever the entry depends on.
void spell_out_bundles(NpmEntry& entry) {
    if (!entry.bundled.empty()) return;
    for (const auto& [field, json] : entry.other)
        if ((field == "bundleDependencies" || field == "bundledDependencies") && json == "true")
            for (const auto& [name, specifier] : entry.dependencies) entry.bundled.push_back(name);
}

}  // namespace

Result<> read_npm_records(Lockfile& lockfile) {
    try {
        NpmRecordReader(lockfile).read();
    } catch (const simdjson::simdjson_error& error) {  // read_lockfile() has read this text: it should not happen
        return fail(Code::LOCKFILE_BROKEN, error.what(), lockfile.file_name, "restore the lockfile from version control");
    }
    for (NpmEntry& entry : lockfile.entries) spell_out_bundles(entry);
    return {};
}

}  // namespace pmx
