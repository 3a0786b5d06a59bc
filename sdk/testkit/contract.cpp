// Cases that every kind has: the life of an instance, and the rules of the boundary. Each runs the kind's workout and looks
// at one rule.
#include <csignal>
#include <cstring>
#include <thread>

#include <unistd.h>

#include "process.hpp"
#include "workout.hpp"

namespace pmx::testkit {

std::unique_ptr<Workout> workout_of(Bench& bench) {
    std::string kind = bench.kind();
    if (kind == "layout") return layout_workout(bench);
    if (kind == "importer") return importer_workout(bench);
    if (kind == "fetcher") return fetcher_workout(bench);
    return validator_workout(bench);
}

namespace {

// ---- life

void many_instances(Bench& bench) {
    for (int i = 0; i < 20; ++i) Instance one(bench);
    std::vector<int> before = descriptors();
    std::size_t threads = thread_count();
    for (int i = 0; i < 50; ++i) Instance one(bench);
    expect(descriptors().size() <= before.size(), "50 instances left ", descriptors().size() - before.size(), " descriptors open");
    // A joined thread leaves /proc a moment later.
    for (int i = 0; i < 100 && thread_count() > threads; ++i) ::usleep(2000);
    expect(thread_count() <= threads, "50 instances left ", thread_count() - threads, " threads behind");
}

void two_instances(Bench& bench) {
    auto workout = workout_of(bench);
    Instance a(bench);
    auto b = std::make_unique<Instance>(bench);
    std::string first = workout->run(a);
    b.reset();
    doing("one instance works after another was destroyed");
    expect(workout->run(a) == first, "an instance does something else after another one was destroyed");
}

const pmx_option& option(const pmx_plugin& table, std::size_t i) {
    return *reinterpret_cast<const pmx_option*>(reinterpret_cast<const char*>(table.options) + i * table.option_size);
}

// Each value on its own, the other options at their defaults.
void option_values(Bench& bench) {
    if (bench.table->option_count == 0) skip("it declares no options");
    for (std::size_t i = 0; i < bench.table->option_count; ++i) {
        const pmx_option& o = option(*bench.table, i);
        std::vector<std::string> values;
        if (o.type == PMX_OPTION_BOOL) values = {"true", "false"};
        if (o.type == PMX_OPTION_INT && o.minimum != o.maximum) values = {std::to_string(o.minimum), std::to_string(o.maximum)};
        if (o.choices)
            for (std::string rest = o.choices; !rest.empty();) {
                std::size_t bar = std::min(rest.find('|'), rest.size());
                values.push_back(rest.substr(0, bar));
                rest.erase(0, bar + 1);
            }
        for (const std::string& value : values) {
            std::string said;
            pmx_status status = Instance::try_create(bench, {{o.name, {value}}}, true, &said);
            expect(status == PMX_OK, "with ", o.name, " = ", value, ", which it declares, create() returned ", name_of(status), " (", said, ")");
        }
    }
}

// Texts that the schema cannot rule out: taken, or refused with a sentence.
void odd_values(Bench& bench) {
    std::size_t tried = 0;
    for (std::size_t i = 0; i < bench.table->option_count; ++i) {
        const pmx_option& o = option(*bench.table, i);
        if (o.choices || (o.type != PMX_OPTION_STRING && o.type != PMX_OPTION_LIST)) continue;
        std::vector<std::vector<std::string>> values = {{""}, {std::string(100000, 'x')}, {"../../.."}, {"/"}, {"a\nb"}, {"\xff\xfe"}, {"*?[{("}, {"%s%n%d"}};
        if (o.type == PMX_OPTION_LIST) {
            values.push_back({});
            values.push_back(std::vector<std::string>(2000, "x*y"));
        }
        for (const auto& value : values) {
            doing(text("option ", o.name, " = ", value.empty() ? "nothing" : value[0].substr(0, 20)));
            std::string said;
            pmx_status status = Instance::try_create(bench, {{o.name, value}}, true, &said);
            expect(status == PMX_OK || !said.empty(), "it refuses a value of ", o.name, " with ", name_of(status), " and without a sentence");
            ++tried;
        }
    }
    if (tried == 0) skip("it declares no option that takes any text");
}

void no_services(Bench& bench) {
    std::string said;
    pmx_status status = Instance::try_create(bench, {}, false, &said);
    if (status != PMX_OK)
        expect(!said.empty(), "where the host has no services it returned ", name_of(status), " and says nothing; a service may be NULL");
}

// ---- the boundary

void watch(Bench& bench, std::string_view rule, int rounds = 1) {
    auto workout = workout_of(bench);
    {
        Instance instance(bench);
        for (int i = 0; i < rounds; ++i) workout->run(instance);
    }
    bench.no_breach(rule);
}

void exceptions(Bench& bench) { watch(bench, "exceptions"); }

void statuses(Bench& bench) {
    watch(bench, "statuses");
    bench.no_breach("completion-status");
}

void sentences(Bench& bench) {
    try {
        watch(bench, "sentences");
    } catch (const Stop& stop) {
        warn(stop.text, "; people see a sentence of the host's instead");
    }
}

void borrowed(Bench& bench) {
    bench.lending = Lending::read_only;
    watch(bench, "");
}

// The same memory, and what a call handed out: used after the call that it was lent for.
void kept(Bench& bench) {
    bench.lending = Lending::revoked;
    watch(bench, "kept", 2);
}

void after_destroy(Bench& bench) {
    auto workout = workout_of(bench);
    std::size_t threads = thread_count();
    auto instance = std::make_unique<Instance>(bench);
    workout->run(*instance);
    instance.reset();
    for (int i = 0; i < 25 && thread_count() > threads; ++i) ::usleep(2000);
    expect(thread_count() <= threads, "a thread of its own goes on after destroy()");
    ::usleep(10000);
    bench.no_breach("after-destroy");
}

void wrong_thread(Bench& bench) { watch(bench, "thread"); }

// A host of a later minor has longer structs; elements are reached through their stride.
void longer_structs(Bench& bench) {
    std::string usual, longer;
    auto random = bench.random;
    {
        auto workout = workout_of(bench);
        Instance instance(bench);
        usual = workout->run(instance);
    }
    bench.random = random;
    bench.lending = Lending::longest;
    {
        auto workout = workout_of(bench);
        Instance instance(bench);
        longer = workout->run(instance);
    }
    if (usual == longer) return;
    std::size_t at = 0;
    while (at < usual.size() && at < longer.size() && usual[at] == longer[at]) ++at;
    at = at ? usual.rfind('\n', at - 1) + 1 : 0;
    fail("with the longer structs of a later host it does something else: ", longer.substr(at, longer.find('\n', at) - at), " instead of ",
         usual.substr(at, usual.find('\n', at) - at));
}

// The last minor in which a struct that plugins are lent became longer.
constexpr std::uint32_t kLongerSince = 1;

void older_host(Bench& bench) {
    if (bench.table->needs_minor >= kLongerSince) skip("no struct has become longer since the minor that it needs");
    bench.lending = Lending::oldest;
    watch(bench, "");
}

void capabilities(Bench& bench) {
    auto workout = workout_of(bench);  // what the kit itself starts, it starts before
    std::uint32_t may = bench.table->capabilities;
    forbid((may & PMX_CAP_THREADS ? 0u : no_threads) | (may & PMX_CAP_PROCESS ? 0u : no_processes) | (may & PMX_CAP_NETWORK ? 0u : no_network));
    Instance instance(bench);
    workout->run(instance);
}

void no_leak(Bench& bench) {
    auto workout = workout_of(bench);
    Instance instance(bench);
    workout->run(instance);
    std::size_t before = descriptors().size();
    for (int i = 0; i < 4; ++i) workout->run(instance);
    // Connections that are kept for the next request are allowed a moment to come and go.
    std::size_t after = descriptors().size();
    for (int i = 0; i < 50 && after > before; ++i) {
        ::usleep(2000);
        after = descriptors().size();
    }
    expect(after < before + 12, "four rounds of calls left ", after - before, " descriptors open");
}

}  // namespace

std::vector<Case> contract_cases() {
    return {
        {{"life.instances", "", "instances come and go without leaving descriptors or threads"}, many_instances},
        {{"life.two", "", "two instances know nothing of each other"}, two_instances},
        {{"life.options", "", "it starts with every value that it declares"}, option_values},
        {{"life.odd-options", "", "odd texts are taken, or refused with a sentence"}, odd_values},
        {{"life.no-services", "", "a host without services is no reason to crash"}, no_services},
        {{"contract.exceptions", "", "no exception crosses the boundary"}, exceptions},
        {{"contract.statuses", "", "it returns the statuses of abi.h and no others"}, statuses},
        {{"contract.sentences", "", "a call that fails has said why"}, sentences},
        {{"contract.borrowed", "", "it neither writes to, frees, nor reads beyond what it is lent"}, borrowed},
        {{"contract.kept", "", "it uses nothing that was lent for a call after that call"}, kept},
        {{"contract.after-destroy", "", "nothing of it goes on after destroy()"}, after_destroy},
        {{"contract.thread", "", "sinks and responses are used by one thread at a time, and by the right one"}, wrong_thread},
        {{"contract.later-host", "", "structs that are longer, as a later host's, change nothing"}, longer_structs},
        {{"contract.older-host", "", "it runs in every host that has the minor which it needs"}, older_host},
        {{"contract.capabilities", "", "it starts threads and programs and uses the network only if its capabilities say so"}, capabilities},
        {{"contract.descriptors", "", "calls leave no descriptors open"}, no_leak},
    };
}

}  // namespace pmx::testkit
