/* Plays the MTA to a milter: sends whole messages on several connections at once, in version 6 of the protocol, and
   measures what they take. bench/milter runs it.

   milter -s SOCKET [-n MESSAGES] [-c CONNECTIONS] [-r RATE] [-b OCTETS] [-a CLIENT] [-o DIRECTORY] [-i] FILE...
     -s  unix:PATH or inet:PORT
     -n  how many messages; the files are taken in turn
     -c  how many connections, each with one message at a time
     -r  so many messages a second in all, each timed from when it is due; without it as fast as they are taken
     -b  a body of so many octets instead of the files' own
     -a  the address that the client of the MTA has (127.0.0.1)
     -o  write each file with the fields that the filter inserts into a file of the same name there
     -i  only open the connections, say "ready", and keep them until standard input ends

   Packets gather in one buffer until a reply is due, as in Postfix. The result is one line of words and numbers. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 65535, FLUSH_AT = 1 << 17, REPLY_LIMIT = 1 << 20, FIELDS = 256 };

/* What a filter may ask for when the connection begins: stages that it does not want, replies that it does not give. */
enum {
    NO_CONNECT = 0x1, NO_HELO = 0x2, NO_MAIL = 0x4, NO_RCPT = 0x8, NO_BODY = 0x10, NO_FIELDS = 0x20, NO_EOH = 0x40,
    QUIET_FIELD = 0x80, NO_DATA = 0x200, QUIET_CONNECT = 0x1000, QUIET_HELO = 0x2000, QUIET_MAIL = 0x4000,
    QUIET_RCPT = 0x8000, QUIET_DATA = 0x10000, QUIET_EOH = 0x40000, QUIET_BODY = 0x80000, LEADING_SPACE = 0x100000,
    ALL_STEPS = 0x1fffff, ALL_ACTIONS = 0x1ff
};

struct octets { char *at; size_t count, room; };
struct message {
    const char *path;
    char *text;
    size_t size;
    struct { const char *name, *value; size_t name_size, value_size; } fields[FIELDS];
    int field_count;
    const char *body;
    size_t body_size;
};
struct connection {
    int fd;
    uint32_t steps;
    struct octets out, reply;
    char verdict;
    bool skip;
};

static struct message *messages;
static int message_count;
static const char *place, *client = "127.0.0.1", *directory;
static long total = 1000;
static double rate, begun;
static int connections = 1;
static long long body_size = -1;
static char filler[CHUNK];
static atomic_long next_message, failures, ends[256], inserted, signatures, passes, others;
static double *latencies;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void append(struct octets *to, const void *data, size_t size)
{
    if (to->count + size > to->room) {
        to->room = 2 * (to->count + size);
        if (!(to->at = realloc(to->at, to->room)))
            die("memory");
    }
    memcpy(to->at + to->count, data, size);
    to->count += size;
}

/* A packet: its length, which counts the command, then the command and two pieces of data. */
static void packet(struct connection *c, char command, const void *a, size_t a_size, const void *b, size_t b_size)
{
    uint32_t length = htonl((uint32_t)(1 + a_size + b_size));
    append(&c->out, &length, 4);
    append(&c->out, &command, 1);
    append(&c->out, a, a_size);
    append(&c->out, b, b_size);
}

static bool flush(struct connection *c)
{
    for (size_t done = 0; done < c->out.count;) {
        ssize_t count = write(c->fd, c->out.at + done, c->out.count - done);
        if (count < 0 && errno != EINTR)
            return false;
        done += count > 0 ? (size_t)count : 0;
    }
    c->out.count = 0;
    return true;
}

