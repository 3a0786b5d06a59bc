// TreeText: a tree drawn with lines, for `list` and `why`. Pure. [any thread]
#pragma once

#include <string>
#include <vector>

namespace pmx {

struct TreeText {
    std::string label;
    std::vector<std::string> details;  // lines below the label
    std::vector<TreeText> children;
    std::string heading;               // stands above the label, between the branches
};
// One line per node, '\n' after each; the depth of `tree` is its maker's business.
std::string draw(const TreeText& tree);

}  // namespace pmx
