/* A validator for tests, as one built with version 1.1: its table ends before begin_archive. It refuses an archive whose bytes
 * it is not shown. */
#include "pmx/validator.h"

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    static int nothing;
    (void)host, (void)op, (void)config;
    *self = &nothing;
    return PMX_OK;
}

static void destroy(void *self) { (void)self; }

static pmx_status check_archive(void *self, const pmx_op *op, const pmx_archive *archive) {
    (void)self, (void)op;
    return archive->bytes.length ? PMX_OK : PMX_MISMATCH;
}

static const pmx_validator functions = {offsetof(pmx_validator, begin_archive), 0, check_archive, NULL, NULL, NULL};

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) {
    static const pmx_plugin table = {sizeof table, PMX_ABI_MAJOR, 0, 0, sizeof(pmx_option), "whole-archives", "1.0.0",
                                     "Looks at archives that are whole", PMX_KIND_VALIDATOR, &functions, NULL, 0,
                                     create, destroy};
    return &table;
}
