// Cases of importers: a package of awkward files, on the file systems that are here and on disks that refuse.
#include "pmx/importer.h"

#include <csignal>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.hpp"
#include "tree.hpp"
#include "workout.hpp"

namespace pmx::testkit {

namespace {

namespace fs = std::filesystem;

struct Item {
    std::string source, target, content;
    unsigned mode;
};

// What a package is made of; the names of the sources are numbers, as in the store.
std::vector<Item> package_of(Bench& bench, std::size_t more = 0) {
    std::string big(300000, '\0');
    for (char& c : big) c = static_cast<char>(bench.roll(256));
    std::vector<Item> items = {{"", "package.json", "{}", 0644},
                               {"", "empty", "", 0644},
                               {"", "bin/run", "#!/bin/sh\n", 0755},
                               {"", "a/b/c/d/deep.js", "deep", 0644},
                               {"", "big.bin", big, 0644},
                               {"", "page", std::string(4096, 'p'), 0644},
                               {"", "read-only", "do not write", 0444},
                               {"", "with space and ünïcode", "x", 0644},
                               {"", std::string(250, 'n'), "long", 0644},
                               {"", "-rf", "a name like a flag", 0644}};
    for (std::size_t i = 0; i < more; ++i) items.push_back({"", "many/" + std::to_string(i), std::to_string(bench.random()), 0644});
    for (std::size_t i = 0; i < items.size(); ++i) items[i].source = std::to_string(i);
    return items;
}

std::vector<Item> small_files(std::size_t count, std::size_t bytes = 100) {
    std::vector<Item> items;
    for (std::size_t i = 0; i < count; ++i) items.push_back({std::to_string(i), "f" + std::to_string(i), std::string(bytes, static_cast<char>('a' + i % 26)), 0644});
    return items;
}

void write_sources(const std::string& dir, const std::vector<Item>& items) {
    make_dirs(dir);
    for (const Item& item : items) write_file(dir + "/" + item.source, item.content, item.mode);
}

void make_target_dirs(const std::string& dir, const std::vector<Item>& items) {
    make_dirs(dir);
    for (const Item& item : items)
        if (auto slash = item.target.rfind('/'); slash != std::string::npos) make_dirs(dir + "/" + item.target.substr(0, slash));
}

TreeLook wanted_tree(const std::vector<Item>& items, std::size_t count = SIZE_MAX) {
    TreeLook wanted;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const Item& item = items[i];
        for (std::size_t slash = item.target.find('/'); slash != std::string::npos; slash = item.target.find('/', slash + 1))
            wanted[item.target.substr(0, slash) + "/"] = "directory";
        if (i >= count) continue;
        wanted[item.target] = text("mode ", std::oct, item.mode, std::dec, ", ", item.content.size(), " bytes, ", std::hash<std::string>{}(item.content));
    }
    return wanted;
}

struct Imported {
    pmx_status status;
    std::size_t done;
    std::string said;
};

Imported import(Bench& bench, Instance& instance, const std::string& from, const std::string& to, const std::vector<Item>& items,
                std::uint32_t flags = 0, Window* window = nullptr) {
    OpenDir source(from), target(to);
    Lent lent(bench);
    std::vector<pmx_file> files;
    for (const Item& item : items)
        files.push_back({lent.string(item.source, "pmx_file.source", true), lent.string(item.target, "pmx_file.target", true),
                         item.content.size(), item.mode, 0});
    pmx_import job{};
    job.source_fd = source.fd();
    job.target_fd = target.fd();
    job.files = lent.array(files, job.file_size, "pmx_import.files");
    job.file_count = files.size();
    job.flags = flags;
    job.source_device = source.device();
    job.target_device = target.device();
    const pmx_import* borrowed = lent.whole(job, "pmx_import");
    Window& own = window ? *window : Window::open(bench);
    std::size_t done = 0;
    pmx_status status = instance.call(own, [&](const pmx_op* op) {
        return bench.functions<pmx_importer>().import(instance.self(), op, borrowed, &done);
    });
    return {status, done, own.said()};
}

// What the result says and what stands there agree. True when everything was made.
bool judge(const Imported& result, const std::string& to, const std::vector<Item>& items) {
    expect(result.done <= items.size(), "it says that it made ", result.done, " of ", items.size(), " files");
    if (result.status == PMX_OK) {
        expect(result.done == items.size(), "it returned PMX_OK and says that it made ", result.done, " of ", items.size(), " files");
        std::string wrong = difference(wanted_tree(items), look(to));
        expect(wrong.empty(), wrong);
        return true;
    }
    std::string wrong = difference(wanted_tree(items, result.done), look(to));
    expect(wrong.empty(), "it returned ", name_of(result.status), " after ", result.done, " files, and ", wrong);
    return false;
}

void same_file_system(Bench& bench, const std::string& root) {
    std::vector<Item> items = package_of(bench, 100);
    write_sources(root + "/from", items);
    TreeLook before = look(root + "/from", true);
    for (unsigned umask : {022u, 077u}) {
        std::string to = root + "/to" + std::to_string(umask);
        ::umask(022);
        make_target_dirs(to, items);
        ::umask(umask);  // before the instance, which may read it once
        Instance instance(bench);
        doing("importing a package");
        Imported result = import(bench, instance, root + "/from", to, items);
        if (result.status == PMX_UNSUPPORTED && result.done == 0) {
            judge(result, to, items);
            skip("it says that it cannot here (PMX_UNSUPPORTED)");
        }
        expect(judge(result, to, items), "it returned ", name_of(result.status), " (", result.said, ")");
    }
    std::string changed = difference(before, look(root + "/from", true));
    expect(changed.empty(), "the source was changed: ", changed);
}

void on_disk(Bench& bench) { same_file_system(bench, bench.scratch); }

void in_memory(Bench& bench) {
    if (bench.memory.empty()) skip("there is no /dev/shm here");
    same_file_system(bench, bench.memory);
}

// A place where files can share blocks until one is written: looked for where the user's things may lie.
std::string reflink_dir(const Bench& bench) {
    std::vector<std::string> places = {bench.scratch};
    if (const char* set = std::getenv("PMX_REFLINK_DIR")) places.insert(places.begin(), set);
    for (const std::string& place : places) {
        std::string root = place + "/reflink-XXXXXX";
        if (!::mkdtemp(root.data())) continue;
        write_file(root + "/a", std::string(8192, 'x'));
        int from = ::open((root + "/a").c_str(), O_RDONLY | O_CLOEXEC), to = ::open((root + "/b").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        bool works = ::ioctl(to, FICLONE, from) == 0;
        ::close(from);
        ::close(to);
        if (works) return root;
        fs::remove_all(root);
    }
    return "";
}

void on_reflinks(Bench& bench) {
    std::string root = reflink_dir(bench);
    if (root.empty()) skip("no file system with reflinks is here (say where with PMX_REFLINK_DIR)");
    same_file_system(bench, root);
    fs::remove_all(root);
}

void across_file_systems(Bench& bench) {
    if (bench.memory.empty()) skip("there is no /dev/shm here");
    std::vector<Item> items = package_of(bench, 20);
    Instance instance(bench);
    write_sources(bench.memory + "/from", items);
    make_target_dirs(bench.scratch + "/to", items);
    OpenDir from(bench.memory + "/from"), to(bench.scratch + "/to");
    if (from.device() == to.device()) skip("both directories lie on one file system");
    Imported result = import(bench, instance, bench.memory + "/from", bench.scratch + "/to", items);
    if (!judge(result, bench.scratch + "/to", items))
        expect(result.status == PMX_UNSUPPORTED, "from another file system it returned ", name_of(result.status), " (", result.said,
               "): PMX_UNSUPPORTED lets the next importer try");
}

// The kernel says no to links, and to the ways of copying without reading: the plugin copies, or leaves it to the next.
void refused_by_kernel(Bench& bench, std::initializer_list<int> calls, int error, const char* what) {
    std::vector<Item> items = package_of(bench, 20);
    Instance instance(bench);
    write_sources(bench.scratch + "/from", items);
    make_target_dirs(bench.scratch + "/to", items);
    make_target_dirs(bench.scratch + "/first", items);
    import(bench, instance, bench.scratch + "/from", bench.scratch + "/first", items);  // what it remembers, it remembers now
    doing(what);
    let_fail(calls, error);
    Imported result = import(bench, instance, bench.scratch + "/from", bench.scratch + "/to", items);
    if (!judge(result, bench.scratch + "/to", items))
        expect(result.status == PMX_UNSUPPORTED, what, ": it returned ", name_of(result.status), " (", result.said,
               "): PMX_UNSUPPORTED lets the next importer try");
}

void too_many_links(Bench& bench) {
#ifdef SYS_link
    refused_by_kernel(bench, {SYS_linkat, SYS_link}, EMLINK, "the file has as many links as it can");
#else
    refused_by_kernel(bench, {SYS_linkat}, EMLINK, "the file has as many links as it can");
#endif
}
void no_links(Bench& bench) { refused_by_kernel(bench, {SYS_linkat}, EPERM, "the file system has no links"); }
void no_clones(Bench& bench) {
    refused_by_kernel(bench, {SYS_ioctl, SYS_copy_file_range, SYS_sendfile}, EOPNOTSUPP, "the file system copies nothing by itself");
}

// A full disk: a small tmpfs where that can be mounted, or else writes that fail.
void full_disk(Bench& bench) {
    std::vector<Item> items = small_files(60, 8192);
    std::string root = bench.scratch + "/small", from, to;
    make_dirs(root);
    uid_t uid = ::getuid();
    gid_t gid = ::getgid();
    bool mounted = ::unshare(CLONE_NEWNS) == 0;
    if (!mounted && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
        write_file("/proc/self/setgroups", "deny");
        write_file("/proc/self/uid_map", text("0 ", uid, " 1"), 0);
        write_file("/proc/self/gid_map", text("0 ", gid, " 1"), 0);
        mounted = true;
    }
    mounted = mounted && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
              ::mount("small", root.c_str(), "tmpfs", 0, "size=768k,nr_inodes=100") == 0;
    // Half of it is the source: links run out of inodes, copies of room.
    write_sources(root + "/from", items);
    make_target_dirs(root + "/to", items);
    Instance instance(bench);
    if (!mounted) {
        doing("writes that fail for want of room");
        let_fail({SYS_write, SYS_pwrite64, SYS_writev, SYS_copy_file_range, SYS_sendfile, SYS_linkat, SYS_fallocate}, ENOSPC);
    }
    doing("a disk that fills up");
    Imported result = import(bench, instance, root + "/from", root + "/to", items);
    if (result.status == PMX_UNSUPPORTED && result.done == 0) skip("it says that it cannot here (PMX_UNSUPPORTED)");
    expect(result.status != PMX_OK, "the disk is full, and it returned PMX_OK");
    expect(result.status == PMX_NO_SPACE, "the disk is full, and it returned ", name_of(result.status), " (", result.said, ") instead of PMX_NO_SPACE");
    judge(result, root + "/to", items);
}

void no_rights(Bench& bench) {
    std::vector<Item> items = small_files(5);
    Instance instance(bench);
    write_sources(bench.scratch + "/from", items);
    make_target_dirs(bench.scratch + "/to", items);
    ::chmod(bench.scratch.c_str(), 0755);
    ::chmod((bench.scratch + "/to").c_str(), 0555);
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0))
        skip("this user may write everywhere and cannot become another");
    doing("a directory that must not be written to");
    // Relative to the working directory: the other user may not come in from above.
    Imported result = import(bench, instance, "from", "to", items);
    expect(result.status != PMX_OK, "it may not write to the directory, and returned PMX_OK");
    if (result.status == PMX_UNSUPPORTED && result.done == 0) return;
    expect(result.status == PMX_IO || result.status == PMX_DENIED, "it may not write there, and returned ", name_of(result.status), " instead of PMX_IO");
    expect(result.done == 0, "it may not write there, and says that it made ", result.done, " files");
}

