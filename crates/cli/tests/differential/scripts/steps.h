/* What the C scripts share: cases, each in a process of its own, and one line a step.
 * A line is `script.case.step: value`, with names in place of what differs from run to run. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SILENT "198.51.100.1"
#define LIMIT 25.0
#define PATIENCE 4.0

static const char *script, *current;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void nap(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    while (nanosleep(&t, &t) && errno == EINTR) {
    }
}

__attribute__((format(printf, 2, 3))) static void say(const char *step, const char *format, ...) {
    char line[1024];
    va_list list;
    int n = snprintf(line, sizeof line, "%s.%s.%s: ", script, current, step);
    va_start(list, format);
    n += vsnprintf(line + n, sizeof line - n - 1, format, list);
    va_end(list);
    line[n++] = '\n';
    if (write(1, line, n) != n)
        _exit(9);
}

/* The error's name for a call that failed, else "ok" or the number that is returned. */
static const char *result(long value) {
    static __thread char text[32];
    if (value < 0)
        return strerrorname_np(errno);
    if (value == 0)
        return "ok";
    snprintf(text, sizeof text, "%ld", value);
    return text;
}

static void call(const char *step, long value) { say(step, "%s", result(value)); }

/* The same for a call that returns a descriptor. */
static int opened(const char *step, int fd) {
    say(step, "%s", fd < 0 ? strerrorname_np(errno) : "a descriptor");
    return fd;
}

static const char *events(int mask) {
    static __thread char text[64];
    static const struct { int bit; const char *name; } all[] = {
        {POLLIN, "IN"}, {POLLPRI, "PRI"}, {POLLOUT, "OUT"}, {POLLERR, "ERR"},
        {POLLHUP, "HUP"}, {POLLRDHUP, "RDHUP"}, {POLLNVAL, "NVAL"}};
    text[0] = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (mask & all[i].bit) {
            if (text[0])
                strcat(text, "|");
            strcat(text, all[i].name);
        }
    return text[0] ? text : "none";
}

static int mask_of(int fd) {
    struct pollfd p = {fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0};
    while (poll(&p, 1, 0) < 0 && errno == EINTR) {
    }
    return p.revents;
}

/* Waits until poll says what is wanted, and prints what it says. */
static void settles(const char *step, int fd, const char *wanted) {
    double end = now() + PATIENCE;
    while (strcmp(events(mask_of(fd)), wanted) && now() < end)
        nap(0.002);
    say(step, "%s", events(mask_of(fd)));
}

static struct sockaddr_in at(const char *host, int port) {
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    inet_pton(AF_INET, host, &a.sin_addr);
    return a;
}

#define ADDRESS(a) ((struct sockaddr *)&(a)), sizeof(a)

static int port_of(int fd) {
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    return getsockname(fd, (struct sockaddr *)&a, &n) ? -1 : ntohs(a.sin_port);
}

static int stream(void) { return socket(AF_INET, SOCK_STREAM, 0); }

static int listener(int backlog) {
    int fd = stream();
    struct sockaddr_in a = at("127.0.0.1", 0);
    if (fd < 0 || bind(fd, ADDRESS(a)) || listen(fd, backlog))
        say("no listener", "%s", strerrorname_np(errno));
    return fd;
}

static int client(int listener) {
    int fd = stream();
    struct sockaddr_in a = at("127.0.0.1", port_of(listener));
    if (connect(fd, ADDRESS(a)))
        say("no client", "%s", strerrorname_np(errno));
    return fd;
}

static void pair(int fds[2]) {
    int l = listener(1);
    fds[0] = client(l);
    fds[1] = accept(l, NULL, NULL);
    close(l);
}

/* Waits until another thread or process sleeps in the kernel. */
static void sleeping(pid_t tid) {
    char path[64], text[512];
    int quiet = 0;
    double end = now() + PATIENCE;
    snprintf(path, sizeof path, "/proc/%d/stat", tid);
    while (quiet < 5 && now() < end) {
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        if (fd >= 0)
            close(fd);
        text[n > 0 ? n : 0] = 0;
        char *state = strrchr(text, ')');
        quiet = state && state[2] == 'S' ? quiet + 1 : 0;
        nap(0.01);
    }
}

struct one_case {
    const char *name;
    void (*run)(void);
};

/* Runs the cases that were named, or all. */
static int run_cases(const char *name, const struct one_case *cases, int argc, char **argv) {
    script = name;
    for (; cases->name; cases++) {
        int wanted = argc < 2;
        for (int i = 1; i < argc; i++)
            wanted |= !strcmp(argv[i], cases->name);
        if (!wanted)
            continue;
        current = cases->name;
        pid_t child = fork();
        if (!child) {
            setpgid(0, 0);
            cases->run();
            _exit(0);
        }
        int status = 0;
        double end = now() + LIMIT;
        pid_t done;
        while (!(done = waitpid(child, &status, WNOHANG)) && now() < end)
            nap(0.002);
        if (!done) {
            say("hangs", "after %d s", (int)LIMIT);
            kill(child, SIGKILL);
            kill(-child, SIGKILL);
            waitpid(child, NULL, 0);
        } else if (WIFSIGNALED(status)) {
            say("killed", "SIG%s", sigabbrev_np(WTERMSIG(status)));
        }
        kill(-child, SIGKILL);
    }
    return 0;
}
