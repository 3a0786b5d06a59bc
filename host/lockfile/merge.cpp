// merge_conflicts(): a lockfile in which git left both sides, as one lockfile again.
#include "lockfile/merge.hpp"

#include <simdjson.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "lockfile/lockfile.hpp"

namespace pmx {
namespace {

constexpr const char* kRestore = "take one side's lockfile from version control, or remove it and write it anew";

enum class Marker : std::uint8_t { none, ours, base, theirs, end };

// Exactly seven of a kind; longer runs mark the conflicts inside a base that was merged itself.
Marker marker_of(std::string_view line) {
    if (line.size() < 7) return Marker::none;
    char c = line[0];
    if (c != '<' && c != '|' && c != '=' && c != '>') return Marker::none;
    if (line.find_first_not_of(c) != std::min<std::size_t>(7, line.size()) && line != std::string(7, c)) return Marker::none;
    if (line.size() > 7 && line[7] != ' ' && line[7] != '\r') return Marker::none;
    return c == '<' ? Marker::ours : c == '|' ? Marker::base : c == '=' ? Marker::theirs : Marker::end;
}

Failure unmatched(std::size_t line) {
    return fail(Code::LOCKFILE_CONFLICT, "the merge conflict markers of the lockfile do not match",
                "line " + std::to_string(line), kRestore);
}

std::string with_lf(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    return replace_all(text, "\r\n", "\n");
}

}  // namespace

Result<std::optional<ConflictSides>> split_conflicts(std::string_view text) {
    ConflictSides sides;
    Marker side = Marker::none;  // where we are: outside, or behind this marker
    bool any = false;
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t newline = text.find('\n', at);
        std::size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
        std::string_view whole = text.substr(at, next - at), line = text.substr(at, newline - at);
        at = next;
        ++number;
        Marker marker = marker_of(line);
        bool in_base = side == Marker::base;
        if (marker == Marker::none || (side == Marker::none && marker != Marker::ours) ||
            (in_base && marker != Marker::theirs)) {
            if (side == Marker::none || side == Marker::ours) sides.ours += whole;
            if (side == Marker::none || side == Marker::theirs) sides.theirs += whole;
            if (side == Marker::none || side == Marker::base) sides.base += whole;
            continue;
        }
        switch (marker) {
            case Marker::ours:
                if (side != Marker::none) return unmatched(number);
                any = true;
                side = Marker::ours;
                break;
            case Marker::base:
                if (side != Marker::ours) return unmatched(number);
                sides.has_base = true;
                side = Marker::base;
                break;
            case Marker::theirs:
                if (side == Marker::theirs) return unmatched(number);
                side = Marker::theirs;
                break;
            default:
                if (side != Marker::theirs) return unmatched(number);
                side = Marker::none;
        }
    }
    if (side != Marker::none) return unmatched(number);
    if (!any) return std::optional<ConflictSides>{};
    return std::optional<ConflictSides>(std::move(sides));
}

Result<std::string> merge_conflicts(std::string_view file_name, std::string_view text) {
    std::string lines = with_lf(text);
    PMX_TRY(std::optional<ConflictSides> sides, split_conflicts(lines));
    if (!sides) return std::string(text);
    std::string name(base_name(file_name));
    auto refused = [&](Error error) {
        return fail(Code::LOCKFILE_CONFLICT,
                    "the lockfile holds merge conflict markers, and its sides cannot be merged: " + error.what,
                    error.subject.starts_with("line ") ? name + ": " + error.subject : name, kRestore);
    };
    if (!simdjson::validate_utf8(lines.data(), lines.size())) return refused(fail(Code::LOCKFILE_BROKEN, "it is not UTF-8").value());
    bool npm = name.ends_with(".json");
    Result<std::string> merged = npm ? merge_npm_lockfiles(*sides) : merge_pnpm_lockfiles(*sides);
    if (!merged) return refused(merged.error());
    Result<Lockfile> lockfile = read_lockfile(name, *merged);
    if (!lockfile) return refused(lockfile.error());
    if (npm || !read_records(*lockfile)) return merged;
    return pnpm_lockfile_text(*lockfile);
}

}  // namespace pmx
