#include "plugin/scan.hpp"

#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.hpp"
#include "base/text.hpp"

namespace pmx {

namespace {

// What goes through the pipe: fields that end with a NUL, in an order that both ends know.
class Fields {
  public:
    explicit Fields(std::string bytes = {}) : bytes_(std::move(bytes)) {}
    void put(std::string_view text) { bytes_.append(text.substr(0, text.find('\0'))) += '\0'; }
    void put(std::int64_t number) { put(std::to_string(number)); }
    void put(const std::vector<std::string>& items) {
        put(static_cast<std::int64_t>(items.size()));
        for (const std::string& item : items) put(item);
    }
    std::string text() {
        std::size_t end = std::min(bytes_.find('\0', at_), bytes_.size());
        std::string field = bytes_.substr(std::min(at_, bytes_.size()), end - std::min(at_, end));
        at_ = end + 1;
        return field;
    }
    std::int64_t number() { return std::strtoll(text().c_str(), nullptr, 10); }
    std::vector<std::string> list() {
        std::vector<std::string> items;
        for (std::int64_t n = number(); n > 0 && at_ < bytes_.size(); --n) items.push_back(text());
        return items;
    }
    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
    std::size_t at_ = 0;
};

std::string packed(const Result<PluginInfo>& result) {
    Fields out;
    out.put(result ? "info" : "error");
    if (!result) {
        const Error& error = result.error();
        out.put(static_cast<std::int64_t>(error.code));
        for (const std::string* text : {&error.what, &error.subject, &error.remedy}) out.put(*text);
    } else {
        for (const std::string* text : {&result->name, &result->version, &result->summary, &result->kind}) out.put(*text);
        out.put(result->capabilities);
        out.put(result->needs_minor);
        out.put(static_cast<std::int64_t>(result->options.size()));
        for (const PluginOption& option : result->options) {
            out.put(option.name);
            out.put(option.summary);
            out.put(static_cast<std::int64_t>(option.type));
            out.put(option.fallback);
            out.put(option.choices);
            out.put(option.minimum);
            out.put(option.maximum);
        }
    }
    out.put("end");
    return out.bytes();
}

std::optional<Result<PluginInfo>> unpacked(std::string bytes, const FoundPlugin& found) {
    if (!bytes.ends_with(std::string_view("end\0", 4))) return std::nullopt;
    Fields in(std::move(bytes));
    if (in.text() == "error") {
        Code code = static_cast<Code>(in.number());
        std::string what = in.text(), subject = in.text(), remedy = in.text();
        return Result<PluginInfo>(fail(code, what, subject, remedy));
    }
    PluginInfo info;
    for (std::string* text : {&info.name, &info.version, &info.summary, &info.kind}) *text = in.text();
    info.capabilities = static_cast<std::uint32_t>(in.number());
    info.needs_minor = static_cast<std::uint16_t>(in.number());
    for (std::int64_t n = in.number(); n > 0; --n) {
        PluginOption option;
        option.name = in.text();
        option.summary = in.text();
        option.type = static_cast<pmx_option_type>(in.number());
        option.fallback = in.list();
        option.choices = in.list();
        option.minimum = in.number();
        option.maximum = in.number();
        info.options.push_back(std::move(option));
    }
    info.file = found.file;
    info.builtin = found.builtin;
    return info;
}

[[noreturn]] void describe_and_end(int to, const FoundPlugin& found, const PluginPath& path) {
    ::setpgid(0, 0);
    for (int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
    rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    // What a library prints while it is loaded is no part of the list.
    if (int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0)
        for (int fd : {0, 1, 2}) ::dup2(null, fd);
    constexpr std::string_view linked = "linked in: ";
    std::string bytes;
    {
        Plugins plugins(path, {});
        std::string_view name = found.file;
        if (name.starts_with(linked)) name.remove_prefix(linked.size());
        bytes = packed(plugins.describe(name));
    }
    for (std::string_view rest = bytes; !rest.empty();) {
        ssize_t n = ::write(to, rest.data(), rest.size());
        if (n <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    ::_exit(0);
}

// Everything until the other end closes; false when that takes longer than `limit`.
bool read_within(int from, std::chrono::milliseconds limit, std::string& bytes) {
    auto end = std::chrono::steady_clock::now() + limit;
    char buffer[16384];
    for (;;) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd wait{from, POLLIN, 0};
        if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) == 0) return false;
        ssize_t n = ::read(from, buffer, sizeof buffer);
        if (n == 0) return true;
        if (n < 0 && errno != EINTR) return true;
        if (n > 0) bytes.append(buffer, static_cast<std::size_t>(n));
        if (bytes.size() > (4u << 20)) return true;
    }
}

}  // namespace

Result<PluginInfo> describe_apart(const FoundPlugin& found, const PluginPath& path, std::chrono::milliseconds limit) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "cannot look at a plugin", found.file);
    Fd from(ends[0]), to(ends[1]);
    pid_t child = ::fork();
    if (child < 0) return fail_errno(errno, "cannot start a process to look at a plugin", found.file);
    if (child == 0) describe_and_end(to.raw(), found, path);
    ::setpgid(child, child);
    to.reset();
    std::string bytes;
    bool in_time = read_within(from.raw(), limit, bytes);
    if (!in_time) ::kill(-child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (auto told = unpacked(std::move(bytes), found)) return *told;
    std::string what = "the plugin ended the process while it was loaded, with status " + std::to_string(WEXITSTATUS(status));
    if (WIFSIGNALED(status)) what = std::string("the plugin crashed while it was loaded: ") + ::strsignal(WTERMSIG(status));
    if (!in_time) what = "the plugin was not loaded within " + human_seconds(static_cast<double>(limit.count()) / 1000);
    return fail(Code::PLUGIN_REJECTED, std::move(what), found.file,
                "remove it from the plugin path; a plugin does nothing while it is loaded");
}

}  // namespace pmx
