// The client: one io thread that runs every request of an instance. start() is called from any thread;
// everything else happens on the io thread, and complete() is called from there. At most `concurrency`
// requests are under way and at most as many connections open; the rest waits, packuments before archives, and
// the parts of an archive that has begun between them. A part takes a request's place while it is under way.
// One timer watches all of them for cancellation and for time-outs.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <pmx/fetcher.hpp>
#include <set>
#include <thread>

#include "exchange.hpp"
#include "parts.hpp"
#include "pool.hpp"
#include "proxy.hpp"
#include "retry.hpp"

namespace pmx::http1 {

struct ClientOptions {
    std::size_t concurrency = 48;
    Millis timeout{60000};
    Millis idle{4000};
    RetryPolicy retry;
};

class Client {
  public:
    Client(const ClientOptions& options, const pmx_credentials* credentials, const pmx_counters* counters,
           const pmx_requests* requests);
    // Ends what is still under way with PMX_CANCELLED and joins the thread.
    ~Client();
    // complete() will be called exactly once. Throws sdk::Error when the request is none.
    void start(sdk::Op op, const pmx_request& request, sdk::Response response);

  private:
    struct Job {
        sdk::Op op;
        const pmx_request* request;
        const pmx_response* response;
        Url url;
        Sink sink;
        Flight flight;
        unsigned attempts = 0;
        enum class State { queued, running, sleeping } state = State::queued;
        std::optional<boost::asio::steady_timer> sleep;
        std::optional<Head> refusal;  // an answer that is no success
        Url shown;                    // where the last hop went, for messages
        bool in_one = false;          // never in parts again
        std::shared_ptr<Parts> parts;
        std::uint64_t ahead = 0;  // of ahead_
        std::list<Job>::iterator self;
    };
    struct Answer {
        Lease lease;
        Head head;
        std::string rest;
        Clock::duration waited{};  // from the request to the head
    };
    struct PartTurn {
        std::shared_ptr<Parts> parts;
        Part* part;
    };

    void enqueue(Job& job, bool first);
    void pump();
    void watch();
    void tick();
    Task<> run(Job& job);
    Task<> attempt(Job& job);
    Task<Answer> ask(Flight& flight, const Url& url, const std::string& text, const char* counter);
    Task<Lease> connect(Flight& flight, const Url& url, const Origin& origin, const std::string& route);
    // ranges.cpp: a large archive over several connections.
    bool may_split(const Job& job, const Url& url, const Head& head) const;
    Task<> read_large(Job& job, const Url& url, std::string text, Answer answer);
    Task<> read_first(Job& job, Answer& answer);
    Task<> run_part(PartTurn turn);
    Task<> read_part(Parts& parts, Part& part);
    void end_part(const PartTurn& turn, const std::optional<Failure>& failure);
    void ask_for(const std::shared_ptr<Parts>& parts, Part& part);
    void ask_for_more(const std::shared_ptr<Parts>& parts);
    Task<> wait_for_parts(Job& job, bool all);
    Url redirect(const Url& from, const Head& head, std::set<std::string>& seen) const;
    std::string request_text(const Job& job, const Url& url, const Origin& origin, bool first_hop) const;
    void end_attempt(Job& job, std::optional<Failure> failure);
    void sleep(Job& job, const Failure& failure);
    void finish(Job& job, pmx_status status);
    void report(const Job& job, pmx_severity severity, const Failure& failure, const std::string& more) const;
    void count(const char* name, std::uint64_t by = 1) const;
    void high_water(const char* name, std::uint64_t value) const;

    const ClientOptions options_;
    const pmx_counters* counters_;
    const pmx_requests* requests_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
    Pool pool_;
    Origins origins_;
    Tls tls_;
    boost::asio::steady_timer watch_{io_};
    bool watching_ = false;
    bool stopping_ = false;
    std::size_t running_ = 0;
    std::list<Job> jobs_;
    std::deque<Job*> urgent_, queue_;
    std::deque<PartTurn> part_turns_;
    std::uint64_t ahead_ = 0;       // bytes of archives that are fetched in parts
    std::map<std::string, Clock::duration> soonest_;  // answer of each origin
    std::set<std::string> in_one_;  // origins that offer parts and do not keep to it
    std::once_flag started_;
    std::thread thread_;
};

}  // namespace pmx::http1
