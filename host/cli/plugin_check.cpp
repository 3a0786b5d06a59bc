#include <charconv>
#include <random>

#include <fmt/format.h>
#include <pmx/testkit.hpp>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"

namespace pmx {
namespace {

using testkit::Outcome;

struct Checked {
    std::string file;
    std::vector<testkit::Verdict> verdicts;
    std::size_t count(Outcome outcome) const {
        return static_cast<std::size_t>(std::count_if(verdicts.begin(), verdicts.end(), [&](const auto& v) { return v.outcome == outcome; }));
    }
    std::size_t bad() const { return count(Outcome::fail) + count(Outcome::crash); }
};

std::string list_of_cases(bool as_json) {
    std::string out;
    JsonWriter json(out, 2);
    if (as_json) json.array();
    for (const testkit::CaseInfo& info : testkit::cases()) {
        if (as_json) json.object().key("case").value(info.name).key("kind").value(info.kind).key("promise").value(info.promise).end();
        else out += fmt::format("  {:<26} {}\n", info.name, info.promise);
    }
    if (as_json) json.end(), out += '\n';
    return out;
}

std::string json_of(const std::vector<Checked>& all, std::uint64_t seed) {
    std::string out;
    JsonWriter json(out, 2);
    json.array();
    for (const Checked& checked : all) {
        json.object().key("file").value(checked.file).key("seed").value(seed).key("cases").array();
        for (const testkit::Verdict& v : checked.verdicts)
            json.object().key("case").value(v.name).key("outcome").value(testkit::word(v.outcome)).key("detail").value(v.detail).key("seconds").value(v.seconds).end();
        json.end().end();
    }
    json.end();
    return out + "\n";
}

void tell(const testkit::Verdict& v) {
    write_out(printable(fmt::format("  {:<6} {:<26}{}{}\n", testkit::word(v.outcome), v.name, v.detail.empty() ? "" : " ", v.detail)));
}

Result<std::uint64_t> seed_of(const Invocation& invocation) {
    auto given = invocation.options.find("seed");
    if (given == invocation.options.end() || given->second.empty()) return std::random_device{}() % 1000000;
    const std::string& text = given->second.back();
    std::uint64_t seed = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (error != std::errc() || end != text.data() + text.size())
        return fail(Code::USAGE, "--seed takes a whole number, not \"" + text + "\"", {}, "the number that an earlier run told");
    return seed;
}

Result<> check_only(const std::vector<std::string>& only) {
    std::vector<std::string_view> names;
    for (const testkit::CaseInfo& info : testkit::cases()) names.push_back(info.name);
    for (const std::string& pattern : only) {
        std::string_view beginning = pattern;
        bool open = beginning.ends_with('*');
        if (open) beginning.remove_suffix(1);
        if (std::any_of(names.begin(), names.end(), [&](std::string_view name) { return open ? name.starts_with(beginning) : name == beginning; })) continue;
        std::string near = nearest(pattern, names);
        return fail(Code::USAGE, "there is no case \"" + pattern + "\"", {}, near.empty() ? "pmx plugin check --list shows them" : "did you mean " + near + "?");
    }
    return {};
}

}  // namespace

Result<> plugin_check_command(const Invocation& invocation, const Door& door) {
    const bool as_json = invocation.has("json");
    if (invocation.has("list")) return write_out(list_of_cases(as_json)), Result<>();
    if (invocation.arguments.empty())
        return fail(Code::USAGE, "\"pmx plugin check\" wants the file of a plugin", {}, "pmx plugin check build/my-layout.so");
    testkit::Options options;
    if (auto given = invocation.options.find("only"); given != invocation.options.end()) options.only = given->second;
    PMX_CHECK(check_only(options.only));
    PMX_TRY(options.seed, seed_of(invocation));
    PMX_TRY(Settings settings, settings_for(invocation, door));
    for (const std::string& item : settings.list("plugin-option")) {
        std::size_t equals = item.find('=');
        options.values[item.substr(0, equals)].push_back(item.substr(equals + 1));
    }
    options.stop = [&] { return door.cancel->is_set(); };
    if (!as_json) options.told = tell;
    PMX_TRY(const std::string dir, working_dir(invocation));
    std::vector<std::string> files;
    for (const std::string& argument : invocation.arguments) {
        files.push_back(join_path(dir, argument));
        PMX_TRY(const std::optional<FileStat> there, stat_at(AT_FDCWD, files.back().c_str()));
        if (!there || there->is_dir())
            return fail(Code::PLUGIN_NOT_FOUND, "there is no plugin at this path", files.back(), "give the path of a shared library that was built");
    }

    std::vector<Checked> all;
    std::size_t bad = 0;
    for (const std::string& file : files) {
        if (!as_json) write_out(printable(fmt::format("{}{}\n", all.empty() ? "" : "\n", file)));
        all.push_back({file, testkit::check({file, nullptr}, options)});
        if (door.cancel->is_set()) return fail(Code::CANCELLED, "cancelled while checking a plugin", file);
        const Checked& checked = all.back();
        bad += checked.bad() != 0;
        if (!as_json)
            write_out(fmt::format("  {} pass, {} warn, {} skip, {} fail, {} crash; seed {}\n", checked.count(Outcome::pass), checked.count(Outcome::warn),
                                  checked.count(Outcome::skip), checked.count(Outcome::fail), checked.count(Outcome::crash), options.seed));
    }
    if (as_json) write_out(json_of(all, options.seed));
    if (bad == 0) return {};
    return fail(Code::PLUGIN_REJECTED, fmt::format("{} of {} plugins break{} the contract", bad, all.size(), bad == 1 ? "s" : ""), {},
                fmt::format("pmx plugin check FILE --only CASE --seed {} runs one case again; docs/PLUGINS.md has the rules", options.seed));
}

}  // namespace pmx
