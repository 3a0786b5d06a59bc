#include "install/metadata.hpp"

#include <algorithm>

namespace pmx {
namespace {

constexpr std::uint64_t kPackumentLimit = 512ull << 20;
constexpr std::int64_t kFreshForMs = 5 * 60 * 1000;
constexpr std::int64_t kMostReaders = 64;

}  // namespace

SendRequest metadata_sender(BoundedTransport& transport) {
    return [&transport](MetadataRequest asked, std::function<void(Result<MetadataAnswer>)> done) {
        FetchRequest request;
        request.url = std::move(asked.url);
        request.subject = std::move(asked.subject);
        request.headers = std::move(asked.headers);
        request.purpose = PMX_FETCH_PACKUMENT;
        request.size_limit = kPackumentLimit;
        transport.fetch(std::move(request), [done = std::move(done)](Result<FetchResponse> answer) {
            if (!answer) return done(tl::make_unexpected(std::move(answer).error()));
            done(MetadataAnswer{answer->status, std::move(answer->headers), std::move(answer->body)});
        });
    };
}

PackumentsOptions packuments_options(const Settings& settings, const Policy& policy) {
    PackumentsOptions options;
    options.cache_dir = std::string(settings.text("cache-dir"));
    options.offline = settings.flag("offline");
    options.prefer_offline = settings.flag("prefer-offline");
    options.full = policy.mode == ResolutionMode::time_based;
    options.ages_before = policy.newest;
    options.fresh_for_ms = kFreshForMs;
    if (const auto readers = settings.integer("resolve-concurrency"); readers > 0) options.readers = static_cast<std::size_t>(std::min<std::int64_t>(readers, kMostReaders));
    // Whoever finds no version that fits asks again with `revalidate`.
    options.reuse_until_cutoff = true;
    options.any_age = [&policy](std::string_view name) { return policy.newest_exclude.judge(name).every_version; };
    return options;
}

}  // namespace pmx
