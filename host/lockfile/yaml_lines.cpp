#include "lockfile/yaml_lines.hpp"

#include <algorithm>
#include <cstring>

#include "lockfile/yaml_escape.hpp"

namespace pmx {
namespace {

constexpr int kDeepest = 40;

// One pass, line by line. Every method that returns false has met something outside the subset; the general reader
// then decides whether it is legal YAML.
class LineReader {
  public:
    LineReader(std::string_view text, Arena& arena, std::uint32_t first_line)
        : at_(text.data()), end_(text.data() + text.size()), line_(first_line), arena_(arena) {
        tree_.nodes.reserve(text.size() / 20 + 16);
    }

    bool read() {
        tree_.nodes.emplace_back();
        if (!to_content()) return done_;  // an empty document is null
        if (*at_ == '{' || *at_ == '[') {
            if (!flow(0, 0) || !finish_line()) return false;
            return !to_content() && done_;
        }
        return block(0, indent_, 0) && done_;
    }
    YamlTree take() { return std::move(tree_); }

  private:
    // From the start of a line: skips blank lines and comments; false at the end of the text (done_) or at a
    // document marker or a tab in the indentation.
    bool to_content() {
        for (;;) {
            const char* start = at_;
            while (at_ != end_ && *at_ == ' ') ++at_;
            if (at_ == end_) {
                done_ = true;
                indent_ = -1;
                return false;
            }
            if (*at_ == '\n') {
                ++at_;
                ++line_;
                continue;
            }
            if (*at_ == '#') {
                const void* newline = std::memchr(at_, '\n', end_ - at_);
                if (!newline) {
                    at_ = end_;
                    continue;
                }
                at_ = static_cast<const char*>(newline) + 1;
                ++line_;
                continue;
            }
            indent_ = static_cast<int>(at_ - start);
            if (*at_ == '\t') return false;
            if (indent_ == 0 && end_ - at_ >= 3 && (std::memcmp(at_, "---", 3) == 0 || std::memcmp(at_, "...", 3) == 0))
                return false;
            return true;
        }
    }

    // After a value: spaces and a comment may follow, then the line ends.
    bool finish_line() {
        const char* start = at_;
        while (at_ != end_ && *at_ == ' ') ++at_;
        if (at_ != end_ && *at_ == '#' && at_ != start) {
            const void* newline = std::memchr(at_, '\n', end_ - at_);
            at_ = newline ? static_cast<const char*>(newline) : end_;
        }
        if (at_ == end_) return true;
        if (*at_ != '\n') return false;
        ++at_;
        ++line_;
        return true;
    }

    bool is_dash() const { return *at_ == '-' && (at_ + 1 == end_ || at_[1] == ' ' || at_[1] == '\n'); }

    std::uint32_t append(std::uint32_t parent, std::uint32_t& last) {
        auto index = static_cast<std::uint32_t>(tree_.nodes.size());
        tree_.nodes.emplace_back();
        tree_.nodes.back().line = line_;
        if (last == kNoNode)
            tree_.nodes[parent].first = index;
        else
            tree_.nodes[last].next = index;
        last = index;
        return index;
    }

    // A map or list whose lines start at column `indent`; at_ is at the first one's content.
    bool block(std::uint32_t node, int indent, int depth) {
        if (depth > kDeepest) return false;
        return is_dash() ? block_list(node, indent, depth) : block_map(node, indent, depth);
    }

    bool block_map(std::uint32_t node, int indent, int depth) {
        tree_.nodes[node].kind = YamlKind::map;
        std::uint32_t last = kNoNode;
        while (indent_ == indent) {
            if (is_dash()) return false;
            std::uint32_t child = append(node, last);
            std::string_view key;
            bool quoted = false;
            if (*at_ == '?' && at_ + 1 != end_ && at_[1] == ' ') {
                if (!explicit_pair(child, indent, depth)) return false;
                if (indent_ > indent) return false;
                continue;
            }
            if (!block_key(key, quoted)) return false;
            if (key == "<<" && !quoted) return false;
            tree_.nodes[child].key = key;
            if (!block_value(child, indent, depth, true)) return false;
            if (indent_ > indent) return false;
        }
        return true;
    }

