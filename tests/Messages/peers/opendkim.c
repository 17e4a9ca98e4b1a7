/* libopendkim behind the protocol of README.md.
 * Build: cc -O1 -o opendkim opendkim.c -I/usr/include/opendkim -lopendkim */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <dkim.h>

struct record {
	char name[512];
	size_t length;		/* SIZE_MAX: looking the name up fails */
	unsigned char *octets;
	struct record *next;
};

static struct record *zone;
static time_t now;

/* The library reads the clock when it verifies; this definition stands before the C library's. */
time_t time(time_t *result)
{
	if (result != NULL)
		*result = now;
	return now;
}
static DKIM_LIB *library;

static char *octets(size_t length)
{
	char *text = malloc(length + 1);
	if (text == NULL || fread(text, 1, length, stdin) != length)
		exit(1);
	text[length] = '\0';
	return text;
}

static void add(const char *name, size_t length, unsigned char *text)
{
	struct record *fresh = calloc(1, sizeof *fresh), **end = &zone;
	snprintf(fresh->name, sizeof fresh->name, "%s", name);
	fresh->length = length;
	fresh->octets = text;
	while (*end != NULL)
		end = &(*end)->next;
	*end = fresh;
}

static DKIM_CBSTAT lookup(DKIM *dkim, DKIM_SIGINFO *sig, u_char *buf, size_t buflen)
{
	char name[1024];
	(void)dkim;
	snprintf(name, sizeof name, "%s._domainkey.%s", dkim_sig_getselector(sig), dkim_sig_getdomain(sig));
	for (struct record *r = zone; r != NULL; r = r->next)
		if (strcasecmp(r->name, name) == 0) {
			if (r->length == SIZE_MAX)
				return DKIM_CBSTAT_TRYAGAIN;
			size_t n = r->length < buflen - 1 ? r->length : buflen - 1;
			memcpy(buf, r->octets, n);
			buf[n] = '\0';
			return DKIM_CBSTAT_CONTINUE;
		}
	return DKIM_CBSTAT_NOTFOUND;
}

/* Gives a message to the library: each field without its CRLF, then the body. */
static DKIM_STAT feed(DKIM *dkim, char *text, size_t length)
{
	size_t at = 0;
	DKIM_STAT status = DKIM_STAT_OK;
	while (at < length && !(length - at >= 2 && text[at] == '\r' && text[at + 1] == '\n')) {
		size_t end = at;
		for (;;) {
			char *cr = memmem(text + end, length - end, "\r\n", 2);
			end = cr == NULL ? length : (size_t)(cr - text);
			if (cr == NULL || end + 2 >= length || (text[end + 2] != ' ' && text[end + 2] != '\t'))
				break;
			end += 2;
		}
		status = dkim_header(dkim, (u_char *)text + at, end - at);
		if (status != DKIM_STAT_OK)
			return status;
		at = end + 2 <= length ? end + 2 : length;
	}
	status = dkim_eoh(dkim);
	if (status != DKIM_STAT_OK)
		return status;
	at = at + 2 <= length ? at + 2 : length;
	if (at < length)
		status = dkim_body(dkim, (u_char *)text + at, length - at);
	return status;
}

static void plain(const char *text)
{
	if (text == NULL || *text == '\0')
		text = "-";
	for (int n = 0; *text != '\0' && n < 120; text++, n++)
		putchar(*text >= ' ' && *text <= '~' ? *text : ' ');
}

