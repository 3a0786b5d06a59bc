// Selection: which projects of the workspace a command is for: -r, -w, --filter, --filter-prod, or the one in whose
// directory it runs. Reads the workspace's manifests, and asks git for "[since]". Used by the commands. [one thread]
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "config/workspace.hpp"

namespace pmx {

struct Selection {
    std::vector<WorkspaceProject> projects;  // the whole workspace, the root first
    std::vector<std::size_t> chosen;         // indices; empty when a filter matched nothing, which was told then
    bool several = false;                    // -r or a filter: whoever reads the answer wants to know which project it is of

    bool filtered = false;                   // a filter

    std::vector<std::string> dirs() const;
    // What an install is confined to by the filter: empty where that is nothing, or leaves nothing out.
    std::vector<std::string> only() const;
};

// Whether -r means the root too: `add` leaves it out, as pnpm does.
enum class RootToo : std::uint8_t { yes, no };
// PMX_E_USAGE for a filter that says nothing, or that matches nothing under --fail-if-no-match.
Result<Selection> select_projects(const Invocation& invocation, const Door& door, const Settings& settings, RootToo root);

// The flags -D, -P and -O of a command for which they name a group; they are taken out of the settings then.
std::optional<EdgeKind> take_group(Invocation& invocation);

}  // namespace pmx
