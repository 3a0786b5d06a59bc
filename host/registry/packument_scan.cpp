#include "registry/packument_scan.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/text.hpp"

namespace pmx {
namespace {

// Bit i stands for byte i of a block of 64.
struct Block {
    std::uint64_t quotes = 0, backslashes = 0, opens = 0, closes = 0;
};

#if defined(__SSE2__)

Block read_block(const char* at) {
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), lower = _mm_set1_epi8(0x20);
    const __m128i open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');
    Block block;
    for (int i = 0; i < 4; ++i) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i));
        const __m128i folded = _mm_or_si128(bytes, lower);  // '[' becomes '{', ']' becomes '}'
        auto mask = [&](__m128i equal) {
            return static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(equal))) << (16 * i);
        };
        block.quotes |= mask(_mm_cmpeq_epi8(bytes, quote));
        block.backslashes |= mask(_mm_cmpeq_epi8(bytes, backslash));
        block.opens |= mask(_mm_cmpeq_epi8(folded, open));
        block.closes |= mask(_mm_cmpeq_epi8(folded, close));
    }
    return block;
}

#else

Block read_block(const char* at) {
    Block block;
    for (int i = 0; i < 64; ++i) {
        const std::uint64_t bit = std::uint64_t{1} << i;
        const char c = at[i];
        if (c == '"') block.quotes |= bit;
        if (c == '\\') block.backslashes |= bit;
        if (c == '{' || c == '[') block.opens |= bit;
        if (c == '}' || c == ']') block.closes |= bit;
    }
    return block;
}

#endif

constexpr std::uint64_t kEven = 0x5555555555555555u;

// The bytes that an odd run of backslashes escapes. `carry` is 1 where the last byte of a block escapes the first one of
// the next. (After Langdale and Lemire, "Parsing gigabytes of JSON per second".)
std::uint64_t escaped(std::uint64_t backslashes, std::uint64_t& carry) {
    if (backslashes == 0) {
        const std::uint64_t first = carry;
        carry = 0;
        return first;
    }
    backslashes &= ~carry;
    const std::uint64_t follows = backslashes << 1 | carry;
    const std::uint64_t odd_starts = backslashes & ~kEven & ~follows;
    std::uint64_t even_runs = 0;
    carry = __builtin_add_overflow(odd_starts, backslashes, &even_runs) ? 1 : 0;
    return (kEven ^ (even_runs << 1)) & follows;
}

// From each set bit on, up to the next one: between quotes.
std::uint64_t between(std::uint64_t bits) {
    for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
    return bits;
}

// Without -mpopcnt the builtin is a call.
std::uint64_t count(std::uint64_t bits) {
    bits -= bits >> 1 & kEven;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    return ((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56;
}

// `at` is an opening bracket. Behind the one that closes it, or nullptr.
const char* skip_brackets(const char* at, const char* end) {
    std::uint64_t depth = 0, carry = 0, inside = 0;  // inside: all ones within a string
    char tail[64];
    for (; at < end; at += 64) {
        const char* from = at;
        if (end - at < 64) {
            std::memset(tail, ' ', sizeof tail);
            std::memcpy(tail, at, static_cast<std::size_t>(end - at));
            from = tail;
        }
        const Block block = read_block(from);
        const std::uint64_t quotes = block.quotes & ~escaped(block.backslashes, carry);
        const std::uint64_t strings = between(quotes) ^ inside;
        inside = static_cast<std::uint64_t>(static_cast<std::int64_t>(strings) >> 63);
        const std::uint64_t opens = block.opens & ~strings, closes = block.closes & ~strings;
        const std::uint64_t closing = count(closes);
        if (closing < depth) {
            depth += count(opens) - closing;
            continue;
        }
        for (std::uint64_t both = opens | closes; both != 0; both &= both - 1) {
            const int bit = __builtin_ctzll(both);
            if (opens >> bit & 1) ++depth;
            else if (--depth == 0) return at + bit + 1;
        }
    }
    return nullptr;
}

// `at` is behind the opening quote. At the closing one, or nullptr.
const char* end_of_string(const char* at, const char* end) {
    const char* from = at;
    for (const char* near = std::min(at + 16, end); at < near; ++at) {
        if (*at == '"') return at;
        if (*at == '\\') break;
    }
    for (;;) {
        if (at >= end) return nullptr;
        const char* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
        if (quote == nullptr) return nullptr;
        const char* slash = quote;
        while (slash > from && slash[-1] == '\\') --slash;
        if ((quote - slash) % 2 == 0) return quote;
        at = from = quote + 1;  // what is before an escaped quote is no part of a later run
    }
}

void append_utf8(std::string& out, unsigned point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xc0 | point >> 6);
        out += static_cast<char>(0x80 | (point & 63));
    } else if (point < 0x10000) {
        out += static_cast<char>(0xe0 | point >> 12);
        out += static_cast<char>(0x80 | (point >> 6 & 63));
        out += static_cast<char>(0x80 | (point & 63));
    } else {
        out += static_cast<char>(0xf0 | point >> 18);
        out += static_cast<char>(0x80 | (point >> 12 & 63));
        out += static_cast<char>(0x80 | (point >> 6 & 63));
        out += static_cast<char>(0x80 | (point & 63));
    }
}

