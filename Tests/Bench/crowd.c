/* Thousands of WebSocket clients that read and count, and a bare loop of sends to compare a server with.

   crowd clients HOST PORT FILE...   clients for the server at HOST (an IPv4 address); client i says what FILE i mod n holds:
                                     the request of the handshake and, once it is answered, frames. Reads commands:
                                       open N   N more clients; answers when all handshakes are over
                                       mark     what came since the last mark, and this program's CPU
   crowd sends PORT CLIENTS FRAMES BYTES EVERY_MS SECONDS
                                     a server that does nothing but send: to each client BYTES in FRAMES frames every EVERY_MS,
                                     one send() a client. What a client does not take is lost and counted.

   Answers are JSON, one object a line. Frames are not looked into, so compressed ones cost nothing more. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CLIENTS = 20000, MAX_HEAD = 14, AT_ONCE = 64 };

struct script { char *bytes; size_t head, count; };
struct client {
    int fd;
    struct script *script;
    int open;              /* the handshake is over */
    int matched;           /* how much of the blank line after the answer's head has come */
    unsigned char head[MAX_HEAD];
    int head_count;
    uint64_t left;         /* of the payload */
};

static struct client clients[MAX_CLIENTS];
static int count, opened, closed;
static uint64_t reads, frames, bytes, pings;
static char buffer[1 << 18];

static void die(const char *what) { perror(what); exit(1); }

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void send_all(int fd, const char *data, size_t n) {
    while (n > 0) {
        ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
        if (sent < 0) { if (errno == EINTR) continue; die("send"); }
        data += sent;
        n -= sent;
    }
}

/* ---- clients ---- */

static struct script read_script(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    struct script s = { malloc(1 << 20), 0, 0 };
    s.count = fread(s.bytes, 1, 1 << 20, file);
    fclose(file);
    char *end = memmem(s.bytes, s.count, "\r\n\r\n", 4);
    if (!end) { fprintf(stderr, "%s: no request\n", path); exit(1); }
    s.head = end - s.bytes + 4;
    return s;
}

/* Any frame shows that the client lives; an unasked pong is allowed, so the payload of the ping need not be kept. */
static void pong(int fd) {
    static const char frame[6] = { (char)0x8a, (char)0x80, 0, 0, 0, 0 };
    pings++;
    send(fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void take(struct client *c, const unsigned char *at, const unsigned char *end) {
    while (at < end) {
        if (!c->open) {
            unsigned char want = "\r\n\r\n"[c->matched];
            c->matched = *at == want ? c->matched + 1 : *at == '\r';
            at++;
            if (c->matched == 4) {
                c->open = 1;
                opened++;
                send_all(c->fd, c->script->bytes + c->script->head, c->script->count - c->script->head);
            }
        } else if (c->left > 0) {
            uint64_t n = (uint64_t)(end - at) < c->left ? (uint64_t)(end - at) : c->left;
            at += n;
            c->left -= n;
        } else {
            c->head[c->head_count++] = *at++;
            if (c->head_count < 2) continue;
            int length = c->head[1] & 127, need = length == 126 ? 4 : length == 127 ? 10 : 2;
            if (c->head_count < need) continue;
            c->left = need == 2 ? (uint64_t)length : 0;
            for (int i = 2; i < need; i++) c->left = c->left << 8 | c->head[i];
            int opcode = c->head[0] & 15;
            if (opcode == 9) pong(c->fd); else if (opcode < 3) frames++;
            c->head_count = 0;
        }
    }
}

static void readable(int poll, struct client *c) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        epoll_ctl(poll, EPOLL_CTL_DEL, c->fd, NULL);
        close(c->fd);
        closed++;
        return;
    }
    if (c->open) { reads++; bytes += n; }
    take(c, (unsigned char *)buffer, (unsigned char *)buffer + n);
}

static void connect_one(int poll, struct sockaddr_in *to, struct script *script) {
    struct client *c = &clients[count];
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    if (connect(c->fd, (struct sockaddr *)to, sizeof *to) != 0) die("connect");
    int yes = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    c->script = script;
    send_all(c->fd, script->bytes, script->head);
    struct epoll_event event = { EPOLLIN, { .u32 = count } };
    if (epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event) != 0) die("epoll_ctl");
    count++;
}

