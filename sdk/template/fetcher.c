/* @NAME@: http without TLS, one connection a request, on the thread that asks. Change get() to bring the bytes from
 * somewhere else; what counts is that `response` gets a head, then the body, and that every wait looks at `op`. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pmx/fetcher.h>
#include <pmx/services.h>

#define LONGEST 8192 /* of a URL, of a line */
#define UNKNOWN UINT64_MAX

/* One instance. Several threads call fetch() on it at once, so nothing in it changes. */
typedef struct fetcher {
    const pmx_credentials *credentials; /* NULL where the host has none */
    int patience;                       /* tenths of a second without a byte */
} fetcher;

/* One request under way. */
typedef struct call {
    const fetcher *self;
    const pmx_op *op;
    const pmx_request *request;
    const pmx_response *response;
    int fd;
    char buffer[16384]; /* read and not used yet */
    size_t at, end;
    char host[256], port[16], target[LONGEST];
} call;

typedef struct head {
    unsigned status;
    uint64_t length; /* UNKNOWN: until the end */
    int chunked;
    char location[LONGEST];
} head;

static pmx_status fail(const call *c, pmx_status status, const char *what, const char *remedy) {
    pmx_str sentence = {what, strlen(what)}, todo = {remedy, strlen(remedy)};
    c->op->report(c->op, PMX_ERROR, sentence, c->request->subject, todo, 0);
    return status;
}

static pmx_status broken(const call *c) {
    return fail(c, PMX_UNAVAILABLE, "the connection broke, or the server sent no HTTP", "try again later");
}

/* Until the socket is ready, the call is cancelled, or the server is silent for too long. */
static pmx_status wait_for(const call *c, short events) {
    for (int i = 0; i < c->self->patience; ++i) {
        struct pollfd ready = {c->fd, events, 0};
        if (c->op->is_cancelled(c->op)) return PMX_CANCELLED;
        if (poll(&ready, 1, 100) > 0) return PMX_OK;
    }
    return fail(c, PMX_UNAVAILABLE, "the server is silent", "try again later");
}

static pmx_status parse(call *c, const char *url) {
    const char *place = url + 7;
    if (strncmp(url, "http://", 7) != 0) return fail(c, PMX_INVALID, "this fetcher knows http only", "");
    for (const char *p = url; *p; ++p)
        if ((unsigned char)*p <= ' ' || *p == 127) return fail(c, PMX_INVALID, "not a URL", "");
    size_t length = strcspn(place, "/?#"), colon = length;
    for (size_t i = 0; i < length; ++i) {
        if (place[i] == '@') return fail(c, PMX_INVALID, "a URL with a password in it", "put it into .npmrc");
        if (place[i] == ':') colon = i;
    }
    size_t port = colon < length ? length - colon - 1 : 0, target = strcspn(place + length, "#");
    if (colon == 0 || colon >= sizeof c->host || port >= sizeof c->port || target + 2 > sizeof c->target)
        return fail(c, PMX_INVALID, "not a URL", "");
    snprintf(c->host, sizeof c->host, "%.*s", (int)colon, place);
    snprintf(c->port, sizeof c->port, "%.*s", port ? (int)port : 2, port ? place + colon + 1 : "80");
    snprintf(c->target, sizeof c->target, "%s%.*s", place[length] == '/' ? "" : "/", (int)target, place + length);
    return PMX_OK;
}

static pmx_status open_connection(call *c) {
    struct addrinfo hints, *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(c->host, c->port, &hints, &found) != 0)
        return fail(c, PMX_UNAVAILABLE, "cannot find the server", "check the registry URL");
    pmx_status status = PMX_UNAVAILABLE;
    for (struct addrinfo *at = found; at && status == PMX_UNAVAILABLE; at = at->ai_next) {
        int error = 0;
        socklen_t size = sizeof error;
        c->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->fd < 0) continue;
        if (connect(c->fd, at->ai_addr, at->ai_addrlen) == 0) status = PMX_OK;
        else if (errno == EINPROGRESS) status = wait_for(c, POLLOUT);
        if (status == PMX_OK && (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0))
            status = PMX_UNAVAILABLE;
        if (status == PMX_OK) break;
        close(c->fd);
        c->fd = -1;
    }
    freeaddrinfo(found);
    return status == PMX_UNAVAILABLE ? fail(c, status, "cannot connect to the server", "try again later") : status;
}

static pmx_status write_all(call *c, const char *bytes, size_t length) {
    while (length > 0) {
        pmx_status status = wait_for(c, POLLOUT);
        if (status != PMX_OK) return status;
        ssize_t n = send(c->fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) return broken(c);
        if (n > 0) bytes += n, length -= (size_t)n;
    }
    return PMX_OK;
}

