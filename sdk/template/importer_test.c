/* Loads the importer as pmx does and lets it put two files into an empty directory. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pmx/importer.h>
#include <pmx/testing.h>

static void write_file(int dir, const char *name, const char *text) {
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    PMX_EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static int holds(int dir, const char *name, const char *text, mode_t mode) {
    char buffer[64] = "";
    struct stat found;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t length = read(fd, buffer, sizeof buffer - 1);
    int same = length >= 0 && strcmp(buffer, text) == 0 && fstat(fd, &found) == 0 && (found.st_mode & 07777) == mode;
    close(fd);
    return same;
}

static pmx_file file_of(const char *source, const char *target, const char *text, uint32_t mode) {
    pmx_file file;
    memset(&file, 0, sizeof file);
    file.source = pmx_test_str(source);
    file.target = pmx_test_str(target);
    file.bytes = strlen(text);
    file.mode = mode;
    return file;
}

int main(int argc, char **argv) {
    pmx_test test;
    pmx_test_open(&test, argc > 1 ? argv[1] : NULL, NULL);

    char root[] = "/tmp/@NAME@-XXXXXX";
    PMX_EXPECT(mkdtemp(root) && chdir(root) == 0 && mkdir("from", 0755) == 0 && mkdir("to", 0755) == 0);
    int from = open("from", O_RDONLY | O_DIRECTORY | O_CLOEXEC), to = open("to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    PMX_EXPECT(from >= 0 && to >= 0);
    write_file(from, "0", "one");
    write_file(from, "1", "");

    pmx_file files[2];
    files[0] = file_of("0", "index.js", "one", 0644);
    files[1] = file_of("1", "empty", "", 0644);
    pmx_import job;
    memset(&job, 0, sizeof job);
    job.size = sizeof job;
    job.file_size = sizeof files[0];
    job.source_fd = from;
    job.target_fd = to;
    job.files = files;
    job.file_count = 2;

    const pmx_importer *importer = (const pmx_importer *)test.plugin->functions;
    size_t done = 99;
    PMX_EXPECT(importer->import(test.self, &test.op, &job, &done) == PMX_OK && done == 2);
    PMX_EXPECT(holds(to, "index.js", "one", 0644) && holds(to, "empty", "", 0644));

    /* What stands there is replaced only when the job says so. */
    PMX_EXPECT(importer->import(test.self, &test.op, &job, &done) != PMX_OK && done == 0);
    job.flags = PMX_IMPORT_REPLACE;
    PMX_EXPECT(importer->import(test.self, &test.op, &job, &done) == PMX_OK && done == 2);

    test.cancelled = 1;
    PMX_EXPECT(importer->import(test.self, &test.op, &job, &done) == PMX_CANCELLED && done == 0);

    PMX_EXPECT(unlinkat(from, "0", 0) == 0 && unlinkat(from, "1", 0) == 0 && unlinkat(to, "index.js", 0) == 0);
    PMX_EXPECT(unlinkat(to, "empty", 0) == 0 && rmdir("from") == 0 && rmdir("to") == 0 && rmdir(root) == 0);
    return pmx_test_close(&test);
}
