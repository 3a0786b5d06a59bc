// ManifestEdit: package.json as text whose dependencies change while everything else stays byte for byte: indentation,
// order, line ends, a BOM, the end of the file. Made by install/edit.cpp from the text that was read; the caller writes
// the result. Pure. [one thread]
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pmx {

class ManifestEdit {
  public:
    // `text` is a JSON object, or "" where there is no file yet. `subject` names it in errors (PMX_E_MANIFEST).
    static Result<ManifestEdit> open(std::string_view text, std::string_view subject);
    ManifestEdit(ManifestEdit&&) noexcept;
    ManifestEdit& operator=(ManifestEdit&&) noexcept;
    ~ManifestEdit();

    // `group` is the key: "dependencies", "devDependencies", … A new group comes last, as pnpm puts it; a group that gets
    // a new name is sorted by bytes. A value that is there already changes in its place.
    void set(std::string_view group, std::string_view name, std::string_view specifier);
    // False when it was not there. The last one takes its group with it.
    bool remove(std::string_view group, std::string_view name);
    // Whether the group has the name.
    bool has(std::string_view group, std::string_view name) const;
    // dependenciesMeta.NAME.KEY; keys that other tools wrote stay.
    void set_meta(std::string_view name, std::string_view key, bool value);
    // dependenciesMeta.NAME goes; an emptied dependenciesMeta stays, as pnpm leaves it.
    bool remove_meta(std::string_view name);

    // The whole text. What was opened, when nothing changed.
    std::string text() const;

  private:
    struct Document;
    explicit ManifestEdit(std::unique_ptr<Document> document);
    std::unique_ptr<Document> document_;
};

}  // namespace pmx
