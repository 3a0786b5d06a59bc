// Reporters: what people and programs see of an install while it runs. make_reporter picks by --reporter: one live line
// on a terminal, plain lines at stage changes elsewhere, pnpm's NDJSON events, or nothing. Everything goes to standard
// error (as pnpm's NDJSON does), so that standard output holds data only. Events come from any thread. The live line has
// one thread of its own, ten times a second, on a terminal only; elsewhere the reporter starts none.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/metrics.hpp"
#include "config/settings.hpp"
#include "install/events.hpp"
#include "install/install.hpp"

namespace pmx {

class Reporter : public Events {
  public:
    // Exactly one of them, at the end, on the thread that made the reporter.
    virtual void finished(const InstallReport& report) = 0;
    virtual void failed(const Error& error) = 0;
};

struct Screen {
    std::function<void(std::string_view)> write;
    bool terminal = false;  // may be redrawn
    bool colour = false;
};

std::unique_ptr<Reporter> make_reporter(const Settings& settings, const Metrics& metrics, Screen screen);

// NDJSON with pnpm's names and payloads.
std::unique_ptr<Reporter> make_ndjson_reporter(const Settings& settings, Screen screen);

}  // namespace pmx
