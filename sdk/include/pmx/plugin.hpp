// pmx plugin SDK, the C++20 face of abi.h: header-only, no dependency but the standard library.
//
// A plugin is a class with a constructor (Host, Config) and the methods of its kind, and one macro:
//
//   class Flat { public: Flat(pmx::sdk::Host, const pmx::sdk::Config&) {} void plan(pmx::sdk::Op, const Graph&, Plan&); };
//   PMX_LAYOUT(Flat, "flat", "1.0.0", "Every package in one directory", 0, nullptr, 0)
//
// Methods fail by throwing pmx::sdk::Error; every exception becomes a status here and none crosses the boundary.
#pragma once

#include <cerrno>
#include <cstdint>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pmx/abi.h"
#include "pmx/services.h"

namespace pmx::sdk {

inline std::string_view view(pmx_str s) { return {s.data, s.length}; }
inline pmx_str str(std::string_view s) { return {s.data(), s.size()}; }

// What a method throws. `what` is a sentence without a full stop; `subject` is what it failed on; `remedy` is what to do.
class Error : public std::runtime_error {
  public:
    Error(pmx_status status, std::string what, std::string subject = {}, std::string remedy = {}, int system_error = 0)
        : std::runtime_error(std::move(what)), status(status), subject(std::move(subject)), remedy(std::move(remedy)),
          system_error(system_error) {}
    pmx_status status;
    std::string subject, remedy;
    int system_error;
};

// A failure that was reported already (by an inner guarded()): only the status goes on.
struct Reported {
    explicit Reported(pmx_status status) : status(status) {}
    pmx_status status;
};

// From errno: PMX_NO_SPACE for a full disk, PMX_IO otherwise.
inline Error io_error(int number, std::string what, std::string subject) {
    return Error(number == ENOSPC || number == EDQUOT ? PMX_NO_SPACE : PMX_IO, std::move(what), std::move(subject), {}, number);
}

// The window of one call.
class Op {
  public:
    explicit Op(const pmx_op* op) : op_(op) {}
    bool cancelled() const { return op_->is_cancelled(op_) != 0; }
    void throw_if_cancelled() const {
        if (cancelled()) throw Error(PMX_CANCELLED, "cancelled");
    }
    void report(pmx_severity severity, std::string_view what, std::string_view subject = {}, std::string_view remedy = {},
                int system_error = 0) const {
        op_->report(op_, severity, str(what), str(subject), str(remedy), system_error);
    }
    void progress(std::uint64_t done, std::uint64_t total) const { op_->progress(op_, done, total); }
    const pmx_op* raw() const { return op_; }

  private:
    const pmx_op* op_;
};

// The host's services; a null table means that this host has none of that id.
class Host {
  public:
    explicit Host(const pmx_host* host) : host_(host) {}
    template <class Service>
    const Service* service(const char* id) const {
        return static_cast<const Service*>(host_->service(host_, id));
    }
    const pmx_host* raw() const { return host_; }

  private:
    const pmx_host* host_;
};

// The values of the declared options.
class Config {
  public:
    explicit Config(const pmx_config* config) : config_(config) {}
    std::string_view text(std::string_view name, std::string_view fallback = {}) const {
        const pmx_option_value* value = find(name);
        return value && value->item_count ? view(value->items[0]) : fallback;
    }
    bool flag(std::string_view name, bool fallback = false) const {
        const pmx_option_value* value = find(name);
        return value && value->item_count ? view(value->items[0]) == "true" : fallback;
    }
    std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const {
        std::string_view digits = text(name);
        if (digits.empty()) return fallback;
        bool negative = digits.front() == '-';
        if (negative) digits.remove_prefix(1);
        std::int64_t value = 0;
        for (char c : digits) {
            if (c < '0' || c > '9' || value > (INT64_MAX - 9) / 10)
                throw Error(PMX_INVALID, "not a whole number", std::string(name));
            value = value * 10 + (c - '0');
        }
        return negative ? -value : value;
    }
    std::vector<std::string_view> list(std::string_view name) const {
        std::vector<std::string_view> items;
        if (const pmx_option_value* value = find(name))
            for (std::size_t i = 0; i < value->item_count; ++i) items.push_back(view(value->items[i]));
        return items;
    }

