// pmx._core: what Python sees of the engine. It only translates: columns, runs, settings. The classes that people use are
// Python's, in src/pmx/; each function here that can take long lets go of the interpreter's lock.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "base/fs.hpp"
#include "config/config_document.hpp"
#include "config/settings_table.hpp"
#include "engine.hpp"
#include "strategy.hpp"

namespace pmx::python {
namespace {

std::atomic<std::uint64_t> texts_made{0};  // rows of text columns that became Python objects: tests ask

// pmx.errors.make(code, what, subject, remedy, errno) → an exception of the class that fits.
[[noreturn]] void raise(const Error& error) {
    py::object made = py::module_::import("pmx.errors").attr("make")(std::string(code_name(error.code)), error.what, error.subject, error.remedy, error.sys);
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.ptr())), made.ptr());
    throw py::error_already_set();
}
template <class T>
T value_of(Result<T> result) {
    if (!result) raise(result.error());
    return std::move(*result);
}

py::str text_of(std::string_view text) {
    texts_made.fetch_add(1, std::memory_order_relaxed);
    PyObject* made = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape");
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::str>(made);
}

// A numeric column, for the buffer protocol: keeps what it lies in alive.
struct Array {
    std::shared_ptr<const void> owner;
    const void* data;
    std::string format;
    py::ssize_t item;
    std::vector<py::ssize_t> shape;
};
template <class T>
Array array_of(std::shared_ptr<const void> owner, const std::vector<T>& values) {
    return {std::move(owner), values.data(), py::format_descriptor<T>::format(), sizeof(T), {static_cast<py::ssize_t>(values.size())}};
}
py::buffer_info buffer_of(const Array& array) {
    static const std::uint64_t nothing = 0;
    std::vector<py::ssize_t> strides(array.shape.size(), array.item);
    for (std::size_t i = array.shape.size(); i-- > 1;) strides[i - 1] = strides[i] * array.shape[i];
    return py::buffer_info(const_cast<void*>(array.data ? array.data : &nothing), array.item, array.format, static_cast<py::ssize_t>(array.shape.size()), array.shape,
                           strides, /*readonly=*/true);
}

struct TextColumn {
    std::shared_ptr<const void> owner;
    const Text* text;
};

template <class Table>
using Held = std::shared_ptr<const Table>;

// A read-only property that is a column of `Table`.
template <class Table, class Class, class Member>
void numbers(Class& type, const char* name, Member member, const char* doc) {
    type.def_property_readonly(name, [member](const std::shared_ptr<Table>& table) { return array_of(table, (*table).*member); }, doc);
}
template <class Table, class Class>
void texts(Class& type, const char* name, Text Table::*member, const char* doc) {
    type.def_property_readonly(name, [member](const std::shared_ptr<Table>& table) { return TextColumn{table, &((*table).*member)}; }, doc);
}

// pybind11 2.10 has no holder of const: Python gets tables through methods that change nothing.
template <class Table>
std::shared_ptr<Table> python_holds(const Held<Table>& table) {
    return std::const_pointer_cast<Table>(table);
}

std::span<const std::uint32_t> rows_of(const py::buffer_info& info) {
    if (info.ndim != 1 || info.itemsize != 4 || (info.ndim == 1 && info.strides[0] != 4))
        throw py::value_error("rows are a contiguous array of unsigned 32 bit numbers");
    return {static_cast<const std::uint32_t*>(info.ptr), static_cast<std::size_t>(info.shape[0])};
}

Array owned_rows(std::vector<std::uint32_t> rows) {
    auto held = std::make_shared<const std::vector<std::uint32_t>>(std::move(rows));
    return array_of(held, *held);
}

