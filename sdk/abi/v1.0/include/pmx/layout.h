/* Kind "layout/1": decides where every package, link and executable goes. A layout is a pure function from a graph to
 * steps: no disk, no clock, no network, no threads of its own; the same steps whatever the order of the input arrays.
 */
#ifndef PMX_LAYOUT_H
#define PMX_LAYOUT_H

#include "pmx/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PMX_KIND_LAYOUT "layout/1"
#define PMX_NONE UINT32_MAX

/* pmx_package.flags */
#define PMX_PACKAGE_OPTIONAL (1u << 0)  /* reachable through optional edges only */
#define PMX_PACKAGE_SKIPPED (1u << 1)   /* not to be installed here (platform, engine, --prod): never place it */
#define PMX_PACKAGE_HAS_BIN (1u << 2)
#define PMX_PACKAGE_DIRECTORY (1u << 3) /* its files come from a directory of the workspace */
#define PMX_PACKAGE_BUILT (1u << 4)     /* it or a dependency of it may run install scripts, or it is patched */

typedef struct pmx_package {
    pmx_str id;         /* unique: "name@version" plus a suffix for peers and patches */
    pmx_str name, version;
    pmx_str integrity;  /* SRI text or empty */
    uint32_t first_edge, edge_count;  /* into pmx_graph.edges */
    uint32_t first_peer, peer_count;  /* into pmx_graph.strings: declared and transitive peer names */
    uint32_t flags;
    uint32_t first_bundled, bundled_count; /* into pmx_graph.strings: names carried in its own archive */
    uint32_t reserved;
} pmx_package;

typedef enum pmx_edge_kind { PMX_EDGE_PROD = 0, PMX_EDGE_DEV = 1, PMX_EDGE_OPTIONAL = 2, PMX_EDGE_PEER = 3 } pmx_edge_kind;

typedef struct pmx_edge {
    pmx_str alias;    /* the name under node_modules; safe as a path */
    pmx_str link;     /* when package is PMX_NONE: a project directory, relative to the root */
    uint32_t package;
    uint32_t kind;    /* pmx_edge_kind */
} pmx_edge;

typedef struct pmx_project {
    pmx_str dir;   /* relative to the root, "." for the root itself */
    pmx_str name;  /* may be empty */
    uint32_t first_edge, edge_count;
} pmx_project;

/* npm's lockfiles say where everything goes; empty for others. */
typedef struct pmx_location {
    pmx_str path;
    pmx_str link;      /* when package is PMX_NONE */
    uint32_t package;
    uint32_t reserved;
} pmx_location;

/* Elements are reached through their stride, because a newer host may have longer ones: PMX_GRAPH_PACKAGE(graph, i). */
typedef struct pmx_graph {
    uint32_t size;
    uint32_t package_size, edge_size, project_size, location_size; /* strides */
    uint32_t package_count, edge_count, project_count, location_count, string_count;
    const pmx_package *packages;
    const pmx_edge *edges;
    const pmx_project *projects;   /* the root first */
    const pmx_location *locations; /* parents before children */
    const pmx_str *strings;
} pmx_graph;

/* Element `i` of `graph->packages`, `->edges`, `->projects` or `->locations`. */
#define PMX_GRAPH_PACKAGE(graph, i) \
    ((const pmx_package *)((const char *)(graph)->packages + (size_t)(i) * (graph)->package_size))
#define PMX_GRAPH_EDGE(graph, i) ((const pmx_edge *)((const char *)(graph)->edges + (size_t)(i) * (graph)->edge_size))
#define PMX_GRAPH_PROJECT(graph, i) \
    ((const pmx_project *)((const char *)(graph)->projects + (size_t)(i) * (graph)->project_size))
#define PMX_GRAPH_LOCATION(graph, i) \
    ((const pmx_location *)((const char *)(graph)->locations + (size_t)(i) * (graph)->location_size))

typedef enum pmx_root {
    PMX_ROOT_PROJECT = 0, /* the directory of the lockfile */
    PMX_ROOT_SHARED = 1   /* a virtual store shared by all projects of this user */
} pmx_root;

/* pmx_plan_sink.describe keys */
#define PMX_PLAN_VIRTUAL_STORE_DIR "virtual-store-dir" /* relative to the project root */
#define PMX_PLAN_MODULES_DIR "modules-dir"             /* where the projects' packages go; unset: "node_modules" */
#define PMX_PLAN_BINS "bins"                           /* "symlink" | "shim" | "shim-node-path" */
#define PMX_PLAN_NODE_PATH_TAIL "node-path-tail"

/* Where the steps go. The host copies every string before it returns. Paths are relative to a root, use '/', and have
 * no "." or ".." in them: anything else makes the call return PMX_INVALID and the plan fail. Order does not matter. */
typedef struct pmx_plan_sink pmx_plan_sink;
struct pmx_plan_sink {
    uint32_t size;
    void *host;
    /* Put the files of `package` into `dir`. Several places per package are fine; one package per dir. *place is its
     * number, for bins(). */
    pmx_status (*place)(const pmx_plan_sink *sink, uint32_t package, uint32_t root, pmx_str dir, uint32_t *place);
    /* A symbolic link at `path` to the directory `target`. */
    pmx_status (*symlink)(const pmx_plan_sink *sink, uint32_t root, pmx_str path, uint32_t target_root, pmx_str target);
    /* A symbolic link at `path` to a project of the graph. */
    pmx_status (*link_project)(const pmx_plan_sink *sink, uint32_t root, pmx_str path, pmx_str project_dir);
    /* Executables of a place into the directory `dir`. Tier 0 (a direct dependency) wins over 1 (hoisted) when two
     * packages bring the same name. */
    pmx_status (*bins)(const pmx_plan_sink *sink, uint32_t root, pmx_str dir, uint32_t place, pmx_str alias, uint32_t tier);
    pmx_status (*bins_of_project)(const pmx_plan_sink *sink, uint32_t root, pmx_str dir, pmx_str project_dir, uint32_t tier);
    /* For the record in node_modules: `package` was made visible as `alias`, to the project's own code or only to
     * other packages. */
    pmx_status (*hoisted)(const pmx_plan_sink *sink, uint32_t package, pmx_str alias, int is_public);
    /* A property of the whole plan, PMX_PLAN_…; unknown keys are ignored. */
    pmx_status (*describe)(const pmx_plan_sink *sink, const char *key, pmx_str value);
};

typedef struct pmx_layout {
    uint32_t size;
    uint32_t reserved;
    /* [worker] */
    pmx_status (*plan)(void *self, const pmx_op *op, const pmx_graph *graph, const pmx_plan_sink *sink);
} pmx_layout;

#ifdef __cplusplus
}
#endif
#endif