    bool block_list(std::uint32_t node, int indent, int depth) {
        tree_.nodes[node].kind = YamlKind::list;
        std::uint32_t last = kNoNode;
        while (indent_ == indent && is_dash()) {
            std::uint32_t child = append(node, last);
            ++at_;
            const char* dash = at_;
            while (at_ != end_ && *at_ == ' ') ++at_;
            if (at_ != end_ && *at_ != '\n' && *at_ != '#' && starts_key()) {
                indent_ = indent + 1 + static_cast<int>(at_ - dash);
                if (!block_map(child, indent_, depth + 1)) return false;
            } else {
                at_ = dash;
                if (!block_value(child, indent, depth, false)) return false;
            }
            if (indent_ > indent) return false;
        }
        return true;
    }

    // "? key" and ": value" on the next line, as very long keys are written. The value may begin a map on that line.
    bool explicit_pair(std::uint32_t child, int indent, int depth) {
        at_ += 2;
        if (at_ == end_ || *at_ == ' ' || *at_ == '\n') return false;
        if (!scalar_in_block(child) || tree_.nodes[child].kind != YamlKind::scalar || !finish_line()) return false;
        if (tree_.nodes[child].scalar == "<<") return false;
        tree_.nodes[child].key = tree_.nodes[child].scalar;
        tree_.nodes[child] = {tree_.nodes[child].key, {}, kNoNode, kNoNode, tree_.nodes[child].line};
        if (!to_content() || indent_ != indent || *at_ != ':') return false;
        const char* colon = ++at_;
        while (at_ != end_ && *at_ == ' ') ++at_;
        if (at_ != end_ && at_ != colon && *at_ != '\n' && *at_ != '#' && starts_key()) {
            indent_ = indent + 1 + static_cast<int>(at_ - colon);
            return block_map(child, indent_, depth + 1);
        }
        at_ = colon;
        return block_value(child, indent, depth, true);
    }

    // Whether a "key:" starts here: decides between a scalar and a map after a dash. Looks at the line only.
    bool starts_key() const {
        const char* p = at_;
        if (*p == '\'' || *p == '"') {
            char quote = *p++;
            while (p != end_ && *p != '\n' && *p != quote) p += *p == '\\' && quote == '"' && p + 1 != end_ ? 2 : 1;
            return p < end_ && *p == quote && p + 1 != end_ && p[1] == ':';
        }
        if (*p == '{' || *p == '[') return false;
        for (; p != end_ && *p != '\n'; ++p)
            if (*p == ':' && (p + 1 == end_ || p[1] == ' ' || p[1] == '\n')) return true;
        return false;
    }

    // After "key:" or "-": the value is on this line, or on deeper ones below.
    bool block_value(std::uint32_t node, int indent, int depth, bool in_map) {
        const char* start = at_;
        while (at_ != end_ && *at_ == ' ') ++at_;
        if (at_ == end_ || *at_ == '\n' || (*at_ == '#' && at_ != start)) {
            if (!finish_line()) return false;
            if (!to_content()) return done_;
            if (indent_ > indent) return block(node, indent_, depth + 1);
            if (in_map && indent_ == indent && is_dash()) return block_list(node, indent, depth + 1);
            return true;  // null
        }
        if (at_ == start) return false;
        if (*at_ == '|') return literal(node, indent);
        bool simple = *at_ == '{' || *at_ == '[' ? flow(node, depth + 1) : scalar_in_block(node);
        if (!simple || !finish_line()) return false;
        return to_content() ? indent_ <= indent : done_;
    }

