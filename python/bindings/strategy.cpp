#include "strategy.hpp"

#include <array>
#include <mutex>
#include <utility>

#include <pybind11/stl.h>

namespace pmx::python {
namespace {

std::string_view view(pmx_str text) { return text.length ? std::string_view(text.data, text.length) : std::string_view(); }
pmx_str str(std::string_view text) { return {text.data(), text.size()}; }
py::str text_of(pmx_str text) { return py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(text.data, static_cast<Py_ssize_t>(text.length), "replace")); }

void report(const pmx_op* op, std::string_view what, std::string_view subject, std::string_view remedy) {
    op->report(op, PMX_ERROR, str(what), str(subject), str(remedy), 0);
}

// pmx_plugin.create is told nothing of the table it belongs to: a function of its own for each of this many tables.
constexpr std::size_t kSlots = 128;
std::mutex slots_mutex;
std::array<void*, kSlots> slots{};

std::size_t take_slot(void* owner) {
    std::lock_guard lock(slots_mutex);
    for (std::size_t i = 0; i < kSlots; ++i)
        if (!slots[i]) return slots[i] = owner, i;
    throw py::value_error("128 strategies live at once: drop some");
}
void free_slot(std::size_t slot) {
    std::lock_guard lock(slots_mutex);
    slots[slot] = nullptr;
}
void* owner_of(std::size_t slot) {
    std::lock_guard lock(slots_mutex);
    return slots[slot];
}

// What a layout puts its steps into.
class Sink {
  public:
    Sink(const pmx_plan_sink* sink, const pmx_op* op) : sink_(sink), op_(op) {}
    void close() { sink_ = nullptr; }
    bool was_refused() const { return refused_ != PMX_OK; }
    pmx_status refused() const { return refused_; }

    std::uint32_t place(std::uint32_t package, std::string_view dir, std::uint32_t root) {
        std::uint32_t number = 0;
        check(open()->place(sink_, package, root, str(dir), &number), dir);
        return number;
    }
    void symlink(std::string_view path, std::string_view target, std::uint32_t root, std::uint32_t target_root) {
        check(open()->symlink(sink_, root, str(path), target_root, str(target)), path);
    }
    void link_project(std::string_view path, std::string_view project, std::uint32_t root) { check(open()->link_project(sink_, root, str(path), str(project)), path); }
    void bins(std::string_view dir, std::uint32_t place, std::string_view alias, std::uint32_t tier, std::uint32_t root) {
        check(open()->bins(sink_, root, str(dir), place, str(alias), tier), dir);
    }
    void bins_of_project(std::string_view dir, std::string_view project, std::uint32_t tier, std::uint32_t root) {
        check(open()->bins_of_project(sink_, root, str(dir), str(project), tier), dir);
    }
    void hoisted(std::uint32_t package, std::string_view alias, bool is_public) { check(open()->hoisted(sink_, package, str(alias), is_public), alias); }
    void describe(const std::string& key, std::string_view value) { check(open()->describe(sink_, key.c_str(), str(value)), key); }

  private:
    const pmx_plan_sink* open() {
        if (!sink_) throw py::value_error("a step was given after the layout had ended");
        if (op_->is_cancelled(op_)) check(PMX_CANCELLED, "");
        return sink_;
    }
    void check(pmx_status status, std::string_view on) {
        if (status == PMX_OK) return;
        refused_ = status;
        throw py::value_error("the step was refused: " + std::string(on));
    }
    const pmx_plan_sink* sink_;
    const pmx_op* op_;
    pmx_status refused_ = PMX_OK;
};

struct Instance {
    Strategy* strategy;
    py::dict options;
};

py::object option_value(const pmx_option_value& value, pmx_option_type type) {
    if (type == PMX_OPTION_LIST) {
        py::list items;
        for (std::size_t i = 0; i < value.item_count; ++i) items.append(text_of(value.items[i]));
        return py::tuple(items);
    }
    if (value.item_count == 0) return py::none();
    if (type == PMX_OPTION_BOOL) return py::bool_(view(value.items[0]) == "true");
    if (type == PMX_OPTION_INT) return py::int_(std::stoll(std::string(view(value.items[0]))));
    return text_of(value.items[0]);
}

}  // namespace

