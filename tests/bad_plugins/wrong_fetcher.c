/* The fetcher of sdk/template, with something between it and the host that makes it wrong as WRONG says. */
#define _GNU_SOURCE
#include <pmx/abi.h>

/* The template's own entry goes nowhere. */
#undef PMX_EXPORT
#define PMX_EXPORT static
#include "template_fetcher.c"

static int wrong(const char *way) { return strcmp(WRONG, way) == 0; }

/* What stands between: a response and an op of our own in front of the host's. */
typedef struct between {
    const pmx_response *host;
    const pmx_op *op;
    pmx_response response;
    pmx_op own_op;
    size_t committed;
    int has_head;
} between;

static between *of(const pmx_response *response) { return response->host; }

static pmx_status head_(const pmx_response *response, uint32_t status, uint64_t total, const pmx_header *headers, size_t count) {
    between *b = of(response);
    b->has_head = 1;
    pmx_status said = b->host->head(b->host, status, total, headers, count);
    return wrong("boundless") ? PMX_OK : said;
}
static void *buffer_(const pmx_response *response, size_t want) { return of(response)->host->buffer(of(response)->host, want); }
static pmx_status commit_(const pmx_response *response, size_t written) {
    between *b = of(response);
    b->committed += written;
    pmx_status said = b->host->commit(b->host, written);
    return wrong("boundless") ? PMX_OK : said;
}
static void restart_(const pmx_response *response) { of(response)->host->restart(of(response)->host); }
static void complete_(const pmx_response *response, pmx_status status) {
    between *b = of(response);
    if (wrong("takes-halves") && status == PMX_UNAVAILABLE && b->committed > 0) status = PMX_OK;
    if (wrong("missing-is-down") && status == PMX_NOT_FOUND) status = PMX_UNAVAILABLE;
    b->host->complete(b->host, status);
    if (wrong("twice")) b->host->complete(b->host, PMX_FAILED);
    if (wrong("late-body")) b->host->buffer(b->host, 10);
}
static int never(const pmx_op *op) {
    (void)op;
    return 0;
}
static void report_(const pmx_op *op, pmx_severity severity, pmx_str what, pmx_str subject, pmx_str remedy, int32_t number) {
    const between *b = op->host;
    b->op->report(b->op, severity, what, subject, remedy, number);
}

static pmx_status wrong_fetch(void *self, const pmx_op *op, const pmx_request *request, const pmx_response *response) {
    between *b = calloc(1, sizeof *b);
    pmx_request mine;
    memset(&mine, 0, sizeof mine);
    memcpy(&mine, request, request->size < sizeof mine ? request->size : sizeof mine);
    if (wrong("boundless")) mine.size_limit = UINT64_MAX;
    b->host = response;
    b->op = op;
    pmx_response between_response = {sizeof between_response, b, head_, buffer_, commit_, restart_, complete_};
    b->response = between_response;
    b->own_op = *op;
    if (wrong("deaf")) {
        b->own_op.host = b;
        b->own_op.is_cancelled = never;
        b->own_op.report = report_;
    }
    pmx_status status = fetch(self, wrong("deaf") ? &b->own_op : op, &mine, &b->response);
    free(b);
    return status;
}

/* Asks for the credentials of the first origin, whatever the URL. */
static const pmx_credentials *real;
static char first[256];
static void authorization(const pmx_credentials *credentials, pmx_str url, void (*emit)(void *, pmx_str), void *context) {
    (void)credentials;
    if (!first[0]) snprintf(first, sizeof first, "%.*s", (int)url.length, url.data);
    pmx_str origin = {first, strlen(first)};
    real->authorization(real, origin, emit, context);
}
static pmx_credentials leaky = {sizeof leaky, NULL, authorization, NULL};

static pmx_status wrong_create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    pmx_status status = create(host, op, config, self);
    fetcher *made = *self;
    if (status == PMX_OK && wrong("leaks-token") && made->credentials) {
        real = made->credentials;
        made->credentials = &leaky;
    }
    return status;
}

static const pmx_fetcher wrong_functions = {sizeof wrong_functions, 0, "http", wrong_fetch};
static const pmx_plugin wrong_table = {sizeof wrong_table, PMX_ABI_MAJOR, 0, PMX_CAP_BLOCKING | PMX_CAP_NETWORK, sizeof(pmx_option), "wrong", "0.0.1",
                                       "Wrong in one way", PMX_KIND_FETCHER, &wrong_functions, options, 1, wrong_create, destroy};

__attribute__((visibility("default"))) const pmx_plugin *pmx_plugin_entry_v1(void) { return &wrong_table; }
