#include "cli/chooser.hpp"

#include <algorithm>
#include <cerrno>
#include <map>

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.hpp"
#include "cli/installed.hpp"
#include "cli/newer.hpp"

namespace pmx {
namespace {

// Keys one by one, without an echo, for as long as it lives.
class RawTerminal {
  public:
    RawTerminal() {
        if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
        write_err("\x1b[?25l");
    }
    ~RawTerminal() {
        write_err("\x1b[?25h");
        if (changed_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

  private:
    termios before_{};
    bool changed_ = false;
};

std::size_t height() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 4 ? size.ws_row - 3u : 20u;
}

// Draws the part of the list around the cursor; the number of lines drawn.
std::size_t draw(const Choice& choice, const std::vector<std::string>& lines, std::size_t rows) {
    std::size_t first = choice.at() >= rows ? choice.at() - rows + 1 : 0, last = std::min(lines.size(), first + rows);
    std::string out = "\x1b[?7l";
    for (std::size_t i = first; i < last; ++i)
        out += fmt::format("\r\x1b[K{} {} {:>3}  {}\n", i == choice.at() ? ">" : " ", choice.chosen()[i] ? "[x]" : "[ ]", i + 1, lines[i]);
    write_err(out + "\x1b[?7h");
    return last - first;
}

}  // namespace

Choice::Next Choice::key(std::string_view bytes) {
    const std::size_t count = chosen_.size();
    if (bytes == "\r" || bytes == "\n") return Next::done;
    if (bytes == "q" || bytes == "\x1b" || bytes == "\x03" || bytes == "\x04" || bytes.empty()) return Next::cancelled;
    if (count == 0) return Next::again;
    if (bytes == "\x1b[A" || bytes == "\x1bOA" || bytes == "k") at_ = (at_ + count - 1) % count;
    else if (bytes == "\x1b[B" || bytes == "\x1bOB" || bytes == "j") at_ = (at_ + 1) % count;
    else if (bytes == " ") chosen_[at_] = !chosen_[at_];
    else if (bytes == "a") {
        bool all = std::find(chosen_.begin(), chosen_.end(), false) == chosen_.end();
        chosen_.assign(count, !all);
    } else if (bytes == "i") {
        chosen_.flip();
    } else if (bytes.size() == 1 && bytes[0] >= '1' && bytes[0] <= '9' && static_cast<std::size_t>(bytes[0] - '1') < count) {
        at_ = static_cast<std::size_t>(bytes[0] - '1');
        chosen_[at_] = !chosen_[at_];
    }
    return Next::again;
}

Result<std::vector<std::size_t>> choose(const std::string& title, const std::vector<std::string>& lines, const Door& door) {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
        return fail(Code::USAGE, "--interactive needs a terminal", {}, "name the packages: pmx update react");
    Choice choice(lines.size());
    RawTerminal terminal;
    write_err(title + "\nspace chooses, a all, i the others, enter goes on, q leaves\n");
    const std::size_t rows = height();
    std::size_t drawn = draw(choice, lines, rows);
    for (;;) {
        pollfd ready{STDIN_FILENO, POLLIN, 0};
        int polled = ::poll(&ready, 1, 100);
        if (door.cancel && door.cancel->is_set()) return fail(Code::CANCELLED, "cancelled");
        if (polled == 0 || (polled < 0 && errno == EINTR)) continue;
        char bytes[16];
        ssize_t size = polled < 0 ? 0 : ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) continue;
        Choice::Next next = choice.key(std::string_view(bytes, size > 0 ? static_cast<std::size_t>(size) : 0));
        if (next == Choice::Next::cancelled) return fail(Code::CANCELLED, "nothing was chosen");
        if (next == Choice::Next::done) break;
        write_err(fmt::format("\x1b[{}A", drawn));
        drawn = draw(choice, lines, rows);
    }
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (choice.chosen()[i]) chosen.push_back(i);
    return chosen;
}

Result<std::vector<std::string>> choose_updates(const Invocation& invocation, const Door& door, const Settings& settings,
                                                const Selection& selection, std::optional<EdgeKind> group) {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
        return fail(Code::USAGE, "--interactive needs a terminal", {}, "name the packages: pmx update react");
    NameFilter names(invocation.arguments);
    auto wanted = [&](std::string_view alias, EdgeKind kind) { return (!group || *group == kind) && names.matches(alias, alias); };
    PMX_TRY(std::vector<OutdatedEntry> entries, newer_versions(door, settings, selection, wanted, !invocation.has("latest")));
    std::map<std::string, std::string> newer;  // alias → line
    for (const OutdatedEntry& entry : entries)
        if (change_of(entry) != 0)
            newer.emplace(entry.alias, fmt::format("{:<32} {} → {}", printable(entry.alias), entry.current.empty() ? entry.wanted : entry.current, entry.latest));
    if (newer.empty()) {
        write_err("everything is up to date\n");
        return std::vector<std::string>();
    }
    std::vector<std::string> aliases, lines;
    for (const auto& [alias, line] : newer) aliases.push_back(alias), lines.push_back(line);
    PMX_TRY(std::vector<std::size_t> chosen, choose("Which packages are to be updated?", lines, door));
    std::vector<std::string> arguments;
    for (std::size_t i : chosen) arguments.push_back(aliases[i]);
    return arguments;
}

}  // namespace pmx
