#include "config/workspace_edit.hpp"

#include <algorithm>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/text.hpp"

namespace pmx {
namespace {

// A scalar as it stands in the text.
struct Piece {
    std::size_t from = 0, to = 0;
};

class Text {
  public:
    explicit Text(std::string text) : text_(std::move(text)) {
        lines_.push_back(0);
        for (std::size_t i = 0; i < text_.size(); ++i)
            if (text_[i] == '\n') lines_.push_back(i + 1);
        crlf_ = text_.find("\r\n") != text_.npos;
    }
    const std::string& str() const { return text_; }
    std::string_view newline() const { return crlf_ ? "\r\n" : "\n"; }
    std::size_t line_start(int line) const { return static_cast<std::size_t>(line) < lines_.size() ? lines_[static_cast<std::size_t>(line)] : text_.size(); }
    std::size_t next_line(std::size_t at) const {
        std::size_t end = text_.find('\n', at);
        return end == text_.npos ? text_.size() : end + 1;
    }
    // False where the text does not stand where yaml-cpp says: an anchor, a tag, a text of several lines.
    bool find(const YAML::Node& node, Piece& piece) const {
        YAML::Mark mark = node.Mark();
        if (mark.is_null() || mark.line < 0 || mark.column < 0) return false;
        piece.from = line_start(mark.line) + static_cast<std::size_t>(mark.column);
        if (piece.from >= text_.size()) return false;
        char first = text_[piece.from];
        if (first == '"' || first == '\'') {
            for (std::size_t i = piece.from + 1; i < text_.size() && text_[i] != '\n'; ++i) {
                if (first == '"' && text_[i] == '\\') ++i;
                else if (text_[i] == first && first == '\'' && i + 1 < text_.size() && text_[i + 1] == '\'') ++i;
                else if (text_[i] == first) return piece.to = i + 1, true;
            }
            return false;
        }
        const std::string& value = node.Scalar();
        piece.to = piece.from + value.size();
        return std::string_view(text_).substr(piece.from, value.size()) == value;
    }

  private:
    std::string text_;
    std::vector<std::size_t> lines_;
    bool crlf_ = false;
};

// Plain where YAML lets it be so, as pnpm writes it.
std::string scalar(std::string_view text) {
    bool plain = !text.empty() && text.find(": ") == text.npos && text.find(" #") == text.npos && text.find_first_of("{}[],\"'\n") == text.npos &&
                 std::string_view("@*&!|>%`#?-:= ").find(text.front()) == std::string_view::npos && !text.ends_with(':') && !text.ends_with(' ');
    // "1", "1.0": a number, were it plain.
    if (plain && text.find_first_not_of("0123456789.eE+_") == text.npos && std::count(text.begin(), text.end(), '.') < 2) plain = false;
    if (plain && (text == "~" || text == "null" || text == "true" || text == "false")) plain = false;
    return plain ? std::string(text) : "'" + replace_all(text, "'", "''") + "'";
}

class Catalogs {
  public:
    Catalogs(std::string text, const std::string& path) : text_(std::move(text)), path_(path) {}

    Result<std::string> put(const YAML::Node& root, std::string_view catalog, std::string_view name, std::string_view specifier) {
        entry_ = scalar(name) + ": " + scalar(specifier);
        const std::string group(catalog);
        YAML::Node named = root["catalogs"];
        bool short_form = catalog == "default" && !(named.IsDefined() && named.IsMap() && named[group].IsDefined());
        YAML::Node found = short_form ? root["catalog"] : named.IsDefined() && named.IsMap() ? named[group] : YAML::Node(YAML::NodeType::Undefined);
        if (found.IsDefined() && found.IsMap() && found.size() > 0) {
            for (const auto& item : found)
                if (item.first.IsScalar() && item.first.Scalar() == name) return replaced(item.second, specifier);
            return inserted(found, name);
        }
        if (found.IsDefined() && !found.IsNull()) return refused();
        if (found.IsDefined()) return refused();  // "catalog:" with nothing below it: where would it end?
        if (short_form) return appended("catalog:", "  " + entry_);
        if (named.IsDefined() && named.IsMap() && named.size() > 0) return with_new_catalog(named, group);
        if (named.IsDefined()) return refused();
        return appended("catalogs:", "  " + scalar(group) + ":", "    " + entry_);
    }

