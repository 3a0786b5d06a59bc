// npm_lockfile_text(): the entries of a Lockfile as npm prints them: in every object plain values come before objects,
// a few names before all others, and the rest by npm's order. Indentation, blank first lines and line ends are those of
// the old text.
#include <algorithm>

#include <simdjson.h>

#include "base/text.hpp"
#include "lockfile/lockfile.hpp"
#include "lockfile/npm_legacy.hpp"
#include "lockfile/npm_printer.hpp"

namespace pmx {
namespace {

// What `specifiers` say now of the dependencies that an entry lists: an edit saves "^1.0.0" for what was asked as "latest".
NpmEntry::Map saved(const NpmEntry::Map& group, EdgeKind kind, const LockedProject* project) {
    NpmEntry::Map result = group;
    if (!project) return result;
    for (auto& [alias, specifier] : result)
        for (const LockedSpecifier& now : project->specifiers)
            if (now.alias == alias && now.kind == kind) specifier = now.specifier;
    return result;
}

class EntryPrinter {
  public:
    EntryPrinter(const Lockfile& lockfile, const std::vector<Manifest>& manifests) : lockfile_(lockfile), manifests_(manifests) {}

    NpmValue document() {
        NpmValue root = NpmValue::object();
        std::string_view name = lockfile_.npm_name;
        if (!manifests_.empty() && !manifests_.front().name.empty()) name = manifests_.front().name;
        if (!name.empty()) root.add("name", NpmValue::text(name));
        const NpmEntry* self = lockfile_.entries.empty() || !lockfile_.entries.front().path.empty() ? nullptr : &lockfile_.entries.front();
        if (self && !self->version.empty()) root.add("version", NpmValue::text(self->version));
        root.add("lockfileVersion", NpmValue::literal(lockfile_.version == "2" ? "2" : "3"));
        root.add("requires", NpmValue::literal("true"));
        NpmValue packages = NpmValue::object(/*is_sorted=*/true);
        std::vector<const NpmEntry*> order;
        for (const NpmEntry& entry : lockfile_.entries) order.push_back(&entry);
        std::sort(order.begin(), order.end(), [](const NpmEntry* a, const NpmEntry* b) { return npm_order(a->path, b->path); });
        for (const NpmEntry* entry : order) packages.add(entry->path, this->entry(*entry));
        root.add("packages", std::move(packages));
        if (lockfile_.version == "2")
            if (NpmValue legacy = npm_legacy_dependencies(lockfile_, manifests_.empty() ? std::string_view() : std::string_view(manifests_.front().overrides_json)); !legacy.is_empty()) root.add("dependencies", std::move(legacy));
        return root;
    }

  private:
    NpmValue entry(const NpmEntry& entry) {
        NpmValue out = NpmValue::object();
        auto text = [&](std::string_view key, std::string_view value) {
            if (!value.empty()) out.add(key, NpmValue::text(value));
        };
        auto flag = [&](std::string_view key, bool set) {
            if (set) out.add(key, NpmValue::literal("true"));
        };
        text("name", entry.name);
        text("version", entry.version);
        text("resolved", entry.resolved);
        text("integrity", entry.integrity);
        text("deprecated", entry.deprecated);
        flag("link", entry.link);
        flag("dev", entry.dev);
        flag("optional", entry.optional);
        flag("devOptional", entry.dev_optional);
        flag("peer", entry.peer);
        flag("extraneous", entry.extraneous);
        flag("inBundle", entry.in_bundle);
        flag("hasInstallScript", entry.has_install_script);
        flag("hasShrinkwrap", entry.has_shrinkwrap);
        const LockedProject* project = project_of(entry);
        auto group = [&](std::string_view key, const NpmEntry::Map& map, EdgeKind kind) {
            if (map.empty()) return;
            NpmValue value = NpmValue::object();
            for (const auto& [name, specifier] : saved(map, kind, project)) value.add(name, NpmValue::text(specifier));
            out.add(key, std::move(value));
        };
        group("dependencies", entry.dependencies, EdgeKind::prod);
        group("devDependencies", entry.dev_dependencies, EdgeKind::dev);
        group("optionalDependencies", entry.optional_dependencies, EdgeKind::optional);
        group("peerDependencies", entry.peer_dependencies, EdgeKind::peer);
        for (const auto& [key, json] : entry.other) out.add(key, NpmValue::json(json, parser_));
        return out;
    }

    const LockedProject* project_of(const NpmEntry& entry) const {
        std::string_view dir = entry.path.empty() ? std::string_view(".") : entry.path;
        for (const LockedProject& project : lockfile_.projects)
            if (project.dir == dir) return &project;
        return nullptr;
    }

    const Lockfile& lockfile_;
    const std::vector<Manifest>& manifests_;
    simdjson::dom::parser parser_;
};

// The white space behind the opening bracket: how the old text was written.
NpmStyle style_of(const Lockfile& lockfile) {
    NpmStyle style;
    std::string_view text = lockfile.text;
    std::size_t brace = text.find_first_not_of(" \t\n");
    if (brace == std::string_view::npos || text[brace] != '{') return style;
    std::size_t end = text.find_first_not_of('\n', brace + 1);
    std::size_t first = end == std::string_view::npos ? end : text.find_first_not_of(" \t", end);
    if (first != std::string_view::npos && end > brace + 1 && first > end) {
        style.newline = text.substr(brace + 1, end - brace - 1);
        style.indent = text.substr(end, std::min<std::size_t>(first - end, 10));
    }
    if (lockfile.crlf) {
        std::string ends;
        for (std::size_t i = 0; i < style.newline.size(); ++i) ends += "\r\n";
        style.newline = ends;
    }
    return style;
}

}  // namespace

std::string npm_lockfile_text(const Lockfile& lockfile, const std::vector<Manifest>& manifests) {
    try {
        std::string text;
        EntryPrinter(lockfile, manifests).document().print(text, style_of(lockfile));
        return text;
    } catch (const simdjson::simdjson_error&) {  // JSON that read_npm_records() or the resolver took from a parser
        return {};
    }
}

}  // namespace pmx
