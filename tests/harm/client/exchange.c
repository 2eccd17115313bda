// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * exchange FILE REQUESTS RATE http1|http2 PORT MENU STATUSES [CA VERSIONS]
 *
 * Makes so many requests, RATE a second (0: as fast as it goes), over four connections at a time,
 * each of 50 to 450 requests. Which ones is decided by the connection's number alone: two runs ask
 * a server for the same, byte by byte. FILE gets a line for each connection, with the hashes of
 * all that was sent and of all that came; the values of Date are left out, and nothing else.
 *
 * Menu:	h GET /hello		u GET /users/ID		s GET /status/CODE	b GET
 * /big/SIZE H HEAD /hello		n GET /nowhere/N	e POST /echo		k POST /sink
 * HTTP/1:	c POST /echo, chunked	d GET /chunked		p five at once (pipelined)
 *		m no HTTP, at a connection's end
 * HTTP/2:	gRPC: g Unary		f Unary that fails	S ServerStream
 *		C ClientStream		B Bidi
 *
 * Reads lines "to N" from standard input: how many of them may be made by now. Says every 50 ms
 * "AT MADE", and "DONE REQUESTS ERRORS RESETS ALERTS BYTES_SENT BYTES_GOT".
 */
#include "exchange.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define THREADS   4
#define SHARE_MIN 50
#define SHARE_MAX 450

struct options opt;

static atomic_uint made, allowed, next_conn;
static atomic_bool over;
static unsigned int total, rate, n_conns;
static unsigned int *shares;
static struct record *records;
static uint64_t began_ns;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- the plan ----------------------------------------------------------------- */

static uint64_t seed_of(unsigned int k)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull * (k + 1);

	any(&seed, 2);
	return seed;
}

static void plan(void)
{
	unsigned int left = total;

	shares = calloc(total / SHARE_MIN + 1, sizeof(*shares));
	for (n_conns = 0; left; n_conns++) {
		uint64_t seed = seed_of(n_conns);
		unsigned int n = SHARE_MIN + any(&seed, SHARE_MAX - SHARE_MIN);

		shares[n_conns] = n < left ? n : left;
		left -= shares[n_conns];
	}
	records = calloc(n_conns, sizeof(*records));
}

static unsigned int one_of(const char *list, uint64_t *seed)
{
	unsigned int n = 1, i;
	const char *p;

	for (p = list; *p; p++)
		n += *p == ',';
	for (i = any(seed, n), p = list; i; i--)
		p = strchr(p, ',') + 1;
	return atoi(p);
}

static unsigned int any_size(uint64_t *seed)
{
	static const unsigned int sizes[] = { 1, 100, 1000, 16384 };

	return any(seed, 16) ? sizes[any(seed, 4)] : 100003;
}

size_t write_path(char item, uint64_t *seed, char *to)
{
	switch (item) {
	case 'u':
		return sprintf(to, "/users/%s", any(seed, 2) ? "7" : "12345");
	case 's':
		return sprintf(to, "/status/%u", one_of(opt.statuses, seed));
	case 'b':
		return sprintf(to, "/big/%u", any_size(seed));
	case 'n':
		return sprintf(to, "/nowhere/%u", any(seed, 1000));
	case 'e':
	case 'c':
		return sprintf(to, "/echo");
	case 'k':
		return sprintf(to, "/sink");
	case 'd':
		return sprintf(to, "/chunked");
	default:
		return sprintf(to, "/hello");
	}
}

size_t make_body(uint64_t *seed, char *to)
{
	static const unsigned int most[] = { 1, 64, 2000, BODY_MAX };
	unsigned int n = 1 + any(seed, most[any(seed, 4)]), i;

	for (i = 0; i < n; i++)
		to[i] = ' ' + any(seed, 95);
	return n;
}

/* ---- the pace ------------------------------------------------------------------- */

static bool is_due(unsigned int i)
{
	return !rate || (now_ns() - began_ns) * rate / 1000000000ull >= i;
}

void take_turn(void)
{
	unsigned int mine = atomic_fetch_add(&made, 1);
	struct timespec pause = { .tv_nsec = 200000 };

	while (mine >= atomic_load(&allowed) || !is_due(mine))
		nanosleep(&pause, NULL);
}

static void *work(void *unused)
{
	unsigned int k;

	while ((k = atomic_fetch_add(&next_conn, 1)) < n_conns) {
		struct record *r = &records[k];

		r->sent = r->got = HASH_BEGIN;
		(opt.http2 ? http2__run : http1__run)(k, shares[k], r);
	}
	return unused;
}

/* "to N" on standard input; says how far it is. */
static void *talk(void *unused)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[64];
	ssize_t n;

	while (!atomic_load(&over)) {
		if (poll(&p, 1, 50) > 0 && p.revents & POLLIN) {
			n = read(STDIN_FILENO, line, sizeof(line) - 1);
			line[n > 0 ? n : 0] = '\0';
			if (!strncmp(line, "to ", 3))
				atomic_store(&allowed, atoi(line + 3));
		}
		printf("AT %u\n", atomic_load(&made));
		fflush(stdout);
	}
	return unused;
}

/* ---- the end ---------------------------------------------------------------------- */

static void write_records(const char *path)
{
	struct record sum = { 0 };
	FILE *f = fopen(path, "w");
	unsigned int k;

	for (k = 0; f && k < n_conns; k++) {
		const struct record *r = &records[k];

		fprintf(f, "%u %u %016lx %016lx %lu %lu %u %u %u %u\n", k, r->requests, r->sent,
			r->got, r->bytes_sent, r->bytes_got, r->reopened, r->errors, r->resets,
			r->alerts);
		sum.requests += r->requests;
		sum.errors += r->errors;
		sum.resets += r->resets;
		sum.alerts += r->alerts;
		sum.bytes_sent += r->bytes_sent;
		sum.bytes_got += r->bytes_got;
	}
	if (!f || fclose(f))
		exit(1);
	printf("DONE %u %u %u %u %lu %lu\n", sum.requests, sum.errors, sum.resets, sum.alerts,
	       sum.bytes_sent, sum.bytes_got);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS], talker;
	int i;

	if (argc != 8 && argc != 10)
		return 2;
	total = atoi(argv[2]);
	rate = atoi(argv[3]);
	opt = (struct options){ .http2 = !strcmp(argv[4], "http2"),
				.port = atoi(argv[5]),
				.menu = argv[6],
				.statuses = argv[7],
				.ca = argc > 8 ? argv[8] : NULL,
				.versions = argc > 8 ? argv[9] : NULL };
	signal(SIGPIPE, SIG_IGN);
	plan();
	peers__init();
	began_ns = now_ns();
	pthread_create(&talker, NULL, talk, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&over, true);
	pthread_join(talker, NULL);
	write_records(argv[1]);
	return 0;
}
