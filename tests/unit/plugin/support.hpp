// What the plugin tests share: a Plugins over the build tree's odd plugins, and what it told the host.
#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/plugins.hpp"

namespace pmx::test {

struct Told {
    int severity;
    std::string what, subject, remedy;
};

struct Bench {
    std::vector<Told> told;
    std::vector<std::string> log;
    Metrics metrics;
    CancelFlag cancel;

    Plugins plugins(HostServices services = {}, bool drafts = false) {
        services.diagnostic = [this](int severity, std::string_view what, std::string_view subject, std::string_view remedy) {
            told.push_back({severity, std::string(what), std::string(subject), std::string(remedy)});
        };
        services.log = [this](int, std::string_view line) { log.emplace_back(line); };
        services.metrics = &metrics;
        services.cancel = &cancel;
        return Plugins({{PMX_BINARY_DIR "/tests/bad_plugins"}, drafts}, std::move(services));
    }
};

}  // namespace pmx::test