Text text_from(const py::buffer& offsets, const py::buffer& data) {
    py::buffer_info from = offsets.request(), bytes = data.request();
    if (from.itemsize != 8 || from.ndim != 1 || from.size < 1 || bytes.itemsize != 1) throw py::value_error("a text column is int64 offsets and bytes");
    Text text;
    const auto* begin = static_cast<const std::int64_t*>(from.ptr);
    text.offsets.assign(begin, begin + from.size);
    text.data.assign(static_cast<const char*>(bytes.ptr), static_cast<std::size_t>(bytes.size));
    std::int64_t last = 0;
    for (std::int64_t offset : text.offsets) {
        if (offset < last || offset > bytes.size) throw py::value_error("the offsets of a text column must grow and end inside its bytes");
        last = offset;
    }
    return text;
}

void bind_tables(py::module_& module) {
    py::class_<Array>(module, "Array", py::buffer_protocol(), "A numeric column. numpy.asarray(column) shares its memory; read-only.")
        .def_buffer([](const Array& array) { return buffer_of(array); })
        .def("__len__", [](const Array& array) { return array.shape[0]; })
        .def_property_readonly("shape", [](const Array& array) { return py::tuple(py::cast(array.shape)); })
        .def_property_readonly("format", [](const Array& array) { return array.format; }, "Of an item, as in the module struct.")
        .def("__repr__", [](const Array& array) { return "Array(" + std::to_string(array.shape[0]) + " rows of '" + array.format + "')"; });

    py::class_<TextColumn>(module, "TextColumn", "A column of texts: offsets and UTF-8 bytes, shared with numpy; a row becomes a str when it is asked for.")
        .def("__len__", [](const TextColumn& column) { return column.text->size(); })
        .def("__getitem__", [](const TextColumn& column, py::ssize_t row) {
            auto size = static_cast<py::ssize_t>(column.text->size());
            if (row < 0) row += size;
            if (row < 0 || row >= size) throw py::index_error("no such row");
            return text_of((*column.text)[static_cast<std::size_t>(row)]);
        }, py::arg("row"))
        .def_property_readonly("offsets", [](const TextColumn& column) { return array_of(column.owner, column.text->offsets); }, "int64, one more than there are rows.")
        .def_property_readonly("data", [](const TextColumn& column) {
            const std::string& data = column.text->data;
            return Array{column.owner, data.data(), "B", 1, {static_cast<py::ssize_t>(data.size())}};
        }, "All bytes, UTF-8.")
        .def("find", [](const TextColumn& column, std::string_view wanted) {
            std::vector<std::uint32_t> rows;
            for (std::size_t i = 0; i < column.text->size(); ++i)
                if ((*column.text)[i] == wanted) rows.push_back(static_cast<std::uint32_t>(i));
            return owned_rows(std::move(rows));
        }, py::arg("text"), "Rows that are this text, as uint32.")
        .def("__repr__", [](const TextColumn& column) { return "TextColumn(" + std::to_string(column.text->size()) + " rows, " + std::to_string(column.text->data.size()) + " bytes)"; });

    py::class_<GraphTable, std::shared_ptr<GraphTable>> graph(module, "GraphTable", "A graph as columns. Packages come first, then projects; see pmx.Graph.");
    texts<GraphTable>(graph, "id", &GraphTable::id, "By package: name@version, peers and patches behind it.");
    texts<GraphTable>(graph, "name", &GraphTable::name, "By package.");
    texts<GraphTable>(graph, "version", &GraphTable::version, "By package; empty where the lockfile does not know it.");
    texts<GraphTable>(graph, "integrity", &GraphTable::integrity, "By package: SRI text or empty.");
    texts<GraphTable>(graph, "project_dir", &GraphTable::project_dir, "By project, relative to the root.");
    texts<GraphTable>(graph, "project_name", &GraphTable::project_name, "By project.");
    texts<GraphTable>(graph, "edge_alias", &GraphTable::edge_alias, "By edge: the name under node_modules.");
    texts<GraphTable>(graph, "edge_link", &GraphTable::edge_link, "By edge: the directory where the target is no package.");
    texts<GraphTable>(graph, "location", &GraphTable::location, "npm's lockfiles: where it says that packages go.");
    numbers<GraphTable>(graph, "flags", &GraphTable::flags, "By package, uint32: 1 optional, 2 skipped, 4 has programs, 8 a directory, 16 built.");
    numbers<GraphTable>(graph, "edge_start", &GraphTable::edge_start, "uint64: edges of node i are rows edge_start[i] to edge_start[i + 1].");
    numbers<GraphTable>(graph, "edge_kind", &GraphTable::edge_kind, "By edge, uint8: 0 prod, 1 dev, 2 optional, 3 peer.");
    numbers<GraphTable>(graph, "location_package", &GraphTable::location_package, "By location, uint32.");
    graph.def_property_readonly("edges", [](const std::shared_ptr<GraphTable>& table) {
             return Array{table, table->edges.data(), "I", 4, {static_cast<py::ssize_t>(table->edges.size()), 2}};
         }, "uint32, two columns: the node that depends, the package that it depends on (0xffffffff: a directory).")
        .def_property_readonly("packages", [](const GraphTable& table) { return table.packages(); })
        .def_property_readonly("projects", [](const GraphTable& table) { return table.projects(); })
        .def_property_readonly("lockfile_name", [](const GraphTable& table) { return table.lockfile_name; })
        .def_property_readonly("lockfile_text", [](const GraphTable& table) { return text_of(table.lockfile_text); }, "The lockfile that says the same; not written.");

    py::class_<PlanTable, std::shared_ptr<PlanTable>> plan(module, "PlanTable", "The steps of a plan as columns, one row a step; see pmx.Plan.");
    numbers<PlanTable>(plan, "kind", &PlanTable::kind, "uint8: 0 place, 1 symlink, 2 bin, 3 hoisted.");
    numbers<PlanTable>(plan, "root", &PlanTable::root, "uint8: 0 the project, 1 the shared virtual store.");
    numbers<PlanTable>(plan, "target_root", &PlanTable::target_root, "uint8, of the target.");
    numbers<PlanTable>(plan, "flag", &PlanTable::flag, "uint8: place: others lie inside; symlink: to a project; bin: tier; hoisted: public.");
    numbers<PlanTable>(plan, "package", &PlanTable::package, "uint32 into the graph; 0xffffffff: none.");
    numbers<PlanTable>(plan, "place", &PlanTable::place, "uint32: a bin's place as a row of this table.");
    texts<PlanTable>(plan, "path", &PlanTable::path, "Relative to the root.");
    texts<PlanTable>(plan, "target", &PlanTable::target, "Relative to the target's root.");
    texts<PlanTable>(plan, "alias", &PlanTable::alias, "The name there, for bin and hoisted.");
    plan.def(py::init([](const std::shared_ptr<GraphTable>& of, py::buffer kind, py::buffer package, py::buffer path_offsets, py::buffer path_data,
                         py::buffer target_offsets, py::buffer target_data) {
                 auto table = std::make_shared<PlanTable>();
                 table->graph = of;
                 py::buffer_info kinds = kind.request(), packages = package.request();
                 if (kinds.itemsize != 1 || kinds.ndim != 1 || packages.itemsize != 4 || packages.ndim != 1 || packages.size != kinds.size)
                     throw py::value_error("kind is uint8 and package uint32, of one length");
                 auto rows = static_cast<std::size_t>(kinds.size);
                 const auto* k = static_cast<const std::uint8_t*>(kinds.ptr);
                 const auto* p = static_cast<const std::uint32_t*>(packages.ptr);
                 table->kind.assign(k, k + rows);
                 for (std::uint8_t one : table->kind)
                     if (one > 1) throw py::value_error("a plan of columns has places (0) and symlinks (1)");
                 table->package.assign(p, p + rows);
                 table->root.assign(rows, 0);
                 table->target_root.assign(rows, 0);
                 table->flag.assign(rows, 0);
                 table->place.assign(rows, kNone);
                 table->path = text_from(path_offsets, path_data);
                 table->target = text_from(target_offsets, target_data);
                 table->alias.offsets.assign(rows + 1, 0);
                 table->bins = "shim";
                 if (table->path.size() != rows || table->target.size() != rows) throw py::value_error("path and target have another length than kind");
                 return table;
             }), py::arg("graph"), py::arg("kind"), py::arg("package"), py::arg("path_offsets"), py::arg("path_data"), py::arg("target_offsets"), py::arg("target_data"),
             "Places and symlinks from columns: what a program of its own has planned.")
        .def("__len__", &PlanTable::size)
        .def_property_readonly("graph", [](const PlanTable& table) { return python_holds(table.graph); })
        .def_property_readonly("layout", [](const PlanTable& table) { return table.layout; })
        .def_property_readonly("virtual_store_dir", [](const PlanTable& table) { return table.virtual_store_dir; })
        .def("select", [](const std::shared_ptr<PlanTable>& table, py::buffer rows) {
            py::buffer_info info = rows.request();
            auto wanted = rows_of(info);
            py::gil_scoped_release released;
            return python_holds(select(*table, wanted));
        }, py::arg("rows"), "Those rows as a plan of their own.")
        .def("difference", [](const std::shared_ptr<PlanTable>& table, const std::shared_ptr<PlanTable>& other) {
            py::gil_scoped_release released;
            return owned_rows(difference(*table, *other));
        }, py::arg("other"), "Rows that the other plan has not, as uint32.")
        .def("missing", [](const std::shared_ptr<PlanTable>& table, const std::string& root, const std::string& shared_root) {
            py::gil_scoped_release released;
            return owned_rows(missing(*table, root, shared_root));
        }, py::arg("root"), py::arg("shared_root") = "", "Rows whose place or link is not on disk, as uint32.");
}