    // A literal block scalar: "|", "|-", "|+", "|2-": a digit says how much deeper than `indent` its lines stand.
    bool literal(std::uint32_t node, int indent) {
        ++at_;
        char chomp = ' ';
        int body = -1, widest_blank = 0;
        if (at_ != end_ && *at_ >= '1' && *at_ <= '9') body = (indent < 0 ? 0 : indent) + (*at_++ - '0');
        if (at_ != end_ && (*at_ == '-' || *at_ == '+')) chomp = *at_++;
        if (at_ == end_ || *at_ != '\n') return false;
        ++at_;
        ++line_;
        bool begun = false;
        std::string text;
        std::size_t blank = 0;
        for (;;) {
            const char* start = at_;
            while (at_ != end_ && *at_ == ' ' && (body < 0 || at_ - start < body)) ++at_;
            if (at_ == end_) break;
            if (*at_ == '\n') {
                if (body < 0) widest_blank = std::max(widest_blank, static_cast<int>(at_ - start));
                ++blank;
                ++at_;
                ++line_;
                continue;
            }
            int column = static_cast<int>(at_ - start);
            if (body < 0) {
                if (column <= indent) {
                    at_ = start;
                    break;
                }
                if (widest_blank > column) return false;
                body = column;
            }
            if (column < body) {
                if (column > indent) return false;
                at_ = start;
                break;
            }
            text.append(blank, '\n');
            blank = 0;
            begun = true;
            const void* newline = std::memchr(at_, '\n', end_ - at_);
            if (!newline) return false;  // a text that ends inside the scalar
            const char* stop = static_cast<const char*>(newline);
            text.append(at_, stop);
            text.push_back('\n');
            at_ = stop + 1;
            ++line_;
        }
        if (!begun || at_ == end_) return false;
        if (chomp == '-' && text.ends_with('\n')) text.pop_back();
        if (chomp == '+') text.append(blank, '\n');
        YamlNode& to = tree_.nodes[node];
        to.kind = YamlKind::scalar;
        to.quoted = true;
        to.scalar = arena_.copy(text);
        return to_content() ? indent_ <= indent : done_;
    }

    bool block_key(std::string_view& key, bool& quoted) {
        if (*at_ == '\'' || *at_ == '"') {
            quoted = true;
            if (!quoted_text(key)) return false;
            while (at_ != end_ && *at_ == ' ') ++at_;
            if (at_ == end_ || *at_ != ':') return false;
            ++at_;
            return at_ == end_ || *at_ == ' ' || *at_ == '\n';
        }
        if (!may_start_plain(false)) return false;
        const char* start = at_;
        for (const char* p = at_; p != end_ && *p != '\n'; ++p) {
            if (*p == '#' && p != start && p[-1] == ' ') return false;
            if (*p != ':' || (p + 1 != end_ && p[1] != ' ' && p[1] != '\n')) continue;
            at_ = p + 1;
            while (p != start && p[-1] == ' ') --p;
            key = {start, static_cast<std::size_t>(p - start)};
            return !key.empty();
        }
        return false;
    }

    bool may_start_plain(bool in_flow) const {
        switch (*at_) {
            case ',': case '[': case ']': case '{': case '}': case '#': case '&': case '*': case '!': case '|':
            case '>': case '\'': case '"': case '%': case '@': case '`': case '\t':
                return false;
            case '-': case '?': case ':':
                return !in_flow && at_ + 1 != end_ && at_[1] != ' ' && at_[1] != '\n' && at_[1] != '\t';
            default:
                return true;
        }
    }

    void set_plain(std::uint32_t node, const char* start, const char* stop) {
        YamlNode& to = tree_.nodes[node];
        to.scalar = {start, static_cast<std::size_t>(stop - start)};
        std::string_view s = to.scalar;
        bool is_null = s == "~" || s == "null" || s == "Null" || s == "NULL";
        to.kind = is_null ? YamlKind::null : YamlKind::scalar;
        if (is_null) to.scalar = {};
    }

    bool scalar_in_block(std::uint32_t node) {
        if (*at_ == '\'' || *at_ == '"') return quoted_scalar(node);
        if (!may_start_plain(false)) return false;
        const char* start = at_;
        const void* newline = std::memchr(at_, '\n', end_ - at_);
        const char* stop = newline ? static_cast<const char*>(newline) : end_;
        for (const char* p = start; p != stop; ++p) {
            if (*p == ':' && (p + 1 == stop || p[1] == ' ')) return false;
            if (*p == '#' && p != start && p[-1] == ' ') {
                stop = p;
                break;
            }
        }
        at_ = stop;
        while (at_ != start && at_[-1] == ' ') --at_;
        set_plain(node, start, at_);
        return true;
    }

    bool quoted_scalar(std::uint32_t node) {
        std::string_view text;
        if (!quoted_text(text)) return false;
        tree_.nodes[node].scalar = text;
        tree_.nodes[node].kind = YamlKind::scalar;
        tree_.nodes[node].quoted = true;
        return true;
    }

