/* Signals during socket calls: what is interrupted, what begins again, and storms of them. */
#include "steps.h"

static volatile sig_atomic_t heard;

static void on_signal(int number) {
    (void)number;
    heard++;
}

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = handler;
    a.sa_flags = flags;
    sigaction(number, &a, NULL);
}

/* After the third, signals interrupt what they did not before. */
static void on_third(int number) {
    if (++heard == 3)
        handle(number, on_signal, 0);
}

/* A signal each so many microseconds, the first after as many. */
static void every(int microseconds) {
    struct itimerval t = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &t, NULL);
}

static void on_tenth(int number) {
    (void)number;
    if (++heard == 10)
        every(0);
}

static void accept_interrupted(void) {
    int l = listener(4);
    handle(SIGALRM, on_signal, 0);
    every(50000);
    call("accept", accept(l, NULL, NULL));
    every(0);
    say("heard", "%d", heard > 0);
    int c = client(l);
    opened("accept then", accept(l, NULL, NULL));
    close(c);
}

static void *connects_after_three(void *p) {
    while (heard < 3)
        nap(0.002);
    int fd = client(*(int *)p);
    nap(60);
    return (void *)(long)fd;
}

static void accept_restarted(void) {
    int l = listener(4);
    pthread_t t;
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    /* The signal is this thread's. */
    pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
    pthread_create(&t, NULL, connects_after_three, &l);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
    handle(SIGALRM, on_signal, SA_RESTART);
    every(20000);
    opened("accept", accept(l, NULL, NULL));
    every(0);
    say("heard", "%d", heard >= 3);
}

static void accept_with_timeout(void) {
    /* With a time-out nothing is restarted. */
    int l = listener(4);
    struct timeval t = {1, 0};
    setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    handle(SIGALRM, on_tenth, SA_RESTART);
    every(20000);
    call("accept", accept(l, NULL, NULL));
}

static void connect_interrupted(void) {
    int fd = stream();
    struct sockaddr_in a = at(SILENT, 80);
    handle(SIGALRM, on_signal, 0);
    every(50000);
    call("connect", connect(fd, ADDRESS(a)));
    every(0);
    settles("poll", fd, "none");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    call("again", connect(fd, ADDRESS(a)));
}

static void connect_restarted(void) {
    /* With SA_RESTART it goes on waiting, and the handler runs each time. */
    int fd = stream();
    struct sockaddr_in a = at(SILENT, 80);
    handle(SIGALRM, on_third, SA_RESTART);
    every(30000);
    call("connect", connect(fd, ADDRESS(a)));
    every(0);
    say("heard", "%d", heard >= 4);
}

static void read_interrupted(void) {
    int fds[2];
    char c;
    pair(fds);
    handle(SIGALRM, on_signal, 0);
    every(30000);
    call("read", read(fds[0], &c, 1));
    call("recvfrom", recvfrom(fds[0], &c, 1, 0, NULL, NULL));
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    call("recvfrom with a name", recvfrom(fds[0], &c, 1, 0, (struct sockaddr *)&a, &n));
}

static void datagram_interrupted(void) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = at("127.0.0.1", 0);
    socklen_t n = sizeof a;
    char c;
    bind(fd, ADDRESS(a));
    handle(SIGALRM, on_signal, 0);
    every(30000);
    call("recvfrom", recvfrom(fd, &c, 1, 0, (struct sockaddr *)&a, &n));
    struct msghdr m;
    memset(&m, 0, sizeof m);
    call("recvmsg", recvmsg(fd, &m, 0));
}

/* Everything a program does, again and again, until so many signals came too. */
static void work(int l, int rounds, int signals) {
    int good = 0, total = 0, port = 0;
    while ((port = port_of(l)) < 0) {
    }
    for (; total < rounds || heard < signals; total++) {
        char text[8] = "";
        int one = 1, fd = -1, server = -1;
        socklen_t n = sizeof one;
        struct sockaddr_in a = at("127.0.0.1", port);
        /* A trapped call may be interrupted where the kernel's never is. */
        while ((fd = stream()) < 0 && errno == EINTR) {
        }
        while (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) && errno == EINTR) {
        }
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &one, &n);
        /* Interrupted, it goes on by itself, or it has not begun: the next call waits for it. */
        while (connect(fd, ADDRESS(a)) && errno == EINTR) {
        }
        while ((server = accept(l, NULL, NULL)) < 0 && errno == EINTR) {
        }
        while (send(fd, "storm", 5, 0) < 0 && errno == EINTR) {
        }
        long got;
        while ((got = recv(server, text, sizeof text, 0)) < 0 && errno == EINTR) {
        }
        good += got == 5 && !strcmp(text, "storm");
        close(fd);
        close(server);
    }
    say("work", "%s", good == total ? "all good" : "some failed");
    say("heard", "%d", heard >= signals);
}

/* A thousand signals a second from another process. */
static pid_t storm(int number) {
    pid_t target = getpid(), child = fork();
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (!kill(target, number))
            nap(0.001);
        _exit(0);
    }
    return child;
}

