// The conformance kit over strategies in Python: `pmx plugin check` for them. Each case runs in a fork of this very
// process, which the interpreter is told of as os.fork() would tell it.
#include <pmx/testkit.hpp>

#include <pybind11/stl.h>

#include "strategy.hpp"

namespace pmx::python {
namespace {

using Row = std::tuple<std::string, std::string, std::string, double>;

std::vector<Row> check(const Strategy& strategy, std::vector<std::string> only, std::uint64_t seed, double seconds, const py::object& told) {
    testkit::Options options;
    options.only = std::move(only);
    options.seed = seed;
    options.limit = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3));
    PyGILState_STATE state{};
    bool interrupted = false;
    // The lock is held where the interpreter's own state is touched, and by nobody while a case runs: a case may call the
    // strategy from several threads at once.
    options.before_fork = [&] {
        state = PyGILState_Ensure();
        PyOS_BeforeFork();
    };
    options.in_parent = [&] {
        PyOS_AfterFork_Parent();
        PyGILState_Release(state);
    };
    options.in_child = [&] {
        PyOS_AfterFork_Child();
        PyGILState_Release(state);
    };
    options.stop = [&] {
        py::gil_scoped_acquire lock;
        return interrupted = interrupted || PyErr_CheckSignals() != 0;
    };
    std::vector<Row> rows;
    std::unique_ptr<py::error_already_set> raised;
    options.told = [&](const testkit::Verdict& v) {
        rows.emplace_back(v.name, std::string(testkit::word(v.outcome)), v.detail, v.seconds);
        py::gil_scoped_acquire lock;
        if (told.is_none() || raised) return;
        try {
            told(rows.back());
        } catch (py::error_already_set& error) {
            raised = std::make_unique<py::error_already_set>(error);
            interrupted = true;
        }
    };
    {
        py::gil_scoped_release released;
        testkit::check({{}, strategy.table()}, options);
    }
    if (raised) throw *raised;
    if (interrupted) throw py::error_already_set();
    return rows;
}

}  // namespace

void bind_conformance(py::module_& module) {
    module.def("check", &check, py::arg("strategy"), py::arg("only") = std::vector<std::string>(), py::arg("seed") = 1, py::arg("seconds") = 10.0,
               py::arg("told") = py::none(), "Runs the conformance kit: (case, outcome, detail, seconds) of each. See pmx.check.");
    module.def("conformance_cases", [] {
        std::vector<std::tuple<std::string, std::string, std::string>> rows;
        for (const testkit::CaseInfo& info : testkit::cases()) rows.emplace_back(info.name, info.kind, info.promise);
        return rows;
    }, "(case, kind, promise) of every case of the kit.");
}

}  // namespace pmx::python
