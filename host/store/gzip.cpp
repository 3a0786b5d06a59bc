#include "store/gzip.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>

#include "base/gunzip.hpp"

namespace pmx {
namespace {

// Below this a high ratio proves nothing: a package may hold one large file of zeros.
constexpr std::uint64_t kRatioFrom = 64u << 20;

// Small enough to stay in a core's own cache between inflating and writing, large enough that nearly every file is
// written with one call.
constexpr std::size_t kWindow = 512u << 10;
// Up to here the library that wants all at once is the faster one; above, what its memory costs is more than it gains.
constexpr std::size_t kOneShot = 4u << 20;
constexpr std::size_t kMostInput = 1u << 30;  // the library counts in 32 bits

constexpr std::string_view kDamaged = "the archive is truncated or damaged: its gzip data ends or breaks early";
constexpr std::string_view kTooLarge = "the archive is larger than allowed";
constexpr std::string_view kRemedy = "fetch it again; if that does not help, report this package to its registry";

// What a body that is no archive looks like, for an error people can act on.
std::string_view guess(std::string_view bytes) {
    using namespace std::string_view_literals;
    if (bytes.empty()) return "it is empty";
    if (bytes.starts_with("\xFD"
                          "7zXZ"sv))
        return "it is compressed with xz, and packages are gzip";
    if (bytes.starts_with("BZh")) return "it is compressed with bzip2, and packages are gzip";
    if (bytes.starts_with("\x28\xB5\x2F\xFD"sv)) return "it is compressed with zstd, and packages are gzip";
    if (bytes.starts_with("PK\x03\x04"sv)) return "it is a zip file";
    std::size_t at = bytes.find_first_not_of(" \t\r\n");
    if (at != std::string_view::npos && bytes[at] == '<') return "it is an HTML or XML page";
    if (at != std::string_view::npos && bytes[at] == '{') return "it is a JSON document";
    return "it is neither gzip nor tar";
}

std::uint64_t bound_of(std::uint64_t archive, const UnpackLimits& limits) {
    return std::min<std::uint64_t>(limits.unpacked_bytes, std::max<std::uint64_t>(kRatioFrom, limits.ratio * archive));
}

}  // namespace

Inflater::Inflater() : state_(std::make_unique<inflate_state>()) {}
Inflater::~Inflater() = default;

Failure Inflater::refuse(std::string what) const { return fail(Code::ARCHIVE, std::move(what), id_, std::string(kRemedy)); }

Result<> Inflater::open(ArchiveSource& archive, std::string_view id, const UnpackLimits& limits) {
    id_ = id;
    source_ = &archive;
    limits_ = limits;
    after_ = {};
    begin_ = end_ = 0;
    seen_ = made_ = 0;
    all_seen_ = finished_ = false;
    PMX_CHECK(pull());
    is_gzip_ = Gunzip::is_gzip(rest_);
    in_memory_ = !is_gzip_ && archive.was_whole();
    if (!is_gzip_) {
        // A tar has whole blocks and its name, never a control byte, first.
        if (rest_.size() < 512 || guess(rest_) != "it is neither gzip nor tar")
            return refuse(fmt::format("this is no package archive: {}", guess(rest_)));
        bound_ = limits.unpacked_bytes;
        if (in_memory_ && rest_.size() > bound_) return refuse(std::string(kTooLarge));
        return {};
    }
    bound_ = bound_of(seen_, limits);
    if (archive.was_whole() && Gunzip::claimed_size(rest_) <= kOneShot) {
        std::string_view tar;
        const Gunzip::Outcome outcome = gunzip_.inflate(rest_, std::min<std::uint64_t>(bound_, kOneShot), tar);
        if (outcome == Gunzip::Outcome::no_memory) return fail(Code::INTERNAL, "out of memory for unpacking", id_);
        if (outcome == Gunzip::Outcome::damaged) return refuse(std::string(kDamaged));
        if (outcome == Gunzip::Outcome::done) {
            rest_ = tar;
            in_memory_ = true;
            return {};
        }
    }
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
    return {};
}

Result<std::string_view> Inflater::look(std::size_t least) {
    if (in_memory_) return rest_;
    while (end_ - begin_ < least && !finished_) {
        make_room(least);
        PMX_CHECK(is_gzip_ ? fill() : copy());
    }
    return std::string_view(buffer_.get() + begin_, end_ - begin_);
}

void Inflater::take(std::size_t count) {
    if (in_memory_) rest_.remove_prefix(count);
    else begin_ += count;
}

// The next piece of the archive; rest_ stays empty at its end.
Result<> Inflater::pull() {
    if (!after_.empty()) {
        rest_ = std::exchange(after_, {});
        return {};
    }
    if (all_seen_) return {};
    PMX_TRY(rest_, source_->next());
    seen_ += rest_.size();
    all_seen_ = rest_.empty();
    if (seen_ > limits_.archive_bytes) return refuse(fmt::format("the archive is larger than {} bytes", limits_.archive_bytes));
    return {};
}

// What was made is in proportion to what has come, not to what was announced: it waits for more before it goes on, and so
// refuses exactly what it would refuse whole.
Result<> Inflater::keep_bound() {
    if (made_ <= bound_) return {};
    PMX_TRY(std::uint64_t there, source_->more_than(made_ / std::max<std::uint64_t>(limits_.ratio, 1)));
    bound_ = bound_of(there, limits_);
    if (made_ > bound_)
        return refuse(fmt::format("the archive unpacks to more than {} bytes, which a package never does", bound_));
    return {};
}

// Two bytes tell, and they may lie in two pieces.
Result<bool> Inflater::begins_member() {
    if (rest_.empty()) PMX_CHECK(pull());
    if (rest_.size() != 1) return Gunzip::is_gzip(rest_);
    carry_ = rest_.front();
    PMX_CHECK(pull());
    if (carry_ != '\x1f' || !rest_.starts_with('\x8b')) return false;
    after_ = std::exchange(rest_, std::string_view(&carry_, 1));
    return true;
}

// What is left goes to the front, so that the window can be filled in one go.
void Inflater::make_room(std::size_t least) {
    const std::size_t left = end_ - begin_;
    if (least > capacity_) {
        const std::size_t capacity = std::max(least, kWindow);
        auto larger = std::make_unique_for_overwrite<char[]>(capacity);
        if (left) std::memcpy(larger.get(), buffer_.get() + begin_, left);
        buffer_ = std::move(larger);
        capacity_ = capacity;
    } else if (left) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, left);
    }
    begin_ = 0;
    end_ = left;
}

