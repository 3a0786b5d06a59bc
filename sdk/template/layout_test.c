/* Loads the layout as pmx does and looks at the plan of a small graph: a project that needs `a`, which needs `b`. */
#include <pmx/layout.h>
#include <pmx/testing.h>

/* The steps, a line each. */
static char steps[4096];

static void add(const char *kind, pmx_str path, pmx_str target) {
    size_t length = strlen(steps);
    snprintf(steps + length, sizeof steps - length, "%s %.*s %.*s\n", kind, (int)path.length, path.data, (int)target.length,
             target.data);
}
static pmx_status place(const pmx_plan_sink *sink, uint32_t package, uint32_t root, pmx_str dir, uint32_t *number) {
    (void)sink, (void)root;
    *number = package;
    add("place", dir, pmx_test_str(package == 0 ? "a" : "b"));
    return PMX_OK;
}
static pmx_status link_to(const pmx_plan_sink *sink, uint32_t root, pmx_str path, uint32_t target_root, pmx_str target) {
    (void)sink, (void)root, (void)target_root;
    add("link", path, target);
    return PMX_OK;
}
static pmx_status project_link(const pmx_plan_sink *sink, uint32_t root, pmx_str path, pmx_str dir) {
    (void)sink, (void)root;
    add("project", path, dir);
    return PMX_OK;
}
static pmx_status bins(const pmx_plan_sink *sink, uint32_t root, pmx_str dir, uint32_t number, pmx_str alias, uint32_t tier) {
    (void)sink, (void)root, (void)number, (void)tier;
    add("bins", dir, alias);
    return PMX_OK;
}
static pmx_status project_bins(const pmx_plan_sink *sink, uint32_t root, pmx_str dir, pmx_str project, uint32_t tier) {
    (void)sink, (void)root, (void)dir, (void)project, (void)tier;
    return PMX_OK;
}
static pmx_status hoisted(const pmx_plan_sink *sink, uint32_t package, pmx_str alias, int is_public) {
    (void)sink, (void)package, (void)alias, (void)is_public;
    return PMX_OK;
}
static pmx_status describe(const pmx_plan_sink *sink, const char *key, pmx_str value) {
    (void)sink, (void)key, (void)value;
    return PMX_OK;
}

int main(int argc, char **argv) {
    pmx_test test;
    pmx_test_open(&test, argc > 1 ? argv[1] : NULL, "slots=.mine");

    pmx_package packages[2];
    memset(packages, 0, sizeof packages);
    packages[0].id = pmx_test_str("a@1.0.0");
    packages[0].name = pmx_test_str("a");
    packages[0].first_edge = 1;
    packages[0].edge_count = 1;
    packages[1].id = pmx_test_str("@s/b@2.0.0");
    packages[1].name = pmx_test_str("@s/b");
    pmx_edge edges[2];
    memset(edges, 0, sizeof edges);
    edges[0].alias = pmx_test_str("a");
    edges[1].alias = pmx_test_str("@s/b");
    edges[1].package = 1;
    pmx_project project;
    memset(&project, 0, sizeof project);
    project.dir = pmx_test_str(".");
    project.edge_count = 1;

    pmx_graph graph;
    memset(&graph, 0, sizeof graph);
    graph.size = sizeof graph;
    graph.package_size = sizeof(pmx_package);
    graph.edge_size = sizeof(pmx_edge);
    graph.project_size = sizeof(pmx_project);
    graph.location_size = sizeof(pmx_location);
    graph.packages = packages;
    graph.package_count = 2;
    graph.edges = edges;
    graph.edge_count = 2;
    graph.projects = &project;
    graph.project_count = 1;

    pmx_plan_sink sink = {sizeof sink, NULL, place, link_to, project_link, bins, project_bins, hoisted, describe};
    const pmx_layout *layout = (const pmx_layout *)test.plugin->functions;
    PMX_EXPECT(layout->plan(test.self, &test.op, &graph, &sink) == PMX_OK);
    PMX_EXPECT(strstr(steps, "place node_modules/.mine/a@1.0.0/node_modules/a a\n"));
    PMX_EXPECT(strstr(steps, "place node_modules/.mine/@s+b@2.0.0/node_modules/@s/b b\n"));
    PMX_EXPECT(strstr(steps, "link node_modules/a node_modules/.mine/a@1.0.0/node_modules/a\n"));
    PMX_EXPECT(strstr(steps, "link node_modules/.mine/a@1.0.0/node_modules/@s/b node_modules/.mine/@s+b@2.0.0/node_modules/@s/b\n"));
    PMX_EXPECT(strstr(steps, "bins node_modules/.bin a\n"));

    test.cancelled = 1;
    PMX_EXPECT(layout->plan(test.self, &test.op, &graph, &sink) == PMX_CANCELLED);
    return pmx_test_close(&test);
}