/* Sees to it that something stands in the buffer; *ended when nothing comes any more. */
static pmx_status fill(call *c, int *ended) {
    *ended = 0;
    while (c->at == c->end) {
        pmx_status status = wait_for(c, POLLIN);
        if (status != PMX_OK) return status;
        ssize_t n = recv(c->fd, c->buffer, sizeof c->buffer, 0);
        if (n < 0 && errno != EAGAIN && errno != EINTR) return broken(c);
        if (n == 0) {
            *ended = 1;
            return PMX_OK;
        }
        if (n > 0) c->at = 0, c->end = (size_t)n;
    }
    return PMX_OK;
}

static pmx_status read_line(call *c, char line[LONGEST]) {
    for (size_t length = 0;;) {
        int ended;
        pmx_status status = fill(c, &ended);
        if (status != PMX_OK) return status;
        if (ended || length + 1 == LONGEST) return broken(c);
        char byte = c->buffer[c->at++];
        if (byte == '\n') {
            if (length > 0 && line[length - 1] == '\r') --length;
            line[length] = '\0';
            return PMX_OK;
        }
        line[length++] = byte;
    }
}

static void emit_authorization(void *context, pmx_str value) {
    char *text = context;
    size_t length = strlen(text);
    if (value.length + 32 < LONGEST)
        snprintf(text + length, LONGEST, "Authorization: %.*s\r\n", (int)value.length, value.data);
}

static pmx_status send_request(call *c, const char *url) {
    char text[4 * LONGEST];
    int length = snprintf(text, 2 * LONGEST, "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n", c->target, c->host, c->port);
    for (size_t i = 0; i < c->request->header_count; ++i) {
        const pmx_header *header = &c->request->headers[i];
        if ((size_t)length + header->name.length + header->value.length + 8 > 2 * LONGEST)
            return fail(c, PMX_INVALID, "the request's headers are too long", "");
        length += snprintf(text + length, 2 * LONGEST - (size_t)length, "%.*s: %.*s\r\n", (int)header->name.length, header->name.data,
                           (int)header->value.length, header->value.data);
    }
    /* Asked for every hop: the host knows which credentials belong to which place. */
    pmx_str where = {url, strlen(url)};
    if (c->self->credentials) c->self->credentials->authorization(c->self->credentials, where, emit_authorization, text);
    strcat(text, "\r\n");
    return write_all(c, text, strlen(text));
}

static pmx_status read_head(call *c, head *h) {
    char line[LONGEST];
    pmx_status status = read_line(c, line);
    h->length = UNKNOWN;
    h->chunked = 0;
    h->location[0] = '\0';
    if (status != PMX_OK) return status;
    if (sscanf(line, "HTTP/1.%*1d %3u", &h->status) != 1) return broken(c);
    for (int lines = 0; (status = read_line(c, line)) == PMX_OK && line[0]; ++lines) {
        char *value = strchr(line, ':');
        if (!value || lines == 200) return broken(c);
        *value++ = '\0';
        value += strspn(value, " \t");
        if (strcasecmp(line, "content-length") == 0) h->length = strtoull(value, NULL, 10);
        if (strcasecmp(line, "transfer-encoding") == 0) h->chunked = strcasecmp(value, "chunked") == 0;
        if (strcasecmp(line, "location") == 0) snprintf(h->location, sizeof h->location, "%s", value);
    }
    if (h->chunked) h->length = UNKNOWN;
    return status;
}

/* `length` bytes, or what comes before the end. */
static pmx_status read_body(call *c, uint64_t length, uint64_t *sum) {
    while (length > 0) {
        int ended;
        pmx_status status = fill(c, &ended);
        if (status != PMX_OK) return status;
        if (ended) return length == UNKNOWN ? PMX_OK : fail(c, PMX_UNAVAILABLE, "the body ended too early", "try again later");
        size_t n = c->end - c->at < length ? c->end - c->at : (size_t)length;
        if ((*sum += n) > c->request->size_limit) return fail(c, PMX_INVALID, "the body is too long", "");
        void *room = c->response->buffer(c->response, n);
        if (!room) return PMX_NO_MEMORY;
        memcpy(room, c->buffer + c->at, n);
        c->at += n;
        if ((status = c->response->commit(c->response, n)) != PMX_OK) return status;
        if (length != UNKNOWN) length -= n;
    }
    return PMX_OK;
}

