#include "lockfile/npm_entry.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace pmx {
namespace {

// The collation order of ASCII, small letters in front of capitals: control characters do not count.
constexpr std::string_view kOrder =
    " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ";

struct Weights {
    std::array<std::uint16_t, 256> primary{}, rank{};
    constexpr Weights() {
        std::uint16_t next = 0;
        for (std::size_t i = 0; i < kOrder.size(); ++i) {
            auto c = static_cast<unsigned char>(kOrder[i]);
            bool capital = c >= 'A' && c <= 'Z';
            if (!capital) ++next;
            primary[c] = next;
            rank[c] = capital ? 1 : 0;
        }
        for (std::size_t c = 128; c < 256; ++c) primary[c] = static_cast<std::uint16_t>(1000 + c);
    }
};
constexpr Weights kWeights;

}  // namespace

std::string_view npm_place_name(std::string_view path) {
    constexpr std::string_view kModules = "node_modules/";
    std::size_t modules = path.rfind(kModules);
    if (modules != std::string_view::npos && (modules == 0 || path[modules - 1] == '/')) return path.substr(modules + kModules.size());
    std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return path;
    std::size_t scope = slash == 0 ? std::string_view::npos : path.rfind('/', slash - 1);
    std::size_t start = scope == std::string_view::npos ? 0 : scope + 1;
    return path.substr(path[start] == '@' ? start : slash + 1);
}

bool npm_order(std::string_view a, std::string_view b) {
    int tie = 0;
    std::size_t i = 0, j = 0;
    for (;; ++i, ++j) {
        while (i < a.size() && kWeights.primary[static_cast<unsigned char>(a[i])] == 0) ++i;
        while (j < b.size() && kWeights.primary[static_cast<unsigned char>(b[j])] == 0) ++j;
        if (i >= a.size() || j >= b.size()) break;
        auto x = static_cast<unsigned char>(a[i]), y = static_cast<unsigned char>(b[j]);
        if (kWeights.primary[x] != kWeights.primary[y]) return kWeights.primary[x] < kWeights.primary[y];
        if (tie == 0) tie = kWeights.rank[x] - kWeights.rank[y];
    }
    if (i < a.size() || j < b.size()) return i >= a.size();
    return tie < 0;
}

}  // namespace pmx
