/* pmx plugin SDK, version 1: what every plugin shares. C11 and C++.
 *
 * A plugin is a shared library that exports one function, pmx_plugin_entry_v1, which returns a constant table and does
 * nothing else. The major version is in that name. Within a major, structs only grow at the end, each starts with its
 * `size`, and a reader looks at a field only when PMX_HAS says it is there.
 *
 * Rules for both sides:
 *   - Strings and arrays are borrowed for the length of the call unless a field says otherwise. Nobody frees the
 *     other's memory.
 *   - No exception, longjmp or thread cancellation crosses this boundary.
 *   - Every function carries a thread tag: [setup] one call at a time, before or after everything else; [worker]
 *     several at once on one instance; [any] from any thread, those the plugin started included.
 */
#ifndef PMX_ABI_H
#define PMX_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PMX_ABI_MAJOR 1
#define PMX_ABI_MINOR 2

/* Is `field` inside the struct that `pointer` points to, as its maker knew it? */
#define PMX_HAS(pointer, type, field) ((pointer)->size >= offsetof(type, field) + sizeof((pointer)->field))

/* A borrowed string: not NUL-terminated unless a field says so. */
typedef struct pmx_str {
    const char *data;
    size_t length;
} pmx_str;

/* The closed set of outcomes. Anything else a plugin returns is treated as PMX_FAILED. */
typedef enum pmx_status {
    PMX_OK = 0,
    PMX_UNSUPPORTED = 1,  /* not here, not this way: the host tries the next strategy */
    PMX_CANCELLED = 2,    /* the op said so */
    PMX_INVALID = 3,      /* the input is wrong: hostile, inconsistent, or an option with a bad value */
    PMX_MISMATCH = 4,     /* a check was made and did not hold */
    PMX_NOT_FOUND = 5,    /* the thing asked for does not exist */
    PMX_DENIED = 6,       /* credentials missing or refused */
    PMX_UNAVAILABLE = 7,  /* a server or network failed; a later try may succeed */
    PMX_IO = 8,           /* the file system failed; report errno through pmx_op.report */
    PMX_NO_SPACE = 9,     /* the disk is full */
    PMX_NO_MEMORY = 10,
    PMX_FAILED = 11,      /* anything else: a bug in the plugin */
    PMX_STATUS_RANGE = 0x7fffffff /* never used: makes what a later minor or a careless plugin returns a value of the type */
} pmx_status;

typedef enum pmx_severity { PMX_NOTE = 0, PMX_WARNING = 1, PMX_ERROR = 2 } pmx_severity;

/* A window into the host, valid for one call (for a fetcher: until the request completed). */
typedef struct pmx_op pmx_op;
struct pmx_op {
    uint32_t size;
    void *host;
    /* Nonzero once the call should end soon with PMX_CANCELLED. Cheap: ask in every loop. [any] */
    int (*is_cancelled)(const pmx_op *op);
    /* A sentence for the person: what failed, on what, what to do (any may be empty). The last PMX_ERROR reported in a
     * call that fails becomes the error on screen. `system_error` is an errno or 0. [any] */
    void (*report)(const pmx_op *op, pmx_severity severity, pmx_str what, pmx_str subject, pmx_str remedy,
                   int32_t system_error);
    /* Progress inside a long call; `total` 0 when unknown. [any] */
    void (*progress)(const pmx_op *op, uint64_t done, uint64_t total);
};

/* Host services, asked for by id when an instance is made; NULL when this host has no such service. See services.h. */
typedef struct pmx_host pmx_host;
struct pmx_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    void *host;
    const void *(*service)(const pmx_host *host, const char *id); /* [any]; the table lives as long as the instance */
};

typedef enum pmx_option_type {
    PMX_OPTION_BOOL = 0,   /* "true" | "false" */
    PMX_OPTION_INT = 1,    /* decimal */
    PMX_OPTION_STRING = 2,
    PMX_OPTION_LIST = 3    /* any number of strings */
} pmx_option_type;

/* One option, declared once: the command line, the configuration check, `pmx plugin list` and the documentation read
 * it. Names are kebab-case. An option with the name of a pmx setting gets that setting's value. */
typedef struct pmx_option {
    const char *name;
    const char *summary;       /* one sentence */
    const char *default_value; /* text; for a list, items separated by '\n'; NULL: no value */
    const char *choices;       /* "a|b|c" or NULL */
    uint32_t type;             /* pmx_option_type */
    uint32_t reserved;
    int64_t minimum, maximum;  /* for PMX_OPTION_INT; equal: no bounds */
} pmx_option;

/* The value of one declared option. Every declared option is passed, with its default where nobody set it. */
typedef struct pmx_option_value {
    pmx_str name;
    const pmx_str *items; /* one item for a scalar; any number for a list; none when there is no value */
    size_t item_count;
} pmx_option_value;

typedef struct pmx_config {
    uint32_t size;
    uint32_t option_size; /* sizeof(pmx_option_value) as the host knows it: the stride of `options` */
    const pmx_option_value *options;
    size_t option_count;
} pmx_config;

/* What a plugin may do, stated up front. */
#define PMX_CAP_THREADS (1u << 0)  /* starts threads of its own */
#define PMX_CAP_NETWORK (1u << 1)  /* opens network connections */
#define PMX_CAP_PROCESS (1u << 2)  /* starts other programs */
#define PMX_CAP_BLOCKING (1u << 3) /* fetcher: fetch() completes the request before it returns */
#define PMX_CAP_DRAFT (1u << 31)   /* uses draft interfaces; loads only where the user allows drafts */

/* The table a plugin returns. Everything in it is constant and lives as long as the library. */
typedef struct pmx_plugin {
    uint32_t size;
    uint16_t abi_major;     /* PMX_ABI_MAJOR of the headers it was built with */
    uint16_t needs_minor;   /* the lowest host minor it can live with */
    uint32_t capabilities;  /* PMX_CAP_… */
    uint32_t option_size;   /* sizeof(pmx_option) */
    const char *name;       /* kebab-case; how people say it: --linker NAME */
    const char *version;    /* the plugin's own */
    const char *summary;    /* one sentence */
    const char *kind;       /* "layout/1", "importer/1", "fetcher/1" or "validator/1" */
    const void *functions;  /* pmx_layout, pmx_importer, pmx_fetcher or pmx_validator */
    const pmx_option *options;
    size_t option_count;
    /* [setup] Makes an instance. On failure report through `op`, return the status, leave *self alone. */
    pmx_status (*create)(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self);
    /* [setup] Ends it: no call is running, threads of its own are joined when this returns. */
    void (*destroy)(void *self);
} pmx_plugin;

typedef const pmx_plugin *(*pmx_plugin_entry)(void);

#if defined(_WIN32)
#define PMX_EXPORT __declspec(dllexport)
#else
#define PMX_EXPORT __attribute__((visibility("default")))
#endif

/* The one exported symbol. With PMX_STATIC_PLUGIN_NAME set it carries the plugin's name, so that several can be linked
 * into one program. */
#define PMX_ENTRY_SYMBOL "pmx_plugin_entry_v1"
#define PMX_PASTE_(a, b) a##b
#define PMX_PASTE(a, b) PMX_PASTE_(a, b)
#ifdef PMX_STATIC_PLUGIN_NAME
#define PMX_ENTRY PMX_PASTE(pmx_plugin_entry_v1_, PMX_STATIC_PLUGIN_NAME)
#else
#define PMX_ENTRY pmx_plugin_entry_v1
#endif

#ifdef __cplusplus
}
#endif
#endif