// The functions of the C table. Each takes the interpreter's lock, and lets nothing out but a status.
struct Trampoline {
    template <class Body>
    static pmx_status guarded(Strategy& strategy, const pmx_op* op, Body&& body) noexcept {
        py::gil_scoped_acquire lock;
        try {
            return body();
        } catch (py::error_already_set& error) {
            return told(strategy, op, error);
        } catch (const std::exception& error) {
            report(op, error.what(), strategy.name_, "");
            return PMX_FAILED;
        }
    }

    // pmx.strategies.describe(exception) → (status, sentence, subject, traceback)
    static pmx_status told(Strategy& strategy, const pmx_op* op, py::error_already_set& error) noexcept try {
        py::object exception = error.value();
        if (error.trace()) PyException_SetTraceback(exception.ptr(), error.trace().ptr());
        auto said = py::module_::import("pmx.strategies").attr("describe")(exception).cast<std::tuple<int, std::string, std::string, std::string>>();
        if (std::get<0>(said) != PMX_MISMATCH) strategy.exception_ = exception;
        report(op, std::get<1>(said), std::get<2>(said), std::get<3>(said));
        return static_cast<pmx_status>(std::get<0>(said));
    } catch (...) {
        report(op, "the strategy failed, and so did describing its exception", strategy.name_, "");
        return PMX_FAILED;
    }

    static pmx_status create(std::size_t slot, const pmx_op* op, const pmx_config* config, void** self) noexcept {
        auto* strategy = static_cast<Strategy*>(owner_of(slot));
        if (!strategy) return PMX_FAILED;
        return guarded(*strategy, op, [&] {
            auto instance = std::make_unique<Instance>(Instance{strategy, py::dict()});
            for (std::size_t i = 0; i < config->option_count; ++i) {
                const auto& value = *reinterpret_cast<const pmx_option_value*>(reinterpret_cast<const char*>(config->options) + i * config->option_size);
                for (const StrategyOption& option : strategy->declared_)
                    if (option.name == view(value.name)) {
                        py::str name(text_of(value.name).attr("replace")("-", "_"));
                        instance->options[name] = option_value(value, option.type);
                    }
            }
            *self = instance.release();
            return PMX_OK;
        });
    }
    static void destroy(void* self) noexcept {
        py::gil_scoped_acquire lock;
        delete static_cast<Instance*>(self);
    }
    template <std::size_t slot>
    static pmx_status create_at(const pmx_host*, const pmx_op* op, const pmx_config* config, void** self) noexcept {
        return create(slot, op, config, self);
    }

