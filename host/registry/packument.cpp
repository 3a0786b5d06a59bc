#include "registry/packument.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/gunzip.hpp"
#include "base/text.hpp"
#include "model/integrity.hpp"
#include "registry/packument_scan.hpp"

namespace pmx {
namespace {

using TextPair = std::pair<std::string_view, std::string_view>;

// "1.2.3" without the general grammar, which costs ten times as much; nearly every key is one.
bool read_release(std::string_view text, Version& out) {
    const char *at = text.data(), *end = at + text.size();
    for (std::uint64_t* part : {&out.major, &out.minor, &out.patch}) {
        if (at == end || *at < '0' || *at > '9' || (*at == '0' && at + 1 < end && at[1] != '.')) return false;
        std::uint64_t value = 0;
        const char* from = at;
        for (; at < end && *at >= '0' && *at <= '9'; ++at) value = value * 10 + static_cast<unsigned char>(*at - '0');
        if (at - from > 15) return false;
        *part = value;
        if (part == &out.patch) return at == end;
        if (at == end || *at++ != '.') return false;
    }
    return false;
}

// What sorting looks at, side by side in memory. Most versions are nothing but three numbers; the others are kept apart.
struct Rank {
    std::uint64_t major, minor, patch;
    std::uint32_t index, place;  // place: among the others, or kPlain
};
constexpr std::uint32_t kPlain = UINT32_MAX;

std::uint64_t number_of(std::string_view text) {
    std::uint64_t number = 0;
    text = trim(text);
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

// As npm and pnpm turn a shasum into an integrity.
std::string integrity_of_shasum(std::string_view shasum) {
    auto integrity = Integrity::from_hex(shasum, HashAlgorithm::sha1);
    return integrity ? integrity->to_string() : std::string();
}

// False: no integrity, and a shasum that is none. Installing that unchecked would be worse than not at all.
bool read_dist(JsonWalk walk, VersionManifest& out) {
    std::string integrity, shasum;
    out.integrity = out.tarball = {};
    walk.object([&](std::string_view key) {
        std::string_view raw;
        if (key == "integrity") {
            if (!walk.text(raw)) return false;
            integrity = unescape_json(raw);
        } else if (key == "shasum") {
            if (!walk.text(raw)) return false;
            shasum = unescape_json(raw);
        } else if (key == "tarball") {
            if (!walk.text(raw)) return false;
            out.tarball = unescape_json(raw);
        } else if (key == "unpackedSize" || key == "fileCount") {
            if (!walk.value(raw)) return false;
            (key == "fileCount" ? out.file_count : out.unpacked_size) = number_of(raw);
        } else {
            return walk.value();
        }
        return true;
    });
    out.integrity = integrity.empty() ? integrity_of_shasum(shasum) : std::move(integrity);
    return !out.integrity.empty() || shasum.empty();
}

// npm's reading: the type of an object, the text of a string.
std::string license_of(std::string_view value) {
    JsonWalk walk(value);
    std::string_view raw;
    if (walk.peek() == '"') return walk.text(raw) ? unescape_json(raw) : std::string();
    std::string type;
    walk.object([&](std::string_view key) {
        if (!walk.text(raw)) return false;
        if (key == "type") type = unescape_json(raw);
        return true;
    });
    return type;
}

std::string json_of(std::string_view value) {
    return value == "null" || value == "false" ? std::string() : std::string(value);
}

std::string text_of(std::string_view value) {
    JsonWalk walk(value);
    std::string_view raw;
    return walk.text(raw) ? unescape_json(raw) : std::string();
}

}  // namespace

std::optional<Version> Packument::read_version(std::string_view text) {
    Version version;
    if (read_release(text, version)) return version;
    return Version::parse(text);
}

std::string_view Packument::own(std::string_view raw) {
    return arena_.copy(is_plain_json(raw) ? raw : std::string_view(unescape_json(raw)));
}

Result<std::shared_ptr<const Packument>> Packument::scan(std::string_view body, std::shared_ptr<const void> keep,
                                                         std::string_view subject, Gunzip* gunzip) {
    std::string_view document = body;
    if (gunzip && Gunzip::is_gzip(body)) {
        const auto outcome = gunzip->inflate(body, PackumentText::kLargest, document);
        if (outcome != Gunzip::Outcome::done)
            return fail(outcome == Gunzip::Outcome::no_memory ? Code::INTERNAL : Code::PACKUMENT,
                        outcome == Gunzip::Outcome::no_memory  ? "out of memory for package metadata"
                        : outcome == Gunzip::Outcome::too_long ? "the registry's package metadata decodes to more than " + human_bytes(PackumentText::kLargest)
                                                               : "the registry's package metadata is broken or incomplete: its gzip data ends or breaks early",
                        std::string(subject), "try again; if it stays so, the registry is at fault");
    }
    auto made = std::make_shared<Packument>();
    Packument& out = *made;
    out.subject_ = subject;
    out.text_ = std::make_unique<PackumentText>(body, std::move(keep), document);
    std::string_view text = document;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    const auto place_of = [&](std::string_view piece) {
        return PackumentText::Place{static_cast<std::uint32_t>(piece.data() - document.data()), static_cast<std::uint32_t>(piece.size())};
    };
    std::vector<Entry> versions;
    std::vector<TextPair> times;
    std::string_view own_modified;
    JsonWalk walk(text);
    const char first = walk.peek();
    const bool whole = walk.object([&](std::string_view key) {
        std::string_view raw;
        if (key == "name" || key == "modified") {
            if (!walk.text(raw)) return false;
            (key == "name" ? out.name_ : own_modified) = out.own(raw);
        } else if (key == "versions") {
            versions.clear();
            if (walk.peek() != '{') return walk.value();
            return walk.object([&](std::string_view version) {
                std::string_view piece;
                if (!walk.value(piece)) return false;
                versions.push_back({out.own(version), piece.starts_with('{') ? place_of(piece) : PackumentText::Place()});
                return true;
            });
        } else if (key == "dist-tags") {
            out.tags_.clear();
            if (walk.peek() != '{') return walk.value();
            return walk.object([&](std::string_view tag) {
                if (!walk.text(raw)) return false;
                out.tags_.emplace_back(out.own(tag), out.own(raw));
                return true;
            });
        } else if (key == "time") {
            times.clear();
            out.modified_ = {};
            if (walk.peek() != '{') return walk.value();
            return walk.object([&](std::string_view version) {
                if (!walk.text(raw)) return false;
                if (version == "modified") out.modified_ = out.own(raw);
                else if (version != "created" && !raw.empty()) times.emplace_back(out.own(version), out.own(raw));
                return true;
            });
        } else {
            return walk.value();
        }
        return true;
    });
    if (!whole || walk.peek() != '\0' || walk.offset() != text.size()) {
        const bool page = first == '<';
        return fail(Code::PACKUMENT,
                    page            ? "the registry sent a page, no package metadata"
                    : first == '{'  ? "the registry's package metadata is broken or incomplete at byte " + std::to_string(walk.offset())
                    : text.empty()  ? "the registry sent nothing"
                                    : "the registry's package metadata is no JSON object",
                    std::string(subject),
                    page ? "check the registry URL, and whether a proxy or network asks for a login first"
                         : "try again; if it stays so, the registry is at fault");
    }
    if (!own_modified.empty()) out.modified_ = own_modified;
    std::stable_sort(out.tags_.begin(), out.tags_.end(), [](const TextPair& a, const TextPair& b) { return a.first < b.first; });
    // The last of each name counts; what is no text was none.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < out.tags_.size(); ++i) {
        if (i + 1 < out.tags_.size() && out.tags_[i + 1].first == out.tags_[i].first) continue;
        if (!out.tags_[i].second.empty()) out.tags_[kept++] = out.tags_[i];
    }
    out.tags_.resize(kept);
    out.has_times_ = !times.empty();
    out.sort_versions(std::move(versions), std::move(times));
    return made;
}

void Packument::sort_versions(std::vector<Entry> found, std::vector<TextPair> times) {
    std::vector<Rank> ranks;
    std::vector<Version> others;
    std::vector<std::string_view> time_of(times.empty() ? 0 : found.size());
    ranks.reserve(found.size());

    // Registries write times in the order of versions, with unpublished ones between; any other order needs a table.
    std::size_t cursor = 0;
    std::unordered_map<std::string_view, std::string_view> table;
    for (std::size_t i = 0; i < time_of.size(); ++i) {
        std::size_t at = cursor;
        while (at < times.size() && at < cursor + 8 && times[at].first != found[i].version) ++at;
        if (at < times.size() && at < cursor + 8) {
            time_of[i] = times[at].second;
            cursor = at + 1;
            continue;
        }
        if (table.empty())
            for (const auto& [version, time] : times) table[version] = time;
        if (auto hit = table.find(found[i].version); hit != table.end()) time_of[i] = hit->second;
    }

    for (std::size_t i = 0; i < found.size(); ++i) {
        auto version = read_version(found[i].version);
        if (!version) continue;
        const bool plain = version->prerelease.empty() && version->build.empty();
        ranks.push_back({version->major, version->minor, version->patch, static_cast<std::uint32_t>(i),
                         plain ? kPlain : static_cast<std::uint32_t>(others.size())});
        if (!plain) others.push_back(std::move(*version));
    }
    const auto is_release = [&](const Rank& rank) { return rank.place == kPlain || others[rank.place].prerelease.empty(); };
    // Where precedence is equal (build parts), the lower text comes first: pnpm picks that one.
    std::stable_sort(ranks.begin(), ranks.end(), [&](const Rank& a, const Rank& b) {
        if (a.major != b.major) return a.major > b.major;
        if (a.minor != b.minor) return a.minor > b.minor;
        if (a.patch != b.patch) return a.patch > b.patch;
        const bool release = is_release(a);
        if (release != is_release(b)) return release;
        if (!release)
            if (auto order = others[a.place] <=> others[b.place]; order != 0) return order > 0;
        return found[a.index].version < found[b.index].version;
    });

    entries_.reserve(ranks.size());
    parsed_.reserve(ranks.size());
    if (has_times_) times_.reserve(ranks.size());
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        const Rank& rank = ranks[i];
        const Entry& entry = found[rank.index];
        // A key written twice has its last value.
        if (i + 1 < ranks.size() && found[ranks[i + 1].index].version == entry.version) continue;
        if (entry.place.size == 0) continue;
        entries_.push_back(entry);
        if (rank.place == kPlain) parsed_.push_back({rank.major, rank.minor, rank.patch, {}, {}});
        else parsed_.push_back(std::move(others[rank.place]));
        if (has_times_) times_.push_back(time_of[rank.index]);
    }
}