// The unit of "\uXXXX" at the front of `text`; nullopt-like: beyond 16 bits when there is none.
unsigned escaped_unit(std::string_view text) {
    constexpr unsigned none = 0x10000;
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return none;
    unsigned unit = 0;
    for (char c : text.substr(2, 4)) {
        unsigned digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10u : 16u;
        if (digit == 16) return none;
        unit = unit * 16 + digit;
    }
    return unit;
}

void replace_bad_utf8(std::string& text) {
    if (is_valid_utf8(text)) return;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (is_valid_utf8(std::string_view(text).substr(at, size)) && at + size <= text.size()) {
            out.append(text, at, size);
            at += size;
        } else {
            out += "\xef\xbf\xbd";
            ++at;
        }
    }
    text = std::move(out);
}

}  // namespace

bool JsonWalk::string(std::string_view& raw) {
    if (peek() != '"') return false;
    const char* close = end_of_string(at_ + 1, end_);
    if (close == nullptr) return false;
    raw = {at_ + 1, static_cast<std::size_t>(close - at_ - 1)};
    at_ = close + 1;
    return true;
}

bool JsonWalk::value(std::string_view& text) {
    const char first = peek();
    const char* from = at_;
    if (first == '"') {
        std::string_view raw;
        if (!string(raw)) return false;
    } else if (first == '{' || first == '[') {
        const char* behind = skip_brackets(at_, end_);
        if (behind == nullptr) return false;
        at_ = behind;
    } else {
        // A number or a word.
        while (at_ < end_ && ((*at_ >= '0' && *at_ <= '9') || (*at_ >= 'a' && *at_ <= 'z') || *at_ == '-' || *at_ == '+' ||
                              *at_ == '.' || *at_ == 'E'))
            ++at_;
    }
    text = {from, static_cast<std::size_t>(at_ - from)};
    return !text.empty();
}

std::string unescape_json(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size();) {
        if (raw[at] != '\\' || at + 1 >= raw.size()) {
            out += raw[at++];
            continue;
        }
        const char kind = raw[at + 1];
        if (kind != 'u') {
            out += kind == 'n' ? '\n' : kind == 't' ? '\t' : kind == 'r' ? '\r' : kind == 'b' ? '\b' : kind == 'f' ? '\f' : kind;
            at += 2;
            continue;
        }
        unsigned point = escaped_unit(raw.substr(at));
        if (point >= 0x10000) {  // JSON.parse refuses it; nobody asks for such a text
            at += 2;
            continue;
        }
        at += 6;
        if (point >= 0xd800 && point < 0xdc00) {
            const unsigned low = escaped_unit(raw.substr(at));
            if (low >= 0xdc00 && low < 0xe000) {
                point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
                at += 6;
            } else {
                point = 0xfffd;
            }
        } else if (point >= 0xdc00 && point < 0xe000) {
            point = 0xfffd;
        }
        append_utf8(out, point);
    }
    replace_bad_utf8(out);
    return out;
}

}  // namespace pmx
