#include "host.hpp"

#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "digest.hpp"

namespace pmx::testkit {

namespace {

std::string_view view(pmx_str s) { return s.length ? std::string_view(s.data, s.length) : std::string_view(); }

}  // namespace

std::string_view name_of(pmx_status status) {
    static constexpr std::string_view names[] = {"PMX_OK",     "PMX_UNSUPPORTED", "PMX_CANCELLED",   "PMX_INVALID",
                                                 "PMX_MISMATCH", "PMX_NOT_FOUND",   "PMX_DENIED",      "PMX_UNAVAILABLE",
                                                 "PMX_IO",     "PMX_NO_SPACE",    "PMX_NO_MEMORY",   "PMX_FAILED"};
    auto number = static_cast<unsigned>(status);
    return number < std::size(names) ? names[number] : "no status";
}

Window::Window(Bench& bench) : bench_(bench), op_{sizeof op_, this, &is_cancelled, &report, &progress} {}

bool Window::check(const char* function) const {
    if (is_open_) return true;
    bench_.breach("kept", text("it called op->", function, " after the call was over"));
    return false;
}

int Window::is_cancelled(const pmx_op* op) noexcept {
    auto& self = *static_cast<Window*>(op->host);
    self.check("is_cancelled");
    ++self.asks_;
    if (self.asks_left_ > 0) --self.asks_left_;
    else if (self.asks_left_ == 0) self.cancelled_ = true;
    return self.cancelled_;
}

void Window::report(const pmx_op* op, pmx_severity severity, pmx_str what, pmx_str subject, pmx_str remedy, std::int32_t) noexcept {
    auto& self = *static_cast<Window*>(op->host);
    if (!self.check("report") || severity != PMX_ERROR) return;
    std::lock_guard lock(self.mutex_);
    self.said_ = std::string(view(what));
    if (subject.length) self.said_.append(": ").append(view(subject));
    if (remedy.length && remedy.data[remedy.length - 1] == '\0')
        self.bench_.breach("statuses", "a reported sentence has a NUL in it");
}

void Window::progress(const pmx_op* op, std::uint64_t, std::uint64_t) noexcept { static_cast<Window*>(op->host)->check("progress"); }

std::string Window::said() const {
    std::lock_guard lock(mutex_);
    return said_;
}

// The services of services.h. Each notices whether its instance is gone.
struct Instance::Services {
    Bench& bench;
    bool offered;
    std::map<std::string, std::string> credentials{};
    std::atomic<bool> alive{true};
    std::mutex mutex{};
    std::map<std::string, std::uint64_t> counters{};
    pmx_host host{sizeof(pmx_host), PMX_ABI_MAJOR, PMX_ABI_MINOR, this, &service};
    pmx_log log{sizeof(pmx_log), this, [](const pmx_log* log, pmx_severity, pmx_str) { of(log).check("log->write"); }};
    pmx_executor executor{sizeof(pmx_executor), this,
                          [](const pmx_executor* executor) -> std::uint32_t {
                              of(executor).check("executor->width");
                              return 1;
                          },
                          [](const pmx_executor* executor, std::size_t count, void (*body)(void*, std::size_t), void* context) {
                              of(executor).check("executor->parallel_for");
                              for (std::size_t i = 0; i < count; ++i) body(context, i);
                          }};
    pmx_counters counting{sizeof(pmx_counters), this,
                          [](const pmx_counters* counters, const char* name, std::uint64_t by) {
                              Services& s = of(counters);
                              s.check("counters->add");
                              std::lock_guard lock(s.mutex);
                              s.counters[name] += by;
                          },
                          [](const pmx_counters* counters, const char* name, std::uint64_t value) {
                              Services& s = of(counters);
                              s.check("counters->high_water");
                              std::lock_guard lock(s.mutex);
                              s.counters[name] = std::max(s.counters[name], value);
                          }};
    pmx_scratch scratch{sizeof(pmx_scratch), this, &make_scratch};
    pmx_digest digest{sizeof(pmx_digest), this, &compute};
    pmx_credentials authorizing{sizeof(pmx_credentials), this, &authorization,
                                [](const pmx_credentials* credentials, pmx_str, const char*, void (*)(void*, pmx_str), void*) {
                                    of(credentials).check("credentials->transport");
                                }};
    pmx_requests requests{sizeof(pmx_requests), this,
                          [](const pmx_requests* requests, const pmx_retry*) { of(requests).check("requests->retrying"); }};
    pmx_registry registry{sizeof(pmx_registry), this, &get_document};

