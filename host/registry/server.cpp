#include "registry/server.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <sys/resource.h>

#include "base/fs.hpp"
#include "base/text.hpp"
#include "registry/connection.hpp"
#include "registry/faults.hpp"
#include "registry/package_source.hpp"

namespace pmx::registry {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

// Every archive that was served stays open.
void allow_many_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

struct RegistryServer::State final : Answerer {
    explicit State(const ServeOptions& wanted)
        : options(wanted), source(wanted.directory), line(wanted.network),
          parts{options.network, line, faults, tally, *this} {}

    ServeOptions options;
    PackageSource source;
    Faults faults;
    SharedLine line;
    ServeTally tally;
    ServerParts parts;
    std::atomic<std::uint64_t> made_before{0};  // the counters were set to zero
    std::uint16_t port = 0;
    std::vector<std::unique_ptr<asio::io_context>> contexts;  // one a thread: a connection never changes threads
    std::optional<tcp::acceptor> acceptor;
    std::vector<std::thread> threads;
    std::size_t next = 0;

    void accept();
    Answer answer(const HttpRequest& request) override;
    Answer package(const HttpRequest& request, const std::string& base);
    bool take_part(const HttpRequest& request, Answer& whole);
    Answer control(const HttpRequest& request);
    ServeCounters counters() const;
    void zero();
    void miss(const std::string& path);

