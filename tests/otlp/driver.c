// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * driver PROTOCOL URL SPOOL_DIR [name=value ...]: a sender whose bodies are known.
 *
 * Reads commands from standard input: `give N` makes N more bodies, `stats` prints the
 * statistics as a line of JSON, the end of input stops. Body n begins with "body n " and is
 * filled to `size` bytes, each the low byte of (n + its position); it has n % 3 + 1 items. Names:
 * first, size, gzip, timeout_ms, headers, ca, cert, key, limit.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "log.h"
#include "loop.h"
#include "options.h"
#include "sender.h"

struct source {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int made, wanted;
	size_t size;
	bool stopped;
};

static struct source source = { .lock = PTHREAD_MUTEX_INITIALIZER,
				.changed = PTHREAD_COND_INITIALIZER };

/* In pieces of a pattern, for its cost is not what is measured. */
static void make_body(unsigned int n, size_t size, struct buf *to)
{
	static unsigned char pattern[65536 + 256];

	if (!pattern[1]) {
		for (size_t i = 0; i < sizeof(pattern); i++)
			pattern[i] = (unsigned char)i;
	}
	buf__printf(to, "body %u ", n);
	while (to->len < size && !to->err) {
		size_t left = size - to->len;

		buf__append(to, pattern + (n + to->len) % 256, left < 65536 ? left : 65536);
	}
}

static int next(void *arg, int timeout_ms, struct buf *body, uint32_t *items)
{
	uint64_t end = unix_ns() + timeout_ms * 1000000ull;
	struct timespec until = { end / 1000000000, end % 1000000000 };
	int err = 0;
	bool some;

	pthread_mutex_lock(&source.lock);
	while (source.made == source.wanted && !source.stopped && !err)
		err = pthread_cond_timedwait(&source.changed, &source.lock, &until);
	some = source.made < source.wanted;
	*items = source.made % 3 + 1;
	if (some)
		make_body(source.made++, source.size, body);
	pthread_mutex_unlock(&source.lock);
	return some ? (body->err ? body->err : 1) : 0;
}

static bool stopped(void *arg)
{
	bool yes;

	pthread_mutex_lock(&source.lock);
	yes = source.stopped;
	pthread_mutex_unlock(&source.lock);
	return yes;
}

static const struct sender_ops ops = { .next = next, .stopped = stopped };

/* ---- commands ---- */

static void wake(unsigned int more, bool stop)
{
	pthread_mutex_lock(&source.lock);
	source.wanted += more;
	source.stopped = stop;
	pthread_cond_broadcast(&source.changed);
	pthread_mutex_unlock(&source.lock);
}

static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static void print_stats(const struct sender *s)
{
	static const char *const results[OTLP_RESULT__CNT] = { "ok", "partial", "retry",
							       "permanent", "too_large" };
	const struct sender_stats *st = sender__stats(s);

	printf("{\"taken\":%lu,\"recovered\":%lu,\"delivered\":%lu,\"rejected\":%lu,"
	       "\"spool\":%lu,\"spool_bytes\":%lu,\"memory\":%lu,\"sent_bytes\":%lu,\"away\":%s,"
	       "\"cpu_us\":%lu,\"dropped\":{",
	       st->taken_items, st->recovered_items, st->delivered_items, st->rejected_items,
	       st->spool_items, st->spool_bytes, st->memory_items, st->sent_bytes,
	       st->away ? "true" : "false", cpu_us());
	for (int i = 0; i < SENDER_DROP__CNT; i++)
		printf("%s\"%s\":%lu", i ? "," : "", sender_drop__name(i), st->dropped_items[i]);
	printf("},\"requests\":{");
	for (int i = 0; i < OTLP_RESULT__CNT; i++)
		printf("%s\"%s\":%lu", i ? "," : "", results[i], st->requests[i]);
	printf("}}\n");
	fflush(stdout);
}

static void obey(const struct sender *s)
{
	char line[80];

	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "give ", 5))
			wake(atoi(line + 5), false);
		else
			print_stats(s);
	}
}

/* ---- arguments ---- */

static const char *value_of(char **args, const char *name, const char *def)
{
	size_t len = strlen(name);

	for (; *args; args++) {
		if (!strncmp(*args, name, len) && (*args)[len] == '=')
			return *args + len + 1;
	}
	return def;
}

static void read_options(char **args, struct options *o)
{
	struct otlp_options *own = &o->otlp_traces;

	own->protocol = args[1];
	own->endpoint = o->otlp.endpoint = args[2]; /* as it is, path and all; grpc wants none */
	own->headers = (char *)value_of(args, "headers", NULL);
	own->compression = value_of(args, "gzip", NULL) ? "gzip" : "none";
	own->certificate = (char *)value_of(args, "ca", NULL);
	own->client_certificate = (char *)value_of(args, "cert", NULL);
	own->client_key = (char *)value_of(args, "key", NULL);
	own->timeout_ns = strtoul(value_of(args, "timeout_ms", "10000"), NULL, 10) * 1000000;
	o->traces_exporter = TRACES_OTLP;
	source.made = source.wanted = atoi(value_of(args, "first", "0"));
	source.size = atoi(value_of(args, "size", "100"));
}

static int resolve(char **args, struct otlp_endpoint *e, char *err, size_t err_size)
{
	struct options o = { 0 };

	read_options(args, &o);
	if (strcmp(args[1], "zipkin"))
		return otlp_config__resolve(&o, OTLP_TRACES, e, err, err_size);
	o.traces_exporter = TRACES_ZIPKIN;
	o.zipkin_endpoint = args[2];
	return otlp_config__zipkin(&o, e, err, err_size);
}

int main(int argc, char **argv)
{
	struct otlp_endpoint endpoint;
	struct sender_setup setup = { .name = "traces", .endpoint = &endpoint, .ops = &ops };
	struct sender *s = NULL;
	char err[256] = "usage: driver PROTOCOL URL SPOOL_DIR [name=value ...]";
	uint64_t start_ns;

	if (argc > 3 && resolve(argv, &endpoint, err, sizeof(err)) == 1) {
		setup.spool_dir = argv[3];
		setup.spool_limit_bytes = strtoul(value_of(argv, "limit", "16777216"), NULL, 10);
		s = sender__for_endpoint(&setup, err, sizeof(err));
	}
	if (!s) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	obey(s);
	start_ns = mono_ns();
	wake(0, true);
	sender__join(s);
	fprintf(stderr, "stopped in %lu ms\n", (mono_ns() - start_ns) / 1000000);
	print_stats(s);
	sender__free(s);
	return 0;
}
