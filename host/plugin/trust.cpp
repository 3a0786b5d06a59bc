#include "plugin/trust.hpp"

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace pmx {

namespace {

constexpr std::size_t kLongestRecord = 4u << 20;
constexpr std::size_t kMostLines = 1000;  // the newest stay

}  // namespace

Acquaintance acquaint(const std::string& record, const std::string& library) {
    auto bytes = read_file(AT_FDCWD, library.c_str());
    if (record.empty() || !bytes || library.find('\n') != library.npos) return Acquaintance::unknown;
    const std::string line = sha256_hex(*bytes) + ' ' + library;

    std::string kept;
    auto seen = Acquaintance::unknown;
    auto before = read_file_if_exists(AT_FDCWD, record.c_str(), kLongestRecord);
    if (before && *before) {
        std::vector<std::string_view> lines = split(**before, '\n');
        std::size_t first = lines.size() > kMostLines ? lines.size() - kMostLines : 0;
        for (std::size_t i = first; i < lines.size(); ++i) {
            if (lines[i] == line) return Acquaintance::known;
            std::size_t space = lines[i].find(' ');
            bool same_path = space != lines[i].npos && lines[i].substr(space + 1) == library;
            if (same_path) seen = Acquaintance::changed;
            else if (!lines[i].empty()) kept.append(lines[i]) += '\n';
        }
    }
    if (make_dirs(AT_FDCWD, parent_path(record), 0700))
        (void)write_file_atomically(AT_FDCWD, record.c_str(), kept + line + '\n', Durable::no);
    return seen;
}

}  // namespace pmx
