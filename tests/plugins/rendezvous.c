/* An importer for tests: its first two calls wait for each other, so an install that never links two packages at once
 * waits in vain (five seconds, then it goes on and the high-water mark tells). Files are made with linkat. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pmx/importer.h"

typedef struct rendezvous {
    pthread_mutex_t mutex;
    pthread_cond_t met;
    int here;
} rendezvous;

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    rendezvous *r = calloc(1, sizeof *r);
    (void)host, (void)op, (void)config;
    if (!r) return PMX_NO_MEMORY;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->met, NULL);
    *self = r;
    return PMX_OK;
}

static void destroy(void *self) {
    rendezvous *r = self;
    pthread_cond_destroy(&r->met);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

static pmx_status import_files(void *self, const pmx_op *op, const pmx_import *job, size_t *done) {
    rendezvous *r = self;
    struct timespec until;
    (void)op;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    pthread_mutex_lock(&r->mutex);
    if (++r->here == 2) pthread_cond_broadcast(&r->met);
    while (r->here < 2 && pthread_cond_timedwait(&r->met, &r->mutex, &until) == 0) {
    }
    pthread_mutex_unlock(&r->mutex);
    for (*done = 0; *done < job->file_count; ++*done) {
        const pmx_file *file = (const pmx_file *)((const char *)job->files + *done * job->file_size);
        if (linkat(job->source_fd, file->source.data, job->target_fd, file->target.data, 0) != 0) return PMX_UNSUPPORTED;
    }
    return PMX_OK;
}

static const pmx_importer functions = {sizeof functions, 0, import_files};

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) {
    static const pmx_plugin table = {sizeof table, PMX_ABI_MAJOR, 0, 0, sizeof(pmx_option), "rendezvous", "1.0.0",
                                     "Waits until two packages are linked at once", PMX_KIND_IMPORTER, &functions, NULL, 0,
                                     create, destroy};
    return &table;
}
