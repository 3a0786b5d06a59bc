#include "tree.hpp"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.hpp"

namespace pmx::testkit {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
}

void write_file(const std::string& path, std::string_view content, unsigned mode) {
    std::ofstream out(path, std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    if (!out || ::chmod(path.c_str(), mode) != 0) throw std::runtime_error("cannot write " + path);
}

void make_dirs(const std::string& path) { fs::create_directories(path); }

TreeLook look(const std::string& dir, bool with_times) {
    TreeLook seen;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(dir)) {
        struct stat info;
        if (::lstat(entry.path().c_str(), &info) != 0) continue;
        std::string path = entry.path().string().substr(dir.size() + 1), line;
        if (S_ISDIR(info.st_mode)) {
            path += '/';
            line = "directory";
        } else if (S_ISLNK(info.st_mode)) {
            line = "link to " + fs::read_symlink(entry.path()).string();
        } else {
            std::string content = read_file(entry.path());
            line = text("mode ", std::oct, info.st_mode & 07777, std::dec, ", ", content.size(), " bytes, ", std::hash<std::string>{}(content));
        }
        if (with_times && !S_ISDIR(info.st_mode)) line += text(", changed at ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec);
        seen[path] = line;
    }
    return seen;
}

std::string difference(const TreeLook& wanted, const TreeLook& got) {
    for (const auto& [path, line] : wanted) {
        auto found = got.find(path);
        if (found == got.end()) return path + " is not there";
        if (found->second != line) return path + " is " + found->second + " instead of " + line;
    }
    for (const auto& [path, line] : got)
        if (!wanted.count(path)) return path + " is there, and should not be";
    return "";
}

OpenDir::OpenDir(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    struct stat info;
    if (fd_ < 0 || ::fstat(fd_, &info) != 0) throw std::runtime_error("cannot open " + path);
    device_ = info.st_dev;
}

OpenDir::~OpenDir() { ::close(fd_); }

}  // namespace pmx::testkit
