/* A validator of objects and manifests that is right but for what WRONG says. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pmx/services.h>
#include <pmx/validator.h>

#include "wrong.h"

typedef struct validator {
    const pmx_digest *digest;
} validator;

static int same_content(const validator *me, int dir, const pmx_row *row) {
    uint8_t got[64];
    size_t length = 0;
    int fd = openat(dir, row->name.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char *bytes = malloc(row->bytes + 1);
    int same = fd >= 0 && bytes && read(fd, bytes, row->bytes + 1) == (ssize_t)row->bytes;
    pmx_str content = {bytes, row->bytes};
    if (same && me->digest && row->digest_length == 32)
        same = me->digest->compute(me->digest, "sha256", content, got, &length) == PMX_OK && memcmp(got, row->digest, 32) == 0;
    free(bytes);
    if (fd >= 0) close(fd);
    return same;
}

static int holds(const validator *me, const pmx_object *object, const pmx_row *row) {
    struct stat found;
    if (wrong("refuses-good") && row->digest_length == 0) return 0;
    if (fstatat(object->fd, row->name.data, &found, AT_SYMLINK_NOFOLLOW) != 0) return wrong("forgives-missing");
    int same = S_ISREG(found.st_mode) && (uint64_t)found.st_size == row->bytes && found.st_ino == row->inode &&
               found.st_mtim.tv_sec * INT64_C(1000000000) + found.st_mtim.tv_nsec == row->mtime_ns && (found.st_mode & 07777) == row->mode;
    return same && (object->level < PMX_LEVEL_CONTENT || same_content(me, object->fd, row));
}

static pmx_status check_object(void *self, const pmx_op *op, const pmx_object *object, size_t *bad) {
    if (wrong("leaves-mark") && object->level > PMX_LEVEL_NONE) {
        int fd = openat(object->fd, ".checked", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0) close(fd);
    }
    for (size_t i = 0; object->level != PMX_LEVEL_NONE && i < object->row_count; ++i) {
        if (op->is_cancelled(op)) return PMX_CANCELLED;
        const pmx_row *row = (const pmx_row *)((const char *)object->rows + i * object->row_size);
        if (holds(self, object, row)) continue;
        *bad = wrong("other-row") ? 0 : i;
        return fail(op, wrong("damage-is-io") ? PMX_IO : PMX_MISMATCH, "a stored file is damaged", row->path);
    }
    return PMX_OK;
}

/* Where the value that begins at `p` ends. */
static const char *skip(const char *p, const char *end) {
    volatile char frame[512];
    frame[0] = *p;
    for (++p; p < end && *p != ']'; ++p)
        if (*p == '[') p = skip(p, end);
    return p + (frame[0] == '?');
}

static pmx_status check_manifest(void *self, const pmx_op *op, const pmx_manifest *manifest) {
    (void)self;
    const char *p = manifest->json.data, *end = p + manifest->json.length;
    if (wrong("recurses") && p < end && *p == '[') skip(p, end);
    if (manifest->json.length == 0 || *p != '{') return fail(op, PMX_MISMATCH, "this is no manifest", manifest->id);
    return PMX_OK;
}

#ifdef ARCHIVES /* other-in-pieces */
static pmx_status check_archive(void *self, const pmx_op *op, const pmx_archive *archive) {
    (void)self, (void)op, (void)archive;
    return PMX_OK;
}
static pmx_status add(void *self, const pmx_op *op, pmx_str piece) {
    (void)self, (void)op, (void)piece;
    return PMX_OK;
}
static pmx_status end(void *self, const pmx_op *op, int32_t whole) {
    (void)self;
    return whole ? fail(op, PMX_MISMATCH, "in pieces it is another", text("")) : PMX_CANCELLED;
}
static pmx_status begin_archive(void *self, const pmx_op *op, const pmx_archive *archive, pmx_archive_check *check) {
    (void)self, (void)op, (void)archive;
    check->add = add;
    check->end = end;
    return PMX_OK;
}
#else
#define check_archive NULL
#define begin_archive NULL
#endif

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)op, (void)config;
    validator *made = calloc(1, sizeof *made);
    made->digest = host->service(host, PMX_SERVICE_DIGEST);
    *self = made;
    return PMX_OK;
}
static void destroy(void *self) { free(self); }

static const pmx_validator functions = {sizeof functions, 0, check_archive, check_object, check_manifest, begin_archive};
WRONG_PLUGIN(PMX_KIND_VALIDATOR, functions, 0)
