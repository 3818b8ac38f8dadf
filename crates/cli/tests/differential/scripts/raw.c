/* What Python cannot say exactly: raw system calls, lengths of addresses, vfork, threads with
 * descriptors of their own, many messages in one call, and memory that changes under a call. */
#include "steps.h"

static void lengths_of_names(void) {
    int fds[2];
    pair(fds);
    for (int n = 0; n <= 32; n += 4) {
        struct sockaddr_storage a;
        char step[32];
        socklen_t given = n;
        memset(&a, 0xee, sizeof a);
        snprintf(step, sizeof step, "getsockname %d", n);
        int done = getsockname(fds[0], (struct sockaddr *)&a, &given);
        /* What is behind the given length stays. */
        int kept = 1;
        for (size_t i = n; i < sizeof a; i++)
            kept &= ((unsigned char *)&a)[i] == 0xee;
        say(step, "%s, length %d, rest kept %d", result(done), given, kept);
    }
    socklen_t negative = -1;
    struct sockaddr_in a;
    call("negative", getsockname(fds[0], (struct sockaddr *)&a, &negative));
    call("peer negative", getpeername(fds[0], (struct sockaddr *)&a, &negative));
    socklen_t n = sizeof a;
    memset(&a, 0xee, sizeof a);
    getpeername(fds[0], (struct sockaddr *)&a, &n);
    int zero = 1;
    for (int i = 0; i < 8; i++)
        zero &= a.sin_zero[i] == 0;
    say("peer", "family %d, rest is zero %d, length %d", a.sin_family, zero, n);
}

static void lengths_of_accept(void) {
    int l = listener(16);
    for (int n = 0; n <= 24; n += 8) {
        struct sockaddr_storage a;
        char step[32];
        socklen_t given = n;
        memset(&a, 0xee, sizeof a);
        snprintf(step, sizeof step, "accept %d", n);
        int c = client(l), fd = accept(l, (struct sockaddr *)&a, &given);
        int kept = 1;
        for (size_t i = n; i < sizeof a; i++)
            kept &= ((unsigned char *)&a)[i] == 0xee;
        say(step, "%s, length %d, rest kept %d", fd < 0 ? "failed" : "ok", given, kept);
        close(c);
        close(fd);
    }
    int c = client(l);
    socklen_t n = 16;
    opened("no name but a length", accept(l, NULL, &n));
    close(c);
}

static void flags_of_accept4(void) {
    static const struct { const char *name; int flags; } all[] = {
        {"none", 0}, {"nonblock", SOCK_NONBLOCK}, {"cloexec", SOCK_CLOEXEC},
        {"both", SOCK_NONBLOCK | SOCK_CLOEXEC}};
    int l = listener(16);
    for (int i = 0; i < 4; i++) {
        int c = client(l), fd = accept4(l, NULL, NULL, all[i].flags);
        say(all[i].name, "nonblock %d, cloexec %d", !!(fcntl(fd, F_GETFL) & O_NONBLOCK), fcntl(fd, F_GETFD));
        close(c);
        close(fd);
    }
    call("wrong", accept4(l, NULL, NULL, 0x1234));
    /* O_NONBLOCK is not inherited. */
    fcntl(l, F_SETFL, O_NONBLOCK);
    int c = client(l);
    settles("listener", l, "IN");
    int fd = accept(l, NULL, NULL);
    say("of a nonblocking listener", "%d", !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    close(c);
}

static void names_of_messages(void) {
    /* recvmsg and recvfrom of a connection name nobody, accepted or connected. */
    int fds[2];
    pair(fds);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_storage a;
        char text[16], control[256];
        struct iovec v = {text, sizeof text};
        struct msghdr m = {&a, sizeof a, &v, 1, control, sizeof control, 0};
        send(fds[1 - i], "hello", 5, 0);
        memset(&a, 0xee, sizeof a);
        long got = recvmsg(fds[i], &m, 0);
        say(i ? "accepted recvmsg" : "connected recvmsg", "%ld, name of %d, control of %zu, flags %d, kept %d", got,
            m.msg_namelen, m.msg_controllen, m.msg_flags, a.ss_family == 0xeeee);
        send(fds[1 - i], "hello", 5, 0);
        socklen_t n = sizeof a;
        got = recvfrom(fds[i], text, sizeof text, 0, (struct sockaddr *)&a, &n);
        say(i ? "accepted recvfrom" : "connected recvfrom", "%ld, name of %d, kept %d", got, n, a.ss_family == 0xeeee);
    }
}

