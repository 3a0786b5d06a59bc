/* @NAME@: every file is a copy of the store's. Change copy_file() to move the bytes another way. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pmx/importer.h>
#include <pmx/services.h>

/* One instance. Several threads call import() on it at once, so nothing in it changes. */
typedef struct importer {
    const pmx_counters *counters; /* NULL where the host has none */
} importer;

static pmx_status fail(const pmx_op *op, const char *what, pmx_str subject, int number) {
    pmx_str sentence = {what, strlen(what)}, nothing = {NULL, 0};
    op->report(op, PMX_ERROR, sentence, subject, nothing, number);
    return number == ENOSPC || number == EDQUOT ? PMX_NO_SPACE : PMX_IO;
}

static int copy_bytes(int from, int to) {
    char buffer[65536];
    for (;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got == 0) return 0;
        if (got < 0 && errno != EINTR) return errno;
        for (ssize_t written = 0; written < got;) {
            ssize_t n = write(to, buffer + written, (size_t)(got - written));
            if (n < 0 && errno != EINTR) return errno;
            if (n > 0) written += n;
        }
    }
}

static pmx_status copy_file(const pmx_op *op, const pmx_import *job, const pmx_file *file) {
    int from = openat(job->source_fd, file->source.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0) return fail(op, "cannot open the file to import", file->source, errno);
    /* Never write through what stands there: it may be a hardlink into the store. */
    if (job->flags & PMX_IMPORT_REPLACE) unlinkat(job->target_fd, file->target.data, 0);
    int to = openat(job->target_fd, file->target.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->mode);
    if (to < 0) {
        int number = errno;
        close(from);
        return fail(op, "cannot create", file->target, number);
    }
    int number = copy_bytes(from, to);
    if (number == 0 && fchmod(to, file->mode) != 0) number = errno; /* the umask may have taken bits away */
    close(from);
    if (close(to) != 0 && number == 0) number = errno;
    if (number == 0) return PMX_OK;
    unlinkat(job->target_fd, file->target.data, 0); /* no half file stays */
    return fail(op, "cannot copy", file->target, number);
}

static pmx_status import(void *self, const pmx_op *op, const pmx_import *job, size_t *done) {
    const importer *me = self;
    pmx_status status = PMX_OK;
    for (*done = 0; *done < job->file_count && status == PMX_OK;) {
        if (op->is_cancelled(op)) {
            status = PMX_CANCELLED;
            break;
        }
        /* Elements are reached through their stride: a newer host may have longer ones. */
        const pmx_file *file = (const pmx_file *)((const char *)job->files + *done * job->file_size);
        status = copy_file(op, job, file);
        if (status == PMX_OK) ++*done;
    }
    if (me->counters) me->counters->add(me->counters, "files_copied", *done);
    return status;
}

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)op, (void)config;
    importer *me = malloc(sizeof *me);
    if (!me) return PMX_NO_MEMORY;
    me->counters = host->service(host, PMX_SERVICE_COUNTERS);
    *self = me;
    return PMX_OK;
}

static void destroy(void *self) { free(self); }

static const pmx_importer functions = {sizeof functions, 0, import};

static const pmx_plugin table = {
    .size = sizeof table,
    .abi_major = PMX_ABI_MAJOR,
    .needs_minor = 0,
    .option_size = sizeof(pmx_option),
    .name = "@NAME@",
    .version = "0.1.0",
    .summary = "Files are copies of the store's",
    .kind = PMX_KIND_IMPORTER,
    .functions = &functions,
    .create = create,
    .destroy = destroy,
};

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) { return &table; }
