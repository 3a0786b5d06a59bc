// The door of the command: parse, run, print the error, exit status. Everything else is in cli/ and below.
#include <csignal>
#include <cstdlib>
#include <exception>

#include <fcntl.h>
#include <unistd.h>

#include "cli/command_line.hpp"

namespace {

pmx::CancelFlag cancelled;  // a signal handler reaches nothing else

extern "C" void on_signal(int number) {
    cancelled.set();
    // The second signal kills.
    std::signal(number, SIG_DFL);
}

pmx::Result<> run(const std::vector<std::string>& words, const pmx::Door& door) {
    PMX_TRY(pmx::Invocation invocation, pmx::parse_command_line(words));
    return pmx::run_command(invocation, door);
}

// A table of descriptors that grows while threads share it makes its grower wait until every processor has passed by: 10 to 30 ms
// at the 64th and each further doubling. It grows here, where there is one thread.
void make_room_for_descriptors() {
    const int high = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 511);
    if (high >= 0) ::close(high);
}

}  // namespace

int main(int argc, char** argv) {
    struct sigaction action{};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    make_room_for_descriptors();
    pmx::Door door;
    door.cancel = &cancelled;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        std::string_view text(*variable);
        if (std::size_t equals = text.find('='); equals != text.npos) door.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    pmx::Result<> done;
    try {
        done = run(std::vector<std::string>(argv + 1, argv + argc), door);
    } catch (const std::exception& error) {
        done = pmx::fail(pmx::Code::INTERNAL, error.what(), {}, "this is a bug in pmx");
    }
    if (done) return EXIT_SUCCESS;
    // An error without words has been told by the reporter.
    if (!done.error().what.empty()) pmx::write_err(pmx::error_text(done.error(), pmx::colours_on_stderr(door.environment)));
    return pmx::exit_status(done.error().code);
}
