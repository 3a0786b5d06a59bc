#include "install/run.hpp"

namespace pmx {

OptionValues option_values(const Settings& settings) {
    OptionValues options;
    for (const auto& [name, setting] : settings.values)
        if (setting.source != Source::builtin) options.emplace(name, setting.items);
    return options;
}

}  // namespace pmx
