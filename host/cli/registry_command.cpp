#include <algorithm>
#include <chrono>
#include <thread>

#include <CLI/CLI.hpp>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/registry_record.hpp"
#include "registry/server.hpp"

namespace pmx {
namespace {

constexpr std::string_view usage =
    "pmx registry serve DIR [flags]\n"
    "pmx registry record --into DIR [flags] PROJECT…\n\n"
    "record takes what projects need, into a directory that serve serves: the archives that their lockfiles pin, and\n"
    "the packuments and archives of what their manifests mean today. What is there is not asked for again.\n\n"
    "Flags of record\n"
    "  --into DIR           where to; made when it is not there\n"
    "  --registry URL       where from [what the project's settings say]\n"
    "  --parallel N         requests at once [32]\n"
    "  --abbreviated        packuments in the install form: without times, and much smaller\n"
    "  --locked             only what lockfiles and manifests name, not what the manifests mean today\n"
    "  --archives           only the archives that lockfiles pin\n"
    "  --all-platforms      archives of optional packages for other systems too\n\n"
    "serve offers a directory of packages as an npm registry on 127.0.0.1, until interrupted: sources\n"
    "(DIR/<name>/<version>/…), recorded packuments (DIR/<name>/package.json) or a mirror (DIR/<name>/-/*.tgz).\n\n"
    "Flags of serve\n"
    "  --port N             where to listen [any free port]\n"
    "  --latency-ms N       a round trip: before each answer, and before the first request of a connection [0]\n"
    "  --connect-round-trips N  how many of them a new connection costs; 2 as with TLS 1.3 [1]\n"
    "  --bandwidth-mbps N   of each connection, with slow start [no limit]\n"
    "  --total-mbps N       of all connections together [no limit]\n"
    "  --prepare            make and compress all abbreviated packuments before listening, not when they are asked for\n"
    "  --threads N          of the server [2]\n"
    "  --no-ranges          never serve a part of an archive\n"
    "  --fault RULE         misbehave; may be given several times. Kinds: a status, delay=MS, truncate, stall,\n"
    "                       wrong-bytes, slow=BYTES_PER_SECOND, close, redirect=URL, html, endless, need-auth=TEXT,\n"
    "                       ignore-range, wrong-range; the method RANGE is a GET for a part of an archive\n\n"
    "Examples\n"
    "  pmx registry record --into mirror ~/my-project ~/another/pnpm-lock.yaml\n"
    "  pmx registry serve tests/registry --port 4873\n"
    "  pmx registry serve mirror --prepare --latency-ms 50 --bandwidth-mbps 200\n"
    "  pmx registry serve tests/registry --fault 'GET /left-pad/*: 500 x2'\n";

Result<> parse(CLI::App& app, std::vector<std::string> words) {
    app.set_help_flag("");
    std::reverse(words.begin(), words.end());
    try {
        app.parse(std::move(words));
    } catch (const CLI::Error& error) {
        return fail(Code::USAGE, error.what(), {}, "pmx registry --help shows what it takes");
    }
    return {};
}

Result<> serve(std::vector<std::string> words, const Door& door) {
    registry::ServeOptions options;
    CLI::App app;
    app.add_option("directory", options.directory);
    app.add_option("--port", options.port);
    app.add_option("--latency-ms", options.network.latency_ms)->check(CLI::Range(0.0, 60000.0));
    app.add_option("--connect-round-trips", options.network.connect_round_trips)->check(CLI::Range(0, 10));
    app.add_option("--bandwidth-mbps", options.network.bandwidth_mbps)->check(CLI::Range(0.0, 1e6));
    app.add_option("--total-mbps", options.network.total_mbps)->check(CLI::Range(0.0, 1e6));
    app.add_flag("--prepare", options.prepare);
    app.add_flag("!--no-ranges", options.ranges);
    app.add_option("--threads", options.threads)->check(CLI::Range(1, 64));
    app.add_option("--fault", options.faults)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    PMX_CHECK(parse(app, std::move(words)));
    if (options.directory.empty())
        return fail(Code::USAGE, "pmx registry serve wants a directory", {}, "pmx registry --help shows what it takes");
    options.directory = join_path(current_dir(), options.directory);
    PMX_TRY(const auto server, registry::RegistryServer::start(options));
    write_out("listening on " + server->url() + "\n");
    while (!door.cancel->is_set()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    write_out(registry::to_json(server->counters()) + "\n");
    return {};
}

Result<> record_into(std::vector<std::string> words, const Door& door) {
    RecordOptions options;
    std::string registry;
    CLI::App app;
    app.add_option("projects", options.projects);
    app.add_option("--into", options.into);
    app.add_option("--registry", registry);
    app.add_option("--parallel", options.parallel)->check(CLI::Range(1, 512));
    app.add_flag("--abbreviated", options.abbreviated);
    app.add_flag("--locked", options.locked);
    app.add_flag("--archives", options.archives_only);
    app.add_flag("--all-platforms", options.every_platform);
    PMX_CHECK(parse(app, std::move(words)));
    if (options.into.empty() || options.projects.empty())
        return fail(Code::USAGE, "pmx registry record wants --into DIR and projects", {}, "pmx registry --help shows what it takes");
    const std::string here = current_dir();
    options.into = join_path(here, options.into);
    for (std::string& project : options.projects) project = join_path(here, project);
    if (!registry.empty()) options.flags["registry"] = {registry};
    options.locked |= options.archives_only;
    options.environment = door.environment;
    options.cancel = door.cancel;
    options.tell = [](std::string_view line) { write_err(std::string(line) + "\n"); };
    PMX_TRY(const RecordReport report, record(options));
    std::string out;
    JsonWriter json(out);
    json.object().key("packuments").value(report.packuments).key("packumentsThere").value(report.packuments_there);
    json.key("archives").value(report.archives).key("archivesThere").value(report.archives_there).key("bytes").value(report.bytes);
    json.key("unknown").value(report.unknown).key("elsewhere").value(report.elsewhere);
    json.key("otherPlatforms").value(report.other_platforms).end();
    write_out(out + "\n");
    return {};
}

}  // namespace

Result<> registry_command(const Invocation& invocation, const Door& door) {
    std::vector<std::string> words = invocation.arguments;
    const auto asks_help = [](const std::string& word) { return word == "-h" || word == "--help"; };
    if (words.empty() || std::any_of(words.begin(), words.end(), asks_help)) return write_out(usage), Result<>();
    const std::string command = words.front();
    words.erase(words.begin());
    if (command == "serve") return serve(std::move(words), door);
    if (command == "record") return record_into(std::move(words), door);
    return fail(Code::USAGE, "there is no command \"pmx registry " + command + "\"", {}, "pmx registry serve DIR, pmx registry record --into DIR PROJECT…");
}

}  // namespace pmx