static bool fill(int fd, char *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(fd, to + done, size - done);
        if (count == 0 || (count < 0 && errno != EINTR))
            return false;
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* The next reply: its command is returned, 0 when the connection is gone; its data are in c->reply, with a NUL after them. */
static char take(struct connection *c)
{
    char head[5];
    uint32_t length;
    if (!fill(c->fd, head, 5))
        return 0;
    memcpy(&length, head, 4);
    length = ntohl(length);
    if (length < 1 || length > REPLY_LIMIT)
        return 0;
    c->reply.count = 0;
    if (c->reply.room < length + 1) {
        c->reply.room = length + 1;
        if (!(c->reply.at = realloc(c->reply.at, c->reply.room)))
            die("memory");
    }
    if (!fill(c->fd, c->reply.at, length - 1))
        return 0;
    c->reply.count = length - 1;
    c->reply.at[length - 1] = 0;
    return head[4];
}

/* Waits for the reply to a stage unless the filter gives none: false when the connection is gone or the message done. */
static bool settle(struct connection *c, uint32_t quiet)
{
    if (c->steps & quiet)
        return c->out.count < FLUSH_AT || flush(c);
    char reply = flush(c) ? take(c) : 0;
    if (reply == 's')
        c->skip = true;
    else if (reply != 'c')
        c->verdict = reply;
    return reply == 'c' || reply == 's';
}

static int dial(void)
{
    int fd, one = 1;
    if (!strncmp(place, "inet:", 5)) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(place + 5)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        fd = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(fd, (struct sockaddr *)&address, sizeof address))
            die(place);
    } else {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s", place + 5);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        /* The queue of a socket on its way to a busy filter may be full. */
        while (connect(fd, (struct sockaddr *)&address, sizeof address)) {
            if (errno != EAGAIN)
                die(place);
            usleep(1000);
        }
    }
    return fd;
}

static bool begin(struct connection *c)
{
    uint32_t offer[3] = {htonl(6), htonl(ALL_ACTIONS), htonl(ALL_STEPS)}, answer[3];
    c->fd = dial();
    packet(c, 'O', offer, sizeof offer, "", 0);
    if (!flush(c) || take(c) != 'O' || c->reply.count < sizeof answer)
        return false;
    memcpy(answer, c->reply.at, sizeof answer);
    c->steps = ntohl(answer[2]);
    static const char macros[] = "Cj\0mx.example.net\0{daemon_name}\0MTA";
    static const char host[] = "client.example.org\0004\x27\x10";
    packet(c, 'D', macros, sizeof macros, "", 0);
    if (!(c->steps & NO_CONNECT)) {
        packet(c, 'C', host, sizeof host - 1, client, strlen(client) + 1);
        if (!settle(c, QUIET_CONNECT))
            return false;
    }
    if (!(c->steps & NO_HELO)) {
        packet(c, 'H', host, strlen(host) + 1, "", 0);
        if (!settle(c, QUIET_HELO))
            return false;
    }
    return true;
}

static bool envelope(struct connection *c, long number)
{
    static const char from[] = "<joe@example.org>", to[] = "<ann@example.com>";
    char macros[64] = "Mi";
    int size = snprintf(macros + 3, sizeof macros - 3, "4Q%08lX", number) + 4;
    packet(c, 'D', macros, size, "", 0);
    if (!(c->steps & NO_MAIL)) {
        packet(c, 'M', from, sizeof from, "", 0);
        if (!settle(c, QUIET_MAIL))
            return false;
    }
    if (!(c->steps & NO_RCPT)) {
        packet(c, 'R', to, sizeof to, "", 0);
        if (!settle(c, QUIET_RCPT))
            return false;
    }
    if (!(c->steps & NO_DATA)) {
        packet(c, 'T', "", 0, "", 0);
        if (!settle(c, QUIET_DATA))
            return false;
    }
    macros[0] = 'E';
    packet(c, 'D', macros, size, "", 0);
    return true;
}

static bool header(struct connection *c, const struct message *m)
{
    if (!(c->steps & NO_FIELDS))
        for (int i = 0; i < m->field_count; i++) {
            bool cut = !(c->steps & LEADING_SPACE) && m->fields[i].value[0] == ' ';
            packet(c, 'L', m->fields[i].name, m->fields[i].name_size, m->fields[i].value + cut, m->fields[i].value_size - cut);
            if (!settle(c, QUIET_FIELD))
                return false;
        }
    if (c->steps & NO_EOH)
        return true;
    packet(c, 'N', "", 0, "", 0);
    return settle(c, QUIET_EOH);
}

