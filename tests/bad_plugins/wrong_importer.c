/* An importer that copies, or links, and is right but for what WRONG says. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pmx/importer.h>
#include <pmx/services.h>

#include "wrong.h"

typedef struct importer {
    const pmx_counters *counters;
    const pmx_op *kept;
} importer;

static int links(void) { return wrong("links-private") || wrong("follows-emlink"); }

static int copy_bytes(int from, int to) {
    char buffer[65536];
    for (;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got <= 0) return got == 0 ? 0 : errno;
        if (write(to, buffer, (size_t)got) != got) return errno;
    }
}

static pmx_status failed(const pmx_op *op, int number, pmx_str subject) {
    pmx_str none = {NULL, 0};
    op->report(op, PMX_ERROR, text("cannot copy"), subject, none, number);
    if (wrong("odd-status") && number == ENOENT) return (pmx_status)77;
    return number == ENOSPC && !wrong("full-is-io") ? PMX_NO_SPACE : PMX_IO;
}

static pmx_status copy_file(const pmx_op *op, const pmx_import *job, const pmx_file *file, size_t i) {
    const char *target = file->target.data;
    char temporary[64];
    int from = openat(job->source_fd, file->source.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0) return failed(op, errno, file->source);
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (wrong("writes-through") ? O_TRUNC : O_EXCL);
    if ((job->flags & PMX_IMPORT_REPLACE) && !wrong("writes-through")) unlinkat(job->target_fd, target, 0);
    if (wrong("leaves-temporary")) {
        snprintf(temporary, sizeof temporary, ".tmp-%d-%zu", (int)getpid(), i);
        target = temporary;
    }
    int to = openat(job->target_fd, target, flags, file->mode);
    int number = to < 0 ? errno : 0;
    if (number == 0) number = copy_bytes(from, to);
    if (number == 0 && !wrong("umask") && fchmod(to, file->mode) != 0) number = errno;
    if (!wrong("leaks")) close(from);
    if (to >= 0 && close(to) != 0 && number == 0) number = errno;
    if (number == 0 && wrong("leaves-temporary") && renameat(job->target_fd, target, job->target_fd, file->target.data) != 0) number = errno;
    if (number == 0) return PMX_OK;
    if (to >= 0 && !wrong("half-files")) unlinkat(job->target_fd, target, 0);
    return failed(op, number, file->target);
}

static pmx_status link_file(const pmx_op *op, const pmx_import *job, const pmx_file *file) {
    if (job->flags & PMX_IMPORT_REPLACE) unlinkat(job->target_fd, file->target.data, 0);
    if (linkat(job->source_fd, file->source.data, job->target_fd, file->target.data, 0) == 0) return PMX_OK;
    if (errno == EXDEV || errno == EPERM || (errno == EMLINK && !wrong("follows-emlink"))) return PMX_UNSUPPORTED;
    return failed(op, errno, file->target);
}

static void *nothing(void *unused) { return unused; }

static pmx_status import(void *self, const pmx_op *op, const pmx_import *job, size_t *done) {
    importer *me = self;
    pmx_status status = PMX_OK;
    pthread_t thread;
    *done = 0;
    if ((job->flags & PMX_IMPORT_PRIVATE) && wrong("follows-emlink")) return PMX_UNSUPPORTED;
    if (wrong("threads") && pthread_create(&thread, NULL, nothing, NULL) == 0) pthread_join(thread, NULL);
    if (wrong("programs") && system("true") != 0) return PMX_FAILED;
    if (wrong("keeps-op")) {
        if (me->kept) me->kept->progress(me->kept, 1, 2);
        me->kept = op;
    }
    if (wrong("outside")) {
        int fd = openat(job->target_fd, "../import.log", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0) close(fd);
    }
    for (; *done < job->file_count && status == PMX_OK;) {
        if (!wrong("deaf") && op->is_cancelled(op)) return PMX_CANCELLED;
        const pmx_file *file = wrong("no-stride") ? &job->files[*done] : (const pmx_file *)((const char *)job->files + *done * job->file_size);
        status = links() ? link_file(op, job, file) : copy_file(op, job, file, *done);
        if (status == PMX_OK) ++*done;
    }
    if (status != PMX_OK && wrong("counts-wrong") && status == PMX_IO) ++*done;
    if (me->counters) me->counters->add(me->counters, "files_copied", *done);
    if (wrong("frees")) free((void *)job->files);
    return status;
}

/* Goes on for ever. */
static void *count(void *self) {
    const pmx_counters *counters = ((importer *)self)->counters;
    for (;; usleep(1000)) counters->add(counters, "ticks", 1);
    return NULL;
}

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)op, (void)config;
    importer *made = calloc(1, sizeof *made);
    made->counters = host->service(host, PMX_SERVICE_COUNTERS);
    if (wrong("needs-services")) made->counters->add(made->counters, "instances", 1);
    if (wrong("thread-stays") && made->counters) {
        pthread_t thread;
        pthread_create(&thread, NULL, count, made);
        pthread_detach(thread);
    }
    *self = made;
    return PMX_OK;
}
static void destroy(void *self) {
    if (!wrong("thread-stays")) free(self);
}

static const pmx_importer functions = {sizeof functions, 0, import};
WRONG_PLUGIN(PMX_KIND_IMPORTER, functions, CAPABILITIES)
