#include "store/tar.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace pmx {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kLargestMeta = 1u << 20;

// A NUL-terminated field that may also fill its room.
std::string_view text(const char* at, std::size_t room) {
    const void* end = std::memchr(at, 0, room);
    return {at, end ? static_cast<std::size_t>(static_cast<const char*>(end) - at) : room};
}

// Octal with spaces or NULs around it, or GNU's base-256. nullopt: negative, too large, or no number.
std::optional<std::uint64_t> number(const char* at, std::size_t room) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(at[i]); };
    if (byte(0) & 0x80) {
        if (byte(0) != 0x80) return std::nullopt;
        std::uint64_t value = 0;
        for (std::size_t i = 1; i < room; ++i) {
            if (value >> 55) return std::nullopt;
            value = value << 8 | byte(i);
        }
        return value;
    }
    std::size_t i = 0;
    while (i < room && at[i] == ' ') ++i;
    std::uint64_t value = 0;
    for (; i < room && at[i] >= '0' && at[i] <= '7'; ++i) value = value << 3 | static_cast<std::uint64_t>(at[i] - '0');
    for (; i < room; ++i)
        if (at[i] != ' ' && at[i] != 0) return std::nullopt;
    return value;
}

std::uint64_t padding_after(std::uint64_t size) { return (kBlock - size % kBlock) % kBlock; }

bool is_zero(const char* block) {
    std::uint64_t words[kBlock / 8];
    std::memcpy(words, block, kBlock);
    std::uint64_t any = 0;
    for (std::uint64_t word : words) any |= word;
    return any == 0;
}

bool checksum_holds(const char* block) {
    std::optional<std::uint64_t> said = number(block + 148, 8);
    if (!said) return false;
    auto sum = [&]<class Byte>(Byte) {
        int total = 8 * ' ';
        for (std::size_t i = 0; i < kBlock; ++i) total += static_cast<Byte>(block[i]);
        for (std::size_t i = 148; i < 156; ++i) total -= static_cast<Byte>(block[i]);
        return total;
    };
    // Some old tars summed signed bytes.
    return *said == static_cast<std::uint64_t>(sum(static_cast<unsigned char>(0))) ||
           static_cast<std::int64_t>(*said) == sum(static_cast<signed char>(0));
}

}  // namespace

Failure TarReader::broken(std::string_view what) const {
    return fail(Code::ARCHIVE, fmt::format("the archive is damaged: {} (at byte {})", what, at_), std::string(id_),
                "fetch it again; if that does not help, report this package to its registry");
}

void TarReader::take(std::size_t count) {
    source_.take(count);
    at_ += count;
}

Result<> TarReader::pass(std::uint64_t count, std::string_view what) {
    while (count) {
        PMX_TRY(std::string_view there, source_.look(1));
        if (there.empty()) return what.empty() ? Result<>() : Result<>(broken(what));
        const std::size_t some = static_cast<std::size_t>(std::min<std::uint64_t>(count, there.size()));
        take(some);
        count -= some;
    }
    return {};
}

Result<std::string_view> TarReader::read() {
    if (body_ == 0) return std::string_view();
    PMX_TRY(std::string_view there, source_.look(static_cast<std::size_t>(std::min<std::uint64_t>(body_, kWhole))));
    if (there.empty()) return broken("it ends in the middle of a file");
    there = there.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(body_, there.size())));
    take(there.size());
    body_ -= there.size();
    return there;
}

// Records "LENGTH key=value\n", LENGTH counting itself. Values may hold newlines.
Result<> TarReader::read_pax(std::string_view body) {
    while (!body.empty() && body.front() != 0) {
        std::size_t digits = 0, length = 0;
        while (digits < body.size() && digits < 9 && body[digits] >= '0' && body[digits] <= '9')
            length = length * 10 + static_cast<std::size_t>(body[digits++] - '0');
        if (digits == 0 || digits >= body.size() || body[digits] != ' ' || length > body.size() ||
            length < digits + 3 || body[length - 1] != '\n')
            return broken("a PAX record has a wrong length");
        std::string_view record = body.substr(digits + 1, length - digits - 2);
        body.remove_prefix(length);
        std::size_t equals = record.find('=');
        if (equals == std::string_view::npos || equals == 0) return broken("a PAX record has no key");
        std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
        if (key == "path" || key == "linkpath") {
            if (value.find('\0') != std::string_view::npos) return broken("a PAX path holds a NUL byte");
            std::optional<std::string>& to = key == "path" ? long_path_ : long_link_;
            if (value.empty()) to.reset();
            else to.emplace(value);
        } else if (key == "size") {
            std::uint64_t size = 0;
            if (value.empty() || value.size() > 18) return broken("a PAX size is no number");
            for (char c : value) {
                if (c < '0' || c > '9') return broken("a PAX size is no number");
                size = size * 10 + static_cast<std::uint64_t>(c - '0');
            }
            long_size_ = size;
        }
    }
    return {};
}

