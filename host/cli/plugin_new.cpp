#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "install/run.hpp"

namespace pmx {
namespace {

constexpr std::array<std::string_view, 4> kinds = {"layout", "importer", "fetcher", "validator"};
constexpr std::string_view flags[] = {"linker", "import", "fetcher", "validator"};

// What stands in a template for what.
struct Words {
    std::vector<std::pair<std::string_view, std::string>> pairs;
    std::string in(std::string text) const {
        for (const auto& [from, to] : pairs) text = replace_all(text, from, to);
        return text;
    }
};

Result<> check_name(std::string_view name, const PluginPath& path) {
    const std::string allowed = "small letters, digits and single hyphens between them, a letter first, at most 64: like my-layout";
    auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (name.empty() || name.size() > 64 || !(name[0] >= 'a' && name[0] <= 'z') || name.back() == '-' || name.find("--") != name.npos ||
        !std::all_of(name.begin(), name.end(), fits))
        return fail(Code::USAGE, "this cannot be the name of a plugin", std::string(name), allowed);
    for (const FoundPlugin& found : Plugins(path, {}).found())
        if (found.builtin && found.name == name)
            return fail(Code::USAGE, "a plugin of the installation has this name", std::string(name), "choose another: my-" + std::string(name));
    return {};
}

std::string class_name(std::string_view name) {
    std::string out;
    for (std::string_view part : split(name, '-')) {
        out.append(part);
        char& first = out[out.size() - part.size()];
        if (first >= 'a') first = static_cast<char>(first - 'a' + 'A');
    }
    return out;
}

// Beside the command, in the installation as in the build tree.
Result<std::string> template_dir(std::string& prefix) {
    PMX_TRY(std::string exe, read_link(AT_FDCWD, "/proc/self/exe"));
    prefix = parent_path(parent_path(exe));
    std::string dir = prefix + "/share/pmx/template";
    if (auto there = open_dir(AT_FDCWD, dir.c_str()); !there)
        return fail(Code::IO, "the templates of the plugin SDK are not installed", dir,
                    "install the component \"sdk\" into the same prefix as pmx: cmake --install BUILD --component sdk --prefix " + prefix);
    return dir;
}

}  // namespace

Result<> plugin_new_command(const Invocation& invocation, const Door& door) {
    PMX_TRY(Settings settings, settings_for(invocation, door));
    if (invocation.arguments.size() != 1)
        return fail(Code::USAGE, "\"pmx plugin new\" wants one name", {}, "pmx plugin new my-layout --kind layout");
    const std::string& name = invocation.arguments.front();
    PMX_CHECK(check_name(name, plugin_path(settings)));
    auto given = invocation.options.find("kind");
    const std::string kind = given == invocation.options.end() || given->second.empty() ? "" : given->second.back();
    const auto at = std::find(kinds.begin(), kinds.end(), kind);
    if (at == kinds.end()) {
        std::string near = nearest(kind, kinds);
        return fail(Code::USAGE, kind.empty() ? "which kind of plugin?" : fmt::format("there is no kind \"{}\"", kind), "--kind",
                    near.empty() ? "layout, importer, fetcher or validator: docs/PLUGINS.md says what each decides" : "did you mean --kind " + near + "?");
    }
    std::string prefix;
    PMX_TRY(const std::string templates, template_dir(prefix));
    PMX_TRY(const std::string dir, working_dir(invocation));
    const std::string target = join_path(dir, name);
    PMX_TRY(const std::optional<FileStat> there, stat_at(AT_FDCWD, target.c_str()));
    if (there) return fail(Code::USAGE, "there is something of this name already, and nothing is overwritten", target, "choose another name, or move it away");

    const bool c = invocation.has("c");
    const std::string ident = replace_all(name, "-", "_"), suffix = c ? ".c" : ".cpp";
    const std::string flag(flags[at - kinds.begin()]);
    const Words words{{{"@NAME@", name}, {"@IDENT@", ident}, {"@CLASS@", class_name(name)}, {"@KIND@", kind}, {"@FLAG@", flag},
                       {"@SUFFIX@", suffix.substr(1)}, {"@LANGUAGE@", c ? "C" : "CXX"}}};
    const std::pair<std::string, std::string> files[] = {{"CMakeLists.txt", "CMakeLists.txt"}, {"README.md", "README.md"},
                                                         {"gitignore", ".gitignore"}, {kind + suffix, ident + suffix},
                                                         {kind + "_test.c", ident + "_test" + suffix}};
    // Everything is read before anything is written.
    std::vector<std::string> texts;
    for (const auto& [from, to] : files) {
        PMX_TRY(std::string text, read_file(AT_FDCWD, (templates + "/" + from).c_str()));
        texts.push_back(words.in(std::move(text)));
    }
    PMX_CHECK(make_dir(AT_FDCWD, target.c_str()));
    PMX_TRY(Fd into, open_dir_nofollow(AT_FDCWD, target.c_str()));
    for (std::size_t i = 0; i < texts.size(); ++i)
        PMX_CHECK(write_file_atomically(into.raw(), files[i].second.c_str(), texts[i], Durable::no));
    write_out(printable(fmt::format("{0}: a {1} in {2}\n\n  cd {3}\n  cmake -B build -DCMAKE_PREFIX_PATH={4} && cmake --build build\n"
                                    "  ctest --test-dir build\n  pmx plugin check build/{5}.so\n  pmx install -C A-PROJECT --{6} $PWD/build/{5}.so\n",
                                    target, kind, c ? "C11" : "C++20", target, prefix, name, flag)));
    return {};
}

}  // namespace pmx
