// The codecs behind read_lockfile(), and what they share. Each fills a Lockfile whose text, format and file_name are
// set already. Pure. [any thread]
#pragma once

#include <string>
#include <string_view>

#include "lockfile/lockfile.hpp"

namespace pmx {

// `document_line`: the line of the file on which lockfile.document starts.
Result<> read_pnpm_lock(Lockfile& lockfile, std::uint32_t document_line);
Result<> read_npm_lock(Lockfile& lockfile);

// The format's part of read_records().
Result<> read_npm_records(Lockfile& lockfile);

// The main YAML document of a pnpm lockfile: all of it, or what follows the first "---" separator when the file opens
// with an env document. Empty when it holds an env document only.
std::string_view main_document(std::string_view text);

// Marks the packages that only dev edges of projects reach. Called by codecs whose format does not say it.
void mark_dev_only(Graph& graph);

// No control bytes, no NUL: fit for a symlink's target or an id.
bool is_clean_text(std::string_view text);

}  // namespace pmx