// A tar that arrives as it is.
Result<> Inflater::copy() {
    while (end_ < capacity_) {
        if (rest_.empty()) PMX_CHECK(pull());
        finished_ = rest_.empty();
        if (finished_) return {};
        const std::size_t some = std::min(capacity_ - end_, rest_.size());
        std::memcpy(buffer_.get() + end_, rest_.data(), some);
        rest_.remove_prefix(some);
        end_ += some;
        made_ += some;
        if (made_ > bound_) return refuse(std::string(kTooLarge));
    }
    return {};
}

Result<> Inflater::fill() {
    inflate_state& state = *state_;
    for (;;) {
        if (rest_.empty()) PMX_CHECK(pull());
        // One byte over the bound tells that there is more.
        const std::uint64_t room = std::min<std::uint64_t>(capacity_ - end_, bound_ - made_ + 1);
        if (room == 0) return {};
        const std::size_t given = std::min(rest_.size(), kMostInput);
        state.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(rest_.data()));
        state.avail_in = static_cast<std::uint32_t>(given);
        state.next_out = reinterpret_cast<std::uint8_t*>(buffer_.get() + end_);
        state.avail_out = static_cast<std::uint32_t>(room);
        const int outcome = isal_inflate(&state);
        const std::size_t used = given - state.avail_in, made = room - state.avail_out;
        rest_.remove_prefix(used);
        end_ += made;
        made_ += made;
        PMX_CHECK(keep_bound());
        const bool ended = outcome == ISAL_DECOMP_OK && state.block_state == ISAL_BLOCK_FINISH;
        if (outcome != ISAL_DECOMP_OK || (!ended && used == 0 && made == 0))
            return refuse(std::string(kDamaged));
        if (!ended) continue;
        // With its trailer read, the library has given back what it had read ahead: the next member begins at rest_.
        PMX_TRY(bool another, begins_member());
        if (!another) {
            finished_ = true;
            return {};
        }
        isal_inflate_init(&state);
        state.crc_flag = ISAL_GZIP;
    }
}

}  // namespace pmx
