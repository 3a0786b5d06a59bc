#include "model/integrity.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace pmx {
namespace {

struct AlgorithmFacts {
    std::string_view name;
    std::size_t size;
};
constexpr std::array<AlgorithmFacts, 5> kAlgorithms{{{"md5", 16},
                                                     {"sha1", 20},
                                                     {"sha256", 32},
                                                     {"sha384", 48},
                                                     {"sha512", 64}}};  // in the order of HashAlgorithm

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}
bool is_visible(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
}
// The algorithms of the SRI specification; registries still serve sha1 too.
bool is_specified(std::string_view algorithm) {
    auto known = algorithm_from_name(algorithm);
    return known && *known >= HashAlgorithm::sha256;
}

bool is_base64_text(std::string_view text) {
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '+' || c == '/'; });
}

std::optional<IntegrityHash> parse_hash(std::string_view word, bool strict) {
    std::size_t dash = word.find('-');
    if (dash == word.npos) return std::nullopt;
    IntegrityHash hash;
    hash.algorithm = word.substr(0, dash);
    word.remove_prefix(dash + 1);
    std::size_t mark = word.find('?');
    hash.digest = word.substr(0, mark);
    if (hash.digest.empty() || !algorithm_from_name(hash.algorithm)) return std::nullopt;
    if (strict) {
        bool legal = std::all_of(hash.digest.begin(), hash.digest.end(),
                                 [](char c) { return is_alnum(c) || c == '+' || c == '/' || c == '='; });
        if (!is_specified(hash.algorithm) || !legal || hash.digest.size() < 44 || hash.digest.size() > 88)
            return std::nullopt;
    }
    if (mark == word.npos) return hash;
    word.remove_prefix(mark + 1);
    if (strict && !is_visible(word)) return std::nullopt;
    for (std::string_view option : split(word, '?')) hash.options.emplace_back(option);
    return hash;
}

std::string base64_of(const Digest& digest) {
    return to_base64(digest.span());
}

}  // namespace

std::string_view algorithm_name(HashAlgorithm algorithm) {
    return kAlgorithms[static_cast<std::size_t>(algorithm)].name;
}
std::size_t digest_size(HashAlgorithm algorithm) {
    return kAlgorithms[static_cast<std::size_t>(algorithm)].size;
}

std::optional<HashAlgorithm> algorithm_from_name(std::string_view name) {
    for (std::size_t i = 0; i < kAlgorithms.size(); ++i)
        if (kAlgorithms[i].name == name) return static_cast<HashAlgorithm>(i);
    return std::nullopt;
}

std::string IntegrityHash::to_string(bool strict) const {
    if (strict && !(is_specified(algorithm) && is_base64_text(digest) &&
                    std::all_of(options.begin(), options.end(), is_visible)))
        return {};
    std::string out = algorithm + "-" + digest;
    for (const std::string& option : options) out += "?" + option;
    return out;
}

std::optional<Digest> IntegrityHash::bytes() const {
    auto known = algorithm_from_name(algorithm);
    auto raw = from_base64(digest);
    if (!known || !raw || raw->size() != digest_size(*known)) return std::nullopt;
    Digest out;
    std::copy(raw->begin(), raw->end(), out.bytes.begin());
    out.size = static_cast<std::uint8_t>(raw->size());
    return out;
}

Integrity Integrity::parse(std::string_view text, bool strict) {
    Integrity out;
    while (!text.empty()) {
        std::size_t end = 0;
        while (end < text.size() && !is_space(text[end])) ++end;
        if (end > 0)
            if (auto hash = parse_hash(text.substr(0, end), strict)) out.add(std::move(*hash));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

Integrity Integrity::of(std::string_view bytes, HashAlgorithm algorithm) {
    Integrity out;
    out.add({std::string(algorithm_name(algorithm)), base64_of(hash(algorithm, bytes)), {}});
    return out;
}

std::optional<Integrity> Integrity::from_hex(std::string_view hex, HashAlgorithm algorithm) {
    auto nibble = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        char lower = static_cast<char>(c | 32);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    };
    std::vector<std::uint8_t> bytes;
    if (hex.empty() || hex.size() % 2 != 0) return std::nullopt;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        int high = nibble(hex[i]), low = nibble(hex[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    Integrity out;
    out.add({std::string(algorithm_name(algorithm)), to_base64(bytes), {}});
    return out;
}

void Integrity::add(IntegrityHash hash) {
    auto last = std::find_if(hashes_.rbegin(), hashes_.rend(),
                             [&](const IntegrityHash& other) { return other.algorithm == hash.algorithm; });
    hashes_.insert(last == hashes_.rend() ? hashes_.end() : last.base(), std::move(hash));
}

Integrity Integrity::only(HashAlgorithm algorithm) const {
    Integrity out;
    for (const IntegrityHash& hash : hashes_)
        if (hash.algorithm == algorithm_name(algorithm)) out.hashes_.push_back(hash);
    return out;
}

std::optional<HashAlgorithm> Integrity::strongest() const {
    std::optional<HashAlgorithm> best;
    for (const IntegrityHash& hash : hashes_)
        if (auto known = algorithm_from_name(hash.algorithm); known && (!best || *known > *best))
            best = known;
    return best;
}

const IntegrityHash* Integrity::match(const Digest& digest) const {
    auto algorithm = strongest();
    if (!algorithm || digest.size != digest_size(*algorithm)) return nullptr;
    std::string want = base64_of(digest);
    for (const IntegrityHash& hash : hashes_)
        if (hash.algorithm == algorithm_name(*algorithm) && hash.digest == want) return &hash;
    return nullptr;
}

const IntegrityHash* Integrity::match_bytes(std::string_view bytes) const {
    auto algorithm = strongest();
    return algorithm ? match(hash(*algorithm, bytes)) : nullptr;
}

Result<> Integrity::check(std::string_view bytes, std::string_view subject,
                          std::optional<std::uint64_t> size) const {
    auto refuse = [&](std::string what) {
        return fail(
            Code::INTEGRITY, std::move(what), std::string(subject),
            "the archive changed since the lockfile was written, or was damaged on its way: try again, and "
            "if it stays so compare it with its registry before you trust it");
    };
    if (size && bytes.size() != *size)
        return refuse("the archive has " + std::to_string(bytes.size()) + " bytes and not " +
                      std::to_string(*size));
    auto algorithm = strongest();
    if (!algorithm) return refuse("there is no digest to check the archive against");
    Digest digest = hash(*algorithm, bytes);
    if (match(digest)) return {};
    return refuse("wanted " + only(*algorithm).to_string() + " but got " +
                  std::string(algorithm_name(*algorithm)) + "-" + base64_of(digest));
}

std::optional<std::string> Integrity::key_hex() const {
    auto algorithm = strongest();
    if (!algorithm) return std::nullopt;
    for (const IntegrityHash& hash : hashes_)
        if (hash.algorithm == algorithm_name(*algorithm))
            if (auto digest = hash.bytes()) return to_hex(digest->span());
    return std::nullopt;
}

std::string Integrity::to_string(std::string_view separator, bool strict) const {
    std::string between;
    for (std::size_t i = 0; i < separator.size(); ++i) {
        if (!strict || is_space(separator[i]))
            between += separator[i];
        else if (i == 0 || is_space(separator[i - 1]))
            between += ' ';  // a strict list is separated by white space only
    }
    std::string out;
    for (const IntegrityHash& hash : hashes_) {
        std::string word = hash.to_string(strict);
        if (word.empty()) continue;
        if (!out.empty()) out += between;
        out += word;
    }
    return out;
}

}  // namespace pmx