static bool body(struct connection *c, const struct message *m)
{
    long long size = body_size < 0 ? (long long)m->body_size : body_size;
    if (c->steps & NO_BODY)
        return true;
    for (long long at = 0; at < size && !c->skip; at += CHUNK) {
        size_t count = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        packet(c, 'B', body_size < 0 ? m->body + at : filler, count, "", 0);
        if (!settle(c, QUIET_BODY))
            return false;
    }
    return true;
}

static void write_out(const struct message *m, const struct octets *fields)
{
    char path[512];
    const char *slash = strrchr(m->path, '/');
    snprintf(path, sizeof path, "%s/%s", directory, slash ? slash + 1 : m->path);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(fields->at, 1, fields->count, file) != fields->count || fwrite(m->text, 1, m->size, file) != m->size
        || fclose(file))
        die(path);
}

/* Whether a signature names the domain of the author. */
static bool is_authors(const struct message *m, const char *signature)
{
    for (int i = 0; i < m->field_count; i++) {
        const char *at = strcasecmp(m->fields[i].name, "From") ? NULL : strchr(m->fields[i].value, '@');
        char tag[300] = "d=";
        if (!at)
            continue;
        snprintf(tag + 2, sizeof tag - 2, "%.*s;", (int)strcspn(at + 1, "> \t\r\n"), at + 1);
        return strstr(signature, tag);
    }
    return false;
}

/* The end of the message and what the filter says to it. */
static void conclude(struct connection *c, const struct message *m)
{
    struct octets fields = {0};
    packet(c, 'E', "", 0, "", 0);
    char reply = flush(c) ? take(c) : 0;
    while (reply && !strchr("acdrty", reply)) {
        size_t skip = reply == 'i' ? 4 : 0;
        if ((reply == 'i' || reply == 'h') && c->reply.count > skip) {
            const char *name = c->reply.at + skip, *value = name + strlen(name) + 1;
            inserted++;
            signatures += !strcasecmp(name, "DKIM-Signature");
            others += !strcasecmp(name, "DKIM-Signature") && !is_authors(m, value);
            passes += !strcasecmp(name, "Authentication-Results") && strstr(value, "dkim=pass");
            append(&fields, name, strlen(name));
            append(&fields, ":", 1);
            if (!(c->steps & LEADING_SPACE))
                append(&fields, " ", 1);
            for (; *value; value++)
                append(&fields, *value == '\n' ? "\r\n" : value, *value == '\n' ? 2 : 1);
            append(&fields, "\r\n", 2);
        }
        reply = take(c);
    }
    c->verdict = reply;
    if (directory && reply)
        write_out(m, &fields);
    free(fields.at);
}

static void *play(void *unused)
{
    struct connection c = {.fd = -1};
    (void)unused;
    for (long number; (number = next_message++) < total;) {
        const struct message *m = &messages[number % message_count];
        double started = rate > 0 ? begun + number / rate : now();
        for (double left; (left = started - now()) > 0;) {
            struct timespec pause = {(time_t)left, (long)((left - (time_t)left) * 1e9)};
            nanosleep(&pause, NULL);
        }
        c.verdict = 0;
        c.skip = false;
        if (c.fd >= 0 || begin(&c))
            if (envelope(&c, number) && header(&c, m) && body(&c, m))
                conclude(&c, m);
        latencies[number] = now() - started;
        ends[(unsigned char)c.verdict]++;
        if (!c.verdict) {
            failures++;
            close(c.fd);
            c.fd = -1;
            c.out.count = 0;
        }
    }
    if (c.fd >= 0) {
        packet(&c, 'Q', "", 0, "", 0);
        flush(&c);
        close(c.fd);
    }
    return NULL;
}