static void many_messages(void) {
    /* sendmmsg and recvmmsg, of datagrams and of a stream. */
    int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = at("127.0.0.1", 0);
    bind(one, ADDRESS(a));
    bind(two, ADDRESS(a));
    struct sockaddr_in to = at("127.0.0.1", port_of(two)), from[4];
    char text[4][8] = {"a", "bb", "ccc", "dddd"}, got[4][8];
    struct iovec v[4], w[4];
    struct mmsghdr m[4], r[4];
    memset(m, 0, sizeof m);
    memset(r, 0, sizeof r);
    memset(got, 0, sizeof got);
    for (int i = 0; i < 4; i++) {
        v[i] = (struct iovec){text[i], i + 1};
        w[i] = (struct iovec){got[i], i == 2 ? 2 : 8};
        m[i].msg_hdr = (struct msghdr){&to, sizeof to, &v[i], 1, NULL, 0, 0};
        r[i].msg_hdr = (struct msghdr){&from[i], sizeof from[i], &w[i], 1, NULL, 0, 0};
    }
    call("sendmmsg", sendmmsg(one, m, 4, 0));
    say("lengths sent", "%d %d %d %d", m[0].msg_len, m[1].msg_len, m[2].msg_len, m[3].msg_len);
    settles("poll", two, "IN|OUT");
    int total = 0;
    while (total < 4) {
        int n = recvmmsg(two, r + total, 4 - total, MSG_WAITFORONE, NULL);
        if (n < 0)
            break;
        total += n;
    }
    say("recvmmsg", "%d: %s %s %s %s", total, got[0], got[1], got[2], got[3]);
    say("cut", "%d %d", !!(r[2].msg_hdr.msg_flags & MSG_TRUNC), !!(r[3].msg_hdr.msg_flags & MSG_TRUNC));
    say("source", "%d", ntohs(from[3].sin_port) == port_of(one));
    struct timespec t = {0, 20000000};
    call("none in time", recvmmsg(two, r, 4, MSG_DONTWAIT, &t));
    int fds[2];
    pair(fds);
    for (int i = 0; i < 4; i++)
        m[i].msg_hdr.msg_name = NULL, m[i].msg_hdr.msg_namelen = 0;
    call("sendmmsg of a stream", sendmmsg(fds[0], m, 4, 0));
    char all[16] = "";
    call("recv", recv(fds[1], all, 10, MSG_WAITALL));
    say("all", "%s", all);
}

static void vfork_connects(void) {
    /* The parent sleeps while its child, which shares its memory, makes socket calls. */
    int l = listener(4);
    struct sockaddr_in a = at("127.0.0.1", port_of(l));
    static volatile int done, error;
    pid_t child = vfork();
    if (!child) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        done = connect(fd, (struct sockaddr *)&a, sizeof a);
        error = errno;
        if (!done && send(fd, "vfork", 5, 0) == 5)
            _exit(7);
        _exit(1);
    }
    int status;
    char text[8] = "";
    errno = error;
    call("connect", done);
    waitpid(child, &status, 0);
    say("exit", "%d", WEXITSTATUS(status));
    recv(accept(l, NULL, NULL), text, 5, 0);
    say("got", "%s", text);
}

