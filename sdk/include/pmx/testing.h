/* For a plugin's own tests, in C11 or C++: loads the library as pmx does, makes an instance, and hands out what a call
 * needs. The host that it plays has no services and one thread; `pmx plugin check` is the one that looks at everything.
 * Nothing of it is part of the contract.
 *
 *   int main(int argc, char **argv) {
 *       pmx_test test;
 *       pmx_test_open(&test, argv[1], "deny=left-pad");
 *       const pmx_validator *validator = (const pmx_validator *)test.plugin->functions;
 *       PMX_EXPECT(validator->check_manifest(test.self, &test.op, &manifest) == PMX_MISMATCH);
 *       return pmx_test_close(&test);
 *   }
 */
#ifndef PMX_TESTING_H
#define PMX_TESTING_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmx/abi.h"

typedef struct pmx_test {
    const pmx_plugin *plugin;
    void *self;
    pmx_host host;
    pmx_op op;
    int cancelled;   /* set it, and op says so */
    char said[1024]; /* the last error that was reported: "what: subject" */
} pmx_test;

/* Ends the test with a line that says where, unless `condition` holds. */
#define PMX_EXPECT(condition)                                                        \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

static inline pmx_str pmx_test_str(const char *text) {
    pmx_str borrowed;
    borrowed.data = text;
    borrowed.length = strlen(text);
    return borrowed;
}

static inline int pmx_test_cancelled_(const pmx_op *op) { return ((const pmx_test *)op->host)->cancelled; }
static inline void pmx_test_report_(const pmx_op *op, pmx_severity severity, pmx_str what, pmx_str subject, pmx_str remedy,
                                    int32_t number) {
    pmx_test *test = (pmx_test *)op->host;
    (void)remedy, (void)number;
    if (severity == PMX_ERROR)
        snprintf(test->said, sizeof test->said, "%.*s: %.*s", (int)what.length, what.length ? what.data : "",
                 (int)subject.length, subject.length ? subject.data : "");
}
static inline void pmx_test_progress_(const pmx_op *op, uint64_t done, uint64_t total) { (void)op, (void)done, (void)total; }
static inline const void *pmx_test_service_(const pmx_host *host, const char *id) {
    (void)host, (void)id;
    return NULL;
}

/* `option` is one "name=value", a list's items separated by '\n'; or NULL. The others have their defaults. */
static inline void pmx_test_open(pmx_test *test, const char *file, const char *option) {
    memset(test, 0, sizeof *test);
    test->op.size = sizeof test->op;
    test->op.host = test;
    test->op.is_cancelled = pmx_test_cancelled_;
    test->op.report = pmx_test_report_;
    test->op.progress = pmx_test_progress_;
    test->host.size = sizeof test->host;
    test->host.abi_major = PMX_ABI_MAJOR;
    test->host.abi_minor = PMX_ABI_MINOR;
    test->host.host = test;
    test->host.service = pmx_test_service_;

    void *library = file ? dlopen(file, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        fprintf(stderr, "cannot load the plugin: %s\n", file ? dlerror() : "give its file");
        exit(1);
    }
    pmx_plugin_entry entry;
    *(void **)&entry = dlsym(library, PMX_ENTRY_SYMBOL);
    PMX_EXPECT(entry != NULL);
    test->plugin = entry();
    PMX_EXPECT(test->plugin != NULL && test->plugin->abi_major == PMX_ABI_MAJOR);

    size_t count = test->plugin->option_count;
    pmx_option_value *values = (pmx_option_value *)calloc(count + 1, sizeof *values);
    for (size_t i = 0; i < count; ++i) {
        const pmx_option *declared =
            (const pmx_option *)((const char *)test->plugin->options + i * test->plugin->option_size);
        size_t length = strlen(declared->name);
        const char *text = declared->default_value;
        if (option && strncmp(option, declared->name, length) == 0 && option[length] == '=') text = option + length + 1;
        values[i].name = pmx_test_str(declared->name);
        if (!text) continue;
        pmx_str *items = (pmx_str *)calloc(strlen(text) + 1, sizeof *items);
        values[i].items = items;
        do {
            size_t end = declared->type == PMX_OPTION_LIST ? strcspn(text, "\n") : strlen(text);
            items[values[i].item_count].data = text;
            items[values[i].item_count++].length = end;
            text = text[end] ? text + end + 1 : NULL;
        } while (text);
    }
    pmx_config config;
    config.size = sizeof config;
    config.option_size = sizeof(pmx_option_value);
    config.options = values;
    config.option_count = count;
    pmx_status status = test->plugin->create(&test->host, &test->op, &config, &test->self);
    for (size_t i = 0; i < count; ++i) free((void *)values[i].items);
    free(values);
    if (status != PMX_OK) {
        fprintf(stderr, "the plugin does not start: %s\n", test->said);
        exit(1);
    }
}

/* 0, for main to return. */
static inline int pmx_test_close(pmx_test *test) {
    test->plugin->destroy(test->self);
    return 0;
}

#endif