Result<bool> TarReader::next(TarEntry& entry) {
    PMX_CHECK(pass(std::exchange(body_, 0), "it ends in the middle of a file"));
    PMX_CHECK(pass(std::exchange(padding_, 0), {}));
    for (;;) {
        // This block, and the one after it: what follows tells how to read some.
        PMX_TRY(std::string_view there, source_.look(2 * kBlock));
        const char* block = there.data();
        auto starts_entry = [](std::string_view bytes) {
            // Too few: the end, or a truncation that the next round will report.
            return bytes.size() < kBlock || is_zero(bytes.data()) || checksum_holds(bytes.data());
        };
        if (there.size() < kBlock) {
            // Archives without their end blocks are common; a piece of a header is not.
            for (char c : there)
                if (c != 0) return broken(any_ ? "it ends in the middle of a header" : "it is no tar");
            if (long_path_ || long_size_) return broken("it ends after a header that names the next entry");
            return false;
        }
        if (is_zero(block)) {
            // Two end it, and so does one that no entry follows; npm reads on after a single one.
            bool more = there.size() >= 2 * kBlock && !is_zero(block + kBlock) && checksum_holds(block + kBlock);
            if (!more) return false;
            take(kBlock);
            continue;
        }
        if (!checksum_holds(block))
            return broken(any_ ? "a header's checksum is wrong" : "the first header's checksum is wrong, so it is no tar");
        any_ = true;

        char flag = block[156];
        std::optional<std::uint64_t> size = number(block + 124, 12);
        if (!size) return broken("an entry's size is negative or no number");
        bool is_meta = flag == 'x' || flag == 'X' || flag == 'g' || flag == 'L' || flag == 'K' || flag == 'N';
        // A PAX size belongs to the entry it describes, never to the headers in between.
        if (!is_meta && long_size_) size = long_size_;
        if (is_meta) {
            take(kBlock);
            if (flag == 'g') {
                PMX_CHECK(pass(*size, "it ends in the middle of an extended header"));
            } else {
                if (*size > kLargestMeta) return broken("an extended header is larger than 1 MB");
                const std::size_t length = static_cast<std::size_t>(*size);
                PMX_TRY(std::string_view body, source_.look(length));
                if (body.size() < length) return broken("it ends in the middle of an extended header");
                body = body.substr(0, length);
                if (flag == 'x' || flag == 'X') PMX_CHECK(read_pax(body));
                else (flag == 'K' ? long_link_ : long_path_).emplace(text(body.data(), body.size()));
                take(length);
            }
            PMX_CHECK(pass(padding_after(*size), {}));
            continue;
        }

        entry.path = text(block, 100);
        if (long_path_) {
            path_ = std::move(*long_path_);
            entry.path = path_;
        } else if (std::memcmp(block + 257, "ustar\0", 6) == 0) {
            if (std::string_view prefix = text(block + 345, 155); !prefix.empty()) {
                path_.assign(prefix).append("/").append(entry.path);
                entry.path = path_;
            }
        }
        entry.link = text(block + 157, 100);
        if (long_link_) {
            link_ = std::move(*long_link_);
            entry.link = link_;
        }
        entry.mode = static_cast<std::uint32_t>(number(block + 100, 8).value_or(0644) & 07777);
        long_path_.reset();
        long_link_.reset();
        long_size_.reset();
        if (entry.path.empty()) return broken("an entry has no name");

        bool has_body = true;
        switch (flag) {
            case '0': case '\0': case '7':
                entry.type = entry.path.back() == '/' ? TarType::directory : TarType::file;
                has_body = entry.type == TarType::file;
                if (entry.type == TarType::file && !entry.link.empty()) return broken("a file entry has a link target");
                break;
            case '1': entry.type = TarType::link; has_body = false; break;
            case '2': entry.type = TarType::symlink; has_body = false; break;
            case '5': entry.type = TarType::directory; has_body = false; break;
            case '3': case '4': case '6': entry.type = TarType::other; has_body = false; break;
            default: entry.type = TarType::other; break;
        }
        // Directories and links have no body whatever their size says, yet some writers add one: look what follows.
        if (!has_body && (*size == 0 || starts_entry(there.substr(kBlock)))) size = 0;
        take(kBlock);
        entry.size = body_ = *size;
        padding_ = padding_after(*size);
        return true;
    }
}

}  // namespace pmx
