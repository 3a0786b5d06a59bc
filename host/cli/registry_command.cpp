#include <charconv>
#include <chrono>
#include <thread>

#include <CLI/CLI.hpp>

#include "base/fs.hpp"
#include "cli/command_line.hpp"
#include "registry/server.hpp"

namespace pmx {
namespace {

constexpr std::string_view usage =
    "pmx registry serve DIR [flags]\n\n"
    "Serve a directory of packages as an npm registry on 127.0.0.1, until interrupted: sources\n"
    "(DIR/<name>/<version>/…), recorded packuments (DIR/<name>/package.json) or a mirror (DIR/<name>/-/*.tgz).\n\n"
    "Flags\n"
    "  --port N             where to listen [any free port]\n"
    "  --latency-ms N       a round trip: before each answer, and before the first request of a connection [0]\n"
    "  --connect-round-trips N  how many of them a new connection costs; 2 as with TLS 1.3 [1]\n"
    "  --bandwidth-mbps N   of each connection, with slow start [no limit]\n"
    "  --total-mbps N       of all connections together [no limit]\n"
    "  --prepare            make and compress all abbreviated packuments before listening, not when they are asked for\n"
    "  --threads N          of the server [2]\n"
    "  --fault RULE         misbehave; may be given several times. Kinds: a status, delay=MS, truncate, stall,\n"
    "                       wrong-bytes, slow=BYTES_PER_SECOND, close, redirect=URL, html, endless, need-auth=TEXT\n\n"
    "Examples\n"
    "  pmx registry serve tests/registry --port 4873\n"
    "  pmx registry serve mirror --prepare --latency-ms 50 --bandwidth-mbps 200\n"
    "  pmx registry serve tests/registry --fault 'GET /left-pad/*: 500 x2'\n";

}  // namespace

Result<> registry_command(const Invocation& invocation, const Door& door) {
    registry::ServeOptions options;
    CLI::App app;
    app.set_help_flag("");
    bool help = false;
    std::string command;
    app.add_flag("-h,--help", help);
    app.add_option("command", command);
    app.add_option("directory", options.directory);
    app.add_option("--port", options.port);
    app.add_option("--latency-ms", options.network.latency_ms)->check(CLI::Range(0.0, 60000.0));
    app.add_option("--connect-round-trips", options.network.connect_round_trips)->check(CLI::Range(0, 10));
    app.add_option("--bandwidth-mbps", options.network.bandwidth_mbps)->check(CLI::Range(0.0, 1e6));
    app.add_option("--total-mbps", options.network.total_mbps)->check(CLI::Range(0.0, 1e6));
    app.add_flag("--prepare", options.prepare);
    app.add_option("--threads", options.threads)->check(CLI::Range(1, 64));
    app.add_option("--fault", options.faults)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    try {
        app.parse(std::vector<std::string>(invocation.arguments.rbegin(), invocation.arguments.rend()));
    } catch (const CLI::Error& error) {
        return fail(Code::USAGE, error.what(), {}, "pmx registry --help shows what it takes");
    }
    if (help || command.empty()) return write_out(usage), Result<>();
    if (command != "serve")
        return fail(Code::USAGE, "there is no command \"pmx registry " + command + "\"", {}, "pmx registry serve DIR");
    if (options.directory.empty())
        return fail(Code::USAGE, "pmx registry serve wants a directory", {}, "pmx registry --help shows what it takes");
    options.directory = join_path(current_dir(), options.directory);
    PMX_TRY(const auto server, registry::RegistryServer::start(options));
    write_out("listening on " + server->url() + "\n");
    while (!door.cancel->is_set()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    write_out(registry::to_json(server->counters()) + "\n");
    return {};
}

}  // namespace pmx