static void verify(char *text, size_t length)
{
	DKIM_STAT status;
	DKIM *dkim = dkim_verify(library, (const u_char *)"helper", NULL, &status);
	bool test;
	status = feed(dkim, text, length);
	if (status == DKIM_STAT_OK || status == DKIM_STAT_NOSIG)
		status = dkim_eom(dkim, &test);
	DKIM_SIGINFO **sigs;
	int count = 0;
	if (dkim_getsiglist(dkim, &sigs, &count) != DKIM_STAT_OK)
		count = 0;
	if (count == 0 && status != DKIM_STAT_NOSIG && status != DKIM_STAT_OK) {
		printf("no ");
		plain(dkim_getresultstr(status));
		putchar(' ');
		plain(dkim_geterror(dkim));
		putchar('\n');
	} else {
		printf("ok");
		for (int i = 0; i < count; i++) {
			int error = dkim_sig_geterror(sigs[i]);
			unsigned flags = dkim_sig_getflags(sigs[i]);
			int body = dkim_sig_getbh(sigs[i]);
			bool pass = (flags & DKIM_SIGFLAG_PASSED) != 0 && body == DKIM_SIGBH_MATCH && error == DKIM_SIGERROR_OK;
			bool fail = error == DKIM_SIGERROR_BADSIG || (error == DKIM_SIGERROR_OK && (flags & DKIM_SIGFLAG_PROCESSED));
			printf("\tdkim %d %s ", i, pass ? "pass" : error == DKIM_SIGERROR_KEYFAIL ? "temperror" : fail ? "fail" : "invalid");
			plain(error == DKIM_SIGERROR_OK ? body == DKIM_SIGBH_MISMATCH ? "body hash" : "-" : dkim_sig_geterrorstr(error));
		}
		putchar('\n');
	}
	dkim_free(dkim);
}

static void sign(char words[10][512], char *key, char *text, size_t length)
{
	DKIM_STAT status;
	bool ed = strcmp(words[2], "ed25519-sha256") == 0;
	int algorithm = ed ? DKIM_SIGN_ED25519SHA256 : strcmp(words[2], "rsa-sha1") == 0 ? DKIM_SIGN_RSASHA1 : DKIM_SIGN_RSASHA256;
	DKIM *dkim = strcmp(words[1], "dkim") != 0 ? NULL
	    : dkim_sign(library, (const u_char *)"helper", NULL, (dkim_sigkey_t)key, (u_char *)words[6], (u_char *)words[5],
	    strcmp(words[3], "relaxed") == 0, strcmp(words[4], "relaxed") == 0, algorithm, -1, &status);
	if (dkim == NULL) {
		printf("no handle\n");
		return;
	}
	u_char *value;
	size_t size;
	status = feed(dkim, text, length);
	if (status == DKIM_STAT_OK)
		status = dkim_eom(dkim, NULL);
	if (status == DKIM_STAT_OK)
		status = dkim_getsighdr_d(dkim, strlen("DKIM-Signature: "), &value, &size);
	if (status != DKIM_STAT_OK) {
		printf("no ");
		plain(dkim_getresultstr(status));
		putchar(' ');
		plain(dkim_geterror(dkim));
		putchar('\n');
	} else {
		printf("ok %zu\nDKIM-Signature: ", size + strlen("DKIM-Signature: ") + 2);
		fwrite(value, 1, size, stdout);
		printf("\r\n");
	}
	dkim_free(dkim);
}

int main(void)
{
	char line[4096], w[10][512];
	unsigned bits = 256;
	library = dkim_init(NULL, NULL);
	dkim_set_key_lookup(library, lookup);
	dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits, sizeof bits);
	while (fgets(line, sizeof line, stdin) != NULL) {
		memset(w, 0, sizeof w);
		sscanf(line, "%511s %511s %511s %511s %511s %511s %511s %511s %511s %511s", w[0], w[1], w[2], w[3], w[4], w[5],
		    w[6], w[7], w[8], w[9]);
		if (strcmp(w[0], "clear") == 0) {
			while (zone != NULL) {
				struct record *next = zone->next;
				free(zone->octets);
				free(zone);
				zone = next;
			}
			puts("ok");
		} else if (strcmp(w[0], "record") == 0) {
			size_t length = strtoul(w[2], NULL, 10);
			add(w[1], length, (unsigned char *)octets(length));
			puts("ok");
		} else if (strcmp(w[0], "failing") == 0) {
			add(w[1], SIZE_MAX, NULL);
			puts("ok");
		} else if (strcmp(w[0], "verify") == 0) {
			size_t length = strtoul(w[2], NULL, 10);
			char *text = octets(length);
			now = strtoll(w[1], NULL, 10);
			verify(text, length);
			free(text);
		} else if (strcmp(w[0], "sign") == 0) {
			size_t keylength = strtoul(w[8], NULL, 10), length = strtoul(w[9], NULL, 10);
			char *key = octets(keylength), *text = octets(length);
			now = strtoll(w[7], NULL, 10);
			sign(w, key, text, length);
			free(key);
			free(text);
		} else
			puts("no such request");
		fflush(stdout);
	}
	return 0;
}
