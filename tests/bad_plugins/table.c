/* A layout whose table is wrong in the way that a definition asks for. Its functions must never be called. */
#include <stdlib.h>

#include <pmx/layout.h>

#ifndef NEEDS_MINOR
#define NEEDS_MINOR 0
#endif
#ifndef KIND
#define KIND PMX_KIND_LAYOUT
#endif
#ifndef SIZE
#define SIZE sizeof(pmx_plugin)
#endif
#ifndef CAPABILITIES
#define CAPABILITIES 0
#endif
#ifndef DEFAULT
#define DEFAULT "11"
#endif

static pmx_status plan(void *self, const pmx_op *op, const pmx_graph *graph, const pmx_plan_sink *sink) {
    (void)self, (void)op, (void)graph, (void)sink;
    abort();
}
static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)host, (void)op, (void)config, (void)self;
    abort();
}
static void destroy(void *self) {
    (void)self;
    abort();
}

static const pmx_layout functions = {sizeof functions, 0, plan};
static const pmx_option options[] = {{"depth", "How deep", DEFAULT, NULL, PMX_OPTION_INT, 0, 0, 100}};
static const pmx_plugin table = {SIZE,   PMX_ABI_MAJOR, NEEDS_MINOR, CAPABILITIES, sizeof(pmx_option), "table", "0.0.1",
                                 "Wrong", KIND,          &functions,  options,      1,                  create,  destroy};

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) { return &table; }