void killed_and_again(Bench& bench) {
    std::vector<Item> items = package_of(bench, 150);
    Instance instance(bench);
    write_sources(bench.scratch + "/from", items);
    std::string to = bench.scratch + "/to";
    make_target_dirs(to, items);
    doing("the first time");
    auto begin = std::chrono::steady_clock::now();
    Imported first = import(bench, instance, bench.scratch + "/from", to, items, PMX_IMPORT_REPLACE);
    if (first.status == PMX_UNSUPPORTED && first.done == 0) skip("it says that it cannot here (PMX_UNSUPPORTED)");
    auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
    for (int round = 0; round < 12; ++round) {
        doing("killed in the middle");
        pid_t child = ::fork();
        if (child == 0) {
            import(bench, instance, bench.scratch + "/from", to, items, PMX_IMPORT_REPLACE);
            ::_exit(0);
        }
        ::usleep(static_cast<useconds_t>(bench.roll(static_cast<std::uint64_t>(whole) + 1)));
        ::kill(child, SIGKILL);
        int status;
        ::waitpid(child, &status, 0);
        doing("again, after it was killed");
        Imported result = import(bench, instance, bench.scratch + "/from", to, items, PMX_IMPORT_REPLACE);
        expect(judge(result, to, items), "after a kill it returned ", name_of(result.status), " (", result.said, ")");
    }
    std::string changed = difference(wanted_tree([&] {
        std::vector<Item> same = items;
        for (Item& item : same) item.target = item.source;
        return same;
    }()), look(bench.scratch + "/from"));
    expect(changed.empty(), "the source was changed: ", changed);
}

