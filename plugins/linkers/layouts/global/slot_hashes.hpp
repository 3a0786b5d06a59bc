// The hash that names a package's slot in the store shared by all projects: it covers the package, everything
// below it and, where scripts run, the engine, so that equal names mean equal content. The same bytes are
// hashed as by pnpm's global virtual store, but for packages in a cycle. Pure but for the host's digest.
#pragma once

#include <algorithm>
#include <pmx/layout.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "../common/digest.hpp"

namespace pmx::layouts {

class SlotHashes {
  public:
    // `project` is the absolute directory of the lockfile; `engine` is "<platform>;<arch>;node<major>".
    SlotHashes(const sdk::Graph& graph, const Sha256& sha256, std::string_view project,
               std::string_view engine)
        : graph_(graph),
          sha256_(sha256),
          project_(project),
          engine_(engine),
          hashes_(graph.package_count()),
          entered_(graph.package_count()),
          lowest_(graph.package_count()),
          number_(graph.package_count()) {
        for (std::uint32_t i = 0; i < graph.package_count(); ++i)
            if (!is_skipped(i) && !entered_[i]) walk(i);
    }

    std::string slot(std::uint32_t index) const {
        const pmx_package& package = graph_.package(index);
        const bool local = package.flags & PMX_PACKAGE_DIRECTORY;
        std::vector<Field> fields = {{"engine", package.flags & PMX_PACKAGE_BUILT ? text(engine_) : "Null"},
                                     {"deps", text(hashes_[index])}};
        if (local) fields.push_back({"project", text(project())});
        std::string_view name = sdk::view(package.name);
        std::string version(local ? "directory" : sdk::view(package.version));
        std::ranges::replace_if(
            version, [](char c) { return c == '/' || c == '\\' || c == ':'; }, '+');
        if (version.empty() || version.starts_with('.')) version.insert(0, "v");
        std::string slot(name.starts_with('@') ? "" : "@/");
        slot.append(name).append("/").append(version).append("/").append(sha256_.hex(object(fields)));
        return slot;
    }

  private:
    struct Field {
        std::string key, value;
    };
    struct Frame {
        std::uint32_t package;
        std::vector<std::uint32_t> targets;
        std::size_t next = 0;
    };

    bool is_skipped(std::uint32_t package) const {
        return graph_.package(package).flags & PMX_PACKAGE_SKIPPED;
    }
    std::string_view project() const {
        if (project_.empty())
            throw sdk::Error(
                PMX_INVALID,
                "a package that belongs to this project needs the project's directory in its hash", {},
                "set the layout's option lockfile-dir");
        return project_;
    }

    // Lengths count UTF-16 units, as in JavaScript.
    static std::string text(std::string_view utf8) {
        std::size_t units = 0;
        for (unsigned char c : utf8) units += (c & 0xC0) != 0x80 ? (c >= 0xF0 ? 2 : 1) : 0;
        return "string:" + std::to_string(units) + ':' + std::string(utf8);
    }
    static std::string object(const std::vector<Field>& fields) {
        std::string result = "object:" + std::to_string(fields.size()) + ':';
        for (const Field& field : fields) result += text(field.key) + ':' + field.value + ',';
        return result;
    }
    std::string node(std::string_view id, std::vector<Field> children) const {
        std::ranges::sort(children, {}, &Field::key);
        return sha256_.base64(object({{"deps", object(children)}, {"id", text(id)}}));
    }

    // The id without its peers, and what its content is.
    std::string full_id(std::uint32_t index) const {
        const pmx_package& package = graph_.package(index);
        std::string_view id = sdk::view(package.id);
        std::size_t at = id.find('@', 1), cut = id.find('(', at == std::string_view::npos ? 0 : at);
        if (cut != std::string_view::npos && id.substr(cut).starts_with("(patch_hash="))
            cut = id.find('(', cut + 1);
        return std::string(id.substr(0, cut)) + ':' + std::string(sdk::view(package.integrity));
    }

