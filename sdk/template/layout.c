/* @NAME@: each package in a slot of its own, beside links to what it depends on. Change modules_of() and link_edge() to
 * put things elsewhere; a layout only says where, and never touches the disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pmx/layout.h>

#define LONGEST 4096 /* of a path */

/* One instance. Several threads call plan() on it at once, so nothing in it changes. */
typedef struct layout {
    char slots[256];
} layout;

/* One call of plan(). */
typedef struct planning {
    const layout *self;
    const pmx_op *op;
    const pmx_graph *graph;
    const pmx_plan_sink *sink;
} planning;

static pmx_status fail(const pmx_op *op, pmx_status status, const char *what, pmx_str subject) {
    pmx_str sentence = {what, strlen(what)}, nothing = {NULL, 0};
    op->report(op, PMX_ERROR, sentence, subject, nothing, 0);
    return status;
}

static pmx_str text(const char *s) {
    pmx_str borrowed = {s, strlen(s)};
    return borrowed;
}

static int is_skipped(const pmx_graph *graph, uint32_t i) {
    return (PMX_GRAPH_PACKAGE(graph, i)->flags & PMX_PACKAGE_SKIPPED) != 0;
}

/* Where package `i` has its dependencies. Named by id, not by number: the same plan whatever the order of the arrays. */
static int modules_of(const planning *p, uint32_t i, char path[LONGEST]) {
    const pmx_str id = PMX_GRAPH_PACKAGE(p->graph, i)->id;
    int head = snprintf(path, LONGEST, "node_modules/%s/", p->self->slots);
    int length = snprintf(path + head, (size_t)(LONGEST - head), "%.*s/node_modules", (int)id.length, id.data);
    for (size_t c = 0; c < id.length && head + (int)c < LONGEST; ++c)
        if (path[head + (int)c] == '/') path[head + (int)c] = '+';
    return head + length < LONGEST;
}

static int directory_of(const planning *p, uint32_t i, char path[LONGEST]) {
    const pmx_str name = PMX_GRAPH_PACKAGE(p->graph, i)->name;
    if (!modules_of(p, i, path)) return 0;
    size_t length = strlen(path);
    return snprintf(path + length, LONGEST - length, "/%.*s", (int)name.length, name.data) < (int)(LONGEST - length);
}

/* What `edge` asks for, reachable from the directory `modules`. */
static pmx_status link_edge(const planning *p, const char *modules, const pmx_edge *edge) {
    char path[LONGEST], target[LONGEST];
    if (snprintf(path, sizeof path, "%s/%.*s", modules, (int)edge->alias.length, edge->alias.data) >= (int)sizeof path)
        return fail(p->op, PMX_INVALID, "a path is too long", edge->alias);
    if (edge->package == PMX_NONE) return p->sink->link_project(p->sink, PMX_ROOT_PROJECT, text(path), edge->link);
    if (is_skipped(p->graph, edge->package)) return PMX_OK;
    if (!directory_of(p, edge->package, target)) return fail(p->op, PMX_INVALID, "a path is too long", edge->alias);
    return p->sink->symlink(p->sink, PMX_ROOT_PROJECT, text(path), PMX_ROOT_PROJECT, text(target));
}

static pmx_status plan_package(const planning *p, uint32_t i, uint32_t *place) {
    const pmx_package *package = PMX_GRAPH_PACKAGE(p->graph, i);
    char path[LONGEST];
    *place = PMX_NONE;
    if (is_skipped(p->graph, i)) return PMX_OK;
    if (!directory_of(p, i, path)) return fail(p->op, PMX_INVALID, "a path is too long", package->id);
    pmx_status status = p->sink->place(p->sink, i, PMX_ROOT_PROJECT, text(path), place);
    modules_of(p, i, path);
    for (uint32_t e = 0; status == PMX_OK && e < package->edge_count; ++e) {
        const pmx_edge *edge = PMX_GRAPH_EDGE(p->graph, package->first_edge + e);
        int own = edge->alias.length == package->name.length &&
                  memcmp(edge->alias.data, package->name.data, edge->alias.length) == 0;
        if (!own) status = link_edge(p, path, edge); /* its own name leads to itself without a link */
    }
    return status;
}

static pmx_status plan_project(const planning *p, const pmx_project *project, const uint32_t *places) {
    char modules[LONGEST], bins[LONGEST];
    int is_root = project->dir.length == 1 && project->dir.data[0] == '.';
    int length = snprintf(modules, sizeof modules, "%.*s%snode_modules", is_root ? 0 : (int)project->dir.length,
                          project->dir.data, is_root ? "" : "/");
    if (length + 5 >= (int)sizeof modules) return fail(p->op, PMX_INVALID, "a path is too long", project->dir);
    memcpy(bins, modules, (size_t)length);
    memcpy(bins + length, "/.bin", 6);
    pmx_status status = PMX_OK;
    for (uint32_t e = 0; status == PMX_OK && e < project->edge_count; ++e) {
        const pmx_edge *edge = PMX_GRAPH_EDGE(p->graph, project->first_edge + e);
        status = link_edge(p, modules, edge);
        if (status == PMX_OK && edge->package != PMX_NONE && places[edge->package] != PMX_NONE)
            status = p->sink->bins(p->sink, PMX_ROOT_PROJECT, text(bins), places[edge->package], edge->alias, 0);
    }
    return status;
}

static pmx_status plan(void *self, const pmx_op *op, const pmx_graph *graph, const pmx_plan_sink *sink) {
    planning p = {self, op, graph, sink};
    uint32_t *places = malloc(((size_t)graph->package_count + 1) * sizeof *places);
    if (!places) return PMX_NO_MEMORY;
    pmx_status status = PMX_OK;
    for (uint32_t i = 0; status == PMX_OK && i < graph->package_count; ++i)
        status = op->is_cancelled(op) ? PMX_CANCELLED : plan_package(&p, i, &places[i]);
    for (uint32_t i = 0; status == PMX_OK && i < graph->project_count; ++i)
        status = plan_project(&p, PMX_GRAPH_PROJECT(graph, i), places);
    free(places);
    return status;
}

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)host;
    layout *made = calloc(1, sizeof *made);
    if (!made) return PMX_NO_MEMORY;
    /* The one option: the values come in the order in which they are declared. */
    const pmx_option_value *slots = config->options;
    if (slots->item_count == 1 && slots->items[0].length < sizeof made->slots && slots->items[0].length > 0) {
        memcpy(made->slots, slots->items[0].data, slots->items[0].length);
        *self = made;
        return PMX_OK;
    }
    free(made);
    return fail(op, PMX_INVALID, "the name of the directory of slots is empty or too long", slots->name);
}

static void destroy(void *self) { free(self); }

static const pmx_layout functions = {sizeof functions, 0, plan};
static const pmx_option options[] = {
    {"slots", "The directory of the slots, in node_modules", ".slots", NULL, PMX_OPTION_STRING, 0, 0, 0}};

static const pmx_plugin table = {
    .size = sizeof table,
    .abi_major = PMX_ABI_MAJOR,
    .needs_minor = 0,
    .capabilities = 0,
    .option_size = sizeof(pmx_option),
    .name = "@NAME@",
    .version = "0.1.0",
    .summary = "Each package in a slot of its own",
    .kind = PMX_KIND_LAYOUT,
    .functions = &functions,
    .options = options,
    .option_count = 1,
    .create = create,
    .destroy = destroy,
};

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) { return &table; }
