/* A stand-in for qmail-queue(8). It reads the message from descriptor 0 and the envelope from descriptor 1, both to their
   ends, checks the envelope, and leaves in the directory QQ_DIR, under the name of the process, what it got:
   PID.msg, PID.env, PID.info. QQ_EXIT is its exit code, QQ_SIGNAL a signal to end by, QQ_WAIT milliseconds to wait before
   it reads, QQ_READ the octets of the message after which it stops reading, QQ_KEEP those that it keeps of a long one. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;
static char buffer[65536];

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

static FILE *record(const char *suffix) {
    char path[4096];
    const char *directory = getenv("QQ_DIR");
    if (!directory) _exit(62);
    snprintf(path, sizeof path, "%s/%d.%s", directory, (int)getpid(), suffix);
    FILE *file = fopen(path, "we");
    if (!file) _exit(63);
    return file;
}

static void describe(char **argv, long total) {
    FILE *info = record("info.new");
    char line[512], from[4096], into[4096];
    fprintf(info, "total %ld\n", total);
    for (int i = 0; argv[i]; i++) fprintf(info, "argument %s\n", argv[i]);
    fprintf(info, "directory %s\n", getcwd(line, sizeof line));
    mode_t mask = umask(0);
    umask(mask);
    fprintf(info, "mask %03o\n", mask);
    for (char **each = environ; *each; each++) fprintf(info, "variable %s\n", *each);
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "Uid", 3) || !strncmp(line, "Gid", 3)) fputs(line, info);
        else if (!strncmp(line, "Sig", 3) && strncmp(line, "SigQ", 4)) fputs(line, info);
    DIR *descriptors = opendir("/proc/self/fd");
    for (struct dirent *each; (each = readdir(descriptors));) {
        int fd = atoi(each->d_name);
        if (each->d_name[0] != '.' && fd != dirfd(descriptors) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
            fprintf(info, "descriptor %d\n", fd);
    }
    fclose(info);
    snprintf(from, sizeof from, "%s/%d.info.new", getenv("QQ_DIR"), (int)getpid());
    snprintf(into, sizeof into, "%s/%d.info", getenv("QQ_DIR"), (int)getpid());
    rename(from, into);
}

int main(int argc, char **argv) {
    (void)argc;
    usleep((useconds_t)number("QQ_WAIT", 0) * 1000);
    long most = number("QQ_READ", -1), keep = number("QQ_KEEP", -1), total = 0;
    ssize_t count;
    FILE *message = record("msg");
    while (total != most && (count = read(0, buffer, sizeof buffer)) != 0) {
        if (count < 0) return 54;
        if (keep < 0 || total < keep) fwrite(buffer, 1, (size_t)count, message);
        total += count;
    }
    if (fclose(message)) return 53;

    static char envelope[65536];
    size_t length = 0;
    while ((count = read(1, envelope + length, sizeof envelope - length)) != 0) {
        if (count < 0) return 54;
        length += (size_t)count;
    }
    FILE *kept = record("env");
    fwrite(envelope, 1, length, kept);
    if (fclose(kept)) return 53;
    if (length < 3 || envelope[0] != 'F' || envelope[length - 1] || envelope[length - 2]) return 91;
    for (char *at = envelope + strlen(envelope) + 1; at < envelope + length - 1; at += strlen(at) + 1)
        if (*at != 'T') return 91;

    describe(argv, total);
    if (number("QQ_SIGNAL", 0)) kill(getpid(), (int)number("QQ_SIGNAL", 0));
    return (int)number("QQ_EXIT", 0);
}
