// The hash that names a package's slot in the store shared by all projects: it covers the package, everything
// below it and, where scripts run, the engine, so that equal names mean equal content. The same bytes are
// hashed as by pnpm's global virtual store. Pure but for the host's digest.
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
          on_path_(graph.package_count()) {
        by_id_.resize(graph.package_count());
        for (std::uint32_t i = 0; i < by_id_.size(); ++i) by_id_[i] = i;
        std::ranges::sort(by_id_, {}, [&](std::uint32_t i) { return sdk::view(graph_.package(i).id); });
        for (std::uint32_t i : by_id_)
            if (!is_skipped(i) && hashes_[i].empty()) walk(i);
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
        std::vector<const pmx_edge*> edges;
        std::vector<Field> children;
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

    // Depth first without recursion. A package met again on the way down contributes its name only.
    void walk(std::uint32_t start) {
        std::vector<Frame> frames;
        auto enter = [&](std::uint32_t package) {
            on_path_[package] = true;
            Frame frame{package, {}, {}};
            graph_.each_edge(graph_.package(package),
                             [&](const pmx_edge& edge) { frame.edges.push_back(&edge); });
            std::ranges::sort(frame.edges, {}, [](const pmx_edge* edge) {
                return std::pair(edge->kind == PMX_EDGE_OPTIONAL, sdk::view(edge->alias));
            });
            frames.push_back(std::move(frame));
        };
        for (enter(start); !frames.empty();) {
            Frame& frame = frames.back();
            if (frame.next == frame.edges.size()) {
                hashes_[frame.package] = node(full_id(frame.package), std::move(frame.children));
                on_path_[frame.package] = false;
                frames.pop_back();
                continue;
            }
            const pmx_edge& edge = *frame.edges[frame.next];
            std::string alias(sdk::view(edge.alias));
            if (edge.package == PMX_NONE) {
                frame.children.push_back({std::move(alias), text(node(link_id(sdk::view(edge.link)), {}))});
            } else if (!is_skipped(edge.package)) {
                if (hashes_[edge.package].empty() && !on_path_[edge.package]) {
                    enter(edge.package);  // and come back to this edge
                    continue;
                }
                std::string hash =
                    on_path_[edge.package] ? node(full_id(edge.package), {}) : hashes_[edge.package];
                frame.children.push_back({std::move(alias), text(hash)});
            }
            ++frame.next;
        }
    }

    const sdk::Graph& graph_;
    const Sha256& sha256_;
    std::string_view project_, engine_;
    std::vector<std::string> hashes_;
    std::vector<bool> on_path_;
    std::vector<std::uint32_t> by_id_;
};

}  // namespace pmx::layouts