static int own_table(void *p) {
    int *fds = p;
    char text[8] = "";
    /* The number belongs to another socket here. */
    if (unshare(CLONE_FILES))
        return 1;
    dup2(fds[2], fds[0]);
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    int type = 0;
    socklen_t m = sizeof type;
    getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &m);
    call("thread's peer", getpeername(fds[0], (struct sockaddr *)&a, &n));
    say("thread's name", "%d", port_of(fds[0]) == port_of(fds[2]));
    send(fds[0], "thread", 6, 0);
    recv(fds[3], text, 6, 0);
    say("thread's data", "%s", text);
    return 0;
}

static void *own_table_thread(void *p) { return (void *)(long)own_table(p); }

static void unshared_files(void) {
    int one[2], two[2];
    pair(one);
    pair(two);
    int fds[4] = {one[0], one[1], two[0], two[1]};
    pthread_t t;
    void *failed;
    pthread_create(&t, NULL, own_table_thread, fds);
    pthread_join(t, &failed);
    say("unshare", "%ld", (long)failed);
    char text[8] = "";
    send(one[0], "main", 4, 0);
    recv(one[1], text, 4, 0);
    say("main's data", "%s", text);
}

static void *after_the_leader(void *p) {
    int l = *(int *)p;
    /* The thread that began the process is gone. */
    nap(0.05);
    struct sockaddr_in a = at("127.0.0.1", port_of(l));
    int fd = stream(), one = 1;
    call("connect", connect(fd, ADDRESS(a)));
    call("setsockopt", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    int server = accept(l, NULL, NULL);
    send(server, "alone", 5, 0);
    char text[8] = "";
    recv(fd, text, 5, 0);
    say("got", "%s", text);
    _exit(0);
}

static void leader_gone(void) {
    static int l;
    l = listener(4);
    pthread_t t;
    pthread_create(&t, NULL, after_the_leader, &l);
    syscall(SYS_exit, 0);
}

static struct sockaddr_in *shared_address;
static volatile int stop;

static void *changes(void *p) {
    int *ports = p;
    for (unsigned i = 0; !stop; i++)
        shared_address->sin_port = htons(ports[i & 1]);
    return NULL;
}

static void address_changes(void) {
    /* Another thread rewrites the address during connect: it goes to one of the two. */
    int one = listener(200), two = listener(200);
    int ports[2] = {port_of(one), port_of(two)};
    pthread_t t;
    int good = 0;
    static struct sockaddr_in a;
    a = at("127.0.0.1", ports[0]);
    shared_address = &a;
    pthread_create(&t, NULL, changes, ports);
    for (int i = 0; i < 100; i++) {
        int fd = stream();
        struct sockaddr_in peer;
        socklen_t n = sizeof peer;
        if (!connect(fd, (struct sockaddr *)shared_address, sizeof *shared_address) &&
            !getpeername(fd, (struct sockaddr *)&peer, &n))
            good += ntohs(peer.sin_port) == ports[0] || ntohs(peer.sin_port) == ports[1];
        close(fd);
    }
    stop = 1;
    pthread_join(t, NULL);
    say("good", "%d", good);
}

static void *connects(void *p) {
    long good = 0;
    int l = *(int *)p;
    for (int i = 0; i < 50; i++) {
        int fd = client(l);
        char c = 0;
        good += recv(fd, &c, 1, 0) == 1 && c == '!';
        close(fd);
    }
    return (void *)good;
}

static void *serves(void *p) {
    int l = *(int *)p, fd;
    while ((fd = accept(l, NULL, NULL)) >= 0) {
        send(fd, "!", 1, 0);
        close(fd);
    }
    return NULL;
}

static void threads_at_once(void) {
    int l = listener(128);
    pthread_t servers[4], clients[8];
    long sum = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&servers[i], NULL, serves, &l);
    for (int i = 0; i < 8; i++)
        pthread_create(&clients[i], NULL, connects, &l);
    for (int i = 0; i < 8; i++) {
        void *good;
        pthread_join(clients[i], &good);
        sum += (long)good;
    }
    say("good", "%ld", sum);
}

