// SHA-256 through the host's digest service, as lower-case hex. Asked for by layouts whose directory names
// carry a hash.
#pragma once

#include <algorithm>
#include <pmx/plugin.hpp>
#include <string>
#include <string_view>

namespace pmx::layouts {

class Sha256 {
  public:
    explicit Sha256(const sdk::Host& host) : service_(host.service<pmx_digest>(PMX_SERVICE_DIGEST)) {}

    // The 32 bytes. Not PMX_UNSUPPORTED without the service: that would mean "try the next" and stay silent.
    std::string raw(std::string_view text) const {
        if (!service_)
            throw sdk::Error(PMX_FAILED, "this layout needs a host with the service " PMX_SERVICE_DIGEST,
                             std::string(text.substr(0, 120)), "use a newer pmx");
        std::uint8_t out[64];
        std::size_t length = 0;
        pmx_status status = service_->compute(service_, "sha256", sdk::str(text), out, &length);
        if (status != PMX_OK || length != 32)
            throw sdk::Error(PMX_FAILED, "the host could not compute a SHA-256");
        return {reinterpret_cast<const char*>(out), length};
    }
    std::string hex(std::string_view text) const {
        static constexpr char digits[] = "0123456789abcdef";
        std::string result;
        for (unsigned char byte : raw(text)) {
            result += digits[byte >> 4];
            result += digits[byte & 15];
        }
        return result;
    }
    std::string base64(std::string_view text) const {
        static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::string bytes = raw(text), result;
        for (std::size_t i = 0; i < bytes.size(); i += 3) {
            std::uint32_t group = 0;
            std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
            for (std::size_t k = 0; k < 3; ++k)
                group = group << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0u);
            for (std::size_t k = 0; k < 4; ++k)
                result += k <= have ? digits[group >> (18 - 6 * k) & 63] : '=';
        }
        return result;
    }

  private:
    const pmx_digest* service_;
};

}  // namespace pmx::layouts
