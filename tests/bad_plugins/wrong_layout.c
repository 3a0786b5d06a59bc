/* A layout of slots that is right but for what WRONG says. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pmx/layout.h>

#include "wrong.h"

typedef struct layout {
    atomic_int inside;
} layout;

static atomic_int poisoned;                 /* shared by all instances */
static _Thread_local const pmx_plan_sink *kept; /* of the plan before */

static int is_skipped(const pmx_graph *graph, uint32_t i) {
    return (PMX_GRAPH_PACKAGE(graph, i)->flags & PMX_PACKAGE_SKIPPED) != 0;
}

static void slot_of(const pmx_graph *graph, uint32_t i, char path[4096]) {
    const pmx_str id = PMX_GRAPH_PACKAGE(graph, i)->id;
    if (wrong("order")) snprintf(path, 4096, "node_modules/.slots/%u/node_modules", i);
    else snprintf(path, 4096, "node_modules/.slots/%.*s/node_modules", (int)id.length, id.data);
    for (char *c = path + 20; *c && strcmp(c, "/node_modules") != 0; ++c)
        if (*c == '/') *c = '+';
}

static void link_edge(const pmx_graph *graph, const pmx_plan_sink *sink, const char *modules, const pmx_edge *edge) {
    char path[4096], slot[4096], target[8192];
    snprintf(path, sizeof path, "%s/%.*s", modules, (int)edge->alias.length, edge->alias.data);
    if (wrong("forgets-peers") && edge->kind == PMX_EDGE_PEER) return;
    if (edge->package == PMX_NONE) {
        sink->link_project(sink, PMX_ROOT_PROJECT, text(path), edge->link);
    } else if (!is_skipped(graph, edge->package) || wrong("places-skipped")) {
        const pmx_str name = PMX_GRAPH_PACKAGE(graph, edge->package)->name;
        slot_of(graph, edge->package, slot);
        snprintf(target, sizeof target, "%s/%.*s", slot, (int)name.length, name.data);
        sink->symlink(sink, PMX_ROOT_PROJECT, text(path), PMX_ROOT_PROJECT, text(target));
    }
}

/* One frame a package of a chain, each with an eye on the one above. */
static int depth_of(const pmx_graph *graph, uint32_t i, size_t steps, const volatile char *above) {
    volatile char frame[8192];
    const pmx_package *package = PMX_GRAPH_PACKAGE(graph, i);
    frame[0] = (char)(above[0] + 1);
    if (steps == 0 || package->edge_count == 0) return frame[0];
    return depth_of(graph, PMX_GRAPH_EDGE(graph, package->first_edge)->package, steps - 1, frame) + frame[0];
}

static void *in_thread(void *context) {
    const pmx_plan_sink *sink = context;
    if (wrong("sink-thread")) sink->describe(sink, "made-by", text("a thread"));
    return NULL;
}

static pmx_status plan(void *self, const pmx_op *op, const pmx_graph *graph, const pmx_plan_sink *sink) {
    layout *me = self;
    char modules[4096] = "", path[8192];
    int at_once = atomic_fetch_add(&me->inside, 1);
    if (wrong("unsafe")) {
        usleep(2000);
        if (at_once > 0) sink->describe(sink, "crowded", text("yes"));
    }
    if (wrong("keeps") && kept) kept->describe(kept, "late", text("yes"));
    kept = sink;
    if (wrong("leaks") && dup(2) < 0) return PMX_FAILED;
    if (wrong("reads-disk")) close(open("/etc/hostname", O_RDONLY));
    if (wrong("writes-input") && graph->edge_count) ((pmx_edge *)graph->edges)[0].kind = PMX_EDGE_PROD;
    if (wrong("assumes-nul") && graph->package_count) {
        volatile size_t length = strlen(PMX_GRAPH_PACKAGE(graph, 0)->id.data);
        (void)length;
    }
    if (wrong("recurses") && graph->package_count == 5000)
        for (uint32_t i = 0; i < graph->package_count; ++i) depth_of(graph, i, 5000, modules);
    if (wrong("thread") || wrong("sink-thread")) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, in_thread, (void *)sink) == 0) pthread_join(thread, NULL);
    }
    pmx_status status = wrong("shared-state") && poisoned ? fail(op, PMX_INVALID, "somebody else is gone", text("")) : PMX_OK;
    uint32_t *places = calloc((size_t)graph->package_count + 1, sizeof *places);
    for (uint32_t i = 0; status == PMX_OK && i < graph->package_count; ++i) {
        if (!wrong("deaf") && op->is_cancelled(op)) status = PMX_CANCELLED;
        const pmx_package *package = PMX_GRAPH_PACKAGE(graph, i);
        if (is_skipped(graph, i) && !wrong("places-skipped")) continue;
        slot_of(graph, i, modules);
        snprintf(path, sizeof path, "%s/%.*s", modules, (int)package->name.length, package->name.data);
        sink->place(sink, i, PMX_ROOT_PROJECT, text(path), &places[i]);
        if (wrong("escapes") && package->name.length == 5 && memcmp(package->name.data, "react", 5) == 0)
            sink->symlink(sink, PMX_ROOT_PROJECT, text("node_modules/../../react"), PMX_ROOT_PROJECT, text(path));
        for (uint32_t e = 0; e < package->edge_count; ++e) {
            const pmx_edge *edge = wrong("no-stride") ? &graph->edges[package->first_edge + e] : PMX_GRAPH_EDGE(graph, package->first_edge + e);
            if (edge->alias.length != package->name.length || memcmp(edge->alias.data, package->name.data, edge->alias.length) != 0)
                link_edge(graph, sink, modules, edge);
        }
    }
    for (uint32_t i = 0; status == PMX_OK && i < graph->project_count; ++i) {
        const pmx_project *project = PMX_GRAPH_PROJECT(graph, i);
        int is_root = project->dir.length == 1;
        snprintf(modules, sizeof modules, "%.*s%snode_modules", is_root ? 0 : (int)project->dir.length, project->dir.data, is_root ? "" : "/");
        for (uint32_t e = 0; e < project->edge_count; ++e) link_edge(graph, sink, modules, PMX_GRAPH_EDGE(graph, project->first_edge + e));
    }
    free(places);
    atomic_fetch_sub(&me->inside, 1);
    return status;
}

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)host, (void)op, (void)config;
    poisoned = 0;
    *self = calloc(1, sizeof(layout));
    return PMX_OK;
}
static void destroy(void *self) {
    poisoned = 1;
    free(self);
}

static const pmx_layout functions = {sizeof functions, 0, plan};
WRONG_PLUGIN(PMX_KIND_LAYOUT, functions, CAPABILITIES)
