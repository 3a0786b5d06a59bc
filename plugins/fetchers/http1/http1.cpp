// http1: http and https over HTTP/1.1. Its options, and the table; the work is the client's.
#include "client.hpp"

namespace pmx::http1 {

namespace {

constexpr pmx_option kOptions[] = {
    sdk::option_integer("network-concurrency", "Requests under way, and connections open, at once", "128", 1,
                        1024),
    sdk::option_integer("fetch-timeout", "Give up on a connection that brings no byte for so many ms",
                        "60000", 1, 86400000),
    sdk::option_integer("fetch-retries", "Tries after the first", "2", 0, 100),
    sdk::option_integer("fetch-retry-factor", "By how much the wait before a retry grows", "10", 1, 1000),
    sdk::option_integer("fetch-retry-mintimeout", "Wait before the first retry, in ms", "10000", 0, 86400000),
    sdk::option_integer("fetch-retry-maxtimeout", "Longest wait before a retry, in ms", "60000", 0, 86400000),
};

std::int64_t within(const sdk::Config& config, const char* name, std::int64_t fallback, std::int64_t least,
                    std::int64_t most) {
    std::int64_t value = config.integer(name, fallback);
    if (value < least || value > most)
        throw sdk::Error(
            PMX_INVALID,
            "the value must be between " + std::to_string(least) + " and " + std::to_string(most), name);
    return value;
}

ClientOptions options_of(const sdk::Config& config) {
    ClientOptions options;
    options.concurrency = static_cast<std::size_t>(within(config, "network-concurrency", 128, 1, 1024));
    options.timeout = Millis(within(config, "fetch-timeout", 60000, 1, 86400000));
    options.retry.retries = static_cast<unsigned>(within(config, "fetch-retries", 2, 0, 100));
    options.retry.factor = static_cast<std::uint64_t>(within(config, "fetch-retry-factor", 10, 1, 1000));
    options.retry.shortest = Millis(within(config, "fetch-retry-mintimeout", 10000, 0, 86400000));
    options.retry.longest = Millis(within(config, "fetch-retry-maxtimeout", 60000, 0, 86400000));
    return options;
}

class Http1 {
  public:
    static constexpr const char* kSchemes = "http,https";
    Http1(sdk::Host host, const sdk::Config& config)
        : client_(options_of(config), host.service<pmx_credentials>(PMX_SERVICE_CREDENTIALS),
                  host.service<pmx_counters>(PMX_SERVICE_COUNTERS), host.service<pmx_requests>(PMX_SERVICE_REQUESTS)) {}
    void fetch(sdk::Op op, const pmx_request& request, sdk::Response response) {
        client_.start(op, request, response);
    }

  private:
    Client client_;
};

}  // namespace

}  // namespace pmx::http1

using pmx::http1::Http1;
using pmx::http1::kOptions;
PMX_FETCHER(Http1, "http1", "1.0.0", "http and https, over HTTP/1.1 with kept connections",
            PMX_CAP_THREADS | PMX_CAP_NETWORK, kOptions, std::size(kOptions))