    // 'text' or "text" on one line.
    bool quoted_text(std::string_view& out) {
        char quote = *at_++;
        const char* start = at_;
        bool escaped = false;
        for (;; ++at_) {
            if (at_ == end_ || *at_ == '\n') return false;
            if (quote == '"' && *at_ == '\\') {
                escaped = true;
                if (++at_ == end_ || *at_ == '\n') return false;
            } else if (*at_ == quote) {
                if (quote == '"' || at_ + 1 == end_ || at_[1] != '\'') break;
                escaped = true;
                ++at_;
            }
        }
        std::string_view raw{start, static_cast<std::size_t>(at_ - start)};
        ++at_;
        if (!escaped) {
            out = raw;
            return true;
        }
        std::string text;
        for (std::size_t i = 0; i < raw.size(); ++i) {
            char c = raw[i];
            if (quote == '\'' && c == '\'')
                text.push_back(raw[++i]);
            else if (quote == '"' && c == '\\') {
                if (!append_unescaped(text, raw, ++i)) return false;
            } else
                text.push_back(c);
        }
        out = arena_.copy(text);
        return true;
    }

    void skip_spaces() {
        while (at_ != end_ && *at_ == ' ') ++at_;
    }

    // {a: b, …} or [a, …] on one line, nested as deep as kDeepest.
    bool flow(std::uint32_t node, int depth) {
        if (depth > kDeepest) return false;
        if (*at_ == '\'' || *at_ == '"') return quoted_scalar(node);
        if (*at_ != '{' && *at_ != '[') return flow_plain(node);
        bool is_map = *at_++ == '{';
        char close = is_map ? '}' : ']';
        tree_.nodes[node].kind = is_map ? YamlKind::map : YamlKind::list;
        skip_spaces();
        if (at_ != end_ && *at_ == close) {
            ++at_;
            return true;
        }
        std::uint32_t last = kNoNode;
        for (;;) {
            if (at_ == end_ || *at_ == '\n') return false;
            std::uint32_t child = append(node, last);
            if (is_map) {
                std::string_view key;
                if (!flow_key(key)) return false;
                tree_.nodes[child].key = key;
                if (at_ == end_ || *at_ != ' ') return false;
                skip_spaces();
                if (at_ == end_ || *at_ == '\n') return false;
            }
            if (!flow(child, depth + 1)) return false;
            skip_spaces();
            if (at_ == end_) return false;
            if (*at_ == close) {
                ++at_;
                return true;
            }
            if (*at_ != ',') return false;
            ++at_;
            skip_spaces();
        }
    }

    bool flow_key(std::string_view& key) {
        if (*at_ == '\'' || *at_ == '"') {
            if (!quoted_text(key) || at_ == end_ || *at_ != ':') return false;
            ++at_;
            return true;
        }
        if (!may_start_plain(true)) return false;
        const char* start = at_;
        for (; at_ != end_ && *at_ != '\n'; ++at_) {
            if (std::strchr(",[]{}#\t", *at_)) return false;
            if (*at_ == ':' && at_ + 1 != end_ && at_[1] == ' ') {
                key = {start, static_cast<std::size_t>(at_ - start)};
                ++at_;
                return key.back() != ' ' && key != "<<";
            }
        }
        return false;
    }

    bool flow_plain(std::uint32_t node) {
        if (!may_start_plain(true)) return false;
        const char* start = at_;
        for (; at_ != end_ && *at_ != '\n'; ++at_) {
            char c = *at_;
            if (c == ',' || c == ']' || c == '}') break;
            if (c == '[' || c == '{') return false;
            if (c == '#' && at_[-1] == ' ') return false;
            if (c == ':' && (at_ + 1 == end_ || std::strchr(" \n,[]{}", at_[1]))) return false;
        }
        if (at_ == end_ || *at_ == '\n') return false;
        const char* stop = at_;
        while (stop != start && stop[-1] == ' ') --stop;
        set_plain(node, start, stop);
        return stop != start;
    }

    const char* at_;
    const char* end_;
    std::uint32_t line_;
    Arena& arena_;
    int indent_ = 0;
    bool done_ = false;
    YamlTree tree_;
};

}  // namespace

const YamlNode* YamlTree::find(const YamlNode& of, std::string_view key) const {
    if (of.kind != YamlKind::map) return nullptr;
    for (const YamlNode* child = first(of); child; child = next(*child))
        if (child->key == key) return child;
    return nullptr;
}

std::optional<YamlTree> read_yaml_lines(std::string_view text, Arena& arena, std::uint32_t first_line) {
    LineReader reader(text, arena, first_line);
    if (!reader.read()) return std::nullopt;
    return reader.take();
}

}  // namespace pmx
