// Cases of validators: a good corpus and a bad one, of archives, stored objects and manifests.
#include "pmx/validator.h"

#include <thread>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.hpp"
#include "process.hpp"
#include "tree.hpp"
#include "workout.hpp"

namespace pmx::testkit {

namespace {

std::string sri(const char* name, std::string_view bytes) {
    std::string raw = digest(name, bytes), text(4 * ((raw.size() + 2) / 3) + 1, '\0');
    int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(raw.data()),
                                 static_cast<int>(raw.size()));
    text.resize(static_cast<std::size_t>(length));
    return std::string(name) + "-" + text;
}

struct Verdicts {
    pmx_status status;
    std::string said;
};

struct Archive {
    const char* title;
    std::string bytes, integrity;
};

Verdicts check(Bench& bench, Instance& instance, const Archive& a, Window* window = nullptr) {
    doing(text("an archive: ", a.title));
    Lent lent(bench);
    pmx_archive archive{};
    archive.id = lent.string("left-pad@1.3.0", "pmx_archive.id");
    archive.bytes = lent.string(a.bytes, "pmx_archive.bytes");
    archive.integrity = lent.string(a.integrity, "pmx_archive.integrity");
    archive.url = lent.string("https://registry.example/left-pad/-/left-pad-1.3.0.tgz", "pmx_archive.url");
    archive.name = lent.string("left-pad", "pmx_archive.name");
    archive.version = lent.string("1.3.0", "pmx_archive.version");
    const pmx_archive* borrowed = lent.whole(archive, "pmx_archive", offsetof(pmx_archive, name));
    Window& own = window ? *window : Window::open(bench);
    pmx_status status = instance.call(own, [&](const pmx_op* op) {
        return bench.functions<pmx_validator>().check_archive(instance.self(), op, borrowed);
    });
    return {status, own.said()};
}

// The same archive in pieces, as a host that unpacks it while it arrives shows it. `whole` false: given up in the middle.
Verdicts check_in_pieces(Bench& bench, Instance& instance, const Archive& a, std::size_t piece, bool whole = true) {
    doing(text("an archive in pieces of ", piece, " bytes: ", a.title));
    std::string said;
    auto call = [&](auto function) {  // each with a window of its own
        Window& own = Window::open(bench);
        pmx_status status = instance.call(own, function);
        if (!own.said().empty()) said = own.said();
        return status;
    };
    pmx_archive_check begun{};
    begun.size = sizeof begun;
    pmx_status status;
    {
        Lent lent(bench);
        pmx_archive archive{};
        archive.id = lent.string("left-pad@1.3.0", "pmx_archive.id");
        archive.bytes = lent.string("", "pmx_archive.bytes");
        archive.integrity = lent.string(a.integrity, "pmx_archive.integrity");
        archive.url = lent.string("https://registry.example/left-pad/-/left-pad-1.3.0.tgz", "pmx_archive.url");
        archive.name = lent.string("left-pad", "pmx_archive.name");
        archive.version = lent.string("1.3.0", "pmx_archive.version");
        const pmx_archive* borrowed = lent.whole(archive, "pmx_archive", offsetof(pmx_archive, name));
        status = call([&](const pmx_op* op) {
            return bench.functions<pmx_validator>().begin_archive(instance.self(), op, borrowed, &begun);
        });
    }
    if (status != PMX_OK) return {status, said};
    expect(begun.add && begun.end, "begin_archive returned PMX_OK and left add or end NULL");
    for (std::size_t at = 0; at < a.bytes.size() && status == PMX_OK; at += piece) {
        Lent lent(bench);
        pmx_str some = lent.string(a.bytes.substr(at, piece), "a piece of an archive");
        status = call([&](const pmx_op* op) { return begun.add(begun.self, op, some); });
        if (!whole && at >= a.bytes.size() / 2) break;
    }
    pmx_status verdict = call([&](const pmx_op* op) { return begun.end(begun.self, op, whole && status == PMX_OK); });
    return {status == PMX_OK ? verdict : status, said};
}

struct Row {
    std::string name, path, digest;
    struct stat info;
};

struct Stored {
    std::string dir;
    std::vector<Row> rows;
};

Stored store(const std::string& dir, std::size_t files, bool with_digests = true) {
    Stored stored{dir, {}};
    make_dirs(dir);
    for (std::size_t i = 0; i < files; ++i) {
        std::string content = text("file number ", i, std::string(i * 7 % 300, 'x')), name = std::to_string(i);
        write_file(dir + "/" + name, content, i % 3 ? 0644 : 0755);
        Row row{name, "lib/" + name + ".js", with_digests ? digest("sha256", content) : "", {}};
        ::lstat((dir + "/" + name).c_str(), &row.info);
        stored.rows.push_back(row);
    }
    return stored;
}

Verdicts check(Bench& bench, Instance& instance, const Stored& stored, pmx_level level, std::size_t* bad = nullptr, Window* window = nullptr) {
    doing(text("a stored object at level ", static_cast<int>(level)));
    OpenDir dir(stored.dir);
    Lent lent(bench);
    std::vector<pmx_row> rows;
    for (const Row& row : stored.rows) {
        pmx_row r{};
        r.name = lent.string(row.name, "pmx_row.name", true);
        r.path = lent.string(row.path, "pmx_row.path");
        r.bytes = static_cast<std::uint64_t>(row.info.st_size);
        r.inode = row.info.st_ino;
        r.mtime_ns = row.info.st_mtim.tv_sec * std::int64_t{1'000'000'000} + row.info.st_mtim.tv_nsec;
        r.mode = row.info.st_mode & 07777;
        r.digest_length = static_cast<std::uint32_t>(row.digest.size());
        r.digest = reinterpret_cast<const std::uint8_t*>(lent.string(row.digest, "pmx_row.digest").data);
        rows.push_back(r);
    }
    pmx_object object{};
    object.fd = dir.fd();
    object.level = level;
    object.id = lent.string("left-pad@1.3.0", "pmx_object.id");
    object.rows = lent.array(rows, object.row_size, "pmx_object.rows");
    object.row_count = rows.size();
    const pmx_object* borrowed = lent.whole(object, "pmx_object");
    Window& own = window ? *window : Window::open(bench);
    std::size_t number = 0;
    pmx_status status = instance.call(own, [&](const pmx_op* op) {
        return bench.functions<pmx_validator>().check_object(instance.self(), op, borrowed, &number);
    });
    if (bad) *bad = number;
    return {status, own.said()};
}

struct Manifest {
    const char* title;
    std::string name, version, json;
};

Verdicts check(Bench& bench, Instance& instance, const Manifest& m, Window* window = nullptr) {
    doing(text("a manifest: ", m.title));
    Lent lent(bench);
    pmx_manifest manifest{};
    manifest.id = lent.string(m.name + "@" + m.version, "pmx_manifest.id");
    manifest.name = lent.string(m.name, "pmx_manifest.name");
    manifest.version = lent.string(m.version, "pmx_manifest.version");
    manifest.json = lent.string(m.json, "pmx_manifest.json");
    manifest.integrity = lent.string(sri("sha512", "archive"), "pmx_manifest.integrity");
    const pmx_manifest* borrowed = lent.whole(manifest, "pmx_manifest", offsetof(pmx_manifest, integrity));
    Window& own = window ? *window : Window::open(bench);
    pmx_status status = instance.call(own, [&](const pmx_op* op) {
        return bench.functions<pmx_validator>().check_manifest(instance.self(), op, borrowed);
    });
    return {status, own.said()};
}

const std::string kArchive = "a gzip in name only, but bytes are bytes";

std::vector<Archive> good_archives() {
    return {{"sha512", kArchive, sri("sha512", kArchive)},
            {"sha1, from an old lockfile", kArchive, sri("sha1", kArchive)},
            {"two hashes", kArchive, sri("sha1", kArchive) + " " + sri("sha512", kArchive)},
            {"no promise", kArchive, ""},
            {"large", std::string(3 << 20, 'L'), sri("sha512", std::string(3 << 20, 'L'))}};
}

std::vector<Archive> bad_archives() {
    std::string flipped = kArchive, promise = sri("sha512", kArchive);
    flipped[7] ^= 1;
    return {{"one bit is another", flipped, promise},
            {"cut off", kArchive.substr(0, kArchive.size() - 1), promise},
            {"longer", kArchive + "!", promise},
            {"empty", "", promise},
            {"the right sha1 beside a wrong sha512", kArchive, sri("sha1", kArchive) + " " + sri("sha512", flipped)}};
}

std::vector<Manifest> good_manifests() {
    return {{"small", "left-pad", "1.3.0", R"({"name":"left-pad","version":"1.3.0","license":"MIT"})"},
            {"scoped", "@scope/lib", "2.0.0-rc.1", R"({"name":"@scope/lib","version":"2.0.0-rc.1","license":"Apache-2.0","dependencies":{"left-pad":"^1"}})"}};
}

std::vector<Manifest> hostile_manifests() {
    std::string deep;
    for (int i = 0; i < 200000; ++i) deep += "[";
    return {{"empty", "a", "1.0.0", ""},
            {"no JSON", "a", "1.0.0", "hello"},
            {"cut off", "a", "1.0.0", R"({"name":"a)"},
            {"an array", "a", "1.0.0", "[]"},
            {"very deep", "a", "1.0.0", deep},
            {"odd types", "a", "1.0.0", R"({"name":7,"version":[],"license":{"type":null},"scripts":"x"})"},
            {"control bytes", "a", "1.0.0", std::string("{\"name\":\"a\0b\"}", 14)},
            {"large", "a", "1.0.0", R"({"name":"a","x":")" + std::string(2 << 20, 'x') + "\"}"}};
}

const pmx_validator& functions(const Bench& bench) { return bench.functions<pmx_validator>(); }

void good(Bench& bench) {
    Instance instance(bench);
    auto accepted = [](const char* what, const char* title, const Verdicts& v) {
        expect(v.status == PMX_OK, "a good ", what, " (", title, ") is refused with ", name_of(v.status), ": ", v.said);
    };
    if (functions(bench).check_archive)
        for (const Archive& archive : good_archives()) accepted("archive", archive.title, check(bench, instance, archive));
    if (functions(bench).check_manifest)
        for (const Manifest& manifest : good_manifests()) accepted("manifest", manifest.title, check(bench, instance, manifest));
    if (functions(bench).check_object)
        for (bool digests : {true, false})
            for (std::size_t files : {0, 1, 40}) {
                Stored stored = store(text(bench.scratch, "/object-", digests, "-", files), files, digests);
                for (pmx_level level : {PMX_LEVEL_NONE, PMX_LEVEL_STAT, PMX_LEVEL_CONTENT})
                    accepted("object", text(files, " files, level ", static_cast<int>(level)).c_str(), check(bench, instance, stored, level));
            }
}

struct Damage {
    const char* title;
    void (*make)(const std::string& file);
    bool shows_in_stat;
};
const Damage kDamages[] = {
    {"a file is longer", [](const std::string& file) { write_file(file, read_file(file) + "!"); }, true},
    {"a file is empty", [](const std::string& file) { write_file(file, ""); }, true},
    {"a file is gone", [](const std::string& file) { ::unlink(file.c_str()); }, true},
    {"a file is a link", [](const std::string& file) {
         std::string other = file + "-other";
         ::rename(file.c_str(), other.c_str());
         if (::symlink(other.c_str(), file.c_str()) != 0) skip("the kit cannot make a symbolic link");
     }, true},
    {"a file is a directory", [](const std::string& file) {
         ::unlink(file.c_str());
         ::mkdir(file.c_str(), 0755);
     }, true},
    {"a byte is another", [](const std::string& file) {
         struct stat before;
         ::stat(file.c_str(), &before);
         int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
         if (fd < 0 || ::pwrite(fd, "X", 1, 3) != 1) skip("the kit cannot write");
         ::close(fd);
         timespec times[] = {before.st_atim, before.st_mtim};
         ::utimensat(AT_FDCWD, file.c_str(), times, 0);
     }, false},
};

// A validator that judges one thing by content must judge all of its kind; one that never refuses has another task.
void bad(Bench& bench) {
    Instance instance(bench);
    std::string accepted;
    std::size_t refused = 0, taken = 0, objects_refused = 0, objects_taken = 0;
    std::string objects_accepted;
    if (functions(bench).check_archive)
        for (const Archive& archive : bad_archives()) {
            Verdicts v = check(bench, instance, archive);
            v.status == PMX_OK ? ++taken : ++refused;
            if (v.status == PMX_OK) accepted += text(accepted.empty() ? "" : ", ", archive.title);
            expect(v.status == PMX_OK || v.status == PMX_MISMATCH, "a bad archive (", archive.title, ") gets ", name_of(v.status), " instead of PMX_MISMATCH");
        }
    expect(refused == 0 || taken == 0, "it refuses some archives with wrong bytes and accepts others: ", accepted);
    if (functions(bench).check_object)
        for (const Damage& damage : kDamages)
            for (pmx_level level : {PMX_LEVEL_STAT, PMX_LEVEL_CONTENT}) {
                if (level == PMX_LEVEL_STAT && !damage.shows_in_stat) continue;
                Stored stored = store(text(bench.scratch, "/bad-", objects_refused + objects_taken), 12);
                damage.make(stored.dir + "/5");
                std::size_t row = 0;
                Verdicts v = check(bench, instance, stored, level, &row);
                v.status == PMX_OK ? ++objects_taken : ++objects_refused;
                if (v.status == PMX_OK) objects_accepted += text(objects_accepted.empty() ? "" : ", ", damage.title);
                expect(v.status == PMX_OK || v.status == PMX_MISMATCH, "a damaged object (", damage.title, ") gets ", name_of(v.status),
                       " instead of PMX_MISMATCH: only that repairs it (", v.said, ")");
                expect(v.status == PMX_OK || row == 5, "a damaged object (", damage.title, "): row 5 is bad, and it says row ", row);
            }
    expect(objects_refused == 0 || objects_taken == 0, "it refuses some damaged objects and accepts others: ", objects_accepted);
    if (functions(bench).check_archive && refused == 0) warn("it accepts every archive, whatever its bytes: a policy of its own?");
    if (functions(bench).check_object && objects_refused == 0) warn("it accepts every object, however damaged: a policy of its own?");
    if (!functions(bench).check_archive && !functions(bench).check_object) skip("it looks at manifests only: what is bad there is its own policy");
}

bool takes_pieces(const Bench& bench) { return PMX_HAS(&functions(bench), pmx_validator, begin_archive) && functions(bench).begin_archive; }

// However it comes, the verdict is that of the whole.
void pieces(Bench& bench) {
    if (!takes_pieces(bench)) skip("it takes no archives in pieces: large ones are held until they are whole");
    expect(functions(bench).check_archive, "it has begin_archive and no check_archive: small archives come whole");
    Instance instance(bench);
    std::vector<Archive> archives = good_archives();
    for (Archive& bad : bad_archives()) archives.push_back(bad);
    for (const Archive& archive : archives) {
        pmx_status whole = check(bench, instance, archive).status;
        for (std::size_t piece : {std::size_t{7}, std::size_t{64} << 10, std::size_t{1} << 30}) {
            if (archive.bytes.size() / piece > 10000) continue;
            Verdicts v = check_in_pieces(bench, instance, archive, piece);
            expect(v.status == whole, "an archive (", archive.title, ") gets ", name_of(whole), " whole and ", name_of(v.status), " in pieces of ", piece,
                   ": ", v.said);
        }
        check_in_pieces(bench, instance, archive, archive.bytes.size() / 10 + 1, false);
    }
}

void hostile(Bench& bench) {
    Instance instance(bench);
    if (functions(bench).check_archive)
        for (const std::string& integrity : {std::string("md5-AAAA"), std::string("sha512-"), std::string("-"), std::string(" \t\n "), std::string("sha512-!!!!"),
                                             std::string(1 << 20, 'a'), std::string("sha512-\xff\xfe"), [] {
                                                 std::string many;
                                                 for (int i = 0; i < 20000; ++i) many += "sha1-AAAA ";
                                                 return many;
                                             }()})
            check(bench, instance, Archive{"odd promises", kArchive, integrity});
    if (functions(bench).check_manifest)
        for (const Manifest& manifest : hostile_manifests()) check(bench, instance, manifest);
    if (functions(bench).check_object) {
        Stored stored = store(bench.scratch + "/hostile", 3);
        stored.rows[1].digest = "short";
        stored.rows[2].info.st_mtim.tv_sec = -5;
        for (pmx_level level : {PMX_LEVEL_NONE, PMX_LEVEL_STAT, PMX_LEVEL_CONTENT, static_cast<pmx_level>(9)}) check(bench, instance, stored, level);
        stored.rows[0].name = std::string(3000, 'n');
        check(bench, instance, stored, PMX_LEVEL_CONTENT);
    }
}

void changes_nothing(Bench& bench) {
    Instance instance(bench);
    Stored stored = store(bench.scratch + "/object", 20);
    make_dirs(bench.scratch + "/beside");
    write_file(bench.scratch + "/beside/file", "x");
    TreeLook before = look(bench.scratch, true);
    if (functions(bench).check_object)
        for (pmx_level level : {PMX_LEVEL_STAT, PMX_LEVEL_CONTENT}) check(bench, instance, stored, level);
    if (functions(bench).check_archive) check(bench, instance, good_archives()[0]), check(bench, instance, bad_archives()[0]);
    if (functions(bench).check_manifest) check(bench, instance, good_manifests()[0]);
    std::string changed = difference(before, look(bench.scratch, true));
    expect(changed.empty(), "it changed something: ", changed);
}

void threads(Bench& bench) {
    Instance instance(bench);
    Stored whole = store(bench.scratch + "/whole", 30), damaged = store(bench.scratch + "/damaged", 30);
    write_file(damaged.dir + "/9", "other");
    auto once = [&] {
        std::string out;
        if (functions(bench).check_archive)
            out += text(check(bench, instance, good_archives()[0]).status, check(bench, instance, bad_archives()[0]).status);
        if (functions(bench).check_manifest) out += text(check(bench, instance, good_manifests()[0]).status);
        if (functions(bench).check_object) {
            std::size_t row = 0;
            out += text(check(bench, instance, whole, PMX_LEVEL_CONTENT).status, check(bench, instance, damaged, PMX_LEVEL_CONTENT, &row).status, "@", row);
        }
        return out;
    };
    std::string wanted = once();
    std::atomic<int> other{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < 8; ++t)
        workers.emplace_back([&] {
            for (int i = 0; i < 10; ++i)
                if (once() != wanted) ++other;
        });
    for (std::thread& worker : workers) worker.join();
    expect(other == 0, "eight threads at once: ", other.load(), " of 80 rounds gave other verdicts");
}

void cancelled(Bench& bench) {
    if (!functions(bench).check_object) skip("it has no check that takes long");
    Instance instance(bench);
    Stored stored = store(bench.scratch + "/object", 400);
    Window& window = Window::open(bench);
    window.cancel();
    Verdicts v = check(bench, instance, stored, PMX_LEVEL_CONTENT, nullptr, &window);
    if (window.asks() == 0) warn("it reads 400 files and never asks whether the call is cancelled");
    expect(v.status == PMX_CANCELLED, "cancelled, it returned ", name_of(v.status));
}

class ValidatorWorkout : public Workout {
  public:
    explicit ValidatorWorkout(Bench& bench) : bench_(bench), stored_(store(bench.scratch + "/workout", 6)), damaged_(store(bench.scratch + "/damaged", 6)) {
        write_file(damaged_.dir + "/3", "other");
    }
    std::string run(Instance& instance) override {
        std::string out;
        auto tell = [&](const char* title, const Verdicts& v) { out += text(title, " ", name_of(v.status), "\n"); };
        if (functions(bench_).check_archive) {
            for (const Archive& archive : good_archives()) tell(archive.title, check(bench_, instance, archive));
            for (const Archive& archive : bad_archives()) tell(archive.title, check(bench_, instance, archive));
        }
        if (takes_pieces(bench_))
            for (const Archive& archive : bad_archives()) tell(archive.title, check_in_pieces(bench_, instance, archive, 17));
        if (functions(bench_).check_manifest) {
            for (const Manifest& manifest : good_manifests()) tell(manifest.title, check(bench_, instance, manifest));
            for (const Manifest& manifest : hostile_manifests())
                if (manifest.json.size() < 1000) tell(manifest.title, check(bench_, instance, manifest));
        }
        if (functions(bench_).check_object)
            for (const Stored* stored : {&stored_, &damaged_}) tell("object", check(bench_, instance, *stored, PMX_LEVEL_CONTENT));
        return out;
    }

  private:
    Bench& bench_;
    Stored stored_, damaged_;
};

}  // namespace

std::unique_ptr<Workout> validator_workout(Bench& bench) { return std::make_unique<ValidatorWorkout>(bench); }

std::vector<Case> validator_cases() {
    return {
        {{"validator.good", "validator", "good archives, objects and manifests are accepted"}, good},
        {{"validator.bad", "validator", "archives and objects with wrong bytes are refused, and the bad row is named"}, bad},
        {{"validator.pieces", "validator", "an archive in pieces gets the verdict that it gets whole, and may be given up in the middle"}, pieces},
        {{"validator.hostile", "validator", "whatever stands in promises, rows and manifests, there is a verdict"}, hostile},
        {{"validator.changes-nothing", "validator", "objects, and everything beside them, are as before"}, changes_nothing},
        {{"validator.threads", "validator", "eight threads at once get the same verdicts"}, threads},
        {{"validator.cancel", "validator", "a cancelled call ends with PMX_CANCELLED"}, cancelled},
    };
}

}  // namespace pmx::testkit
