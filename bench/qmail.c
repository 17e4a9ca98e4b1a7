/* Two programs for bench/qmail. `measure N PROGRAM MESSAGE ENVELOPE` runs a program N times as qmail-smtpd runs
   qmail-queue, and prints the median wall time and the mean processor time in milliseconds, and the most memory in MiB.
   `sign` is the peer in C with OpenSSL: qmail-dk's way of one message from descriptor 0 under DKSIGN, for a From field
   of the simplest form, and then the program that DKQUEUE names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static int measure(int count, char *program, const char *message, const char *envelope) {
    double *wall = calloc((size_t)count, sizeof *wall), cpu = 0;
    long memory = 0;
    for (int i = 0; i < count; i++) {
        double start = now();
        pid_t child = fork();
        if (child == 0) {
            dup2(open(message, O_RDONLY | O_CLOEXEC), 0);
            dup2(open(envelope, O_RDONLY | O_CLOEXEC), 1);
            execl(program, program, (char *)0);
            _exit(127);
        }
        int status;
        struct rusage used;
        wait4(child, &status, 0, &used);
        wall[i] = now() - start;
        if (status) return fprintf(stderr, "%s: status %d\n", program, status), 1;
        cpu += (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
        if (used.ru_maxrss > memory) memory = used.ru_maxrss;
    }
    qsort(wall, (size_t)count, sizeof *wall, compare);
    printf("%.2f %.2f %.1f\n", wall[count / 2], cpu / count, (double)memory / 1024);
    return 0;
}

static char message[1 << 20], canonical[2 << 20];

/* nofws (RFC 4870): no blanks, no folds, no empty lines at the end. */
static size_t canonicalize(const char *text, size_t length) {
    size_t out = 0, empty = 0;
    int header = 1, line = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ' ' || text[i] == '\t') continue;
        if (text[i] != '\n') {
            for (; empty; empty--) canonical[out++] = '\r', canonical[out++] = '\n';
            canonical[out++] = text[i];
            line = 1;
        } else if (header && line && (text[i + 1] == ' ' || text[i + 1] == '\t')) {
            continue;
        } else {
            if (header && !line) header = 0;
            empty++;
            line = 0;
        }
    }
    canonical[out++] = '\r';
    canonical[out++] = '\n';
    return out;
}

static int sign(void) {
    size_t length = 0;
    ssize_t count;
    while ((count = read(0, message + length, sizeof message - 1 - length)) > 0) length += (size_t)count;
    char *from = strstr(message, "From:"), *at = from ? strchr(from, '@') : 0;
    if (!at) return 31;
    char domain[256], path[512];
    snprintf(domain, sizeof domain, "%.*s", (int)strcspn(at + 1, "> \n"), at + 1);
    const char *template = getenv("DKSIGN"), *percent = strchr(template, '%');
    snprintf(path, sizeof path, "%.*s%s%s", (int)(percent - template), template, domain, percent + 1);
    FILE *file = fopen(path, "re");
    char header[2048];
    int added = 0;
    if (file) {
        EVP_PKEY *key = PEM_read_PrivateKey(file, 0, 0, 0);
        size_t size = canonicalize(message, length), signature = 1024;
        unsigned char value[1024], text[2048];
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        if (!key || EVP_DigestSignInit(context, 0, EVP_sha1(), 0, key) != 1
            || EVP_DigestSign(context, value, &signature, (unsigned char *)canonical, size) != 1)
            return 55;
        EVP_EncodeBlock(text, value, (int)signature);
        added = snprintf(header, sizeof header,
            "DomainKey-Signature: a=rsa-sha1; q=dns; c=nofws;\n  s=%s; d=%s;\n  b=%s  ;\n", strrchr(path, '/') + 1, domain, text);
    }
    int memory = memfd_create("message", MFD_CLOEXEC);
    if (write(memory, header, (size_t)added) != added || write(memory, message, length) != (ssize_t)length) return 53;
    lseek(memory, 0, SEEK_SET);
    dup2(memory, 0);
    execl(getenv("DKQUEUE"), getenv("DKQUEUE"), (char *)0);
    return 120;
}

int main(int argc, char **argv) {
    return argc == 5 ? measure(atoi(argv[1]), argv[2], argv[3], argv[4]) : sign();
}
