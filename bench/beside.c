// What bench/beside.py launches: the cost of calls, and of connections. Never measures its peer.
//
//   beside calls                microseconds of setsockopt, getsockname, socket and close
//   beside rate ADDRESS N       connections a second, N of them at a time
//   beside serve                a byte for each connection to port 7000 of the loopback
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void need(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static int bound;

static void set_option(void) {
    int on = 1;
    need(setsockopt(bound, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0, "setsockopt");
}

static void get_name(void) {
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    need(getsockname(bound, (struct sockaddr *)&name, &length) == 0, "getsockname");
}

static void make_socket(void) {
    int one = socket(AF_INET, SOCK_STREAM, 0);
    need(one >= 0, "socket");
    close(one);
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

// The median of five times COUNT calls, in microseconds of one.
static double cost(void (*call)(void), int count) {
    double taken[5];
    for (int turn = 0; turn < 5; turn++) {
        double begun = now();
        for (int n = 0; n < count; n++) call();
        taken[turn] = (now() - begun) / count * 1e6;
    }
    qsort(taken, 5, sizeof *taken, ascending);
    return taken[2];
}

static int calls(void) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    bound = socket(AF_INET, SOCK_STREAM, 0);
    need(bind(bound, (struct sockaddr *)&any, sizeof any) == 0, "bind");
    double option = cost(set_option, 2000), name = cost(get_name, 2000), pair = cost(make_socket, 1000);
    printf("%f %f %f\n", option, name, pair);
    return 0;
}

// Connects, awaits one byte, and closes, for 1.2 seconds: how often.
static long connections(struct sockaddr_in *server) {
    long count = 0;
    for (double end = now() + 1.2; now() < end; count++) {
        char byte;
        int one = socket(AF_INET, SOCK_STREAM, 0);
        need(connect(one, (struct sockaddr *)server, sizeof *server) == 0, "connect");
        need(read(one, &byte, 1) == 1 && byte == 'x', "read");
        close(one);
    }
    return count;
}

static int rate(const char *address, int many) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(7000)};
    need(inet_pton(AF_INET, address, &server.sin_addr) == 1, "address");
    int ends[2];
    need(pipe(ends) == 0, "pipe");
    double begun = now();
    for (int n = 0; n < many; n++) {
        if (fork() == 0) {
            long count = connections(&server);
            need(write(ends[1], &count, sizeof count) == sizeof count, "write");
            _exit(0);
        }
    }
    close(ends[1]);
    long all = 0, count;
    int heard = 0, status;
    while (read(ends[0], &count, sizeof count) == sizeof count) all += count, heard++;
    double took = now() - begun;
    while (wait(&status) > 0) need(status == 0, "a client");
    need(heard == many, "all clients");
    printf("%f\n", all / took);
    return 0;
}

static int serve(void) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(7000)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    need(bind(listener, (struct sockaddr *)&own, sizeof own) == 0, "bind");
    need(listen(listener, 1000) == 0, "listen");
    for (;;) {
        int one = accept(listener, NULL, NULL);
        if (one < 0) continue;
        if (write(one, "x", 1) != 1) perror("write");
        close(one);
    }
}

int main(int count, char **words) {
    if (count == 2 && !strcmp(words[1], "calls")) return calls();
    if (count == 4 && !strcmp(words[1], "rate")) return rate(words[2], atoi(words[3]));
    if (count == 2 && !strcmp(words[1], "serve")) return serve();
    fprintf(stderr, "calls, rate ADDRESS N, or serve\n");
    return 2;
}