  private:
    Failure refused() const {
        return fail(Code::CONFIG, "the catalog is written in a way that cannot be edited", path_, "put this line into it: " + entry_);
    }
    std::string spliced(std::size_t from, std::size_t to, std::string_view with) const {
        return text_.str().substr(0, from) + std::string(with) + text_.str().substr(to);
    }
    Result<std::string> replaced(const YAML::Node& value, std::string_view specifier) const {
        Piece piece;
        if (!value.IsScalar() || !text_.find(value, piece)) return refused();
        return spliced(piece.from, piece.to, scalar(specifier));
    }
    Result<std::string> inserted(const YAML::Node& map, std::string_view name) const {
        std::vector<std::pair<YAML::Node, YAML::Node>> items;
        for (const auto& item : map) items.emplace_back(item.first, item.second);
        auto by_name = [](const auto& a, const auto& b) { return a.first.Scalar() < b.first.Scalar(); };
        for (const auto& [key, value] : items)
            if (!key.IsScalar() || !value.IsScalar()) return refused();
        auto next = items.end();
        if (std::is_sorted(items.begin(), items.end(), by_name))
            next = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.first.Scalar() > name; });
        Piece piece;
        const bool flow = map.Style() == YAML::EmitterStyle::Flow;
        if (next != items.end()) {
            if (!text_.find(next->first, piece)) return refused();
            return spliced(piece.from, piece.from, flow ? entry_ + ", " : entry_ + std::string(text_.newline()) + indent_at(piece.from));
        }
        Piece key;
        if (!text_.find(items.back().second, piece) || !text_.find(items.back().first, key)) return refused();
        if (flow) return spliced(piece.to, piece.to, ", " + entry_);
        return after_line(piece.to, indent_at(key.from) + entry_);
    }
    Result<std::string> with_new_catalog(const YAML::Node& named, const std::string& group) const {
        Piece first, last;
        YAML::Node key, value;
        for (const auto& item : named) {
            if (!item.first.IsScalar() || !item.second.IsMap() || item.second.size() == 0 || item.second.Style() == YAML::EmitterStyle::Flow) return refused();
            key = item.first;
            for (const auto& entry : item.second) value = entry.second;
        }
        if (!value.IsScalar() || !text_.find(key, first) || !text_.find(value, last)) return refused();
        std::string indent = indent_at(first.from);
        return after_line(last.to, indent + scalar(group) + ":" + std::string(text_.newline()) + indent + indent + entry_);
    }
    template <class... Lines>
    std::string appended(Lines... lines) const {
        std::string out = text_.str();
        if (!out.empty() && out.back() != '\n') out += text_.newline();
        ((out += std::string(lines) + std::string(text_.newline())), ...);
        return out;
    }
    std::string indent_at(std::size_t at) const {
        std::size_t start = text_.str().rfind('\n', at == 0 ? 0 : at - 1);
        start = start == text_.str().npos ? 0 : start + 1;
        return std::string(at - start, ' ');
    }
    std::string after_line(std::size_t at, const std::string& line) const {
        std::size_t next = text_.next_line(at);
        bool ended = next > 0 && text_.str()[next - 1] == '\n';
        return spliced(next, next, (ended ? "" : std::string(text_.newline())) + line + (ended ? std::string(text_.newline()) : ""));
    }

    Text text_;
    const std::string& path_;
    std::string entry_;
};

}  // namespace

Result<std::string> with_catalog_entry(std::string_view text, std::string_view catalog, std::string_view name, std::string_view specifier,
                                       const std::string& path) {
    try {
        YAML::Node root = YAML::Load(std::string(text));
        if (root.IsNull()) root = YAML::Node(YAML::NodeType::Map);
        if (!root.IsMap()) return fail(Code::CONFIG, "the file is not a map of settings", path, "write \"name: value\" lines");
        const YAML::Node& settled = root;  // looking a key up must not make it
        return Catalogs(std::string(text), path).put(settled, catalog, name, specifier);
    } catch (const std::exception& error) {
        return fail(Code::CONFIG, std::string("the file cannot be read as YAML: ") + error.what(), path, "correct it");
    }
}

}  // namespace pmx
