// file: tarballs by path, and directories that mirror a registry. file:/path/to.tgz is that file; a registry
// URL that is a file: URL is a directory with NAME/-/FILE.tgz or NAME/FILE.tgz and NAME/package.json or
// NAME/index.json. Reads regular files only: never waits on a FIFO, never touches a device.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <pmx/fetcher.hpp>

namespace {

using namespace pmx::sdk;

constexpr std::size_t kStep = 1024 * 1024;

class OpenFile {
  public:
    explicit OpenFile(int fd) : fd_(fd) {}
    OpenFile(const OpenFile&) = delete;
    ~OpenFile() {
        if (fd_ >= 0) ::close(fd_);
    }
    int fd() const { return fd_; }

  private:
    int fd_;
};

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
            out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// file:/p, file:///p and file://localhost/p name /p.
std::string_view path_of(std::string_view url) {
    std::string_view path = url.substr(std::min(url.size(), url.find(':') + 1));
    if (path.substr(0, 2) == "//") {
        path.remove_prefix(2);
        auto slash = path.find('/');
        std::string_view host = path.substr(0, slash);
        if (!host.empty() && host != "localhost")
            throw Error(PMX_INVALID, "a file URL names a host", std::string(url), "write file:///path");
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
    }
    if (path.empty() || path.front() != '/')
        throw Error(PMX_INVALID, "a file URL without an absolute path", std::string(url),
                    "write file:///path");
    return path;
}

// Where the thing may be, most likely first.
std::vector<std::string> places(const pmx_request& request) {
    std::string_view raw = path_of(view(request.url));
    std::vector<std::string> bases{percent_decode(raw)};
    // A path in a lockfile is not always percent-encoded: "100%25.tgz" may be a name.
    if (bases[0] != raw) bases.emplace_back(raw);
    std::vector<std::string> all;
    for (std::string& base : bases) {
        while (base.size() > 1 && base.back() == '/') base.pop_back();
        if (request.purpose == PMX_FETCH_PACKUMENT) {
            all.push_back(base + "/package.json");
            all.push_back(base + "/index.json");
        }
        all.push_back(base);
        auto dash = base.rfind("/-/");
        if (request.purpose != PMX_FETCH_PACKUMENT && dash != std::string::npos)
            all.push_back(base.substr(0, dash) + base.substr(dash + 2));
    }
    return all;
}

// The size of a regular file that can be fetched; nothing when there is no such file.
std::optional<std::uint64_t> regular_size(const std::string& path) {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return {};
        throw io_error(errno, "cannot read", path);
    }
    if (S_ISDIR(info.st_mode)) return {};
    if (!S_ISREG(info.st_mode)) throw Error(PMX_INVALID, "this is no regular file", path, "name a tarball");
    return static_cast<std::uint64_t>(info.st_size);
}

class File : public BlockingFetcher<File> {
  public:
    static constexpr const char* kSchemes = "file";
    File(Host host, const Config&) : counters_(host.service<pmx_counters>(PMX_SERVICE_COUNTERS)) {}

    void get(Op op, const pmx_request& request, Response response) const {
        std::string tried;
        for (const std::string& place : places(request)) {
            if (place.find('\0') != std::string::npos)
                throw Error(PMX_INVALID, "a file URL holds a NUL", std::string(view(request.subject)));
            if (regular_size(place)) return deliver(op, place, request, response);
            tried += (tried.empty() ? "" : ", ") + place;
        }
        throw Error(PMX_NOT_FOUND, "no such file for " + std::string(view(request.subject)), tried,
                    "check the path in the lockfile and the registry setting");
    }

  private:
    void deliver(Op op, const std::string& path, const pmx_request& request, Response response) const {
        // Non-blocking: between the look and the opening somebody may have put a FIFO there.
        OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
        if (file.fd() < 0) throw io_error(errno, "cannot open", path);
        struct stat info;
        if (::fstat(file.fd(), &info) != 0) throw io_error(errno, "cannot read", path);
        if (!S_ISREG(info.st_mode))
            throw Error(PMX_INVALID, "this is no regular file", path, "name a tarball");
        std::uint64_t size = static_cast<std::uint64_t>(info.st_size), done = 0;
        if (size > request.size_limit)
            throw Error(PMX_INVALID,
                        "longer than the limit of " + std::to_string(request.size_limit) + " bytes", path);
        response.head(200, size);
        std::uint64_t reads = 0;
        while (done < size) {
            op.throw_if_cancelled();
            std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(size - done, kStep));
            void* room = response.buffer(want);
            ssize_t got;
            do {
                ++reads;
                got = ::read(file.fd(), room, want);
            } while (got < 0 && errno == EINTR);
            if (got < 0) throw io_error(errno, "cannot read", path);
            if (got == 0) throw Error(PMX_IO, "the file became shorter while it was read", path, "try again");
            response.commit(static_cast<std::size_t>(got));
            done += static_cast<std::uint64_t>(got);
        }
        if (!counters_) return;
        counters_->add(counters_, "requests", 1);
        counters_->add(counters_, "bytes_fetched", done);
        counters_->add(counters_, "sys_open", 1);
        counters_->add(counters_, "sys_read", reads);
    }

    const pmx_counters* counters_;
};

}  // namespace

PMX_FETCHER(File, "file", "1.0.0", "Tarballs by path, and directories that mirror a registry",
            PMX_CAP_BLOCKING, nullptr, 0)