py::dict fields_of(const Event& event) {
    py::dict fields;
    for (const auto& [name, value] : event.fields)
        fields[name] = std::visit([](const auto& one) -> py::object {
            if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::string>) return text_of(one);
            else return py::cast(one);
        }, value);
    return fields;
}

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }
double seconds(Clock::duration span) { return seconds(std::chrono::duration_cast<std::chrono::nanoseconds>(span).count()); }

py::dict values_of(const Outcome& outcome) {
    using namespace py::literals;
    py::dict stages, counters, calls;
    for (const StageFigures& s : outcome.stages)
        stages[py::str(std::string(stage_name(s.stage)))] =
            py::dict("begin"_a = seconds(s.first), "wall"_a = seconds(s.wall), "busy"_a = seconds(s.sum), "longest"_a = seconds(s.max),
                     "waiting"_a = seconds(s.wait), "tasks"_a = s.tasks, "at_once"_a = s.running, "queued"_a = s.queued);
    for (const Figure& figure : outcome.counters) counters[py::str(std::string(figure.name))] = figure.value;
    for (const Figure& figure : outcome.system_calls) calls[py::str(std::string(figure.name))] = figure.value;
    py::list requests, spans;
    for (const RequestRecord& r : outcome.requests)
        requests.append(py::make_tuple(text_of(r.url), text_of(r.subject), r.packument, r.status, r.bytes, seconds(r.start - outcome.start),
                                       seconds(r.first_byte - outcome.start), seconds(r.end - outcome.start), r.error));
    for (const Span& span : outcome.spans)
        spans.append(py::make_tuple(std::string(stage_name(span.stage)), span.worker, seconds(span.start_ns), seconds(span.end_ns), text_of(span.subject)));
    const InstallReport& report = outcome.report;
    return py::dict("wall"_a = outcome.wall, "up_to_date"_a = report.up_to_date, "added"_a = report.added, "removed"_a = report.removed,
                    "warm"_a = report.warm, "cold"_a = report.cold, "plugins_loaded"_a = report.plugins_loaded, "lockfile"_a = report.lockfile,
                    "linker"_a = report.linker, "check"_a = report.check, "resolved"_a = report.resolved, "lockfile_changed"_a = report.lockfile_changed,
                    "dry_run"_a = report.plan, "root"_a = outcome.root, "store_dir"_a = outcome.store_dir, "stages"_a = stages, "counters"_a = counters,
                    "system_calls"_a = calls, "plugin_counters"_a = report.plugin_counters, "warnings"_a = outcome.warnings, "ignored_scripts"_a = outcome.ignored_scripts, "skipped"_a = outcome.skipped,
                    "requests"_a = requests, "spans"_a = spans, "events_dropped"_a = outcome.events_dropped,
                    "made"_a = outcome.made);
}

