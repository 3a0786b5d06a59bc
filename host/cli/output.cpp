#include <cerrno>

#include <unistd.h>

#include "base/text.hpp"
#include "cli/command_line.hpp"

namespace pmx {
namespace {

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace

void write_out(std::string_view text) { write_all(STDOUT_FILENO, text); }
void write_err(std::string_view text) { write_all(STDERR_FILENO, text); }

bool colours_on_stderr(const std::map<std::string, std::string>& environment) {
    auto plain = environment.find("NO_COLOR");
    return ::isatty(STDERR_FILENO) == 1 && (plain == environment.end() || plain->second.empty());
}

std::string error_text(const Error& error, bool colour) {
    std::string text = to_string(error);
    std::string_view code = code_name(error.code);
    if (colour && text.starts_with(code)) text = "\x1b[31m" + std::string(code) + "\x1b[0m" + text.substr(code.size());
    return text + "\n";
}

}  // namespace pmx
