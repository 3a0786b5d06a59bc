#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "model/contained_path.hpp"
#include "store/package_json.hpp"
#include "store/packlist.hpp"
#include "store/store.hpp"

namespace pmx {
namespace {

constexpr std::size_t kManifestLimit = 16u << 20;

class Walk {
  public:
    Walk(const PackList& list, std::string_view id) : list_(list), id_(id) {}

    struct Found {
        std::string path;
        FileStat info;
    };
    std::vector<Found> files;
    std::vector<std::string> dirs;

    Result<> into(int dir, const std::string& below) {
        PMX_TRY(std::vector<DirEntry> entries, list_dir(dir));
        std::sort(entries.begin(), entries.end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
        IgnoreRules rules;
        for (const char* name : {".npmignore", ".gitignore"}) {
            auto present = [&](const DirEntry& entry) { return entry.name == name; };
            if (std::none_of(entries.begin(), entries.end(), present)) continue;
            PMX_TRY(std::string text, read_file(dir, name, kManifestLimit));
            rules = IgnoreRules(text, below);
            break;  // .npmignore takes the place of .gitignore
        }
        rules_.push_back(&rules);
        for (const DirEntry& entry : entries) {
            std::string path = below.empty() ? entry.name : below + "/" + entry.name;
            PMX_TRY(std::optional<FileStat> info, stat_at(dir, entry.name.c_str()));
            if (!info) continue;  // gone since it was listed
            if (info->is_dir()) {
                if (!list_.enters(path, rules_)) continue;
                PMX_CHECK(contained_path(path, "the path", id_));
                PMX_TRY(Fd sub, open_dir_nofollow(dir, entry.name.c_str()));
                PMX_CHECK(into(sub.raw(), path));
            } else if (info->is_file() && list_.takes(path, rules_)) {
                PMX_CHECK(contained_path(path, "the path", id_));
                add_parents(below);
                files.push_back({std::move(path), *info});
            }
        }
        rules_.pop_back();
        return {};
    }

  private:
    // Directories without a file that is taken do not exist in the package.
    void add_parents(const std::string& below) {
        if (below.empty() || below == last_) return;
        for (std::size_t at = below.find('/');; at = below.find('/', at + 1)) {
            std::string parent = below.substr(0, at);
            if (known_.insert(parent).second) dirs.push_back(std::move(parent));
            if (at == std::string::npos) break;
        }
        last_ = below;
    }

    const PackList& list_;
    std::string_view id_;
    std::vector<const IgnoreRules*> rules_;
    std::unordered_set<std::string> known_;
    std::string last_;
};

}  // namespace

Result<ObjectView> Store::view_directory(int root, std::string_view dir, std::string_view id) {
    ObjectView view;
    PMX_TRY(view.dir, open_dir(root, std::string(dir.empty() ? "." : dir).c_str()));
    PMX_TRY(FileStat self, stat_fd(view.dir.raw()));
    view.device = self.device;
    PMX_TRY(std::optional<std::string> text, read_file_if_exists(view.dir.raw(), "package.json", kManifestLimit));

    PackList list(text ? *text : std::string(), id);
    Walk walk(list, id);
    PMX_CHECK(walk.into(view.dir.raw(), {}));
    if (walk.files.empty())
        return fail(Code::MANIFEST, "the directory holds no files that belong to a package", std::string(dir),
                    "check the path of this dependency");
    auto marker = std::find_if(walk.files.begin(), walk.files.end(),
                               [](const Walk::Found& file) { return file.path == "package.json"; });
    if (marker != walk.files.end()) std::rotate(marker, marker + 1, walk.files.end());

    // One buffer, sized before the first view into it is taken.
    std::vector<std::string_view> paths;
    for (const Walk::Found& file : walk.files) paths.push_back(file.path);
    Arena arena;
    ObjectManifest manifest = read_package_json(text ? *text : std::string_view(), id, arena, paths);
    std::size_t room = 64 + id.size() + manifest.name.size() + manifest.version.size() + 3;
    for (const Walk::Found& file : walk.files) room += file.path.size() + 1;
    for (const std::string& path : walk.dirs) room += path.size() + 1;
    for (const ObjectBin& bin : manifest.bins) room += bin.name.size() + bin.path.size() + 2;
    for (std::string_view name : manifest.bundled) room += name.size() + 1;
    view.storage.reserve(room);
    auto keep = [&](std::string_view value) {
        std::size_t at = view.storage.size();
        view.storage.append(value).push_back('\0');
        return std::string_view(view.storage.data() + at, value.size());
    };
    view.id = keep(id);
    for (const Walk::Found& file : walk.files) {
        std::string_view path = keep(file.path);
        view.files.push_back({path, path, file.info.size, file.info.inode, file.info.mtime_ns, file.info.mode & 07777});
    }
    for (const std::string& path : walk.dirs) view.dirs.push_back(keep(path));
    view.manifest.name = keep(manifest.name);
    view.manifest.version = keep(manifest.version);
    view.manifest.has_install_script = manifest.has_install_script;
    for (const ObjectBin& bin : manifest.bins) {
        std::string_view name = keep(bin.name);
        view.manifest.bins.push_back({name, keep(bin.path)});
    }
    for (std::string_view name : manifest.bundled) view.manifest.bundled.push_back(keep(name));
    return view;
}

}  // namespace pmx