static pmx_status read_chunks(call *c) {
    char line[LONGEST], *end;
    for (uint64_t sum = 0;;) {
        pmx_status status = read_line(c, line);
        if (status != PMX_OK) return status;
        uint64_t length = strtoull(line, &end, 16);
        if (end == line || length == UNKNOWN) return broken(c);
        if (length == 0) return PMX_OK;
        if ((status = read_body(c, length, &sum)) != PMX_OK) return status;
        if ((status = read_line(c, line)) != PMX_OK) return status;
        if (line[0]) return broken(c);
    }
}

static pmx_status deliver(call *c, const head *h) {
    char what[64];
    uint64_t sum = 0;
    snprintf(what, sizeof what, "the server answered %u", h->status);
    if (h->status == 404 || h->status == 410) return fail(c, PMX_NOT_FOUND, what, "check the name and the registry");
    if (h->status == 401 || h->status == 403) return fail(c, PMX_DENIED, what, "check the token in .npmrc");
    if (h->status != 304 && (h->status < 200 || h->status > 299)) return fail(c, PMX_UNAVAILABLE, what, "try again later");
    if (h->length != UNKNOWN && h->length > c->request->size_limit) return fail(c, PMX_INVALID, "the body is too long", "");
    pmx_status status = c->response->head(c->response, h->status, h->length, NULL, 0);
    if (status != PMX_OK || h->status == 304 || h->status == 204) return status;
    return h->chunked ? read_chunks(c) : read_body(c, h->length, &sum);
}

static pmx_status get(call *c) {
    char url[LONGEST];
    if (c->request->url.length >= sizeof url) return fail(c, PMX_INVALID, "the URL is too long", "");
    snprintf(url, sizeof url, "%.*s", (int)c->request->url.length, c->request->url.data);
    for (int hop = 0; hop < 10; ++hop) {
        head h;
        pmx_status status = parse(c, url);
        if (status == PMX_OK) status = open_connection(c);
        if (status != PMX_OK) return status;
        c->at = c->end = 0;
        status = send_request(c, url);
        if (status == PMX_OK) status = read_head(c, &h);
        int leads_on = status == PMX_OK && h.status >= 301 && h.status <= 308 && h.status != 304 && h.location[0];
        if (status == PMX_OK && !leads_on) status = deliver(c, &h);
        close(c->fd);
        if (!leads_on) return status;
        if (strlen(h.location) + strlen(c->host) + 32 > sizeof url) return fail(c, PMX_INVALID, "the URL is too long", "");
        if (h.location[0] == '/') snprintf(url, sizeof url, "http://%.255s:%.15s%.7900s", c->host, c->port, h.location);
        else strcpy(url, h.location);
    }
    return fail(c, PMX_UNAVAILABLE, "too many redirects", "check the registry URL");
}

static pmx_status fetch(void *self, const pmx_op *op, const pmx_request *request, const pmx_response *response) {
    call *c = calloc(1, sizeof *c);
    if (!c) return PMX_NO_MEMORY;
    c->self = self;
    c->op = op;
    c->request = request;
    c->response = response;
    pmx_status status = get(c);
    free(c);
    response->complete(response, status); /* exactly once, last */
    return PMX_OK;
}

static pmx_status create(const pmx_host *host, const pmx_op *op, const pmx_config *config, void **self) {
    (void)op;
    fetcher *made = calloc(1, sizeof *made);
    if (!made) return PMX_NO_MEMORY;
    made->credentials = host->service(host, PMX_SERVICE_CREDENTIALS);
    /* The one option; the host has checked that it is a number within the bounds. */
    char number[32] = "";
    const pmx_str *value = config->options[0].items;
    snprintf(number, sizeof number, "%.*s", (int)value->length, value->data);
    made->patience = atoi(number) / 100 + 1;
    *self = made;
    return PMX_OK;
}

static void destroy(void *self) { free(self); }

static const pmx_fetcher functions = {sizeof functions, 0, "http", fetch};
/* An option with the name of a pmx setting gets that setting's value. */
static const pmx_option options[] = {
    {"fetch-timeout", "Give up on silence of so many ms", "60000", NULL, PMX_OPTION_INT, 0, 1, 86400000}};

static const pmx_plugin table = {
    .size = sizeof table,
    .abi_major = PMX_ABI_MAJOR,
    .needs_minor = 0,
    .capabilities = PMX_CAP_BLOCKING | PMX_CAP_NETWORK,
    .option_size = sizeof(pmx_option),
    .name = "@NAME@",
    .version = "0.1.0",
    .summary = "http, one connection a request",
    .kind = PMX_KIND_FETCHER,
    .functions = &functions,
    .options = options,
    .option_count = 1,
    .create = create,
    .destroy = destroy,
};

PMX_EXPORT const pmx_plugin *PMX_ENTRY(void) { return &table; }
