/* A blocking fetcher that misbehaves as the URL says. */
#include <string.h>

#include <pmx/fetcher.h>

static void deliver(const pmx_response *to, const char *text) {
    size_t length = strlen(text);
    if (to->head(to, 200, UINT64_MAX, NULL, 0) != PMX_OK) return;
    void *room = to->buffer(to, length);
    if (!room) return;
    memcpy(room, text, length);
    to->commit(to, length);
}

static int is(const pmx_request *request, const char *what) {
    size_t length = strlen(what);
    return request->url.length == length + 6 && memcmp(request->url.data + 6, what, length) == 0;
}

static pmx_status fetch(void *self, const pmx_op *op, const pmx_request *request, const pmx_response *to) {
    (void)self;
    if (is(request, "refuse")) return PMX_UNSUPPORTED;
    if (is(request, "never")) return PMX_OK;
    if (is(request, "no-head")) {
        to->complete(to, PMX_OK);
        return PMX_OK;
    }
    if (is(request, "missing") || is(request, "denied") || is(request, "down") || is(request, "odd-status")) {
        pmx_str what = {"the server said no", 18}, none = {NULL, 0};
        op->report(op, PMX_ERROR, what, request->url, none, 0);
        to->complete(to, is(request, "missing")  ? PMX_NOT_FOUND
                         : is(request, "denied") ? PMX_DENIED
                         : is(request, "down")   ? PMX_UNAVAILABLE
                                                 : (pmx_status)77);
        return PMX_OK;
    }
    if (is(request, "lies")) {
        pmx_status status = to->head(to, 200, request->size_limit + 1, NULL, 0);
        to->complete(to, status);
        return PMX_OK;
    }
    if (is(request, "bomb")) {
        to->head(to, 200, 10, NULL, 0);
        pmx_status status = PMX_OK;
        while (status == PMX_OK) {
            void *room = to->buffer(to, 65536);
            if (!room) {
                status = PMX_NO_MEMORY;
                break;
            }
            memset(room, 'x', 65536);
            status = to->commit(to, 65536);
        }
        to->complete(to, is(request, "bomb") ? PMX_OK : status); /* and it says that all is well */
        return PMX_OK;
    }
    if (is(request, "greedy")) {
        to->head(to, 200, UINT64_MAX, NULL, 0);
        to->complete(to, to->buffer(to, (size_t)-1) ? PMX_OK : PMX_NO_MEMORY);
        return PMX_OK;
    }
    if (is(request, "restart")) {
        deliver(to, "half of the wrong bo");
        to->restart(to);
    }
    deliver(to, "the body");
    to->complete(to, PMX_OK);
    if (is(request, "twice")) {
        to->complete(to, PMX_FAILED);
        deliver(to, "too late");
        to->restart(to);
    }
    if (is(request, "both")) return PMX_FAILED;
    return PMX_OK;
}

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)host, (void)op, (void)config;
    *self = NULL;
    return PMX_OK;
}
static void destroy(void *self) { (void)self; }

static const pmx_fetcher functions = {sizeof functions, 0, "odd,odds", fetch};
static const pmx_plugin table = {sizeof table,         PMX_ABI_MAJOR, 0, PMX_CAP_BLOCKING,
                                 sizeof(pmx_option),   "odd-fetcher", "0.0.1", "Misbehaves as the URL says",
                                 PMX_KIND_FETCHER,     &functions,    NULL,    0,
                                 create,               destroy};

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) { return &table; }
