// read_lockfile(): normalises the text, refuses what no format can hold, and hands over to the codec.
#include "lockfile/lockfile.hpp"

#include <algorithm>
#include <cstring>

#include <simdjson.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "lockfile/codecs.hpp"

namespace pmx {
namespace {

std::string at_line(const Lockfile& lockfile, std::size_t offset) {
    auto line = 1 + std::count(lockfile.text.begin(), lockfile.text.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
    return lockfile.file_name + ":" + std::to_string(line);
}

constexpr std::string_view kRestore = "restore the lockfile from version control, or write it anew";

// LF line ends and no BOM, so that every offset is that of the value's own text.
void normalise(std::string& text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    if (text.find('\r') == std::string::npos) return;
    std::size_t to = 0;
    for (std::size_t from = 0; from < text.size(); ++from)
        if (text[from] != '\r' || from + 1 == text.size() || text[from + 1] != '\n') text[to++] = text[from];
    text.resize(to);
}

Result<> refuse_conflicts(const Lockfile& lockfile) {
    std::string_view text = lockfile.text;
    for (std::size_t at = text.find("<<<<<<<"); at != std::string_view::npos; at = text.find("<<<<<<<", at + 7)) {
        if (at == 0 || text[at - 1] == '\n')
            return fail(Code::LOCKFILE_CONFLICT, "the lockfile holds merge conflict markers", at_line(lockfile, at),
                        "resolve the conflict (" +
                            std::string(lockfile.format == LockfileFormat::pnpm ? "pnpm install" : "npm install") +
                            " merges both sides) and try again");
    }
    return {};
}

Result<> refuse_bytes(const Lockfile& lockfile) {
    std::string_view text = lockfile.text;
    if (!simdjson::validate_utf8(text.data(), text.size()))
        return fail(Code::LOCKFILE_BROKEN, "the lockfile is not UTF-8", lockfile.file_name, std::string(kRestore));
    unsigned bad = 0;
    for (unsigned char c : text) bad |= static_cast<unsigned>(c < 0x20 && c != '\n');
    if (!bad) return {};
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 || c == '\n') continue;
        if (c != '\t')
            return fail(Code::LOCKFILE_BROKEN, "a control byte stands in the lockfile", at_line(lockfile, i),
                        std::string(kRestore));
        if (lockfile.format == LockfileFormat::npm) continue;
        std::size_t start = text.rfind('\n', i);
        start = start == std::string_view::npos ? 0 : start + 1;
        if (text.find_first_not_of(" \t", start) > i)
            return fail(Code::LOCKFILE_BROKEN, "a line is indented with a tab", at_line(lockfile, i),
                        "YAML is indented with spaces; " + std::string(kRestore));
    }
    return {};
}

}  // namespace

std::string_view main_document(std::string_view text) {
    constexpr std::string_view kStart = "---\n", kSeparator = "\n---\n";
    if (!text.starts_with(kStart)) return text;
    std::size_t at = text.find(kSeparator, kStart.size() - 1);
    return at == std::string_view::npos ? std::string_view{} : text.substr(at + kSeparator.size());
}

bool is_clean_text(std::string_view text) {
    for (unsigned char c : text)
        if (c < 0x20 || c == 0x7f) return false;
    return true;
}

void mark_dev_only(Graph& graph) {
    std::vector<bool> needed(graph.packages.size()), dev(graph.packages.size());
    std::vector<std::uint32_t> stack;
    auto spread = [&](std::vector<bool>& reached, bool from_dev) {
        auto visit = [&](const Edge& edge) {
            if (edge.target == kNoPackage || reached[edge.target]) return;
            reached[edge.target] = true;
            stack.push_back(edge.target);
        };
        for (const Project& project : graph.projects)
            for (const Edge* e = graph.begin_edges(project); e != graph.end_edges(project); ++e)
                if ((e->kind == EdgeKind::dev) == from_dev) visit(*e);
        while (!stack.empty()) {
            const Package& package = graph.packages[stack.back()];
            stack.pop_back();
            for (const Edge* e = graph.begin_edges(package); e != graph.end_edges(package); ++e) visit(*e);
        }
    };
    spread(needed, false);
    spread(dev, true);
    for (std::size_t i = 0; i < graph.packages.size(); ++i) graph.packages[i].dev_only = dev[i] && !needed[i];
}

Result<Lockfile> read_lockfile(std::string_view file_name, std::string text) {
    Lockfile lockfile;
    lockfile.file_name = base_name(file_name);
    lockfile.format = lockfile.file_name.ends_with(".json") ? LockfileFormat::npm : LockfileFormat::pnpm;
    if (std::size_t newline = text.find('\n'); newline != std::string::npos && newline > 0) lockfile.crlf = text[newline - 1] == '\r';
    normalise(text);
    lockfile.text = lockfile.graph.arena.adopt(std::move(text));
    PMX_CHECK(refuse_conflicts(lockfile));
    PMX_CHECK(refuse_bytes(lockfile));
    if (lockfile.format == LockfileFormat::npm) {
        PMX_CHECK(read_npm_lock(lockfile));
        return lockfile;
    }
    lockfile.document = main_document(lockfile.text);
    if (trim(lockfile.document).empty())
        return fail(Code::LOCKFILE_BROKEN,
                    trim(lockfile.text).empty() ? "the lockfile is empty"
                                                : "the lockfile holds an environment document only, no packages",
                    lockfile.file_name, std::string(kRestore));
    auto skipped = lockfile.document.data() - lockfile.text.data();
    auto line = 1 + std::count(lockfile.text.begin(), lockfile.text.begin() + skipped, '\n');
    PMX_CHECK(read_pnpm_lock(lockfile, static_cast<std::uint32_t>(line)));
    return lockfile;
}

}  // namespace pmx
