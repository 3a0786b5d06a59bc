#include "model/contained_path.hpp"

namespace pmx {

bool is_contained_path(std::string_view path) {
    if (path.empty() || path.size() > 4095 || path.find('\0') != std::string_view::npos) return false;
    for (;;) {
        std::size_t at = path.find('/');
        std::string_view part = path.substr(0, at);
        if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
        if (at == std::string_view::npos) return true;
        path.remove_prefix(at + 1);
    }
}

Result<std::string_view> contained_path(std::string_view path, std::string_view what, std::string_view owner) {
    if (is_contained_path(path)) return path;
    return fail(Code::UNSAFE_PATH, std::string(what) + " \"" + std::string(path) + "\" would leave its place",
                std::string(owner), "nothing was written for it; report this package to its registry");
}

bool is_safe_package_name(std::string_view name) {
    auto part_is_safe = [](std::string_view part) {
        if (part.empty() || part.size() > 255 || part.front() == '.' || part == "node_modules") return false;
        for (unsigned char c : part)
            if (c < 0x20 || c == 0x7f || c == '\\' || c == '/' || c == ':') return false;
        return true;
    };
    if (!name.empty() && name.front() == '@') {
        std::size_t slash = name.find('/');
        return slash != std::string_view::npos && slash > 1 && part_is_safe(name.substr(1, slash - 1)) &&
               part_is_safe(name.substr(slash + 1));
    }
    return part_is_safe(name);
}

}  // namespace pmx