void threads(Bench& bench) {
    std::vector<Item> items = package_of(bench, 100);
    Instance instance(bench);
    write_sources(bench.scratch + "/from", items);
    for (int t = 0; t < 8; ++t) make_target_dirs(bench.scratch + "/to" + std::to_string(t), items);
    doing("eight threads at once");
    std::vector<std::thread> workers;
    Imported results[8];
    for (int t = 0; t < 8; ++t)
        workers.emplace_back([&, t] { results[t] = import(bench, instance, bench.scratch + "/from", bench.scratch + "/to" + std::to_string(t), items); });
    for (std::thread& worker : workers) worker.join();
    for (int t = 0; t < 8; ++t) {
        if (results[t].status == PMX_UNSUPPORTED && results[t].done == 0) skip("it says that it cannot here (PMX_UNSUPPORTED)");
        expect(judge(results[t], bench.scratch + "/to" + std::to_string(t), items), "one of eight threads got ", name_of(results[t].status), " (",
               results[t].said, ")");
    }
}

void cancelled(Bench& bench) {
    std::vector<Item> items = small_files(300);
    Instance instance(bench);
    write_sources(bench.scratch + "/from", items);
    make_target_dirs(bench.scratch + "/other", items);
    if (Imported usual = import(bench, instance, bench.scratch + "/from", bench.scratch + "/other", items); usual.status == PMX_UNSUPPORTED)
        skip("it says that it cannot here (PMX_UNSUPPORTED)");
    for (int asks : {0, 2}) {
        std::string to = bench.scratch + "/to" + std::to_string(asks);
        make_target_dirs(to, items);
        Window& window = Window::open(bench);
        asks ? window.cancel_after(asks) : window.cancel();
        Imported result = import(bench, instance, bench.scratch + "/from", to, items, 0, &window);
        expect(window.asks() > 0, "it never asks whether the call is cancelled");
        expect(result.status == PMX_CANCELLED, "cancelled", asks ? " in the middle" : "", ", it made ", result.done, " of 300 files and returned ",
               name_of(result.status));
        judge(result, to, items);
    }
}

