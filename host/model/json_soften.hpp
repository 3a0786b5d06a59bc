// Reading JSON with simdjson as leniently as JSON.parse does and no more: a BOM, bytes that are not UTF-8,
// lone surrogate escapes, numbers too large for a double and nesting beyond simdjson's default are no errors.
// The usual file pays nothing for it: the text is rewritten only after simdjson refused it. Used inside
// model/ only. [any thread]
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace pmx {

// The element lives as long as `parser` and until its next parse. The error is simdjson's sentence.
tl::expected<simdjson::dom::element, std::string> parse_json(simdjson::dom::parser& parser,
                                                             std::string_view text);

}  // namespace pmx