std::optional<std::size_t> Packument::find(std::string_view version) const {
    auto wanted = read_version(version);
    if (!wanted) return std::nullopt;
    auto at = std::partition_point(parsed_.begin(), parsed_.end(), [&](const Version& v) { return v > *wanted; });
    for (; at != parsed_.end() && *at == *wanted; ++at) {
        const auto index = static_cast<std::size_t>(at - parsed_.begin());
        if (entries_[index].version == version) return index;
    }
    return std::nullopt;
}

std::string_view Packument::tag(std::string_view name) const {
    auto at = std::lower_bound(tags_.begin(), tags_.end(), name, [](const TextPair& tag, std::string_view n) { return tag.first < n; });
    return at != tags_.end() && at->first == name ? at->second : std::string_view();
}

std::string_view Packument::time(std::string_view version) const {
    auto index = find(version);
    return index ? time(*index) : std::string_view();
}

bool Packument::is_deprecated(std::size_t index) const {
    const std::string_view text = this->text(index).value_or(std::string_view());
    if (text.find("\"deprecated\"") == text.npos) return false;
    bool deprecated = false;
    JsonWalk walk(text);
    walk.object([&](std::string_view key) {
        std::string_view value;
        if (!walk.value(value)) return false;
        if (key == "deprecated") deprecated = value == "true" || !text_of(value).empty();
        return true;
    });
    return deprecated;
}

