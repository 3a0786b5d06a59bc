#include "registry/faults.hpp"

#include <array>
#include <charconv>

#include "base/text.hpp"

namespace pmx::registry {

namespace {

bool fits(std::string_view pattern, std::string_view text) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    if (text.substr(0, star) != pattern.substr(0, star)) return false;
    const auto rest = pattern.substr(star + 1);
    for (std::size_t at = star; at <= text.size(); ++at)
        if (fits(rest, text.substr(at))) return true;
    return false;
}

bool number_in(std::string_view text, std::int64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
}

struct KindName {
    std::string_view name;
    Fault::Kind kind;
    enum { none, optional_number, number, text } argument;
};

constexpr std::array<KindName, 12> kinds = {{
    {"delay", Fault::Kind::delay, KindName::number},
    {"truncate", Fault::Kind::truncate, KindName::optional_number},
    {"stall", Fault::Kind::stall, KindName::optional_number},
    {"wrong-bytes", Fault::Kind::wrong_bytes, KindName::none},
    {"slow", Fault::Kind::slow, KindName::number},
    {"close", Fault::Kind::close, KindName::none},
    {"redirect", Fault::Kind::redirect, KindName::text},
    {"html", Fault::Kind::html, KindName::none},
    {"endless", Fault::Kind::endless, KindName::none},
    {"need-auth", Fault::Kind::need_auth, KindName::text},
    {"ignore-range", Fault::Kind::ignore_range, KindName::none},
    {"wrong-range", Fault::Kind::wrong_range, KindName::none},
}};

}  // namespace

Result<Fault> parse_fault(std::string_view line) {
    const auto bad = [&](const char* why) {
        return fail(Code::USAGE, std::string("not a fault rule: ") + why, std::string(line),
                    "write it as in: GET /left-pad/*: 500 x2");
    };
    Fault fault;
    line = trim(line);
    const auto space = line.find(' ');
    const auto colon = line.find(": ", space == std::string_view::npos ? 0 : space);
    if (space == std::string_view::npos || colon == std::string_view::npos) return bad("METHOD PATTERN: KIND expected");
    fault.method = line.substr(0, space);
    fault.pattern = trim(line.substr(space + 1, colon - space - 1));
    std::string_view action = trim(line.substr(colon + 2));
    if (const auto times = action.rfind(" x"); times != std::string_view::npos) {
        if (!number_in(trim(action.substr(times + 2)), fault.times_left) || fault.times_left < 0)
            return bad("xTIMES wants a number");
        action = trim(action.substr(0, times));
    }
    const auto equals = action.find('=');
    const auto name = trim(action.substr(0, equals));
    if (equals != std::string_view::npos) fault.argument = trim(action.substr(equals + 1));
    std::int64_t status = 0;
    if (number_in(name, status)) {
        if (status < 200 || status > 599) return bad("a status is 200 to 599");
        fault.status = static_cast<int>(status);
        return fault;
    }
    for (const auto& kind : kinds) {
        if (kind.name != name) continue;
        fault.kind = kind.kind;
        const bool numeric = number_in(fault.argument, fault.number) && fault.number >= 0;
        if (kind.argument == KindName::none && !fault.argument.empty()) return bad("this kind takes no argument");
        if (kind.argument == KindName::text && equals == std::string_view::npos) return bad("this kind wants =TEXT");
        if (kind.argument == KindName::number && !numeric) return bad("this kind wants =NUMBER");
        if (kind.argument == KindName::optional_number && !fault.argument.empty() && !numeric)
            return bad("its argument is a number");
        if (kind.argument == KindName::optional_number && fault.argument.empty()) fault.number = -1;
        return fault;
    }
    return bad("unknown kind");
}

Result<> Faults::add(std::string_view line) {
    PMX_TRY(auto fault, parse_fault(line));
    const std::lock_guard lock(mutex_);
    rules_.push_back(std::move(fault));
    return {};
}

void Faults::clear() {
    const std::lock_guard lock(mutex_);
    rules_.clear();
}

std::optional<Fault> Faults::take(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    const auto is_meant = [&](const std::string& method) {
        return method == "*" || method == request.method || (method == "RANGE" && request.method == "GET" && !request.range.empty());
    };
    for (auto& rule : rules_) {
        if (rule.times_left == 0 || !is_meant(rule.method) || !fits(rule.pattern, request.path)) continue;
        if (rule.kind == Fault::Kind::need_auth && request.authorization == rule.argument) continue;
        if (rule.times_left > 0) --rule.times_left;
        return rule;
    }
    return std::nullopt;
}

}  // namespace pmx::registry