void private_files(Bench& bench) {
    std::vector<Item> items = package_of(bench);
    Instance instance(bench);
    write_sources(bench.scratch + "/from", items);
    std::string to = bench.scratch + "/to";
    make_target_dirs(to, items);
    Imported result = import(bench, instance, bench.scratch + "/from", to, items, PMX_IMPORT_PRIVATE);
    if (result.status == PMX_UNSUPPORTED && result.done == 0) {
        judge(result, to, items);
        return;  // rightly left to the next
    }
    expect(result.status == PMX_OK, "asked for files of their own it returned ", name_of(result.status), " (", result.said, ")");
    TreeLook before = look(bench.scratch + "/from");
    for (const Item& item : items) {
        struct stat source, made;
        std::string at = to + "/" + item.target;
        expect(::lstat((bench.scratch + "/from/" + item.source).c_str(), &source) == 0 && ::lstat(at.c_str(), &made) == 0, item.target, " is not there");
        expect(!S_ISLNK(made.st_mode), item.target, " is a symbolic link into the store, and PMX_IMPORT_PRIVATE was asked for");
        expect(source.st_ino != made.st_ino || source.st_dev != made.st_dev, item.target, " is a hardlink, and PMX_IMPORT_PRIVATE was asked for");
        ::chmod(at.c_str(), 0644);
        write_file(at, "changed by a project");
    }
    std::string changed = difference(before, look(bench.scratch + "/from"));
    expect(changed.empty(), "writing to the private files changed the store: ", changed);
}