  private:
    const pmx_option_value* find(std::string_view name) const {
        for (std::size_t i = 0; i < config_->option_count; ++i) {
            auto* value = reinterpret_cast<const pmx_option_value*>(reinterpret_cast<const char*>(config_->options) +
                                                                    i * config_->option_size);
            if (view(value->name) == name) return value;
        }
        return nullptr;
    }
    const pmx_config* config_;
};

// Declaring options: constexpr pmx_option options[] = {option_list("hoist-pattern", "…", "*"), …};
constexpr pmx_option option_flag(const char* name, const char* summary, bool fallback) {
    return {name, summary, fallback ? "true" : "false", nullptr, PMX_OPTION_BOOL, 0, 0, 0};
}
constexpr pmx_option option_integer(const char* name, const char* summary, const char* fallback, std::int64_t minimum,
                                    std::int64_t maximum) {
    return {name, summary, fallback, nullptr, PMX_OPTION_INT, 0, minimum, maximum};
}
constexpr pmx_option option_text(const char* name, const char* summary, const char* fallback, const char* choices = nullptr) {
    return {name, summary, fallback, choices, PMX_OPTION_STRING, 0, 0, 0};
}
constexpr pmx_option option_list(const char* name, const char* summary, const char* fallback) {
    return {name, summary, fallback, nullptr, PMX_OPTION_LIST, 0, 0, 0};
}

// Runs `body`, turns every exception into a status and a report. The one door out of C++.
template <class Body>
pmx_status guarded(const pmx_op* op, Body&& body) noexcept {
    auto tell = [&](std::string_view what, std::string_view subject, std::string_view remedy, int number) {
        op->report(op, PMX_ERROR, str(what), str(subject), str(remedy), number);
    };
    try {
        return std::forward<Body>(body)();
    } catch (const Error& error) {
        if (error.status != PMX_CANCELLED)
            tell(error.what(), error.subject, error.remedy, error.system_error);
        return error.status;
    } catch (const Reported& reported) {
        return reported.status;
    } catch (const std::bad_alloc&) {
        return PMX_NO_MEMORY;
    } catch (const std::exception& error) {
        tell(error.what(), {}, {}, 0);
        return PMX_FAILED;
    } catch (...) {
        tell("the plugin threw something that is no std::exception", {}, {}, 0);
        return PMX_FAILED;
    }
}

template <class Class>
struct Life {
    static pmx_status create(const pmx_host* host, const pmx_op* op, const pmx_config* config, void** self) noexcept {
        return guarded(op, [&] {
            *self = new Class(Host(host), Config(config));
            return PMX_OK;
        });
    }
    static void destroy(void* self) noexcept { delete static_cast<Class*>(self); }
};

}  // namespace pmx::sdk

// The lowest minor of the host that the plugin can live with: define it before the first #include to raise it.
#ifndef PMX_NEEDS_MINOR
#define PMX_NEEDS_MINOR 0
#endif

// The table and the exported symbol. `options` is an array of pmx_option with static lifetime.
#define PMX_PLUGIN_TABLE(Class, plugin_name, plugin_version, plugin_summary, plugin_kind, functions, caps, option_array, \
                         option_length)                                                                                 \
    extern "C" PMX_EXPORT const pmx_plugin* PMX_ENTRY(void) {                                                            \
        static const pmx_plugin table = {sizeof(pmx_plugin),                                                            \
                                         PMX_ABI_MAJOR,                                                                 \
                                         PMX_NEEDS_MINOR,                                                               \
                                         caps,                                                                          \
                                         sizeof(pmx_option),                                                            \
                                         plugin_name,                                                                   \
                                         plugin_version,                                                                \
                                         plugin_summary,                                                                \
                                         plugin_kind,                                                                   \
                                         functions,                                                                     \
                                         option_array,                                                                  \
                                         option_length,                                                                 \
                                         &pmx::sdk::Life<Class>::create,                                                \
                                         &pmx::sdk::Life<Class>::destroy};                                              \
        return &table;                                                                                                  \
    }
