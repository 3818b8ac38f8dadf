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
static void work(int rounds, int signals) {
    int good = 0, total = 0, l = listener(64);
    for (; total < rounds || heard < signals; total++) {
        char text[8] = "";
        int one = 1, fd = -1, server = -1;
        socklen_t n = sizeof one;
        struct sockaddr_in a = at("127.0.0.1", port_of(l));
        /* A trapped call may be interrupted where the kernel's never is. */
        while ((fd = stream()) < 0 && errno == EINTR) {
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &one, &n);
        if (connect(fd, ADDRESS(a))) {
            /* Interrupted: it goes on by itself. */
            double end = now() + PATIENCE;
            while (mask_of(fd) != POLLOUT && now() < end) {
            }
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
    handle(SIGURG, on_signal, SA_RESTART);
    pid_t child = storm(SIGURG);
    work(200, 30);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void storm_of_alarms(void) {
    handle(SIGALRM, on_signal, 0);
    every(10000);
    work(200, 30);
    every(0);
}

static void storm_ignored(void) {
    signal(SIGALRM, SIG_IGN);
    every(500);
    work(200, 0);
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
        {"storm_ignored", storm_ignored},
        {"storm_while_blocked", storm_while_blocked},
        {"killed_while_blocked", killed_while_blocked},
        {"stopped_and_continued", stopped_and_continued},
        {NULL, NULL}};
    return run_cases("signals", cases, argc, argv);
}
