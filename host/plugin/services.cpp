#include <cstdlib>
#include <cstring>

#include "base/fs.hpp"
#include "base/hash.hpp"
#include "plugin/instance.hpp"

namespace pmx {

namespace {

template <class Table>
HostRoom& room_of(const Table* table) {
    return *static_cast<HostRoom*>(table->host);
}

// Metrics fields that plugins may count up by name.
struct Field {
    std::string_view name;
    std::atomic<std::uint64_t> Metrics::*field;
};
constexpr Field fields[] = {
    {"requests", &Metrics::requests},           {"retries", &Metrics::retries},
    {"bytes_fetched", &Metrics::bytes_fetched}, {"files_linked", &Metrics::files_linked},
    {"files_copied", &Metrics::files_copied},   {"files_reflinked", &Metrics::files_reflinked},
};

void add_counter(const pmx_counters* counters, const char* name, std::uint64_t by) noexcept try {
    HostRoom& room = room_of(counters);
    std::string_view wanted = name;
    if (wanted.substr(0, 4) == "sys_") {
        for (unsigned kind = 0; kind < static_cast<unsigned>(Sys::count_); ++kind)
            if (sys_name(static_cast<Sys>(kind)) == wanted.substr(4)) return count(static_cast<Sys>(kind), by);
        return count(Sys::other, by);
    }
    if (room.services.metrics)
        for (const Field& field : fields)
            if (field.name == wanted) {
                (room.services.metrics->*field.field).fetch_add(by, std::memory_order_relaxed);
                return;
            }
    std::lock_guard lock(room.mutex);
    auto at = room.counters.find(wanted);
    if (at == room.counters.end()) at = room.counters.emplace(wanted, 0).first;
    at->second += by;
} catch (...) {
    // A number that cannot be kept is not worth an install.
}

void raise_counter(const pmx_counters* counters, const char* name, std::uint64_t value) noexcept try {
    HostRoom& room = room_of(counters);
    std::lock_guard lock(room.mutex);
    auto& kept = room.counters[name];
    kept = std::max(kept, value);
} catch (...) {
}

void write_log(const pmx_log* log, pmx_severity severity, pmx_str line) noexcept try {
    HostRoom& room = room_of(log);
    if (room.services.log) room.services.log(static_cast<int>(severity), view(line));
} catch (...) {
}

std::uint32_t executor_width(const pmx_executor* executor) noexcept {
    return static_cast<std::uint32_t>(room_of(executor).services.executor_width);
}

void run_parallel(const pmx_executor* executor, std::size_t count, void (*body)(void*, std::size_t),
                  void* context) noexcept {
    HostRoom& room = room_of(executor);
    if (room.services.parallel_for && room.services.executor_width > 1 && count > 1)
        return room.services.parallel_for(count, [&](std::size_t i) { body(context, i); });
    for (std::size_t i = 0; i < count; ++i) body(context, i);
}

pmx_status compute_digest(const pmx_digest*, const char* algorithm, pmx_str bytes, std::uint8_t* out,
                          std::size_t* out_length) noexcept try {
    static constexpr std::pair<std::string_view, HashAlgorithm> algorithms[] = {{"sha1", HashAlgorithm::sha1},
                                                                                {"sha256", HashAlgorithm::sha256},
                                                                                {"sha384", HashAlgorithm::sha384},
                                                                                {"sha512", HashAlgorithm::sha512}};
    for (auto [name, id] : algorithms) {
        if (name != algorithm) continue;
        Digest digest = hash(id, view(bytes));
        std::memcpy(out, digest.bytes.data(), digest.size);
        *out_length = digest.size;
        return PMX_OK;
    }
    return PMX_UNSUPPORTED;
} catch (...) {
    return PMX_FAILED;
}

using Emit = void (*)(void* context, pmx_str value);

void emit_authorization(const pmx_credentials* credentials, pmx_str url, Emit emit, void* context) noexcept try {
    HostRoom& room = room_of(credentials);
    if (!room.services.authorization) return;
    std::string value = room.services.authorization(view(url));
    if (!value.empty()) emit(context, str(value));
} catch (...) {
    // Without the value the request goes out without credentials and the server says so.
}

void emit_transport(const pmx_credentials* credentials, pmx_str url, const char* key, Emit emit,
                    void* context) noexcept try {
    HostRoom& room = room_of(credentials);
    if (!room.services.transport) return;
    std::string value = room.services.transport(view(url), key);
    if (!value.empty()) emit(context, str(value));
} catch (...) {
}

void tell_retry(const pmx_requests* requests, const pmx_retry* retry) noexcept try {
    HostRoom& room = room_of(requests);
    if (room.services.retrying) room.services.retrying(*retry);
} catch (...) {
}

pmx_status status_of(Code code) {
    switch (code) {
        case Code::FETCH_NOT_FOUND: return PMX_NOT_FOUND;
        case Code::FETCH_AUTH: return PMX_DENIED;
        case Code::CANCELLED: return PMX_CANCELLED;
        case Code::UNSAFE_PATH: return PMX_INVALID;
        default: return PMX_UNAVAILABLE;
    }
}

pmx_status get_document(const pmx_registry* registry, const pmx_op* op, pmx_str package, pmx_str path, Emit emit,
                        void* context) noexcept try {
    HostRoom& room = room_of(registry);
    if (!room.services.registry) return PMX_UNSUPPORTED;
    Result<std::string> document = room.services.registry(view(package), view(path));
    if (document) {
        emit(context, str(*document));
        return PMX_OK;
    }
    const Error& error = document.error();
    op->report(op, PMX_ERROR, str(error.what), str(error.subject), str(error.remedy), error.sys);
    return status_of(error.code);
} catch (...) {
    return PMX_FAILED;
}

}  // namespace

void HostRoom::diagnostic(int severity, std::string_view what, std::string_view subject, std::string_view remedy) const {
    if (services.diagnostic) services.diagnostic(severity, what, subject, remedy);
}

ServiceTables::ServiceTables(std::shared_ptr<HostRoom> room) : room_(std::move(room)) {
    void* shared = room_.get();
    host_ = {sizeof host_, PMX_ABI_MAJOR, PMX_ABI_MINOR, this, &service};
    log_ = {sizeof log_, shared, &write_log};
    executor_ = {sizeof executor_, shared, &executor_width, &run_parallel};
    counters_ = {sizeof counters_, shared, &add_counter, &raise_counter};
    scratch_ = {sizeof scratch_, this, &make_scratch};
    digest_ = {sizeof digest_, shared, &compute_digest};
    credentials_ = {sizeof credentials_, shared, &emit_authorization, &emit_transport};
    requests_ = {sizeof requests_, shared, &tell_retry};
    registry_ = {sizeof registry_, shared, &get_document};
}

ServiceTables::~ServiceTables() {
    for (const std::string& dir : scratch_dirs_)
        if (auto removed = remove_tree(AT_FDCWD, dir.c_str()); !removed)
            room_->diagnostic(PMX_WARNING, removed.error().what, dir, removed.error().remedy);
}

const void* ServiceTables::service(const pmx_host* host, const char* id) noexcept {
    const auto& tables = *static_cast<const ServiceTables*>(host->host);
    std::string_view wanted = id;
    if (wanted == PMX_SERVICE_LOG) return &tables.log_;
    if (wanted == PMX_SERVICE_EXECUTOR) return &tables.executor_;
    if (wanted == PMX_SERVICE_COUNTERS) return &tables.counters_;
    if (wanted == PMX_SERVICE_SCRATCH) return &tables.scratch_;
    if (wanted == PMX_SERVICE_DIGEST) return &tables.digest_;
    if (wanted == PMX_SERVICE_CREDENTIALS) return &tables.credentials_;
    if (wanted == PMX_SERVICE_REQUESTS) return &tables.requests_;
    if (wanted == PMX_SERVICE_REGISTRY && tables.room_->services.registry) return &tables.registry_;
    return nullptr;
}

pmx_status ServiceTables::make_scratch(const pmx_scratch* scratch, char* buffer, std::size_t capacity) noexcept try {
    auto& tables = *static_cast<ServiceTables*>(scratch->host);
    std::string parent = tables.room_->services.scratch_parent;
    if (parent.empty()) {
        const char* set = std::getenv("TMPDIR");
        parent = set && *set ? set : "/tmp";
    } else if (!make_dirs(AT_FDCWD, parent, 0700)) {
        return PMX_IO;
    }
    std::string path = parent + "/plugin-XXXXXX";
    if (path.size() + 1 > capacity) return PMX_INVALID;
    std::lock_guard lock(tables.mutex_);
    tables.scratch_dirs_.reserve(tables.scratch_dirs_.size() + 1);
    count(Sys::mkdir);
    if (!::mkdtemp(path.data())) return errno == ENOSPC || errno == EDQUOT ? PMX_NO_SPACE : PMX_IO;
    std::memcpy(buffer, path.c_str(), path.size() + 1);
    tables.scratch_dirs_.push_back(std::move(path));
    return PMX_OK;
} catch (...) {
    return PMX_NO_MEMORY;
}

}  // namespace pmx