Until until_of(const std::string& phase) {
    static constexpr std::pair<std::string_view, Until> phases[] = {{"resolve", Until::resolve}, {"plan", Until::plan}, {"fetch", Until::fetch},
                                                                    {"check", Until::check}, {"link", Until::link}, {"commit", Until::commit}};
    for (const auto& [name, until] : phases)
        if (name == phase) return until;
    throw py::value_error("no phase " + phase + ": resolve, plan, fetch, check, link, commit");
}

Edits edits_of(const std::vector<std::tuple<std::string, std::string, std::string>>& given, bool latest) {
    Edits edits;
    std::vector<std::string> updated;
    for (const auto& [action, argument, group] : given) {
        if (action == "dedupe") {
            edits.dedupe = true;
            continue;
        }
        using Action = DependencyEdit::Action;
        DependencyEdit edit{action == "remove" ? Action::remove : action == "update" ? Action::update : Action::add, argument, std::nullopt, false};
        if (group == "prod") edit.group = EdgeKind::prod;
        if (group == "dev") edit.group = EdgeKind::dev;
        if (group == "optional") edit.group = EdgeKind::optional;
        if (edit.action == Action::update) {
            if (argument.empty()) {
                edits.update.kind = UpdateScope::Kind::all;
                continue;
            }
            edits.update.kind = UpdateScope::Kind::named;
            edits.update.patterns.push_back(argument.substr(0, argument.find('@', 1)));
        }
        edits.list.push_back(std::move(edit));
    }
    edits.update.latest = latest;
    return edits;
}

