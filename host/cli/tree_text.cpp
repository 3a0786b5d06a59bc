#include "cli/tree_text.hpp"

namespace pmx {
namespace {

void draw_below(const TreeText& node, const std::string& prefix, std::string& out) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
        const TreeText& child = node.children[i];
        const bool last = i + 1 == node.children.size();
        if (!child.heading.empty()) out += prefix + "│\n" + prefix + "│   " + child.heading + "\n";
        out += prefix + (last ? "└─" : "├─") + (child.children.empty() ? "─ " : "┬ ") + child.label + "\n";
        const std::string below = prefix + (last ? "  " : "│ ");
        for (const std::string& detail : child.details) out += below + (child.children.empty() ? "  " : "│ ") + detail + "\n";
        draw_below(child, below, out);
    }
}

}  // namespace

std::string draw(const TreeText& tree) {
    std::string out = tree.label + "\n";
    for (const std::string& detail : tree.details) out += (tree.children.empty() ? "  " : "│ ") + detail + "\n";
    draw_below(tree, "", out);
    return out;
}

}  // namespace pmx
