#include "store/package_json.hpp"

#include <algorithm>

#include "model/contained_path.hpp"
#include "model/manifest.hpp"

namespace pmx {

ObjectManifest read_package_json(std::string_view text, std::string_view id, Arena& arena,
                                 std::span<const std::string_view> files) {
    ObjectManifest kept;
    const bool has_gyp = std::find(files.begin(), files.end(), "binding.gyp") != files.end();
    kept.has_install_script = has_gyp;
    if (text.empty()) return kept;
    Result<Manifest> manifest = parse_manifest(text, id);
    if (!manifest) return kept;
    if (!manifest->name.empty()) kept.name = arena.copy(manifest->name);
    if (!manifest->version.empty()) kept.version = arena.copy(manifest->version);
    kept.has_install_script = has_gyp && manifest->gypfile.value_or(true);
    for (std::string_view name : {"preinstall", "install", "postinstall"})
        if (const std::string* script = find(manifest->scripts, name); script && !script->empty())
            kept.has_install_script = true;
    for (const Bin& bin : bins_of(*manifest, files)) {
        // The index refuses what is unsafe, so nothing unsafe goes in.
        if (!is_contained_path(bin.name) || bin.name.find('/') != std::string::npos || !is_contained_path(bin.path)) continue;
        kept.bins.push_back({arena.copy(bin.name), arena.copy(bin.path)});
    }
    for (const std::string& name : bundled_names(*manifest))
        if (is_safe_package_name(name)) kept.bundled.push_back(arena.copy(name));
    return kept;
}

}  // namespace pmx