    std::mutex missing_mutex;
    std::vector<std::string> missing;  // paths, as the counters go
};

constexpr std::size_t most_missing = 100;

void RegistryServer::State::accept() {
    auto& context = *contexts[next++ % contexts.size()];
    acceptor->async_accept(context, [this, &context](const boost::system::error_code& error, tcp::socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (!error) {
            boost::system::error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            auto connection = std::make_shared<Connection>(std::move(socket), context, parts);
            asio::post(context, [connection] { connection->read(); });
        }
        accept();
    });
}

Answer RegistryServer::State::answer(const HttpRequest& request) {
    const std::string base = "http://" + (request.host.empty() ? "127.0.0.1:" + std::to_string(port) : request.host);
    if (request.path.starts_with("/-/pmx/")) return control(request);
    if (request.method != "GET" && request.method != "HEAD") return error_answer(405, "this registry only serves");
    Answer made;
    if (request.path == "/-/ping" || request.path == "/") {
        made.body = text_body("{}");
        return made;
    }
    made = package(request, base);
    if (made.status == 404) miss(request.path);
    if (made.status == 200 && !request.if_none_match.empty() && !made.body.etag.empty() &&
        request.if_none_match.find(made.body.etag) != std::string::npos) {
        ++tally.not_modified;
        made.status = 304;
    }
    return made;
}

Answer RegistryServer::State::package(const HttpRequest& request, const std::string& base) {
    const std::string path = request.path.substr(1);
    Answer made;
    const auto failed = [&](const Error& error) {
        return error.code == Code::FETCH_NOT_FOUND ? error_answer(404, "not found: " + path)
                                                   : error_answer(500, to_string(error));
    };
    if (const auto dash = path.find("/-/"); dash != std::string::npos) {
        auto body = source.tarball(path.substr(0, dash), std::string(base_name(path)));
        if (!body) return failed(body.error());
        made.kind = Answer::Kind::tarball;
        made.type = "application/octet-stream";
        made.body = std::move(*body);
        if (!take_part(request, made)) ++tally.tarballs;
        return made;
    }
    const auto form = request.abbreviated ? PackageSource::Form::abbreviated : PackageSource::Form::full;
    auto body = source.packument(path, form, base, request.gzip);
    if (!body) return failed(body.error());
    ++(request.abbreviated ? tally.abbreviated : tally.full);
    made.kind = request.abbreviated ? Answer::Kind::abbreviated : Answer::Kind::full;
    if (request.abbreviated) made.type = "application/vnd.npm.install-v1+json";
    if (request.gzip) made.extra = "Content-Encoding: gzip\r\n";
    made.extra += "Vary: Accept, Accept-Encoding\r\n";
    made.body = std::move(*body);
    return made;
}

// The part that was asked for instead of the whole; false: it stays whole.
bool RegistryServer::State::take_part(const HttpRequest& request, Answer& whole) {
    if (!options.ranges) return false;
    whole.extra += "Accept-Ranges: bytes\r\n";
    if (request.range.empty() || (!request.if_range.empty() && request.if_range != whole.body.etag)) return false;
    const std::size_t size = whole.body.bytes.size();
    const ByteRange range = parse_range(request.range, size);
    if (range.kind == ByteRange::Kind::none) return false;
    ++tally.ranges;
    if (range.kind == ByteRange::Kind::unsatisfiable) {
        whole = error_answer(416, "there is no such part");
        whole.extra = "Content-Range: bytes */" + std::to_string(size) + "\r\n";
        return true;
    }
    whole.status = 206;
    whole.extra += "Content-Range: bytes " + std::to_string(range.first) + "-" +
                   std::to_string(range.first + range.size - 1) + "/" + std::to_string(size) + "\r\n";
    whole.body.bytes = whole.body.bytes.substr(range.first, range.size);
    whole.first = range.first;
    return true;
}

Answer RegistryServer::State::control(const HttpRequest& request) {
    Answer made;
    made.kind = Answer::Kind::control;
    made.body = text_body("{}");
    if (request.path == "/-/pmx/counters") {
        made.body = text_body(to_json(counters()));
        if (request.method != "GET") zero();
        return made;
    }
    if (request.path == "/-/pmx/missing") {
        std::string text;
        JsonWriter json(text);
        json.array();
        const std::lock_guard lock(missing_mutex);
        for (const std::string& path : missing) json.value(printable(path));
        json.end();
        made.body = text_body(std::move(text));
        return made;
    }
    if (request.path == "/-/pmx/faults") {
        if (request.method == "DELETE") {
            faults.clear();
        } else if (request.method == "POST") {
            for (const auto line : split(request.body, '\n')) {
                if (trim(line).empty()) continue;
                if (auto added = faults.add(line); !added) return error_answer(400, to_string(added.error()));
            }
        }
        return made;
    }
    return error_answer(404, "no such control");
}

ServeCounters RegistryServer::State::counters() const {
    ServeCounters now = tally.counters();
    now.prepared = source.made() - made_before;
    return now;
}

void RegistryServer::State::miss(const std::string& path) {
    ++tally.not_found;
    const std::lock_guard lock(missing_mutex);
    if (missing.size() < most_missing) missing.push_back(path);
}

void RegistryServer::State::zero() {
    {
        const std::lock_guard lock(missing_mutex);
        missing.clear();
    }
    made_before = source.made();
    tally.zero();
}

RegistryServer::RegistryServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<RegistryServer>> RegistryServer::start(const ServeOptions& options) {
    allow_many_files();
    auto state = std::make_unique<State>(options);
    PMX_TRY(const auto directory, open_dir(AT_FDCWD, options.directory.c_str()));
    for (const auto& line : options.faults) PMX_CHECK(state->faults.add(line));
    try {
        for (int i = 0; i < std::max(1, options.threads); ++i)
            state->contexts.push_back(std::make_unique<asio::io_context>(1));
        auto& acceptor = state->acceptor.emplace(*state->contexts[0]);
        acceptor.open(tcp::v4());
        acceptor.set_option(tcp::acceptor::reuse_address(true));
        acceptor.bind({asio::ip::address_v4::loopback(), options.port});
        acceptor.listen(4096);
        state->port = acceptor.local_endpoint().port();
        if (options.prepare) {
            const int cores = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
            PMX_TRY(const auto ready, state->source.prepare("http://127.0.0.1:" + std::to_string(state->port), cores));
            (void)ready;
            state->zero();
        }
        state->accept();
        for (auto& context : state->contexts) {
            state->threads.emplace_back([&context = *context] {
                const auto stay = asio::make_work_guard(context);
                context.run();
            });
        }
    } catch (const std::exception& error) {
        for (auto& context : state->contexts) context->stop();
        for (auto& thread : state->threads) thread.join();
        // what() of Boost's errors names a line of its own source.
        const auto* system = dynamic_cast<const boost::system::system_error*>(&error);
        return fail(Code::IO, "cannot serve: " + (system ? system->code().message() : std::string(error.what())),
                    "127.0.0.1:" + std::to_string(options.port), "choose another --port");
    }
    return std::unique_ptr<RegistryServer>(new RegistryServer(std::move(state)));
}

RegistryServer::~RegistryServer() {
    for (auto& context : state_->contexts) context->stop();
    for (auto& thread : state_->threads) thread.join();
    // Connections hold references into the state: they go with their contexts, before it.
    state_->acceptor.reset();
    state_->contexts.clear();
}

std::uint16_t RegistryServer::port() const { return state_->port; }
std::string RegistryServer::url() const { return "http://127.0.0.1:" + std::to_string(state_->port); }
ServeCounters RegistryServer::counters() const { return state_->counters(); }

}  // namespace pmx::registry
