#include "install/shim.hpp"

#include "base/text.hpp"

namespace pmx {
namespace {

std::string quoted(std::string_view text) { return "'" + replace_all(text, "'", "'\\''") + "'"; }

// A path in the shim's own words: relative to where it lies, or absolute.
std::string path_text(std::string_view path) { return path.starts_with("/") ? quoted(path) : "\"$here\"/" + quoted(path); }

}  // namespace

Interpreter interpreter_of(std::string_view first_bytes, std::string_view file_name) {
    if (first_bytes.starts_with("#!")) {
        std::string_view line = trim(first_bytes.substr(2, first_bytes.find('\n') - 2));
        auto word = [&] {
            std::size_t end = line.find_first_of(" \t");
            std::string_view head = line.substr(0, end);
            line = end == std::string_view::npos ? std::string_view() : trim(line.substr(end));
            return head;
        };
        std::string_view program = word();
        if (program == "/usr/bin/env" || program == "/bin/env") {
            program = word();
            if (program == "-S") program = word();
        }
        if (!program.empty()) return {std::string(program), std::string(line)};
    }
    auto ends = [&](std::string_view suffix) { return file_name.ends_with(suffix); };
    if (ends(".js") || ends(".cjs") || ends(".mjs")) return {"node", ""};
    if (ends(".sh")) return {"sh", ""};
    return {};
}

std::string shim_text(std::string_view target, const Interpreter& interpreter, const std::vector<std::string>& node_path) {
    std::string out =
        "#!/bin/sh\n"
        "# Made by pmx: runs the program named in the last line, found from where this file really is.\n"
        "self=$0\n"
        "while [ -L \"$self\" ]; do\n"
        "  to=$(readlink -- \"$self\") || exit\n"
        "  case $to in /*) self=$to ;; *) self=${self%/*}/$to ;; esac\n"
        "done\n"
        "case $self in */*) here=${self%/*} ;; *) here=. ;; esac\n"
        "here=$(CDPATH= cd -P -- \"${here:-/}\" && pwd -P) || exit\n";
    if (!node_path.empty()) {
        out += "NODE_PATH=";
        for (std::size_t i = 0; i < node_path.size(); ++i) {
            if (i) out += ':';
            out += path_text(node_path[i]);
        }
        out += "${NODE_PATH:+:$NODE_PATH}\nexport NODE_PATH\n";
    }
    std::string goal = path_text(target) + " \"$@\"\n";
    if (interpreter.program.empty()) {
        out += "exec " + goal;
    } else {
        std::string arguments = interpreter.arguments.empty() ? "" : interpreter.arguments + " ";
        if (interpreter.program.find('/') == std::string::npos)
            out += "if [ -x \"$here\"/" + quoted(interpreter.program) + " ]; then exec \"$here\"/" + quoted(interpreter.program) +
                   " " + arguments + goal.substr(0, goal.size() - 1) + "; fi\n";
        out += "exec " + quoted(interpreter.program) + " " + arguments + goal;
    }
    out += "# cmd-shim-target=" + replace_all(target, "\n", " ") + "\n";
    return out;
}

}  // namespace pmx