void replaced(Bench& bench) {
    std::vector<Item> items = small_files(4);
    Instance instance(bench);
    write_sources(bench.scratch + "/from", items);
    std::string to = bench.scratch + "/to", precious = bench.scratch + "/precious";
    make_target_dirs(to, items);
    write_file(precious, "not to be changed");
    write_file(to + "/f0", "an old file");
    expect(::link(precious.c_str(), (to + "/f1").c_str()) == 0, "the kit cannot make a hardlink");
    expect(::symlink(precious.c_str(), (to + "/f2").c_str()) == 0, "the kit cannot make a symbolic link");
    expect(::link((bench.scratch + "/from/3").c_str(), (to + "/f3").c_str()) == 0, "the kit cannot make a hardlink");
    Imported result = import(bench, instance, bench.scratch + "/from", to, items, PMX_IMPORT_REPLACE);
    if (result.status == PMX_UNSUPPORTED && result.done == 0) skip("it says that it cannot here (PMX_UNSUPPORTED)");
    expect(result.status == PMX_OK, "asked to replace it returned ", name_of(result.status), " (", result.said, ")");
    expect(read_file(precious) == "not to be changed", "it wrote through a link that stood at the target");
    judge(result, to, items);
    expect(read_file(bench.scratch + "/from/3") == items[3].content, "it changed the source that stood at the target");
}

void inside(Bench& bench) {
    std::vector<Item> items = package_of(bench, 10);
    Instance instance(bench);
    std::string from = bench.scratch + "/store/from", to = bench.scratch + "/project/to";
    write_sources(from, items);
    make_target_dirs(to, items);
    make_dirs(bench.scratch + "/project/beside");
    write_file(bench.scratch + "/project/beside/file", "x");
    auto others = [&] {
        TreeLook all = look(bench.scratch, true);
        std::erase_if(all, [](const auto& entry) { return entry.first.rfind("project/to/", 0) == 0 && entry.first != "project/to/"; });
        return all;
    };
    TreeLook before = others();
    Imported result = import(bench, instance, from, to, items);
    std::string changed = difference(before, others());
    expect(changed.empty(), "it wrote outside its target: ", changed);
    if (result.status == PMX_OK) judge(result, to, items);
}

void missing_source(Bench& bench) {
    std::vector<Item> items = small_files(6);
    Instance instance(bench);
    write_sources(bench.scratch + "/from", items);
    std::string to = bench.scratch + "/to";
    make_target_dirs(to, items);
    ::unlink((bench.scratch + "/from/4").c_str());
    Imported result = import(bench, instance, bench.scratch + "/from", to, items);
    expect(result.status != PMX_OK, "a source is missing, and it returned PMX_OK");
    if (result.status == PMX_UNSUPPORTED && result.done == 0) skip("it says that it cannot here (PMX_UNSUPPORTED)");
    expect(result.done <= 4, "a source is missing, and it says that it made ", result.done, " files");
    judge(result, to, items);
}