Result<std::string_view> Packument::text(std::size_t index) const {
    auto piece = text_->piece(index, entries_[index].place);
    if (!piece) piece.error().subject = subject_ + "@" + std::string(entries_[index].version);
    return piece;
}

Result<VersionManifest> Packument::manifest(std::size_t index) const {
    PMX_TRY(const std::string_view text, this->text(index));
    const std::string subject = subject_ + "@" + std::string(entries_[index].version);
    VersionManifest out;
    auto parsed = parse_manifest(text, subject);
    if (!parsed)
        return fail(Code::PACKUMENT, "the registry's manifest of this version is broken", subject,
                    "choose another version; the registry is at fault (" + parsed.error().what + ")");
    out.manifest = std::move(*parsed);
    bool has_sum = true;
    JsonWalk walk(text);
    walk.object([&](std::string_view key) {
        std::string_view value;
        if (!walk.value(value)) return false;
        if (key == "dist") has_sum = read_dist(JsonWalk(value), out);
        else if (key == "deprecated") out.deprecated = text_of(value);
        else if (key == "hasInstallScript") out.has_install_script = value == "true";
        else if (key == "_hasShrinkwrap") out.has_shrinkwrap = value == "true";
        else if (key == "license") out.license = license_of(value);
        else if (key == "funding") out.funding_json = json_of(value);
        else if (key == "bin") out.bin_json = json_of(value);
        return true;
    });
    if (!has_sum)
        return fail(Code::PACKUMENT, "the registry gives this version no integrity and a shasum that is none", subject,
                    "choose another version; the registry is at fault");
    // Full documents have no such flag, only the scripts themselves.
    for (const char* script : {"preinstall", "install", "postinstall"})
        if (pmx::find(out.manifest.scripts, script)) out.has_install_script = true;
    // Whatever the manifest says: a package has the name that it was asked for by, which is the one that was checked.
    out.manifest.name = subject_;
    return out;
}

}  // namespace pmx
