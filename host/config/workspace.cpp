#include "config/workspace.hpp"

#include <algorithm>
#include <set>

#include <dirent.h>

#include "base/fs.hpp"
#include "base/text.hpp"

namespace pmx {
namespace {

constexpr std::size_t kManifestLimit = 16u << 20;
constexpr std::size_t kDeepest = 64, kMostBraces = 256;

// One path component against `*`, `?` and `[a-z]`; linear in the text for each star.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = pattern.npos, mark = 0;
    auto one = [&](std::size_t& at, char c) {
        if (pattern[at] == '?') return ++at, true;
        if (pattern[at] == '[') {
            std::size_t close = pattern.find(']', at + 2);
            if (close == pattern.npos) return pattern[at] == c && (++at, true);
            std::size_t i = at + 1;
            bool negated = pattern[i] == '!' || pattern[i] == '^', hit = false;
            for (i += negated; i < close; ++i) {
                bool range = i + 2 < close && pattern[i + 1] == '-';
                hit |= range ? pattern[i] <= c && c <= pattern[i + 2] : pattern[i] == c;
                if (range) i += 2;
            }
            at = close + 1;
            return hit != negated;
        }
        return pattern[at] == c && (++at, true);
    };
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
            continue;
        }
        std::size_t next = p;
        if (p < pattern.size() && one(next, text[t])) {
            p = next;
            ++t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool is_hidden_from(std::string_view segment, std::string_view name) { return name.starts_with('.') && !segment.starts_with('.'); }

// "a/{b,c}" → "a/b", "a/c"; nesting is expanded too, up to a limit.
void expand_braces(std::string text, std::vector<std::string>& out) {
    std::size_t close = text.find('}');
    std::size_t open = close == text.npos ? text.npos : text.rfind('{', close);
    if (open == text.npos || out.size() >= kMostBraces) {
        out.push_back(std::move(text));
        return;
    }
    for (std::string_view choice : split(std::string_view(text).substr(open + 1, close - open - 1), ',')) {
        if (out.size() >= kMostBraces) return;
        expand_braces(text.substr(0, open) + std::string(choice) + text.substr(close + 1), out);
    }
}

using Segments = std::vector<std::string>;

struct Patterns {
    std::vector<Segments> admit, refuse;

    explicit Patterns(const std::vector<std::string>& texts) {
        for (const std::string& text : texts) {
            bool negated = text.starts_with('!');
            std::vector<std::string> plain;
            expand_braces(text.substr(negated ? 1 : 0), plain);
            for (const std::string& one : plain) {
                Segments segments;
                bool leaves = false;
                for (std::string_view segment : split(one, '/')) {
                    if (segment == "..") leaves = true;
                    if (!segment.empty() && segment != ".") segments.emplace_back(segment);
                }
                if (!leaves && !one.starts_with('/')) (negated ? refuse : admit).push_back(std::move(segments));
            }
        }
    }
};

// Positions in the patterns that the directories passed so far allow; "**" stands for any number of directories.
using States = std::set<std::pair<std::size_t, std::size_t>>;

void add_state(const std::vector<Segments>& patterns, std::size_t pattern, std::size_t at, States& into) {
    into.emplace(pattern, at);
    if (at < patterns[pattern].size() && patterns[pattern][at] == "**") add_state(patterns, pattern, at + 1, into);
}
States start(const std::vector<Segments>& patterns) {
    States states;
    for (std::size_t i = 0; i < patterns.size(); ++i) add_state(patterns, i, 0, states);
    return states;
}
States step(const std::vector<Segments>& patterns, const States& from, std::string_view name, bool dots) {
    States to;
    for (auto [pattern, at] : from) {
        if (at == patterns[pattern].size()) continue;
        const std::string& segment = patterns[pattern][at];
        if (!dots && is_hidden_from(segment, name)) continue;
        if (segment == "**") add_state(patterns, pattern, at, to);
        else if (matches(segment, name)) add_state(patterns, pattern, at + 1, to);
    }
    return to;
}
bool accepts(const std::vector<Segments>& patterns, const States& states) {
    return std::any_of(states.begin(), states.end(), [&](const auto& s) { return s.second == patterns[s.first].size(); });
}

class Walk {
  public:
    Walk(const std::vector<std::string>& texts, std::vector<std::string>& found) : patterns_(texts), found_(found) {}

    Result<> run(int root) { return enter(root, "", start(patterns_.admit), start(patterns_.refuse), 0); }

  private:
    Result<> enter(int dir, const std::string& path, const States& admit, const States& refuse, std::size_t depth) {
        PMX_TRY(std::vector<DirEntry> entries, list_dir(dir));
        bool has_manifest = false;
        for (const DirEntry& entry : entries) has_manifest |= entry.name == "package.json" && entry.type != DT_DIR;
        if (has_manifest && !path.empty() && accepts(patterns_.admit, admit) && !accepts(patterns_.refuse, refuse)) found_.push_back(path);
        if (depth == kDeepest) return {};
        for (const DirEntry& entry : entries) {
            if ((entry.type != DT_DIR && entry.type != DT_UNKNOWN) || entry.name == "node_modules" || entry.name == "bower_components") continue;
            States admit_below = step(patterns_.admit, admit, entry.name, false);
            if (admit_below.empty()) continue;
            auto below = open_dir_nofollow(dir, entry.name.c_str());
            if (!below) continue;  // unreadable, or gone meanwhile: no project of ours
            PMX_CHECK(enter(below->raw(), path.empty() ? entry.name : path + "/" + entry.name, admit_below,
                            step(patterns_.refuse, refuse, entry.name, true), depth + 1));
        }
        return {};
    }

    const Patterns patterns_;
    std::vector<std::string>& found_;
};

Result<std::optional<Manifest>> manifest_of(const std::string& dir) {
    std::string path = join_path(dir, "package.json");
    PMX_TRY(std::optional<std::string> text, read_file_if_exists(AT_FDCWD, path.c_str(), kManifestLimit));
    if (!text) return std::optional<Manifest>();
    PMX_TRY(Manifest manifest, parse_manifest(*text, path));
    return std::optional<Manifest>(std::move(manifest));
}

}  // namespace

bool workspace_admits(const std::vector<std::string>& texts, std::string_view dir) {
    Patterns patterns(texts);
    States admit = start(patterns.admit), refuse = start(patterns.refuse);
    for (std::string_view name : split(dir, '/')) {
        admit = step(patterns.admit, admit, name, false);
        refuse = step(patterns.refuse, refuse, name, true);
    }
    return accepts(patterns.admit, admit) && !accepts(patterns.refuse, refuse);
}

Result<WorkspaceRoot> find_workspace_root(const std::string& dir) {
    auto above = [](const std::string& at) { return at == "/" || at.empty() ? std::string() : parent_path(at); };
    for (std::string at = dir; !at.empty(); at = above(at)) {
        PMX_TRY(std::optional<FileStat> there, stat_at(AT_FDCWD, join_path(at, "pnpm-workspace.yaml").c_str()));
        if (there) return WorkspaceRoot{at, true, {}};
    }
    std::string project;
    for (std::string at = dir; !at.empty(); at = above(at)) {
        std::string path = join_path(at, "package.json");
        PMX_TRY(std::optional<FileStat> there, stat_at(AT_FDCWD, path.c_str()));
        if (!there) continue;
        bool first = project.empty();
        if (first) project = at;
        auto text = read_file_if_exists(AT_FDCWD, path.c_str(), kManifestLimit);
        if (!text || !*text || (*text)->find("\"workspaces\"") == std::string::npos) continue;
        auto manifest = parse_manifest(**text, path);
        if (!manifest || manifest->workspaces.empty()) continue;
        if (first || workspace_admits(manifest->workspaces, relative_path(at, project)))
            return WorkspaceRoot{at, false, manifest->workspaces};
    }
    return WorkspaceRoot{project.empty() ? dir : project, false, {}};
}

Result<std::vector<std::string>> workspace_dirs(const std::string& root, const std::vector<std::string>& patterns) {
    std::vector<std::string> dirs;
    if (!patterns.empty()) {
        PMX_TRY(Fd fd, open_dir(AT_FDCWD, root.c_str()));
        PMX_CHECK(Walk(patterns, dirs).run(fd.raw()));
    }
    std::sort(dirs.begin(), dirs.end());
    return dirs;
}

Result<std::vector<WorkspaceProject>> workspace_projects(const std::string& root, const std::vector<std::string>& patterns) {
    PMX_TRY(std::vector<std::string> dirs, workspace_dirs(root, patterns));
    dirs.insert(dirs.begin(), ".");
    std::vector<WorkspaceProject> projects;
    for (std::string& dir : dirs) {
        PMX_TRY(std::optional<Manifest> manifest, manifest_of(join_path(root, dir)));
        if (manifest) projects.push_back({std::move(dir), std::move(*manifest)});
    }
    return projects;
}

}  // namespace pmx
