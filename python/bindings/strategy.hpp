// Strategy: a layout or validator whose functions are Python's. It is a pmx_plugin table like a library's, made in memory;
// the host negotiates and calls it like any other, from its own threads, and each call takes the interpreter's lock for as
// long as it lasts. An exception becomes a status, its traceback the remedy. Made and destroyed with that lock held.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include "pmx/layout.h"
#include "pmx/validator.h"
#include "tables.hpp"

namespace pmx::python {

namespace py = pybind11;

// What a strategy declares of one option.
struct StrategyOption {
    std::string name, summary, fallback, choices;
    pmx_option_type type = PMX_OPTION_STRING;
    bool has_fallback = true;
    std::int64_t minimum = 0, maximum = 0;
};

class Strategy {
  public:
    // `calls`: name of a function of the C table ("plan", "check_archive", "check_object", "check_manifest") → callable.
    Strategy(std::string kind, std::string name, std::string version, std::string summary, py::dict calls, std::vector<StrategyOption> options);
    ~Strategy();
    Strategy(const Strategy&) = delete;

    const pmx_plugin* table() const { return &table_; }
    const std::string& name() const { return name_; }
    const std::string& kind() const { return kind_; }
    // The exception that ended the last call, or None; forgotten by asking.
    py::object take_exception();

  private:
    friend struct Trampoline;
    std::string kind_, kind_revision_, name_, version_, summary_;
    py::dict calls_;
    std::vector<StrategyOption> declared_;
    std::vector<pmx_option> options_;
    pmx_layout layout_{};
    pmx_validator validator_{};
    pmx_plugin table_{};
    py::object exception_ = py::none();
    std::size_t slot_ = 0;
};

// A plan that was made before, as a layout: for executing it.
class PlannedLayout {
  public:
    PlannedLayout(std::string name, std::shared_ptr<const PlanTable> plan);
    ~PlannedLayout();
    PlannedLayout(const PlannedLayout&) = delete;
    const pmx_plugin* table() const { return &table_; }
    std::shared_ptr<const PlanTable> plan;

  private:
    std::string name_;
    pmx_layout layout_{};
    pmx_plugin table_{};
    std::size_t slot_ = 0;
};

void bind_strategies(py::module_& module);
void bind_conformance(py::module_& module);  // conformance.cpp

}  // namespace pmx::python
