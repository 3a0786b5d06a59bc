#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <unistd.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/installed.hpp"
#include "cli/newer.hpp"
#include "cli/selection.hpp"
#include "install/outdated.hpp"

namespace pmx {
namespace {

// One line of the answer: the same package in the same version, for every project that has it.
struct Row {
    OutdatedEntry entry;
    std::vector<std::pair<std::string, std::string>> dependents;  // name, directory
};

std::vector<Row> rows_of(std::vector<OutdatedEntry> entries, const Selection& selection, const Settings& settings) {
    std::map<std::tuple<int, std::string, std::string, EdgeKind>, Row> rows;
    for (OutdatedEntry& entry : entries) {
        std::string name = entry.dir;
        for (const WorkspaceProject& project : selection.projects)
            if (project.dir == entry.dir && !project.manifest.name.empty()) name = project.manifest.name;
        Row& row = rows[{change_of(entry), entry.name, entry.current, entry.kind}];
        row.dependents.emplace_back(name, project_path(settings, entry.dir));
        row.entry = std::move(entry);
    }
    std::vector<Row> sorted;
    for (auto& [key, row] : rows) sorted.push_back(std::move(row));
    return sorted;
}

std::string_view mark(EdgeKind kind) { return kind == EdgeKind::dev ? " (dev)" : kind == EdgeKind::optional ? " (optional)" : ""; }

std::string json_of(const std::vector<Row>& rows, bool several) {
    std::map<std::string, int> count;
    for (const Row& row : rows) ++count[row.entry.name];
    std::string out;
    JsonWriter json(out, 2);
    json.object();
    for (const auto& [entry, dependents] : rows) {
        std::string key = count[entry.name] > 1 ? entry.name + "@" + entry.current + std::string(mark(entry.kind)) : entry.name;
        json.key(key).object();
        if (!entry.current.empty()) json.key("current").value(entry.current);
        json.key("latest").value(entry.latest).key("wanted").value(entry.wanted).key("isDeprecated").value(entry.deprecated);
        json.key("dependencyType").value(group_key(entry.kind));
        if (several) {
            json.key("dependentPackages").array();
            for (const auto& [name, location] : dependents) json.object().key("name").value(name).key("location").value(location).end();
            json.end();
        }
        json.end();
    }
    json.end();
    return out + "\n";
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string table_of(const std::vector<std::vector<std::string>>& cells) {
    std::vector<std::size_t> widths(cells.front().size(), 0);
    for (const auto& row : cells)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    auto rule = [&](const char* left, const char* middle, const char* right) {
        std::string line = left;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            for (std::size_t k = 0; k < widths[i] + 2; ++k) line += "─";
            line += i + 1 < widths.size() ? middle : right;
        }
        return line + "\n";
    };
    std::string out = rule("┌", "┬", "┐");
    for (std::size_t r = 0; r < cells.size(); ++r) {
        for (std::size_t i = 0; i < widths.size(); ++i) out += "│ " + cells[r][i] + std::string(widths[i] - width_of(cells[r][i]) + 1, ' ');
        out += "│\n" + (r + 1 < cells.size() ? rule("├", "┼", "┤") : rule("└", "┴", "┘"));
    }
    return out;
}

std::string current_of(const OutdatedEntry& entry) { return entry.current.empty() ? "missing (wanted " + entry.wanted + ")" : entry.current; }
std::string latest_of(const OutdatedEntry& entry) { return entry.deprecated ? "Deprecated" : entry.latest; }

std::string names_of(const Row& row) {
    std::string names;
    for (const auto& [name, location] : row.dependents) names += (names.empty() ? "" : ", ") + name;
    return names;
}

std::string shown(const std::vector<Row>& rows, bool several, bool table) {
    if (!table) {
        std::string out;
        for (const Row& row : rows)
            out += fmt::format("{}{}{}\n{} => {}\n{}", out.empty() ? "" : "\n", row.entry.name, mark(row.entry.kind), current_of(row.entry), latest_of(row.entry),
                               several ? "Dependents: " + names_of(row) + "\n" : "");
        return out;
    }
    std::vector<std::vector<std::string>> cells{{"Package", "Current", "Latest"}};
    if (several) cells.front().push_back("Dependents");
    for (const Row& row : rows) {
        cells.push_back({printable(row.entry.name) + std::string(mark(row.entry.kind)), current_of(row.entry), latest_of(row.entry)});
        if (several) cells.back().push_back(printable(names_of(row)));
    }
    return table_of(cells);
}

}  // namespace

Result<> outdated_command(const Invocation& invocation, const Door& door) {
    bool json = invocation.has("json"), table = !invocation.has("no-table");
    if (auto format = invocation.options.find("format"); format != invocation.options.end() && !format->second.empty()) {
        const std::string& text = format->second.back();
        if (text != "table" && text != "list" && text != "json") return fail(Code::USAGE, "--format takes table, list or json", text);
        json |= text == "json";
        table &= text != "list";
    }
    PMX_TRY(Settings settings, settings_for(invocation, door));
    PMX_TRY(Selection selection, select_projects(invocation, door, settings, RootToo::yes));
    if (selection.chosen.empty()) return {};
    NameFilter names(invocation.arguments);
    ShownGroups groups = shown_groups(settings);
    bool any = names.empty();
    for (std::size_t i : selection.chosen) {
        const Manifest& manifest = selection.projects[i].manifest;
        for (const TextMap* map : {&manifest.dependencies, &manifest.dev_dependencies, &manifest.optional_dependencies})
            for (const auto& [alias, text] : *map) any |= names.matches(alias, alias);
    }
    if (!any) return fail(Code::USAGE, "none of these is a dependency", printable(invocation.arguments.front()), "pmx list shows the dependencies");
    auto wanted = [&](std::string_view alias, EdgeKind kind) { return groups.shows(kind) && names.matches(alias, alias); };
    PMX_TRY(std::vector<OutdatedEntry> entries, newer_versions(door, settings, selection, wanted, invocation.has("compatible")));
    std::vector<Row> rows = rows_of(std::move(entries), selection, settings);
    if (json) write_out(json_of(rows, selection.several));
    else if (!rows.empty()) write_out(shown(rows, selection.several, table));
    if (rows.empty()) return {};
    // Status 1 without a word of error, so that a script may ask.
    Error told;
    told.code = Code::LOCKFILE_OUTDATED;
    return tl::make_unexpected(std::move(told));
}

}  // namespace pmx
