#include "registry/packument_text.hpp"

#include <unistd.h>

#include "base/checksum.hpp"
#include "base/gunzip.hpp"

namespace pmx {
namespace {

std::uint32_t sum_of(std::string_view bytes) { return static_cast<std::uint32_t>(checksum(bytes)); }

}  // namespace

PackumentText::PackumentText(std::string_view body, std::shared_ptr<const void> keep, std::string_view decoded)
    : body_(body), keep_(std::move(keep)), gzip_(Gunzip::is_gzip(body)), text_(gzip_ ? decoded : body), lent_(gzip_ && !decoded.empty()) {}

Error PackumentText::damaged() const {
    if (!file_.empty()) ::unlink(file_.c_str());
    return fail(Code::PACKUMENT, "the cached package metadata was damaged on disk and has been removed", {}, "run the same command again").value();
}

Result<std::string_view> PackumentText::piece(std::size_t index, Place place) const {
    std::lock_guard lock(mutex_);
    if (auto held = held_.find(index); held != held_.end()) {
        if (auto sum = held_sums_.find(index); sum == held_sums_.end() || sum->second == sum_of(held->second)) return held->second;
        return tl::make_unexpected(damaged());
    }
    if (text_.empty()) {
        static thread_local Gunzip gunzip;
        std::string_view text;
        if (gunzip.inflate(body_, kLargest, text) != Gunzip::Outcome::done) return tl::make_unexpected(damaged());
        text_ = decoded_ = text;
    }
    if (place.at > text_.size() || place.size > text_.size() - place.at) return tl::make_unexpected(damaged());
    const std::string_view found = text_.substr(place.at, place.size);
    if (!sums_.empty() && sum_of(found) != sums_[index]) return tl::make_unexpected(damaged());
    if (!gzip_) return found;
    return held_[index] = lent_ ? std::string_view(copies_[index] = found) : found;
}

void PackumentText::end_loan() const {
    std::lock_guard lock(mutex_);
    if (lent_) text_ = {};
    lent_ = false;
}

std::vector<std::pair<std::size_t, std::string_view>> PackumentText::held() const {
    std::lock_guard lock(mutex_);
    return {held_.begin(), held_.end()};
}

}  // namespace pmx