// Python's face of a run: keeps the tables of strategies alive as long as it.
struct Run {
    std::unique_ptr<Running> running;
    std::vector<std::shared_ptr<Strategy>> strategies;
    std::shared_ptr<PlannedLayout> planned;
    ~Run() {
        py::gil_scoped_release released;
        running.reset();
    }
};

void bind_runs(py::module_& module) {
    py::class_<Made, std::shared_ptr<Made>>(module, "Made", "Graph and plan of a run, columns once somebody asks.")
        .def("graph", [](Made& made) {
            py::gil_scoped_release released;
            return python_holds(made.graph());
        })
        .def("plan", [](Made& made) {
            py::gil_scoped_release released;
            return python_holds(made.plan());
        }, "None before the plan stage.");
    py::class_<Run>(module, "Run", "An engine at work on a thread of its own. pmx.Session starts them.")
        .def(py::init([](const std::string& dir, const std::string& document, std::map<std::string, std::string> environment, const std::string& phase,
                         std::vector<std::string> plugin_dirs, const std::shared_ptr<GraphTable>& graph, const std::shared_ptr<PlanTable>& plan,
                         std::vector<std::shared_ptr<Strategy>> strategies, const std::vector<std::tuple<std::string, std::string, std::string>>& edits,
                         bool latest, bool events, bool trace) {
                 Request request;
                 request.dir = join_path(current_dir(), dir);
                 request.document = document;
                 request.environment = std::move(environment);
                 request.plugin_dirs = std::move(plugin_dirs);
                 request.until = until_of(phase);
                 request.graph = plan ? plan->graph : graph;
                 request.events = events;
                 request.trace = trace;
                 request.edits = edits_of(edits, latest);
                 auto run = std::make_unique<Run>();
                 run->strategies = std::move(strategies);
                 for (const auto& strategy : run->strategies) request.strategies.push_back(strategy->table());
                 if (plan) {
                     request.planner = "plan-made-before";
                     run->planned = std::make_shared<PlannedLayout>(request.planner, plan);
                     request.strategies.push_back(run->planned->table());
                 }
                 run->running = std::make_unique<Running>(std::move(request));
                 return run;
             }),
             py::arg("dir"), py::arg("document"), py::arg("environment"), py::arg("phase") = "commit", py::arg("plugin_dirs") = std::vector<std::string>(),
             py::arg("graph") = nullptr, py::arg("plan") = nullptr, py::arg("strategies") = std::vector<std::shared_ptr<Strategy>>(),
             py::arg("edits") = std::vector<std::tuple<std::string, std::string, std::string>>(), py::arg("latest") = false, py::arg("events") = false,
             py::arg("trace") = false)
        .def("next", [](Run& run, double timeout) -> py::object {
            std::optional<Event> event;
            {
                py::gil_scoped_release released;
                event = run.running->next(timeout);
            }
            if (!event) return py::none();
            return py::make_tuple(std::string(event->kind), seconds(event->time_ns), fields_of(*event));
        }, py::arg("timeout"), "(kind, seconds since the beginning, fields), or None after `timeout` seconds or at the end.")
        .def("wait", [](Run& run, double timeout) {
            py::gil_scoped_release released;
            return run.running->wait(timeout);
        }, py::arg("timeout"), "True once it has ended; waits up to `timeout` seconds.")
        .def("ended", [](Run& run) { return run.running->ended(); }, "It has ended, and every event has been given out.")
        .def("cancel", [](Run& run) { run.running->cancel(); }, "Ends it soon; the tree stays repairable. From any thread.")
        .def("take", [](Run& run) {
            Outcome outcome = value_of(run.running->take());
            return values_of(outcome);
        }, "What came of it, once; raises pmx.Error where it failed.");
}

}  // namespace
}  // namespace pmx::python