static void closed_and_reused(void) {
    /* A thread closes and opens numbers while another asks: an answer of one or the other. */
    int wrong = 0;
    for (int i = 0; i < 300; i++) {
        int fd = stream();
        int type = 0;
        socklen_t n = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) || type != SOCK_STREAM)
            wrong++;
        close(fd);
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != -1 || errno != EBADF)
            wrong++;
    }
    say("wrong", "%d", wrong);
}

static void own_filter(void) {
    /* A program that forbids itself privileges, and calls that we know nothing of. */
    call("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    int fds[2];
    pair(fds);
    send(fds[0], "ok", 2, 0);
    char text[4] = "";
    recv(fds[1], text, 2, 0);
    say("got", "%s", text);
    call("no such call", syscall(9999));
}

static void unix_sockets(void) {
    /* Sockets that are not of the internet stay the kernel's. */
    struct sockaddr_un a = {AF_UNIX, ""};
    snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "differential-%d", getpid());
    socklen_t n = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a.sun_path + 1);
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    call("bind", bind(l, (struct sockaddr *)&a, n));
    call("listen", listen(l, 1));
    call("connect", connect(c, (struct sockaddr *)&a, n));
    struct sockaddr_un name;
    socklen_t m = sizeof name;
    int s = accept(l, (struct sockaddr *)&name, &m);
    say("name", "family %d, length %d", name.sun_family, m);
    struct ucred who;
    m = sizeof who;
    getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &m);
    say("peer", "%d", who.pid == getpid());
    int one = 1;
    call("nodelay", setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    int d[2];
    call("socketpair", socketpair(AF_UNIX, SOCK_SEQPACKET, 0, d));
    call("internet pair", socketpair(AF_INET, SOCK_STREAM, 0, d));
}

static void credentials(void) {
    /* A TCP socket has no peer with a process. */
    int fds[2];
    struct ucred who = {-1, -1, -1};
    socklen_t m = sizeof who;
    pair(fds);
    call("peer", getsockopt(fds[0], SOL_SOCKET, SO_PEERCRED, &who, &m));
    say("process", "%d", who.pid);
    char label[64];
    m = sizeof label;
    call("security", getsockopt(fds[0], SOL_SOCKET, 31, label, &m));
    int passcred = 1;
    call("passcred", setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &passcred, sizeof passcred));
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec v = {"x", 1};
    struct msghdr h = {NULL, 0, &v, 1, control, sizeof control, 0};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    *(int *)CMSG_DATA(c) = 1;
    call("descriptors through TCP", sendmsg(fds[0], &h, 0));
}

static void fast_open(void) {
    /* Data with the first packet, where it may go; the connection comes in any case. */
    int l = listener(4), fd = stream();
    struct sockaddr_in a = at("127.0.0.1", port_of(l));
    long sent = sendto(fd, "fast", 4, MSG_FASTOPEN, ADDRESS(a));
    call("sent", sent);
    /* Programs go on without it. */
    if (sent < 0 && !connect(fd, ADDRESS(a)))
        send(fd, "fast", 4, 0);
    char text[8] = "";
    int s = accept(l, NULL, NULL);
    recv(s, text, 4, MSG_WAITALL);
    say("got", "%s", text);
    fd = stream();
    int one = 1;
    call("option", setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one));
}

int main(int argc, char **argv) {
    static const struct one_case cases[] = {
        {"lengths_of_names", lengths_of_names},
        {"lengths_of_accept", lengths_of_accept},
        {"flags_of_accept4", flags_of_accept4},
        {"names_of_messages", names_of_messages},
        {"many_messages", many_messages},
        {"vfork_connects", vfork_connects},
        {"unshared_files", unshared_files},
        {"leader_gone", leader_gone},
        {"address_changes", address_changes},
        {"threads_at_once", threads_at_once},
        {"closed_and_reused", closed_and_reused},
        {"own_filter", own_filter},
        {"unix_sockets", unix_sockets},
        {"credentials", credentials},
        {"fast_open", fast_open},
        {NULL, NULL}};
    return run_cases("raw", cases, argc, argv);
}
