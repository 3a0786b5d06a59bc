// Archives for tests: a tar writer that can be told to lie, gzip around it, and a throw-away store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "store/archive_source.hpp"
#include "store/store.hpp"

namespace pmx::test {

struct TarItem {
    std::string path, data = {};
    char type = '0';
    std::uint32_t mode = 0644;
    std::string link = {};
};

// One header block; `size_field` replaces the 12 bytes of the size when it is not empty.
std::string tar_header(const TarItem& item, std::uint64_t size, std::string_view size_field = {});
// Header, body, padding.
std::string tar_entry(const TarItem& item);
// A PAX header with these records ("path=…"), lengths added.
std::string pax(const std::vector<std::string>& records, char type = 'x');
std::string tar(const std::vector<TarItem>& items, bool end_blocks = true);
std::string gzip(std::string_view bytes, int level = 6);
// gzip(tar(package/…)): paths get "package/" in front.
std::string package(const std::vector<TarItem>& items);
std::string manifest_json(std::string_view name, std::string_view version, std::string_view more = {});

// Deterministic bytes.
std::string noise(std::size_t size, std::uint32_t seed);

// An archive that comes in pieces of a size, and is proven or not at its end.
class InPieces final : public ArchiveSource {
  public:
    InPieces(std::string_view bytes, std::size_t piece, Result<> proof = {}) : bytes_(bytes), piece_(piece), proof_(std::move(proof)) {}
    Result<std::string_view> next() override;
    bool was_whole() const override { return false; }
    Result<std::uint64_t> more_than(std::uint64_t count) override;
    Result<> prove() override;
    std::size_t shown() const { return shown_; }
    bool was_asked = false;  // to prove itself
    std::size_t ends_at = SIZE_MAX;  // from here on there is an error

  private:
    std::string_view bytes_;
    const std::size_t piece_;
    Result<> proof_;
    std::size_t shown_ = 0, known_ = 0;
    std::string held_;
};

struct TempDir {
    TempDir();
    ~TempDir();
    std::filesystem::path path;
    std::string operator/(std::string_view tail) const { return (path / tail).string(); }
};

std::string read(const std::filesystem::path& path);
// A well-formed key that is different for each text.
std::string key(std::string_view text);
// The content of one file of an object, through its descriptor.
std::string content(const ObjectView& view, std::string_view path);
const ObjectFile* file(const ObjectView& view, std::string_view path);
std::vector<std::string> paths(const ObjectView& view);

}  // namespace pmx::test
