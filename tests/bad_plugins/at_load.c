/* A layout that does something while it is loaded, as a definition asks for. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pmx/layout.h>

#include "wrong.h"

static void *nothing(void *unused) { return unused; }

__attribute__((constructor)) static void run(void) {
    pthread_t thread;
    if (wrong("crash")) abort();
    if (wrong("exit")) exit(0);
    if (wrong("hang"))
        for (;;) pause();
    if (wrong("thread") && pthread_create(&thread, NULL, nothing, NULL) == 0) pthread_join(thread, NULL);
    if (wrong("print")) puts("hello"), fflush(stdout);
    if (wrong("write")) close(open("loaded", O_WRONLY | O_CREAT, 0644));
    if (wrong("signal")) signal(SIGTERM, SIG_IGN);
}

static pmx_status plan(void *self, const pmx_op *op, const pmx_graph *graph, const pmx_plan_sink *sink) {
    (void)self, (void)op, (void)graph, (void)sink;
    return PMX_OK;
}
static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)host, (void)op, (void)config, (void)self;
    return PMX_OK;
}
static void destroy(void *self) { (void)self; }
static const pmx_layout functions = {sizeof functions, 0, plan};
WRONG_PLUGIN(PMX_KIND_LAYOUT, functions, 0)

#ifdef MORE_SYMBOLS
PMX_EXPORT int compress2(void) { return 7; } /* the name of somebody else's function */
#endif
