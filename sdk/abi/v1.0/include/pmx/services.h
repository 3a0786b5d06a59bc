/* Host services, by id. Ask in create() and keep the table. All functions are [any] unless tagged. */
#ifndef PMX_SERVICES_H
#define PMX_SERVICES_H

#include "pmx/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "pmx.log/1": lines for --loglevel debug. Never for errors: those go to pmx_op.report. */
#define PMX_SERVICE_LOG "pmx.log/1"
typedef struct pmx_log {
    uint32_t size;
    void *host;
    void (*write)(const struct pmx_log *log, pmx_severity severity, pmx_str line);
} pmx_log;

/* "pmx.executor/1": the user's worker threads. */
#define PMX_SERVICE_EXECUTOR "pmx.executor/1"
typedef struct pmx_executor {
    uint32_t size;
    void *host;
    uint32_t (*width)(const struct pmx_executor *executor); /* the cap */
    /* Calls body(context, i) for every i < count, several at once, and returns when all are done. May be called from
     * inside a body. */
    void (*parallel_for)(const struct pmx_executor *executor, size_t count, void (*body)(void *context, size_t i),
                         void *context);
} pmx_executor;

/* "pmx.counters/1": numbers for --timing and the lab. Names are snake_case; "sys_…" counts system calls by kind. */
#define PMX_SERVICE_COUNTERS "pmx.counters/1"
typedef struct pmx_counters {
    uint32_t size;
    void *host;
    void (*add)(const struct pmx_counters *counters, const char *name, uint64_t by);
    void (*high_water)(const struct pmx_counters *counters, const char *name, uint64_t value);
} pmx_counters;

/* "pmx.scratch/1": a fresh private directory, removed when the instance is destroyed. NUL-terminated path into
 * `buffer`; PMX_INVALID when it does not fit. */
#define PMX_SERVICE_SCRATCH "pmx.scratch/1"
typedef struct pmx_scratch {
    uint32_t size;
    void *host;
    pmx_status (*make)(const struct pmx_scratch *scratch, char *buffer, size_t capacity);
} pmx_scratch;

/* "pmx.digest/1": the host's digests, so that a plugin needs no crypto library. `algorithm` is "sha1", "sha256",
 * "sha384" or "sha512"; `out` takes up to 64 bytes and *out_length is set. */
#define PMX_SERVICE_DIGEST "pmx.digest/1"
typedef struct pmx_digest {
    uint32_t size;
    void *host;
    pmx_status (*compute)(const struct pmx_digest *digest, const char *algorithm, pmx_str bytes, uint8_t *out,
                          size_t *out_length);
} pmx_digest;

/* "pmx.credentials/1": what .npmrc and the settings say for one origin. The host decides which credentials belong to a
 * URL; a fetcher asks again after every redirect and sends nothing it was not given. */
#define PMX_SERVICE_CREDENTIALS "pmx.credentials/1"
typedef struct pmx_credentials {
    uint32_t size;
    void *host;
    /* The value of the Authorization header for `url`, through `emit` (not called when there is none). */
    void (*authorization)(const struct pmx_credentials *credentials, pmx_str url, void (*emit)(void *context, pmx_str value),
                          void *context);
    /* TLS and proxy settings for `url` by key: "ca" and "cert" and "key" (PEM text), "cafile" (path), "strict-ssl"
     * ("true"|"false"), "proxy" (URL, may hold credentials; not emitted when NO_PROXY covers the host),
     * "local-address", "user-agent". */
    void (*transport)(const struct pmx_credentials *credentials, pmx_str url, const char *key,
                      void (*emit)(void *context, pmx_str value), void *context);
} pmx_credentials;

/* "pmx.requests/1": what a fetcher tells of its requests besides their outcome. A retry goes here rather than to
 * pmx_op.report: it is no warning unless it is the last. */
#define PMX_SERVICE_REQUESTS "pmx.requests/1"
typedef struct pmx_retry {
    uint32_t size;
    uint32_t attempt;     /* the one that failed; the first is 1 */
    uint32_t max_retries; /* how many may follow the first */
    uint32_t http_status; /* 0: there was no answer */
    uint64_t wait_ms;     /* until the next one */
    pmx_str url;          /* without credentials */
    pmx_str subject;      /* pmx_request.subject */
    pmx_str what;         /* what failed: one sentence */
} pmx_retry;
typedef struct pmx_requests {
    uint32_t size;
    void *host;
    void (*retrying)(const struct pmx_requests *requests, const pmx_retry *retry);
} pmx_requests;

#ifdef __cplusplus
}
#endif
#endif
