#include "install/node_version.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "script/process.hpp"

namespace pmx {
namespace {

// The node that a shell would start, with what identifies the file behind it.
std::string identity_of_node() {
    const char* path = std::getenv("PATH");
    for (std::string_view directory : split(path ? path : "/usr/local/bin:/usr/bin:/bin", ':')) {
        std::string file = join_path(directory, "node");
        if (directory.empty() || directory.front() != '/') continue;
        auto fd = open_read_if_exists(AT_FDCWD, file.c_str());
        if (!fd || !*fd) continue;
        auto info = stat_fd((*fd)->raw());
        if (!info || !info->is_file() || !(info->mode & 0111)) continue;
        return fmt::format("{} {} {} {}", info->size, info->mtime_ns, info->inode, file);
    }
    return {};
}

}  // namespace

std::string node_version(Run& run) {
    std::string configured(run.settings.text("node-version"));
    if (!configured.empty()) return configured;
    std::string identity = identity_of_node();
    if (identity.empty() || identity.find('\n') != std::string::npos) return {};
    std::string directory = join_path(run.settings.text("store-dir"), "v1");
    std::string file = directory + "/node-version";
    auto known = read_file_if_exists(AT_FDCWD, file.c_str(), 64 * 1024);
    if (known && *known && (*known)->starts_with(identity + "\n"))
        return std::string(trim(std::string_view(**known).substr(identity.size() + 1)));

    std::string version;
    Program program;
    program.arguments = {identity.substr(identity.find('/')), "--version"};
    program.directory = run.root;
    program.line = [&](std::string_view line, bool error) {
        if (!error && version.empty() && line.starts_with("v")) version = line.substr(1);
    };
    auto status = run_program(program, run.cancel);
    if (!status || *status != 0 || version.size() > 64) return {};
    // Only to be faster next time: a store that cannot be written costs nothing but that.
    (void)write_file_atomically(AT_FDCWD, file.c_str(), identity + "\n" + version + "\n", Durable::no);
    return version;
}

}  // namespace pmx