PYBIND11_MODULE(_core, module) {
    using namespace pmx;
    using namespace pmx::python;
    module.doc() = "The engine of pmx. Use the classes of the package pmx; this is what they are made of.";
    module.attr("__version__") = PMX_VERSION;
    bind_strategies(module);
    bind_tables(module);
    bind_runs(module);
    bind_conformance(module);
    module.def("settings", [] {
        using namespace py::literals;
        static constexpr const char* types[] = {"boolean", "integer", "text", "list"};
        py::list rows;
        for (const SettingSpec& spec : settings_table())
            rows.append(py::dict("name"_a = std::string(spec.name), "type"_a = types[static_cast<unsigned>(spec.type)], "default"_a = std::string(spec.fallback),
                                 "choices"_a = std::string(spec.choices), "help"_a = std::string(spec.help)));
        return rows;
    }, "Every setting of the engine: name, type, default, choices, help.");
    module.def("checked_document", [](const std::string& document, bool profile) {
        Settings settings;
        auto merged = merge_document(settings, document, profile ? "the profile" : "the configuration", profile ? DocumentKind::profile : DocumentKind::whole);
        if (!merged) raise(merged.error());
        return document_text(settings);
    }, py::arg("document"), py::arg("profile") = false, "A configuration document in the one spelling that the engine writes; raises what is wrong with it.");
    module.def("read_profile", [](const std::string& name, const std::map<std::string, std::string>& environment) { return value_of(read_profile(name, environment)); },
               py::arg("name"), py::arg("environment"), "The text of a saved profile.");
    module.def("profile_path", &profile_path, py::arg("name"), py::arg("environment"), "Where a profile of that name lies.");
    module.def("resolved_document", [](const std::string& dir, const std::string& document, const std::map<std::string, std::string>& environment) {
        py::gil_scoped_release released;
        auto settings = load_settings(join_path(current_dir(), dir), {{"config-json", {document}}}, environment);
        if (settings) return document_text(*settings);
        py::gil_scoped_acquire lock;
        raise(settings.error());
    }, py::arg("dir"), py::arg("document"), py::arg("environment"), "What holds in a directory when every file and variable has been heard.");
    module.def("texts_made", [] { return texts_made.load(); }, "Rows of text columns that became str since the module was loaded.");
}
