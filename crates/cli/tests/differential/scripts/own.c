/* Programs that shut themselves in: filters of their own, a listener of their own, namespaces of
 * their own, and a root directory without anything. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <ucontext.h>

#include "steps.h"

/* A filter that does this with one call, and lets all others pass. */
static long filtered(int number, unsigned action, unsigned flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* Two bytes from one end to the other. */
static void talks(const char *step, int from, int to) {
    char text[4] = "";
    send(from, "ok", 2, 0);
    recv(to, text, 2, MSG_WAITALL);
    say(step, "%s", text);
}

static void connects(const char *step, int listener) {
    int fd = stream();
    struct sockaddr_in a = at("127.0.0.1", port_of(listener));
    call(step, connect(fd, ADDRESS(a)));
    close(fd);
}

static void filter_allows(void) {
    int l = listener(4), fds[2];
    call("filter", filtered(SYS_reboot, SECCOMP_RET_ERRNO | EACCES, 0));
    connects("connect", l);
    opened("accept", accept(l, NULL, NULL));
    pair(fds);
    talks("talk", fds[0], fds[1]);
}

static void filter_refuses(void) {
    /* Its word comes before the supervisor's. */
    int l = listener(4), fds[2];
    pair(fds);
    call("filter", filtered(SYS_connect, SECCOMP_RET_ERRNO | EXDEV, 0));
    connects("connect", l);
    talks("talk", fds[0], fds[1]);
    say("name", "%d", port_of(fds[0]) > 0);
    call("another", filtered(SYS_socket, SECCOMP_RET_ERRNO | EDOM, 0));
    opened("socket", stream());
    opened("datagrams", socket(AF_INET, SOCK_DGRAM, 0));
}

static void on_system_call(int number, siginfo_t *info, void *context) {
    ucontext_t *c = context;
    (void)number;
    (void)info;
    /* What the call is to have returned. */
#if defined __x86_64__
    c->uc_mcontext.gregs[REG_RAX] = -EXDEV;
#elif defined __aarch64__
    c->uc_mcontext.regs[0] = -EXDEV;
#endif
}

static void filter_traps(void) {
    /* As a browser's sandbox does it: a handler answers. */
    int l = listener(4), fds[2];
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = on_system_call;
    a.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &a, NULL);
    pair(fds);
    call("filter", filtered(SYS_connect, SECCOMP_RET_TRAP, 0));
    connects("connect", l);
    talks("talk", fds[0], fds[1]);
}

static void filter_kills(void) {
    int l = listener(4);
    filtered(SYS_connect, SECCOMP_RET_KILL_PROCESS, 0);
    connects("connect", l);
}

static void own_listener(void) {
    /* Supervisors of others: a process has one, and it may be ours. */
    int l = listener(4);
    opened("listener", filtered(SYS_reboot, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER));
    connects("connect", l);
}

static void user_namespace(void) {
    int l = listener(4), fds[2];
    call("unshare", unshare(CLONE_NEWUSER));
    connects("connect", l);
    opened("accept", accept(l, NULL, NULL));
    pair(fds);
    talks("talk", fds[0], fds[1]);
}

static void process_namespace(void) {
    /* Where its number is 1, and nobody else has one. */
    int l = listener(4), status = 0;
    call("unshare", unshare(CLONE_NEWUSER | CLONE_NEWPID));
    pid_t child = fork();
    if (!child) {
        int fds[2];
        say("number", "%d", getpid());
        connects("connect", l);
        opened("accept", accept(l, NULL, NULL));
        pair(fds);
        talks("talk", fds[0], fds[1]);
        _exit(0);
    }
    waitpid(child, &status, 0);
    say("exit", "%d", WEXITSTATUS(status));
}

static void network_namespace(void) {
    /* A network of its own, in which nothing is up: what it had, it keeps. */
    int l = listener(4), fds[2];
    pair(fds);
    call("unshare", unshare(CLONE_NEWUSER | CLONE_NEWNET));
    talks("talk", fds[0], fds[1]);
    say("name", "%d", port_of(fds[0]) > 0);
    struct sockaddr_in a = at("127.0.0.1", port_of(l));
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    call("send", sendto(datagrams, "x", 1, 0, ADDRESS(a)));
    connects("connect", l);
}

static void empty_root(void) {
    /* Without /proc, without anything: as servers shut in those who talk to strangers. */
    int l = listener(4), fds[2];
    char folder[] = "/tmp/differential-XXXXXX";
    call("unshare", unshare(CLONE_NEWUSER));
    if (!mkdtemp(folder) || chdir(folder) || rmdir(folder))
        say("folder", "%s", strerrorname_np(errno));
    call("chroot", chroot("."));
    connects("connect", l);
    opened("accept", accept(l, NULL, NULL));
    pair(fds);
    talks("talk", fds[0], fds[1]);
}

static void other_numbers(void) {
    /* Calls by x32's numbers, which no program makes. */
    call("socket", syscall(0x40000000 + SYS_socket, AF_INET, SOCK_STREAM, 0));
    call("connect", syscall(0x40000000 + SYS_connect, 0, NULL, 0));
}

static void *shuts_in(void *p) {
    (void)p;
    call("filter", filtered(SYS_connect, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC));
    return NULL;
}

static void filter_for_all_threads(void) {
    int l = listener(4);
    pthread_t t;
    pthread_create(&t, NULL, shuts_in, NULL);
    pthread_join(t, NULL);
    connects("connect", l);
}

int main(int argc, char **argv) {
    static const struct one_case cases[] = {
        {"filter_allows", filter_allows},
        {"filter_refuses", filter_refuses},
        {"filter_traps", filter_traps},
        {"filter_kills", filter_kills},
        {"filter_for_all_threads", filter_for_all_threads},
        {"own_listener", own_listener},
        {"user_namespace", user_namespace},
        {"process_namespace", process_namespace},
        {"network_namespace", network_namespace},
        {"empty_root", empty_root},
        {"other_numbers", other_numbers},
        {NULL, NULL}};
    return run_cases("own", cases, argc, argv);
}