    template <class Table>
    static Services& of(const Table* table) {
        return *static_cast<Services*>(table->host);
    }
    void check(const char* function) {
        if (!alive) bench.breach("after-destroy", text("it called ", function, " after destroy()"));
    }
    static const void* service(const pmx_host* host, const char* id) noexcept {
        Services& s = of(host);
        s.check("host->service");
        if (!s.offered) return nullptr;
        for (const auto& [name, table] : {std::pair<std::string_view, const void*>{PMX_SERVICE_LOG, &s.log},
                                          {PMX_SERVICE_EXECUTOR, &s.executor}, {PMX_SERVICE_COUNTERS, &s.counting},
                                          {PMX_SERVICE_SCRATCH, &s.scratch},   {PMX_SERVICE_DIGEST, &s.digest},
                                          {PMX_SERVICE_CREDENTIALS, &s.authorizing}, {PMX_SERVICE_REQUESTS, &s.requests},
                                          {PMX_SERVICE_REGISTRY, &s.registry}})
            if (name == id) return table;
        return nullptr;
    }
    // A registry that has nothing.
    static pmx_status get_document(const pmx_registry* registry, const pmx_op* op, pmx_str, pmx_str path, void (*)(void*, pmx_str),
                                   void*) noexcept {
        of(registry).check("registry->get");
        std::string_view what = "the registry does not have this document";
        op->report(op, PMX_ERROR, {what.data(), what.size()}, path, {}, 0);
        return PMX_NOT_FOUND;
    }
    static pmx_status make_scratch(const pmx_scratch* scratch, char* buffer, std::size_t capacity) noexcept {
        Services& s = of(scratch);
        s.check("scratch->make");
        std::string path = s.bench.scratch + "/instance-XXXXXX";
        if (path.size() + 1 > capacity) return PMX_INVALID;
        if (!::mkdtemp(path.data())) return PMX_IO;
        std::memcpy(buffer, path.c_str(), path.size() + 1);
        return PMX_OK;
    }
    static pmx_status compute(const pmx_digest* digest, const char* algorithm, pmx_str bytes, std::uint8_t* out,
                              std::size_t* length) noexcept {
        of(digest).check("digest->compute");
        std::string computed = testkit::digest(algorithm, view(bytes));
        if (computed.empty()) return PMX_UNSUPPORTED;
        std::memcpy(out, computed.data(), computed.size());
        *length = computed.size();
        return PMX_OK;
    }
    static void authorization(const pmx_credentials* credentials, pmx_str url, void (*emit)(void*, pmx_str), void* context) noexcept {
        Services& s = of(credentials);
        s.check("credentials->authorization");
        for (const auto& [place, value] : s.credentials)
            if (view(url).substr(0, place.size()) == place) return emit(context, {value.data(), value.size()});
    }
};

Instance::Instance(Bench& bench, const Values&, bool with_services)
    : bench_(bench), services_(new Services{bench, with_services}) {}

Instance::Instance(Bench& bench, const Values& values) : Instance(bench, values, true) {
    Window& window = Window::open(bench);
    pmx_status status = create(values, window);
    if (status != PMX_OK) fail("it does not start: create() returned ", name_of(status), window.has_said() ? ", saying: " : "", window.said());
}

pmx_status Instance::create(const Values& values, Window& window) {
    doing("create");
    const pmx_plugin& table = *bench_.table;
    Lent lent(bench_);
    std::vector<pmx_option_value> passed;
    for (std::size_t i = 0; i < table.option_count; ++i) {
        const auto& declared = *reinterpret_cast<const pmx_option*>(reinterpret_cast<const char*>(table.options) + i * table.option_size);
        std::vector<std::string> items;
        const auto usual = bench_.usual.find(declared.name);
        if (auto given = values.find(declared.name); given != values.end()) {
            items = given->second;
        } else if (usual != bench_.usual.end()) {
            items = usual->second;
        } else if (declared.default_value) {
            std::string fallback = declared.default_value;
            std::size_t at = 0;
            for (std::size_t end; declared.type == PMX_OPTION_LIST && (end = fallback.find('\n', at)) != fallback.npos; at = end + 1)
                items.push_back(fallback.substr(at, end - at));
            if (declared.type != PMX_OPTION_LIST || !fallback.empty()) items.push_back(fallback.substr(at));
        }
        std::vector<pmx_str> strings;
        for (const std::string& item : items) strings.push_back(lent.string(item, "value of an option"));
        for (pmx_str& s : strings)
            if (!s.data) s.data = "";
        passed.push_back({lent.string(declared.name, "name of an option"), lent.fixed(strings, "values of an option"), strings.size()});
    }
    pmx_config config{};
    config.options = lent.array(passed, config.option_size, "options");
    config.option_count = passed.size();
    const pmx_config* borrowed = lent.whole(config, "pmx_config");
    pmx_status status = call(window, [&](const pmx_op* op) { return table.create(&services_->host, op, borrowed, &self_); });
    created_ = status == PMX_OK;
    return status;
}

pmx_status Instance::try_create(Bench& bench, const Values& values, bool with_services, std::string* said) {
    Instance instance(bench, values, with_services);
    Window& window = Window::open(bench);
    pmx_status status = instance.create(values, window);
    if (said) *said = window.said();
    return status;
}

void Instance::end() {
    if (!created_) return;
    created_ = false;
    doing("destroy");
    try {
        bench_.table->destroy(self_);
    } catch (...) {
        bench_.breach("exceptions", "something was thrown out of destroy()");
    }
    services_->alive = false;
}

pmx_status Instance::judged(Bench& bench, const Window& window, pmx_status status) {
    if (static_cast<unsigned>(status) > static_cast<unsigned>(PMX_FAILED)) {
        bench.breach("statuses", text("it returned ", static_cast<unsigned>(status), ", which is no status"));
        return PMX_FAILED;
    }
    bool needs_words = status != PMX_OK && status != PMX_UNSUPPORTED && status != PMX_CANCELLED && status != PMX_NO_MEMORY;
    if (needs_words && !window.has_said()) bench.breach("sentences", text("it returned ", name_of(status), " and reported no error through op"));
    return status;
}

void Instance::authorize(const std::string& beginning, const std::string& value) { services_->credentials[beginning] = value; }

std::map<std::string, std::uint64_t> Instance::counters() const {
    std::lock_guard lock(services_->mutex);
    return services_->counters;
}

}  // namespace pmx::testkit
