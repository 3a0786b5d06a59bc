#include "install/suggest_choice.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/settings_table.hpp"

namespace pmx {

// "isolted" may have been meant as a plugin's name, but rarely is.
void suggest_choice(Error& error, const Settings& settings) {
    if (error.code != Code::PLUGIN_NOT_FOUND) return;
    for (const SettingSpec& spec : settings_table()) {
        if (!spec.native || spec.choices.empty()) continue;
        std::vector<std::string_view> choices = split(spec.choices, ' ');
        std::string_view value = settings.text(spec.name);
        std::string near = nearest(value, choices);
        if (value.empty() || (error.subject != value && !error.what.ends_with(value))) continue;
        std::string known = replace_all(spec.choices.substr(0, spec.choices.rfind(' ')), " ", ", ");
        error.remedy = near.empty() ? fmt::format("built in for --{}: {}. Otherwise: {}", spec.name, known, error.remedy)
                                    : fmt::format("did you mean --{} {}? Otherwise: {}", spec.name, near, error.remedy);
    }
}

}  // namespace pmx
