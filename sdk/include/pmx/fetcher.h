/* Kind "fetcher/1": URL to bytes. The host verifies and unpacks; a fetcher transports. */
#ifndef PMX_FETCHER_H
#define PMX_FETCHER_H

#include "pmx/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PMX_KIND_FETCHER "fetcher/1"

typedef struct pmx_header {
    pmx_str name, value;
} pmx_header;

/* Where one response goes. Calls for one request come one after another, from any one thread at a time. */
typedef struct pmx_response pmx_response;
struct pmx_response {
    uint32_t size;
    void *host;
    /* At most once, before any byte: HTTP status (200 for things that are not HTTP), the body's length where it is
     * known (UINT64_MAX otherwise) after decoding, headers. Anything but PMX_OK: stop and complete with it. */
    pmx_status (*head)(const pmx_response *response, uint32_t status, uint64_t length, const pmx_header *headers,
                       size_t header_count);
    /* Room for at least `want` bytes of body to write into, then commit what was written. NULL: stop, complete with
     * PMX_NO_MEMORY. */
    void *(*buffer)(const pmx_response *response, size_t want);
    pmx_status (*commit)(const pmx_response *response, size_t written);
    /* The body so far is worthless (a retry begins): start again with head(). */
    void (*restart)(const pmx_response *response);
    /* Exactly once, last. The request and its strings are gone when this returns. */
    void (*complete)(const pmx_response *response, pmx_status status);
};

#define PMX_FETCH_PACKUMENT 1u /* purpose: for priorities and statistics */
#define PMX_FETCH_ARCHIVE 2u

/* Valid until complete(). */
typedef struct pmx_request {
    uint32_t size;
    uint32_t purpose;
    pmx_str url;
    pmx_str subject;     /* what it is for, for messages: "left-pad@1.3.0" */
    const pmx_header *headers; /* to send as they are; never credentials. With an accept-encoding among them the body
                                * goes to the host as it came; an encoding that a fetcher asks for itself, it undoes. */
    size_t header_count;
    uint64_t size_limit; /* a longer body is PMX_INVALID */
    pmx_str commit, path; /* git: the commit to check out, a subdirectory of it */
    pmx_str integrity;    /* what the lockfile promises of an archive: SRI text or empty; the host checks it in any case;
                             since 1.1: see PMX_HAS */
} pmx_request;

typedef struct pmx_fetcher {
    uint32_t size;
    uint32_t reserved;
    const char *schemes; /* "http,https": which URLs it takes */
    /* [worker] Starts one request. PMX_OK: complete() will be called exactly once, now or later, from any thread (with
     * PMX_CAP_BLOCKING: before this returns). Anything else: it was not started and complete() is never called.
     * Retries, redirects and time-outs are the fetcher's; it asks op->is_cancelled at least every 100 ms. */
    pmx_status (*fetch)(void *self, const pmx_op *op, const pmx_request *request, const pmx_response *response);
} pmx_fetcher;

#ifdef __cplusplus
}
#endif
#endif