static void storm_of_urgent(void) {
    int l = listener(64);
    handle(SIGURG, on_signal, SA_RESTART);
    pid_t child = storm(SIGURG);
    work(l, 200, 30);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void storm_of_alarms(void) {
    int l = listener(64);
    handle(SIGALRM, on_signal, 0);
    every(10000);
    work(l, 200, 30);
    every(0);
}

/* Each call that is answered elsewhere, again and again: how often one failed that may not. */
static void storm_over_each_call(void) {
    handle(SIGURG, on_signal, SA_RESTART);
    int fds[2], bad[10] = {0}, rounds = 0;
    pair(fds);
    pid_t child = storm(SIGURG);
    while (rounds++ < 300 || heard < 100) {
        struct sockaddr_in a;
        socklen_t n = sizeof a, m = sizeof(int);
        int one = 1, type = 0, unsent = -1, fd = stream();
        struct sockaddr_in any = at("127.0.0.1", 0);
        bad[0] += fd < 0;
        bad[1] += bind(fd, ADDRESS(any)) != 0;
        bad[2] += listen(fd, 4) != 0;
        bad[3] += getsockname(fds[0], (struct sockaddr *)&a, &n) != 0 || !a.sin_port;
        bad[4] += getpeername(fds[0], (struct sockaddr *)&a, &n) != 0 || !a.sin_port;
        bad[5] += setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0;
        bad[6] += getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &type, &m) != 0 || type;
        bad[7] += ioctl(fds[0], TIOCOUTQ, &unsent) != 0 || unsent < 0;
        bad[8] += sendto(fds[0], "x", 1, 0, ADDRESS(any)) != 1;
        char c = 0;
        n = sizeof a;
        bad[9] += recvfrom(fds[1], &c, 1, MSG_WAITALL, (struct sockaddr *)&a, &n) != 1 || c != 'x';
        close(fd);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    static const char *names[] = {"socket", "bind", "listen", "getsockname", "getpeername",
                                  "setsockopt", "getsockopt", "ioctl", "sendto", "recvfrom"};
    for (int i = 0; i < 10; i++)
        say(names[i], "%d", bad[i]);
}

static void storm_over_datagrams(void) {
    handle(SIGURG, on_signal, SA_RESTART);
    int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in any = at("127.0.0.1", 0);
    bind(one, ADDRESS(any));
    bind(two, ADDRESS(any));
    pid_t child = storm(SIGURG);
    int rounds = 0, bad = 0;
    while (rounds++ < 300 || heard < 100) {
        struct sockaddr_in to = at("127.0.0.1", port_of(two)), from;
        socklen_t n = sizeof from;
        int got = 0;
        bad += sendto(one, &rounds, sizeof rounds, 0, ADDRESS(to)) != sizeof rounds;
        bad += recvfrom(two, &got, sizeof got, 0, (struct sockaddr *)&from, &n) != sizeof got;
        bad += got != rounds || ntohs(from.sin_port) != port_of(one);
        bad += connect(one, ADDRESS(to)) != 0;
        bad += send(one, &rounds, sizeof rounds, 0) != sizeof rounds;
        struct iovec v = {&got, sizeof got};
        struct msghdr m = {&from, sizeof from, &v, 1, NULL, 0, 0};
        bad += recvmsg(two, &m, 0) != sizeof got || got != rounds;
        struct sockaddr nobody = {AF_UNSPEC, ""};
        bad += connect(one, ADDRESS(nobody)) != 0;
        bad += bind(one, ADDRESS(any)) != 0 && errno != EINVAL;
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    say("bad", "%d", bad);
}

static void storm_ignored(void) {
    int l = listener(64);
    signal(SIGALRM, SIG_IGN);
    every(500);
    work(l, 200, 0);
    every(0);
}

static void storm_while_blocked(void) {
    /* accept blocks through a thousand signals, and still gets its connection. */
    int l = listener(4);
    pid_t self = getpid();
    handle(SIGURG, on_signal, SA_RESTART);
    pid_t child = fork();
    if (!child) {
        for (int i = 0; i < 300; i++) {
            kill(self, SIGURG);
            nap(0.001);
        }
        int fd = client(l);
        send(fd, "done", 4, 0);
        nap(60);
    }
    char text[8] = "";
    int fd = accept(l, NULL, NULL);
    recv(fd, text, 4, 0);
    say("got", "%s", text);
    say("heard", "%d", heard > 10);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void killed_while_blocked(void) {
    /* SIGTERM without a handler ends who blocks in accept and in connect. */
    int l = listener(4);
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        int status;
        if (!child) {
            struct sockaddr_in a = at(SILENT, 80);
            if (i)
                connect(stream(), ADDRESS(a));
            else
                accept(l, NULL, NULL);
            _exit(0);
        }
        sleeping(child);
        kill(child, SIGTERM);
        waitpid(child, &status, 0);
        say(i ? "connect" : "accept", "%s", WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "exit");
    }
}

static void stopped_and_continued(void) {
    int l = listener(4);
    pid_t child = fork();
    int status;
    if (!child) {
        int fd = accept(l, NULL, NULL);
        _exit(send(fd, "awake", 5, 0) == 5 ? 0 : 1);
    }
    sleeping(child);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    say("stopped", "%d", WIFSTOPPED(status));
    int fd = client(l);
    kill(child, SIGCONT);
    char text[8] = "";
    recv(fd, text, 5, 0);
    say("got", "%s", text);
    waitpid(child, &status, 0);
    say("exit", "%d", WEXITSTATUS(status));
}

int main(int argc, char **argv) {
    static const struct one_case cases[] = {
        {"accept_interrupted", accept_interrupted},
        {"accept_restarted", accept_restarted},
        {"accept_with_timeout", accept_with_timeout},
        {"connect_interrupted", connect_interrupted},
        {"connect_restarted", connect_restarted},
        {"read_interrupted", read_interrupted},
        {"datagram_interrupted", datagram_interrupted},
        {"storm_of_urgent", storm_of_urgent},
        {"storm_of_alarms", storm_of_alarms},
        {"storm_over_each_call", storm_over_each_call},
        {"storm_over_datagrams", storm_over_datagrams},
        {"storm_ignored", storm_ignored},
        {"storm_while_blocked", storm_while_blocked},
        {"killed_while_blocked", killed_while_blocked},
        {"stopped_and_continued", stopped_and_continued},
        {NULL, NULL}};
    return run_cases("signals", cases, argc, argv);
}