static int run_clients(int argc, char **argv) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[3])) };
    if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) { fprintf(stderr, "%s: no IPv4 address\n", argv[2]); return 1; }
    int scripts = argc - 4, wanted = 0, poll = epoll_create1(EPOLL_CLOEXEC);
    struct script script[scripts];
    for (int i = 0; i < scripts; i++) script[i] = read_script(argv[4 + i]);
    struct epoll_event event = { EPOLLIN, { .u32 = UINT32_MAX } }, events[512];
    if (epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event) != 0) die("epoll_ctl");
    double began = now_s(), cpu = cpu_s();
    for (int opening = 0;;) {
        while (count < wanted && count - opened < AT_ONCE) {
            connect_one(poll, &to, &script[count % scripts]);
        }
        int n = epoll_wait(poll, events, 512, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u32 != UINT32_MAX) { readable(poll, &clients[events[i].data.u32]); continue; }
            char line[64];
            ssize_t got = read(0, line, sizeof line - 1);
            if (got <= 0) return 0;
            line[got] = 0;
            if (strncmp(line, "open ", 5) == 0) {
                wanted += atoi(line + 5);
                if (wanted > MAX_CLIENTS) { fprintf(stderr, "at most %d clients\n", MAX_CLIENTS); return 1; }
                opening = 1;
            } else {
                printf("{\"clients\":%d,\"closed\":%d,\"reads\":%lu,\"frames\":%lu,\"bytes\":%lu,\"pings\":%lu,\"cpu_s\":%.3f,"
                       "\"seconds\":%.3f}\n", opened, closed, reads, frames, bytes, pings, cpu_s() - cpu, now_s() - began);
                fflush(stdout);
                reads = frames = bytes = pings = 0;
                began = now_s();
                cpu = cpu_s();
            }
        }
        if (opening && opened == wanted) {
            printf("{\"opened\":%d}\n", opened);
            fflush(stdout);
            opening = 0;
        }
    }
}

/* ---- sends ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t fill(int frame_count, size_t total) {
    size_t at = 0;
    for (int i = 0; i < frame_count; i++) {
        size_t each = total / frame_count + (i < (int)(total % frame_count)), payload = each > 129 ? each - 4 : each - 2;
        buffer[at++] = (char)0x82;
        if (payload < 126) {
            buffer[at++] = payload;
        } else {
            buffer[at++] = 126;
            buffer[at++] = payload >> 8;
            buffer[at++] = payload;
        }
        memset(buffer + at, 'x', payload);
        at += payload;
    }
    return at;
}

static int run_sends(char **argv) {
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int wanted = atoi(argv[3]), yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t size = fill(atoi(argv[4]), atol(argv[5]));
    double every = atof(argv[6]) / 1000, seconds = atof(argv[7]);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (wanted > MAX_CLIENTS || bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1024)) die("listen");
    puts("{\"listening\":true}");
    fflush(stdout);
    for (; count < wanted; count++) {
        clients[count].fd = accept(listener, NULL, NULL);
        if (clients[count].fd < 0) die("accept");
        char request[4096];
        if (recv(clients[count].fd, request, sizeof request, 0) <= 0) die("recv");
        setsockopt(clients[count].fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        send_all(clients[count].fd, answer, sizeof answer - 1);
    }
    char go[8];
    if (read(0, go, sizeof go) <= 0) return 1;
    int most = seconds / every + 1, passes = 0;
    double *took = calloc(most, sizeof *took), began = now_s(), cpu = cpu_s(), due = began;
    uint64_t sent = 0, lost = 0;
    while (passes < most && now_s() - began < seconds) {
        double start = now_s();
        for (int i = 0; i < count; i++) {
            if (send(clients[i].fd, buffer, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size) sent++; else lost++;
        }
        double end = now_s();
        took[passes++] = (end - start) * 1000;
        due += every;
        if (due < end) due = end;
        struct timespec rest = { 0, (due - end) * 1e9 };
        nanosleep(&rest, NULL);
    }
    double elapsed = now_s() - began;
    qsort(took, passes, sizeof *took, by_size);
    printf("{\"sends\":%lu,\"lost\":%lu,\"passes\":%d,\"pass_ms_p50\":%.3f,\"pass_ms_p99\":%.3f,\"cpu_s\":%.3f,\"seconds\":%.3f}\n",
           sent, lost, passes, took[passes / 2], took[(int)((passes - 1) * 0.99)], cpu_s() - cpu, elapsed);
    return 0;
}

int main(int argc, char **argv) {
    if (argc >= 5 && strcmp(argv[1], "clients") == 0) return run_clients(argc, argv);
    if (argc == 8 && strcmp(argv[1], "sends") == 0) return run_sends(argv);
    fprintf(stderr, "usage: crowd clients HOST PORT FILE... | crowd sends PORT CLIENTS FRAMES BYTES EVERY_MS SECONDS\n");
    return 64;
}
