// Trees of files for importers and validators: written, looked at, compared. Private to the kit.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pmx::testkit {

// Below `dir`: path → one line of type, mode and content; directories end in '/'. Links are not followed.
using TreeLook = std::map<std::string, std::string>;
TreeLook look(const std::string& dir, bool with_times = false);
// The first difference as a sentence; "" when there is none.
std::string difference(const TreeLook& wanted, const TreeLook& got);

void write_file(const std::string& path, std::string_view content, unsigned mode = 0644);
std::string read_file(const std::string& path);
void make_dirs(const std::string& path);
// A directory, open for the life of the object.
class OpenDir {
  public:
    explicit OpenDir(const std::string& path);
    ~OpenDir();
    OpenDir(const OpenDir&) = delete;
    int fd() const { return fd_; }
    std::uint64_t device() const { return device_; }

  private:
    int fd_ = -1;
    std::uint64_t device_ = 0;
};

}  // namespace pmx::testkit
