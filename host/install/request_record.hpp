// One request as it went over the wire, for who wants to know what the network did. Made by Transport. Plain values.
#pragma once

#include <cstdint>
#include <string>

#include "base/metrics.hpp"

namespace pmx {

struct RequestRecord {
    std::string url, subject;  // without credentials; what it was for
    bool packument = false;    // or an archive
    std::uint32_t status = 0;  // 0: no answer
    std::uint64_t bytes = 0;
    std::string error;         // "" = it went well
    Clock::time_point start, first_byte, end;  // first_byte == end where none was seen to begin
};

}  // namespace pmx
