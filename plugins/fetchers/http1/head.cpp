#include "head.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "failure.hpp"
#include "url.hpp"

namespace pmx::http1 {

namespace http = boost::beast::http;

std::string_view Head::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (equals_ignoring_case(key, name)) return value;
    return {};
}

std::size_t head_end(std::string_view bytes, std::size_t searched) {
    auto at = bytes.find("\r\n\r\n", searched < 3 ? 0 : searched - 3);
    return at == std::string_view::npos ? 0 : at + 4;
}

Head parse_head(std::string_view bytes) {
    http::response_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(kHeadLimit));
    parser.body_limit(boost::none);
    parser.eager(false);
    boost::beast::error_code error;
    parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (error == http::error::need_more) error = {};
    if (error || !parser.is_header_done())
        throw Failure{
            PMX_UNAVAILABLE, true,
            "the server's answer is not HTTP: " + (error ? error.message() : std::string("no header")),
            "check the registry URL and the proxy settings"};
    Head head;
    const auto& message = parser.get();
    head.status = message.result_int();
    for (const auto& field : message)
        head.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    head.chunked = parser.chunked();
    if (auto length = parser.content_length()) head.length = *length;
    head.keep_alive = parser.keep_alive();
    head.has_body = head.status >= 200 && head.status != 204 && head.status != 304;
    if (!head.has_body) head.length = 0;

    std::string_view coding = head.header("content-encoding");
    if (coding.empty() || equals_ignoring_case(coding, "identity"))
        head.coding = Coding::identity;
    else if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip"))
        head.coding = Coding::gzip;
    else if (equals_ignoring_case(coding, "deflate"))
        head.coding = Coding::deflate;
    else
        head.coding = Coding::unknown;
    return head;
}

}  // namespace pmx::http1
