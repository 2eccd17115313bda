// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mkrecording FILE TRANSACTIONS CONNECTIONS: a recording of so many keep-alive
 * GETs, answered with 200, as the kernel would have written it. For measuring
 * what is behind the ring: `time redeye replay FILE`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/wire.h"
#include "recording.h"

static const char *const paths[] = { "/", "/api/users/4711", "/api/orders/%d/items",
				     "/static/app.js", "/health" };

static void emit(void *arg, const void *record, size_t size)
{
	recording_writer__add(arg, record, size);
}

static void transaction(struct wire *w, unsigned int i, uint64_t *now_ns)
{
	char request[256], answer[256], path[64];
	int n, body = 64 + i % 512;

	snprintf(path, sizeof(path), paths[i % 5], i % 100000);
	n = snprintf(
		request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: shop.example.org\r\nUser-Agent: bench/1.0 (x86_64)\r\n"
		"Accept: */*\r\nAccept-Encoding: gzip, br\r\n\r\n",
		path);
	wire_call(w, RED_DIR_IN, request, n, *now_ns);
	n = snprintf(answer, sizeof(answer),
		     "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
		     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		     body);
	wire_call(w, RED_DIR_OUT, answer, n, *now_ns + 200000);
	wire_call(w, RED_DIR_OUT, memset(answer, 'x', sizeof(answer)), body < 256 ? body : 256,
		  *now_ns + 210000);
	if (body > 256)
		wire_call(w, RED_DIR_OUT, NULL, body - 256, *now_ns + 220000);
	*now_ns += 10000;
}

int main(int argc, char **argv)
{
	unsigned int i, n = argc > 2 ? atoi(argv[2]) : 0, conns = argc > 3 ? atoi(argv[3]) : 0;
	struct recording_writer *out = conns ? recording_writer__new(argv[1]) : NULL;
	struct wire *w = conns ? calloc(conns, sizeof(*w)) : NULL;
	uint64_t now_ns = 1000000000;

	if (!out || !w) {
		fprintf(stderr, "usage: mkrecording FILE TRANSACTIONS CONNECTIONS\n");
		return 2;
	}
	for (i = 0; i < conns; i++) {
		wire_init(&w[i], emit, out);
		w[i].id = i + 1;
	}
	for (i = 0; i < n; i++)
		transaction(&w[i % conns], i, &now_ns);
	for (i = 0; i < conns; i++)
		wire_state(&w[i], RED_EV_CLOSE, 0, RED_STATE_LOCAL, now_ns += 1000000);
	free(w);
	return recording_writer__free(out) ? 1 : 0;
}