    // "link:" and the directory, resolved against the project.
    std::string link_id(std::string_view link) const {
        std::string path(project());
        while (!link.empty() && link != ".") {
            std::string_view part = link.substr(0, link.find('/'));
            link.remove_prefix(std::min(link.size(), part.size() + 1));
            if (part == "..") {
                std::size_t slash = path.rfind('/');
                path.resize(slash == std::string::npos ? 0 : slash);
            } else if (!part.empty() && part != ".") {
                path.append("/").append(part);
            }
        }
        return "link:" + (path.empty() ? "/" : path);
    }

    // Tarjan's strongly connected components, depth first without recursion: a component is complete when everything
    // below it is.
    void walk(std::uint32_t start) {
        std::vector<Frame> frames;
        auto enter = [&](std::uint32_t package) {
            entered_[package] = lowest_[package] = ++clock_;
            open_.push_back(package);
            Frame frame{package, {}};
            graph_.each_edge(graph_.package(package), [&](const pmx_edge& edge) {
                if (edge.package != PMX_NONE && !is_skipped(edge.package)) frame.targets.push_back(edge.package);
            });
            frames.push_back(std::move(frame));
        };
        for (enter(start); !frames.empty();) {
            Frame& frame = frames.back();
            if (frame.next < frame.targets.size()) {
                std::uint32_t target = frame.targets[frame.next++];
                if (!entered_[target]) enter(target);
                else if (hashes_[target].empty())
                    lowest_[frame.package] = std::min(lowest_[frame.package], entered_[target]);
                continue;
            }
            const std::uint32_t package = frame.package;
            frames.pop_back();
            if (!frames.empty())
                lowest_[frames.back().package] = std::min(lowest_[frames.back().package], lowest_[package]);
            if (lowest_[package] != entered_[package]) continue;
            auto first = std::ranges::find(open_, package);
            std::vector<std::uint32_t> members(first, open_.end());
            open_.erase(first, open_.end());
            hash_component(std::move(members));
        }
    }

    // The children of a member; those in its own component by their number there.
    std::vector<Field> children_of(std::uint32_t index, bool alone) const {
        std::vector<Field> children;
        graph_.each_edge(graph_.package(index), [&](const pmx_edge& edge) {
            std::string alias(sdk::view(edge.alias));
            if (edge.package == PMX_NONE) {
                children.push_back({std::move(alias), text(node(link_id(sdk::view(edge.link)), {}))});
            } else if (edge.package == index && alone) {
                children.push_back({std::move(alias), text(node(full_id(index), {}))});
            } else if (!is_skipped(edge.package)) {
                const std::string& hash = hashes_[edge.package];
                children.push_back(
                    {std::move(alias), hash.empty() ? "#" + std::to_string(number_[edge.package]) : text(hash)});
            }
        });
        return children;
    }

    // Packages that need each other are named together. (pnpm cuts a cycle where its walk comes round, so that a name
    // there does not cover all that is below it; two projects with other versions there would share one slot.)
    void hash_component(std::vector<std::uint32_t> members) {
        if (members.size() == 1) {
            hashes_[members[0]] = node(full_id(members[0]), children_of(members[0], true));
            return;
        }
        std::ranges::sort(members, {}, [&](std::uint32_t i) { return std::pair(full_id(i), sdk::view(graph_.package(i).id)); });
        for (std::size_t i = 0; i < members.size(); ++i) number_[members[i]] = static_cast<std::uint32_t>(i);
        std::vector<Field> all;
        for (std::uint32_t member : members) {
            std::vector<Field> children = children_of(member, false);
            std::ranges::sort(children, {}, &Field::key);
            all.push_back({full_id(member), object(children)});
        }
        const std::string component = sha256_.base64(object(all));
        for (std::size_t i = 0; i < members.size(); ++i)
            hashes_[members[i]] = node(full_id(members[i]), {{"component", text(component)}, {"member", std::to_string(i)}});
    }

    const sdk::Graph& graph_;
    const Sha256& sha256_;
    std::string_view project_, engine_;
    std::vector<std::string> hashes_;
    std::vector<std::uint32_t> entered_, lowest_;  // when the walk first came by, and the oldest package of its cycle
    std::vector<std::uint32_t> number_;            // in its component
    std::vector<std::uint32_t> open_;              // entered, and no component yet
    std::uint32_t clock_ = 0;
};

}  // namespace pmx::layouts