void nothing(Bench& bench) {
    Instance instance(bench);
    make_dirs(bench.scratch + "/from");
    make_dirs(bench.scratch + "/to");
    Imported result = import(bench, instance, bench.scratch + "/from", bench.scratch + "/to", {});
    expect(result.status == PMX_OK || result.status == PMX_UNSUPPORTED, "for no files it returned ", name_of(result.status));
    expect(result.done == 0, "for no files it says that it made ", result.done);
}

class ImporterWorkout : public Workout {
  public:
    explicit ImporterWorkout(Bench& bench) : bench_(bench), items_(package_of(bench, 10)), from_(bench.scratch + "/workout-from") {
        write_sources(from_, items_);
    }
    std::string run(Instance& instance) override {
        std::string out;
        for (std::uint32_t flags : {0u, PMX_IMPORT_PRIVATE, PMX_IMPORT_REPLACE}) out += one(instance, items_, flags, nullptr, flags == PMX_IMPORT_REPLACE);
        std::vector<Item> missing = items_;
        missing[3].source = "not-there";
        out += one(instance, missing, 0, nullptr, false);
        std::vector<Item> nowhere = items_;
        nowhere[2].target = "no/such/directory/file";
        out += one(instance, nowhere, 0, nullptr, false);
        Window& window = Window::open(bench_);
        window.cancel();
        return out + one(instance, items_, 0, &window, false);
    }

  private:
    std::string one(Instance& instance, const std::vector<Item>& items, std::uint32_t flags, Window* window, bool again) {
        std::string to = bench_.scratch + "/workout-" + std::to_string(next_++);
        make_target_dirs(to, items_);
        doing("importing");
        if (again) import(bench_, instance, from_, to, items, 0);
        Imported result = import(bench_, instance, from_, to, items, flags, window);
        std::string out = text(flags, " ", name_of(result.status), " ", result.done, "\n");
        for (const auto& [path, line] : look(to)) out += path + " " + line + "\n";
        fs::remove_all(to);
        return out;
    }
    Bench& bench_;
    std::vector<Item> items_;
    std::string from_;
    int next_ = 0;
};

}  // namespace

std::unique_ptr<Workout> importer_workout(Bench& bench) { return std::make_unique<ImporterWorkout>(bench); }

std::vector<Case> importer_cases() {
    return {
        {{"importer.disk", "importer", "content, modes and names are the package's, on the disk of $TMPDIR"}, on_disk},
        {{"importer.tmpfs", "importer", "the same in memory"}, in_memory},
        {{"importer.reflink", "importer", "the same on a file system with reflinks"}, on_reflinks},
        {{"importer.exdev", "importer", "from another file system: the same tree, or PMX_UNSUPPORTED and nothing made"}, across_file_systems},
        {{"importer.emlink", "importer", "a file with too many links: copied, or left to the next importer"}, too_many_links},
        {{"importer.eperm", "importer", "a file system without links: copied, or left to the next importer"}, no_links},
        {{"importer.no-clone", "importer", "a file system that clones nothing: copied another way, or left to the next"}, no_clones},
        {{"importer.enospc", "importer", "a full disk: PMX_NO_SPACE, and no half file"}, full_disk},
        {{"importer.eacces", "importer", "a directory that must not be written: an error, and nothing made"}, no_rights},
        {{"importer.kill", "importer", "killed at any moment and run again with PMX_IMPORT_REPLACE: the whole tree and nothing else"}, killed_and_again},
        {{"importer.threads", "importer", "eight threads at once make eight right trees"}, threads},
        {{"importer.cancel", "importer", "a cancelled call ends with PMX_CANCELLED before all is made"}, cancelled},
        {{"importer.private", "importer", "PMX_IMPORT_PRIVATE: no write to the target reaches the store"}, private_files},
        {{"importer.replace", "importer", "PMX_IMPORT_REPLACE: what stands there is replaced, never written through"}, replaced},
        {{"importer.inside", "importer", "nothing is written outside the target"}, inside},
        {{"importer.missing", "importer", "a missing source: an error, and `done` says what is there"}, missing_source},
        {{"importer.nothing", "importer", "no files are no work"}, nothing},
    };
}

}  // namespace pmx::testkit
