/* @NAME@: packages that a list denies are not installed. check_manifest() sees every package's own package.json before
 * it is linked; check_archive and check_object may be set beside it (pmx/validator.h). */
#include <stdlib.h>
#include <string.h>

#include <pmx/validator.h>

/* One instance. Several threads call it at once, so nothing in it changes. */
typedef struct validator {
    size_t count;
    char **denied;
} validator;

static void destroy(void *self) {
    validator *me = self;
    for (size_t i = 0; i < me->count; ++i) free(me->denied[i]);
    free(me->denied);
    free(me);
}

static pmx_status check_manifest(void *self, const pmx_op *op, const pmx_manifest *manifest) {
    const validator *me = self;
    for (size_t i = 0; i < me->count; ++i) {
        size_t length = strlen(me->denied[i]);
        if (length != manifest->name.length || memcmp(me->denied[i], manifest->name.data, length) != 0) continue;
        const char *what = "this package is denied", *remedy = "ask for it to be taken off the list of @NAME@";
        pmx_str sentence = {what, strlen(what)}, todo = {remedy, strlen(remedy)};
        op->report(op, PMX_ERROR, sentence, manifest->id, todo, 0);
        return PMX_MISMATCH;
    }
    return PMX_OK;
}

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)host, (void)op;
    /* The one option. The configuration is borrowed for this call: what is kept is copied. */
    const pmx_option_value *deny = config->options;
    validator *made = calloc(1, sizeof *made);
    if (!made) return PMX_NO_MEMORY;
    made->denied = calloc(deny->item_count + 1, sizeof *made->denied);
    for (size_t i = 0; made->denied && i < deny->item_count; ++i) {
        const pmx_str name = deny->items[i];
        char *copy = malloc(name.length + 1);
        if (!copy) break;
        memcpy(copy, name.data, name.length);
        copy[name.length] = '\0';
        made->denied[made->count++] = copy;
    }
    if (made->denied && made->count == deny->item_count) {
        *self = made;
        return PMX_OK;
    }
    destroy(made);
    return PMX_NO_MEMORY;
}

static const pmx_validator functions = {sizeof functions, 0, NULL, NULL, check_manifest, NULL};
static const pmx_option options[] = {
    {"deny", "Names of packages that may not be installed", NULL, NULL, PMX_OPTION_LIST, 0, 0, 0}};

static const pmx_plugin table = {
    .size = sizeof table,
    .abi_major = PMX_ABI_MAJOR,
    .needs_minor = 0,
    .capabilities = 0,
    .option_size = sizeof(pmx_option),
    .name = "@NAME@",
    .version = "0.1.0",
    .summary = "Packages on a list are not installed",
    .kind = PMX_KIND_VALIDATOR,
    .functions = &functions,
    .options = options,
    .option_count = 1,
    .create = create,
    .destroy = destroy,
};

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) { return &table; }
