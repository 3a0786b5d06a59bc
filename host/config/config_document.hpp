// The configuration document: settings as one JSON object, the same for `pmx install --config-json`, for saved profiles
// and for the Python module: {"linker": "isolated", "network-concurrency": 48}. The settings table is its schema; keys
// may be written in camelCase. What `pmx config --json` prints is such a document too: {"value": …, "source": …} stands
// for its value, defaults and .npmrc's rows in it say nothing. Called by load_settings and by the doors. [any thread]
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace pmx {

// Who wrote it decides what it may say: a profile sets caps and built-in strategies, nothing else, wherever it lies.
enum class DocumentKind : bool { whole, profile };

// `where` names it in errors. Unknown keys are PMX_E_CONFIG with "did you mean".
Result<> merge_document(Settings& settings, std::string_view json, const std::string& where, DocumentKind kind);

// The text of `--config-json FILE|-|TEXT`: "-" is standard input, what begins with '{' is the document itself.
Result<std::string> document_argument(const std::string& argument);

// Where `--profile NAME|FILE` lies: with a '/' or ".json" it is a path, otherwise profiles/NAME.json beside the user's
// config.yaml. Pure.
std::string profile_path(const std::string& profile, const std::map<std::string, std::string>& environment);
// Reads it; PMX_E_CONFIG names the profiles that are there when this one is not.
Result<std::string> read_profile(const std::string& profile, const std::map<std::string, std::string>& environment);

// What somebody set, as a document that says the same.
std::string document_text(const Settings& settings);

}  // namespace pmx
