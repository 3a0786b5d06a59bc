/* Loads the fetcher as pmx does and lets it fetch from a server of one answer. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pmx/fetcher.h>
#include <pmx/testing.h>

/* Where the answer goes. */
static char body[256];
static size_t length;
static uint32_t http_status;
static int completed;
static pmx_status outcome;

static pmx_status head(const pmx_response *response, uint32_t status, uint64_t total, const pmx_header *headers, size_t count) {
    (void)response, (void)total, (void)headers, (void)count;
    http_status = status;
    return PMX_OK;
}
static void *buffer(const pmx_response *response, size_t want) {
    static char room[1 << 20];
    (void)response;
    return want <= sizeof room ? room : NULL;
}
static pmx_status commit(const pmx_response *response, size_t written) {
    /* What was written stands at the start of the room that was given out. */
    if (length + written >= sizeof body) return PMX_INVALID;
    memcpy(body + length, buffer(response, 0), written);
    length += written;
    return PMX_OK;
}
static void restart(const pmx_response *response) {
    (void)response;
    length = 0;
}
static void complete(const pmx_response *response, pmx_status status) {
    (void)response;
    ++completed;
    outcome = status;
}

/* A process that answers once; its port. */
static int serve(const char *answer, pid_t *server) {
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    PMX_EXPECT(listener >= 0 && bind(listener, (struct sockaddr *)&at, size) == 0 && listen(listener, 1) == 0);
    PMX_EXPECT(getsockname(listener, (struct sockaddr *)&at, &size) == 0);
    *server = fork();
    PMX_EXPECT(*server >= 0);
    if (*server == 0) {
        char request[2048];
        int peer = accept(listener, NULL, NULL);
        int ok = peer >= 0 && read(peer, request, sizeof request) > 0 && write(peer, answer, strlen(answer)) > 0;
        _exit(ok ? 0 : 1);
    }
    close(listener);
    return ntohs(at.sin_port);
}

static pmx_status fetch(pmx_test *test, const char *answer) {
    char url[64];
    pid_t server;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/a.tgz", serve(answer, &server));
    pmx_request request;
    memset(&request, 0, sizeof request);
    request.size = sizeof request;
    request.purpose = PMX_FETCH_ARCHIVE;
    request.url = pmx_test_str(url);
    request.subject = pmx_test_str("a@1.0.0");
    request.size_limit = 100;
    pmx_response response = {sizeof response, NULL, head, buffer, commit, restart, complete};
    const pmx_fetcher *fetcher = (const pmx_fetcher *)test->plugin->functions;
    length = 0;
    completed = 0;
    PMX_EXPECT(fetcher->fetch(test->self, &test->op, &request, &response) == PMX_OK && completed == 1);
    waitpid(server, NULL, 0);
    return outcome;
}

int main(int argc, char **argv) {
    pmx_test test;
    pmx_test_open(&test, argc > 1 ? argv[1] : NULL, NULL);

    PMX_EXPECT(fetch(&test, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") == PMX_OK);
    PMX_EXPECT(http_status == 200 && length == 5 && memcmp(body, "hello", 5) == 0);
    PMX_EXPECT(fetch(&test, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n") == PMX_OK);
    PMX_EXPECT(length == 5 && memcmp(body, "hello", 5) == 0);
    PMX_EXPECT(fetch(&test, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") == PMX_NOT_FOUND);
    PMX_EXPECT(fetch(&test, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello") == PMX_UNAVAILABLE);
    PMX_EXPECT(fetch(&test, "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n") == PMX_INVALID);
    return pmx_test_close(&test);
}