    static pmx_status plan(void* self, const pmx_op* op, const pmx_graph* graph, const pmx_plan_sink* sink) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        Sink* steps = nullptr;
        pmx_status status = guarded(*instance.strategy, op, [&] {
            py::object into = py::cast(Sink(sink, op));
            steps = into.cast<Sink*>();
            struct Close {
                Sink* sink;
                ~Close() { sink->close(); }
            } close{steps};
            try {
                instance.strategy->calls_["plan"](py::cast(std::const_pointer_cast<GraphTable>(graph_table(*graph))), instance.options, into);
            } catch (py::error_already_set& error) {
                // The host says better why it refused a step.
                if (!steps->was_refused()) throw;
                instance.strategy->exception_ = error.value();
                return steps->refused();
            }
            return PMX_OK;
        });
        return status;
    }

    // Bytes that Python may look at until the call ends, and no longer.
    class Borrowed {
      public:
        explicit Borrowed(pmx_str bytes) : memory_(py::memoryview::from_memory(bytes.length ? bytes.data : "", static_cast<py::ssize_t>(bytes.length))) {}
        py::memoryview memory() const { return memory_; }
        void release() { memory_.attr("release")(); }

      private:
        py::memoryview memory_;
    };

    // None or True: it may be used. False or a text: it may not.
    static pmx_status verdict(const py::object& answer, const pmx_op* op, pmx_str subject, const std::string& name) {
        if (answer.is_none() || answer.ptr() == Py_True) return PMX_OK;
        if (py::isinstance<py::str>(answer)) {
            report(op, answer.cast<std::string>(), view(subject), "");
            return PMX_MISMATCH;
        }
        if (answer.ptr() == Py_False) {
            report(op, "refused by the validator " + name, view(subject), "");
            return PMX_MISMATCH;
        }
        throw py::type_error("a validator answers None, True, False or a sentence, not " + py::repr(answer).cast<std::string>());
    }

    static pmx_status check_archive(void* self, const pmx_op* op, const pmx_archive* archive) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        return guarded(*instance.strategy, op, [&] {
            Borrowed bytes(archive->bytes);
            py::object made = py::module_::import("pmx.strategies").attr("Archive")(text_of(archive->id), bytes.memory(), text_of(archive->integrity), text_of(archive->url));
            py::object answer = instance.strategy->calls_["check_archive"](made, instance.options);
            bytes.release();
            return verdict(answer, op, archive->id, instance.strategy->name_);
        });
    }
    static pmx_status check_object(void* self, const pmx_op* op, const pmx_object* object, std::size_t* bad) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        return guarded(*instance.strategy, op, [&] {
            py::object kind = py::module_::import("pmx.strategies").attr("StoredFile");
            py::list files;
            for (std::size_t i = 0; i < object->row_count; ++i) {
                const auto& row = *reinterpret_cast<const pmx_row*>(reinterpret_cast<const char*>(object->rows) + i * object->row_size);
                files.append(kind(text_of(row.name), text_of(row.path), row.bytes, row.mode, row.mtime_ns,
                                  py::bytes(reinterpret_cast<const char*>(row.digest), row.digest_length)));
            }
            py::object made = py::module_::import("pmx.strategies").attr("StoredObject")(text_of(object->id), object->fd, object->level, files);
            py::object answer = instance.strategy->calls_["check_object"](made, instance.options);
            *bad = 0;
            return verdict(answer, op, object->id, instance.strategy->name_);
        });
    }
    static pmx_status check_manifest(void* self, const pmx_op* op, const pmx_manifest* manifest) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        return guarded(*instance.strategy, op, [&] {
            py::object made = py::module_::import("pmx.strategies").attr("PackageManifest")(text_of(manifest->id), text_of(manifest->name), text_of(manifest->version), text_of(manifest->json));
            return verdict(instance.strategy->calls_["check_manifest"](made, instance.options), op, manifest->id, instance.strategy->name_);
        });
    }

    // A plan that stands already.
    template <std::size_t slot>
    static pmx_status create_planned_at(const pmx_host*, const pmx_op*, const pmx_config*, void** self) noexcept {
        *self = owner_of(slot);
        return *self ? PMX_OK : PMX_FAILED;
    }
    static void destroy_planned(void*) noexcept {}
    static pmx_status replay_plan(void* self, const pmx_op*, const pmx_graph*, const pmx_plan_sink* sink) noexcept try {
        return replay(*static_cast<PlannedLayout*>(self)->plan, sink);
    } catch (...) {
        return PMX_NO_MEMORY;
    }

    using Create = pmx_status (*)(const pmx_host*, const pmx_op*, const pmx_config*, void**);
    template <std::size_t... slot>
    static Create create_for(std::size_t which, bool planned, std::index_sequence<slot...>) {
        static constexpr Create python[] = {&create_at<slot>...};
        static constexpr Create stands[] = {&create_planned_at<slot>...};
        return planned ? stands[which] : python[which];
    }
    static Create create_for(std::size_t which, bool planned) { return create_for(which, planned, std::make_index_sequence<kSlots>()); }
};

