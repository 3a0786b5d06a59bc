#include "store/archives.hpp"

#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include <fmt/format.h>
#include <libdeflate.h>
#include <unistd.h>

#include "base/hash.hpp"

namespace pmx::test {

std::string tar_header(const TarItem& item, std::uint64_t size, std::string_view size_field) {
    std::string block(512, '\0');
    auto put = [&](std::size_t at, std::string_view text) { std::memcpy(block.data() + at, text.data(), text.size()); };
    put(0, std::string_view(item.path).substr(0, 100));
    put(100, fmt::format("{:07o}", item.mode));
    put(108, "0000000");
    put(116, "0000000");
    put(124, size_field.empty() ? fmt::format("{:011o}", size) : std::string(size_field));
    put(136, "00000000000");
    block[156] = item.type;
    put(157, std::string_view(item.link).substr(0, 100));
    put(257, std::string_view("ustar\0"
                              "00",
                              8));
    put(148, "        ");
    unsigned sum = 0;
    for (unsigned char c : block) sum += c;
    put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    return block;
}

std::string tar_entry(const TarItem& item) {
    std::string out = tar_header(item, item.data.size()) + item.data;
    out.resize((out.size() + 511) / 512 * 512, '\0');
    return out;
}

std::string pax(const std::vector<std::string>& records, char type) {
    std::string body;
    for (const std::string& record : records) {
        std::size_t length = record.size() + 3;
        while (fmt::format("{} {}\n", length, record).size() != length) ++length;
        body += fmt::format("{} {}\n", length, record);
    }
    return tar_entry({"PaxHeader", body, type});
}

std::string tar(const std::vector<TarItem>& items, bool end_blocks) {
    std::string out;
    for (const TarItem& item : items) out += tar_entry(item);
    if (end_blocks) out.append(1024, '\0');
    return out;
}

std::string gzip(std::string_view bytes, int level) {
    libdeflate_compressor* compressor = libdeflate_alloc_compressor(level);
    std::string out(libdeflate_gzip_compress_bound(compressor, bytes.size()), '\0');
    out.resize(libdeflate_gzip_compress(compressor, bytes.data(), bytes.size(), out.data(), out.size()));
    libdeflate_free_compressor(compressor);
    return out;
}

std::string package(const std::vector<TarItem>& items) {
    std::vector<TarItem> below = items;
    for (TarItem& item : below) item.path = "package/" + item.path;
    return gzip(tar(below));
}

std::string manifest_json(std::string_view name, std::string_view version, std::string_view more) {
    return fmt::format(R"({{"name":"{}","version":"{}"{}}})", name, version, more);
}

std::string noise(std::size_t size, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
}

TempDir::TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "pmx-store-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    path = name;
}
TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::string key(std::string_view text) { return Store::key_of_url(text); }

const ObjectFile* file(const ObjectView& view, std::string_view path) {
    for (const ObjectFile& one : view.files)
        if (one.path == path) return &one;
    return nullptr;
}

std::string content(const ObjectView& view, std::string_view path) {
    const ObjectFile* one = file(view, path);
    if (!one) return "(no such file)";
    auto bytes = read_file(view.dir.raw(), one->source.data());
    return bytes ? *bytes : to_string(bytes.error());
}

std::vector<std::string> paths(const ObjectView& view) {
    std::vector<std::string> out;
    for (const ObjectFile& one : view.files) out.emplace_back(one.path);
    return out;
}

Result<std::string_view> InPieces::next() {
    // The first is large enough to be judged; a piece is gone when the next one is asked for.
    const std::size_t wanted = shown_ ? piece_ : std::max<std::size_t>(piece_, 512);
    held_ = std::string(bytes_.substr(shown_, wanted));
    held_.shrink_to_fit();
    shown_ += held_.size();
    if (shown_ > ends_at) return fail(Code::FETCH, "the connection broke");
    known_ = std::max(known_, shown_);
    return std::string_view(held_);
}

Result<std::uint64_t> InPieces::more_than(std::uint64_t count) {
    known_ = std::max<std::size_t>(known_, std::min<std::size_t>(count + 1, bytes_.size()));
    return known_;
}

Result<> InPieces::prove() {
    was_asked = true;
    for (;;) {
        PMX_TRY(std::string_view piece, next());
        if (piece.empty()) return proof_;
    }
}

}  // namespace pmx::test