static void load(struct message *m, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file || fseek(file, 0, SEEK_END))
        die(path);
    m->path = path;
    m->size = ftell(file);
    m->text = malloc(m->size + 1);
    rewind(file);
    if (!m->text || fread(m->text, 1, m->size, file) != m->size)
        die(path);
    fclose(file);
    m->text[m->size] = 0;
    char *line = m->text;
    while (strncmp(line, "\r\n", 2)) {
        char *end = strstr(line, "\r\n");
        while (end && (end[2] == ' ' || end[2] == '\t'))
            end = strstr(end + 2, "\r\n");
        char *colon = strchr(line, ':');
        if (!end || !colon || colon > end || m->field_count == FIELDS) {
            fprintf(stderr, "%s: no message with lines that end in CRLF\n", path);
            exit(2);
        }
        /* The wire has names and values that end with NUL, and LF alone at folds. */
        char *name = strndup(line, colon - line), *value = malloc(end - colon), *to = value;
        for (const char *from = colon + 1; from < end; from++)
            if (*from != '\r')
                *to++ = *from;
        *to++ = 0;
        m->fields[m->field_count].name = name;
        m->fields[m->field_count].name_size = strlen(name) + 1;
        m->fields[m->field_count].value = value;
        m->fields[m->field_count++].value_size = to - value;
        line = end + 2;
    }
    m->body = line + 2;
    m->body_size = m->text + m->size - m->body;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void idle(void)
{
    struct connection *all = calloc(connections, sizeof *all);
    for (int i = 0; i < connections; i++)
        if (!begin(&all[i])) {
            fprintf(stderr, "connection %d was refused\n", i + 1);
            exit(1);
        }
    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF)
        ;
}

int main(int count, char **words)
{
    bool only_idle = false;
    for (int option; (option = getopt(count, words, "s:n:c:r:b:a:o:i")) != -1;)
        switch (option) {
        case 's': place = optarg; break;
        case 'n': total = atol(optarg); break;
        case 'c': connections = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'b': body_size = atoll(optarg); break;
        case 'a': client = optarg; break;
        case 'o': directory = optarg; break;
        case 'i': only_idle = true; break;
        default: return 2;
        }
    if (!place || (!only_idle && optind == count)) {
        fprintf(stderr, "usage: milter -s SOCKET [-n MESSAGES] [-c CONNECTIONS] [-r RATE] [-b OCTETS] [-a CLIENT] [-o DIRECTORY] [-i] FILE...\n");
        return 2;
    }
    if (only_idle) {
        idle();
        return 0;
    }
    message_count = count - optind;
    messages = calloc(message_count, sizeof *messages);
    latencies = calloc(total, sizeof *latencies);
    for (int i = 0; i < message_count; i++)
        load(&messages[i], words[optind + i]);
    for (int i = 0; i < CHUNK; i++)
        filler[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : (char)('a' + i % 26);

    pthread_t *threads = calloc(connections, sizeof *threads);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 1 << 18);
    double started = begun = now();
    for (int i = 0; i < connections; i++)
        if (pthread_create(&threads[i], &small, play, NULL))
            die("thread");
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    double elapsed = now() - started;
    qsort(latencies, total, sizeof *latencies, ascending);
    printf("seconds %.6f p50 %.3f p90 %.3f p99 %.3f most %.3f accepted %ld refused %ld deferred %ld discarded %ld failed %ld"
           " inserted %ld signatures %ld passes %ld others %ld\n",
           elapsed, latencies[total / 2] * 1e3, latencies[total * 9 / 10] * 1e3, latencies[total * 99 / 100] * 1e3,
           latencies[total - 1] * 1e3, ends['a'] + ends['c'], ends['r'] + ends['y'], (long)ends['t'], (long)ends['d'],
           (long)failures, (long)inserted, (long)signatures, (long)passes, (long)others);
    return failures ? 1 : 0;
}
