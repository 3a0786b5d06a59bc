// Chooser: a list on the terminal from which some are chosen: for `pmx update --interactive`. Reads keys from standard
// input, draws on standard error, and leaves the terminal as it was, whatever happens. [one thread]
#pragma once

#include <string>
#include <vector>

#include "cli/selection.hpp"

namespace pmx {

// Keys as they come from a terminal, one call a state: what the loop of choose() does, without a terminal.
class Choice {
  public:
    explicit Choice(std::size_t count) : chosen_(count, false) {}
    enum class Next : std::uint8_t { again, done, cancelled };
    // The bytes of one key: arrows, j and k, space, a (all), i (the others), digits (toggle that line), enter, escape, q.
    Next key(std::string_view bytes);
    std::size_t at() const { return at_; }
    const std::vector<bool>& chosen() const { return chosen_; }

  private:
    std::vector<bool> chosen_;
    std::size_t at_ = 0;
};

// Indices of what was chosen. PMX_E_USAGE where there is no terminal, PMX_E_CANCELLED when nobody wants to choose.
Result<std::vector<std::size_t>> choose(const std::string& title, const std::vector<std::string>& lines, const Door& door);

// The outdated dependencies that somebody chooses, as arguments of update. Empty when there is nothing newer.
Result<std::vector<std::string>> choose_updates(const Invocation& invocation, const Door& door, const Settings& settings,
                                                const Selection& selection, std::optional<EdgeKind> group);

}  // namespace pmx
