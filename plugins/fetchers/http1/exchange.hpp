// One request and its answer on one connection: the request's text out, the head in, the body to the sink.
// [io thread]
#pragma once

#include <pmx/fetcher.h>

#include <string>

#include "body.hpp"
#include "connection.hpp"
#include "head.hpp"

namespace pmx::http1 {

// Skips 1xx answers. `rest` gets the bytes after the head. Throws Failure; before_response says that nothing
// came.
Task<Head> read_head(Connection& connection, std::string& rest);
// The whole body into the sink, after sink.head(); an encoding is undone where `decode`. True when the connection can
// carry another request.
Task<bool> read_body(Connection& connection, const Head& head, std::string rest, Sink& sink, bool decode);
// Reads what a refusal or redirect has to say, if that is short. True as above.
Task<bool> discard_body(Connection& connection, const Head& head, std::string rest);

}  // namespace pmx::http1
