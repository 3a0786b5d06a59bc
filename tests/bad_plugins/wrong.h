/* What the plugins of the kit's own test share: each is built several times, wrong in the one way that WRONG names. */
#ifndef WRONG_H
#define WRONG_H

#include <string.h>

#include <pmx/abi.h>

#ifndef CAPABILITIES
#define CAPABILITIES 0
#endif

static inline int wrong(const char *way) { return strcmp(WRONG, way) == 0; }
static inline pmx_str text(const char *s) {
    pmx_str borrowed = {s, strlen(s)};
    return borrowed;
}
static inline pmx_status fail(const pmx_op *op, pmx_status status, const char *what, pmx_str subject) {
    op->report(op, PMX_ERROR, text(what), subject, text(""), 0);
    return status;
}

/* The table of a plugin without options. */
#define WRONG_PLUGIN(kind, functions, capabilities)                                                                        \
    static const pmx_plugin table = {sizeof table, PMX_ABI_MAJOR, 0,    (capabilities), sizeof(pmx_option), "wrong", "0.0.1", \
                                     "Wrong in one way", kind, &functions, NULL, 0, create, destroy};                      \
    PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) { return &table; }
#endif