Strategy::Strategy(std::string kind, std::string name, std::string version, std::string summary, py::dict calls, std::vector<StrategyOption> options)
    : kind_(std::move(kind)), kind_revision_(kind_ + "/1"), name_(std::move(name)), version_(std::move(version)), summary_(std::move(summary)),
      calls_(std::move(calls)), declared_(std::move(options)) {
    for (const StrategyOption& option : declared_)
        options_.push_back({option.name.c_str(), option.summary.c_str(), option.has_fallback ? option.fallback.c_str() : nullptr,
                            option.choices.empty() ? nullptr : option.choices.c_str(), static_cast<std::uint32_t>(option.type), 0, option.minimum, option.maximum});
    layout_ = {sizeof layout_, 0, &Trampoline::plan};
    validator_ = {sizeof validator_, 0, calls_.contains("check_archive") ? &Trampoline::check_archive : nullptr,
                  calls_.contains("check_object") ? &Trampoline::check_object : nullptr,
                  calls_.contains("check_manifest") ? &Trampoline::check_manifest : nullptr, nullptr};
    if (kind_ != "layout" && kind_ != "validator") throw py::value_error("a strategy in Python is a layout or a validator, not a " + kind_);
    slot_ = take_slot(this);
    table_ = {sizeof table_, PMX_ABI_MAJOR, 0, 0, sizeof(pmx_option), name_.c_str(), version_.c_str(), summary_.c_str(), kind_revision_.c_str(),
              kind_ == "layout" ? static_cast<const void*>(&layout_) : static_cast<const void*>(&validator_), options_.data(), options_.size(),
              Trampoline::create_for(slot_, false), &Trampoline::destroy};
}

Strategy::~Strategy() { free_slot(slot_); }

py::object Strategy::take_exception() { return std::exchange(exception_, py::none()); }

PlannedLayout::PlannedLayout(std::string name, std::shared_ptr<const PlanTable> given) : plan(std::move(given)), name_(std::move(name)) {
    layout_ = {sizeof layout_, 0, &Trampoline::replay_plan};
    slot_ = take_slot(this);
    table_ = {sizeof table_, PMX_ABI_MAJOR, 0, 0, sizeof(pmx_option), name_.c_str(), "1", "a plan that was made before", PMX_KIND_LAYOUT, &layout_,
              nullptr, 0, Trampoline::create_for(slot_, true), &Trampoline::destroy_planned};
}

PlannedLayout::~PlannedLayout() { free_slot(slot_); }

void bind_strategies(py::module_& module) {
    py::class_<Sink>(module, "Sink", "Where a layout puts its steps. pmx.layout() wraps it: yield steps instead.")
        .def("place", &Sink::place, py::arg("package"), py::arg("dir"), py::arg("root") = 0)
        .def("symlink", &Sink::symlink, py::arg("path"), py::arg("target"), py::arg("root") = 0, py::arg("target_root") = 0)
        .def("link_project", &Sink::link_project, py::arg("path"), py::arg("project"), py::arg("root") = 0)
        .def("bins", &Sink::bins, py::arg("dir"), py::arg("place"), py::arg("alias"), py::arg("tier") = 0, py::arg("root") = 0)
        .def("bins_of_project", &Sink::bins_of_project, py::arg("dir"), py::arg("project"), py::arg("tier") = 0, py::arg("root") = 0)
        .def("hoisted", &Sink::hoisted, py::arg("package"), py::arg("alias"), py::arg("is_public"))
        .def("describe", &Sink::describe, py::arg("key"), py::arg("value"));
    py::class_<StrategyOption>(module, "StrategyOption", "One option as a strategy declares it.")
        .def(py::init([](std::string name, std::string summary, int type, std::optional<std::string> fallback, std::string choices, std::int64_t minimum, std::int64_t maximum) {
                 bool has = fallback.has_value();
                 return StrategyOption{std::move(name), std::move(summary), std::move(fallback).value_or(""), std::move(choices), static_cast<pmx_option_type>(type), has, minimum, maximum};
             }),
             py::arg("name"), py::arg("summary"), py::arg("type"), py::arg("fallback"), py::arg("choices") = "", py::arg("minimum") = 0, py::arg("maximum") = 0);
    py::class_<Strategy, std::shared_ptr<Strategy>>(module, "Strategy", "A plugin table in memory. Made by pmx.layout() and pmx.validator().")
        .def(py::init<std::string, std::string, std::string, std::string, py::dict, std::vector<StrategyOption>>(), py::arg("kind"), py::arg("name"),
             py::arg("version"), py::arg("summary"), py::arg("calls"), py::arg("options"))
        .def_property_readonly("name", &Strategy::name)
        .def_property_readonly("kind", &Strategy::kind)
        .def("take_exception", &Strategy::take_exception, "The exception that ended its last call, or None; forgotten by asking.");
}

}  // namespace pmx::python
