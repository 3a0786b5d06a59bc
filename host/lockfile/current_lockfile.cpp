// pnpm's current lockfile, node_modules/.pnpm/lock.yaml: the main document without what was not asked for. A full
// install leaves it byte for byte (packages skipped for their platform stay in it too); --prod and the like take out
// groups of importers and the packages that only those reach. Slices of the text, so every byte is pnpm's own.
#include <unordered_set>
#include <vector>

#include "lockfile/dep_path.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {
namespace {

// A dependency of a project. Its optional ones go with the production ones: pnpm --dev installs neither.
bool wanted_kind(EdgeKind kind, const Included& included) {
    switch (kind) {
        case EdgeKind::dev: return included.dev;
        case EdgeKind::optional: return included.optional && included.prod;
        case EdgeKind::prod:
        case EdgeKind::peer: break;
    }
    return included.prod;
}

std::vector<bool> reachable(const Graph& graph, const Included& included) {
    std::vector<bool> reached(graph.packages.size());
    std::vector<std::uint32_t> stack;
    auto visit = [&](const Edge& edge) {
        if (edge.target == kNoPackage || reached[edge.target]) return;
        reached[edge.target] = true;
        stack.push_back(edge.target);
    };
    for (const Project& project : graph.projects)
        for (const Edge* e = graph.begin_edges(project); e != graph.end_edges(project); ++e)
            if (wanted_kind(e->kind, included)) visit(*e);
    while (!stack.empty()) {
        const Package& package = graph.packages[stack.back()];
        stack.pop_back();
        for (const Edge* e = graph.begin_edges(package); e != graph.end_edges(package); ++e)
            if (e->kind != EdgeKind::optional || included.optional) visit(*e);
    }
    return reached;
}

bool has_wanted_dependency(const Lockfile& wanted, const Included& included) {
    for (const LockedProject& project : wanted.projects)
        for (const LockedSpecifier& s : project.specifiers)
            if (wanted_kind(s.kind, included)) return true;
    return false;
}

// The key of a line "  key:", "  'key': {}" or "  ? key"; "" for another shape.
std::string_view entry_key(std::string_view line) {
    line = line.substr(line.find_first_not_of(' '));
    if (line.starts_with("? ")) line.remove_prefix(2);
    if (line.starts_with('\'') || line.starts_with('"')) {
        std::size_t end = line.find(line[0], 1);
        return end == std::string_view::npos ? std::string_view{} : line.substr(1, end - 1);
    }
    std::size_t end = line.find(": ");
    if (end != std::string_view::npos) return line.substr(0, end);
    return line.ends_with(':') ? line.substr(0, line.size() - 1) : line;
}

std::size_t indent_of(std::string_view line) {
    std::size_t at = line.find_first_not_of(' ');
    return at == std::string_view::npos ? line.size() : at;
}

class Slicer {
  public:
    Slicer(const Lockfile& wanted, const Included& included) : wanted_(wanted), included_(included) {
        std::vector<bool> reached = reachable(wanted.graph, included);
        std::unordered_set<std::string_view> kept;
        for (std::size_t i = 0; i < reached.size(); ++i)
            if (reached[i]) kept.insert(parse_dep_path(wanted.graph.packages[i].id).package_key);
        for (std::size_t i = 0; i < reached.size(); ++i) {
            if (reached[i]) continue;
            std::string_view id = wanted.graph.packages[i].id;
            dropped_snapshots_.insert(id);
            std::string_view key = parse_dep_path(id).package_key;
            if (!kept.contains(key)) dropped_packages_.insert(key);
        }
    }

    std::string slice() {
        std::string_view rest = wanted_.document;
        while (!rest.empty()) {
            std::size_t newline = rest.find('\n');
            std::string_view line = rest.substr(0, newline);
            rest = newline == std::string_view::npos ? std::string_view{} : rest.substr(newline + 1);
            take(line);
        }
        flush_section();
        while (out_.ends_with("\n\n")) out_.pop_back();
        return std::move(out_);
    }

  private:
    enum class Section { other, importers, packages, snapshots };

    void take(std::string_view line) {
        if (line.find_first_not_of(' ') == std::string_view::npos) {  // kept with what follows
            ++blank_lines_;
            return;
        }
        std::size_t indent = indent_of(line);
        if (indent == 0) {
            flush_section();
            section_ = line == "importers:"   ? Section::importers
                       : line == "packages:"  ? Section::packages
                       : line == "snapshots:" ? Section::snapshots
                                              : Section::other;
            if (section_ == Section::packages || section_ == Section::snapshots) {
                header_ = line;  // written with the first entry that stays
                blank_lines_ = 0;
                return;
            }
            dropping_ = false;
            write(line);
            return;
        }
        switch (section_) {
            case Section::other: write(line); return;
            case Section::importers: importer_line(line, indent); return;
            case Section::packages: package_line(line, indent, dropped_packages_); return;
            case Section::snapshots: package_line(line, indent, dropped_snapshots_); return;
        }
    }

    void package_line(std::string_view line, std::size_t indent, const std::unordered_set<std::string_view>& dropped) {
        if (indent == 2 && !line.starts_with("  : ")) {
            dropping_ = dropped.contains(entry_key(line));
            if (!dropping_ && !header_.empty()) {
                out_ += out_.empty() ? "" : "\n";
                (out_ += header_) += '\n';
                header_ = {};
                blank_lines_ = 1;
            }
        }
        if (dropping_)
            blank_lines_ = 0;
        else
            write(line);
    }

    // An importer whose groups all go becomes "key: {}".
    void importer_line(std::string_view line, std::size_t indent) {
        if (indent == 2) {
            flush_importer();
            importer_ = line;
            dropping_ = false;
            if (!line.ends_with(':')) flush_importer_as(line);
            return;
        }
        if (indent == 4) {
            std::string_view group = entry_key(line);
            dropping_ = (group == "dependencies" && !wanted_kind(EdgeKind::prod, included_)) ||
                        (group == "devDependencies" && !wanted_kind(EdgeKind::dev, included_)) ||
                        (group == "optionalDependencies" && !wanted_kind(EdgeKind::optional, included_));
        }
        if (dropping_) return;
        if (!importer_.empty()) flush_importer_as(importer_);
        write(line);
    }

    void flush_importer_as(std::string_view line) {
        blank_lines_ = 1;
        write(line);
        importer_ = {};
    }
    void flush_importer() {
        if (importer_.empty()) return;
        std::string empty = std::string(importer_) + " {}";
        flush_importer_as(empty);
    }
    void flush_section() {
        flush_importer();
        if (header_.empty()) return;  // else no entry of the section stayed
        blank_lines_ = 1;
        write(std::string(header_) + " {}");
        header_ = {};
    }

    void write(std::string_view line) {
        if (!out_.empty()) out_.append(blank_lines_, '\n');
        blank_lines_ = 0;
        (out_ += line) += '\n';
    }

    const Lockfile& wanted_;
    const Included included_;
    std::unordered_set<std::string_view> dropped_packages_, dropped_snapshots_;
    std::string out_;
    Section section_ = Section::other;
    std::string_view header_, importer_;
    std::size_t blank_lines_ = 0;
    bool dropping_ = false;
};

}  // namespace

std::string current_lockfile_text(const Lockfile& wanted, const Included& included) {
    if (wanted.format != LockfileFormat::pnpm || !has_wanted_dependency(wanted, included)) return {};
    if (included.prod && included.dev && included.optional) return std::string(wanted.document);
    return Slicer(wanted, included).slice();
}

}  // namespace pmx
