#include "resolve/npm_resolve.hpp"

#include "resolve/npm_finish.hpp"
#include "resolve/npm_ideal.hpp"

namespace pmx {

Result<Resolved> resolve_npm(const TreeInput& input) {
    if (!input.wanted || input.wanted->entries.empty() || input.projects.empty())
        return fail(Code::INTERNAL, "npm's resolver was started without npm's lockfile", input.root);
    const NpmEntry* old_root = &input.wanted->entries.front();
    const Manifest* manifest = nullptr;
    for (const ProjectInput& project : input.projects)
        if (project.dir == ".") manifest = &project.manifest;
    NpmEntry placeholder;
    NpmNodes nodes(&placeholder);
    NpmSource source(input, nodes);
    const NpmEntry* root = source.directory("", manifest, old_root);
    if (!root) root = old_root;
    placeholder = *root;  // for "$name" of overrides
    PMX_TRY(std::unique_ptr<const NpmOverride> overrides, NpmOverride::parse(manifest ? manifest->overrides_json : "", "package.json"));

    NpmIdeal ideal(input, nodes, source, overrides.get());
    PMX_CHECK(ideal.load(root));
    PMX_CHECK(ideal.build());
    NpmFinish finish(ideal, nodes, source);
    Resolved resolved;
    finish.drop_extraneous();
    PMX_CHECK(finish.drop_failed(resolved.unresolved_optional));

    Lockfile draft;
    draft.format = LockfileFormat::npm;
    draft.version = input.wanted->version;
    draft.text = input.wanted->text;
    draft.npm_name = manifest && !manifest->name.empty() ? std::string_view(manifest->name) : input.wanted->npm_name;
    draft.entries = finish.entries();
    // The same text is read again, so that what is installed now and what a later run reads cannot differ.
    PMX_TRY(resolved.lockfile, read_lockfile(input.wanted->file_name, npm_lockfile_text(draft, manifest ? std::vector<Manifest>{*manifest} : std::vector<Manifest>{})));
    PMX_CHECK(read_records(resolved.lockfile));
    resolved.lockfile.crlf = input.wanted->crlf;
    resolved.issues = finish.peer_issues();
    resolved.warnings = finish.warnings();
    return resolved;
}

}  // namespace pmx
