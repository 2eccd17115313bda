// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sole PID PORT: what redeye's pipeline does for the kernel side, and no more. Process
 * PID is a target, and regular towards 127.0.0.1:PORT; each of its requests is answered
 * at the first byte of its response. Until the end of standard input.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "options.h"
#include "propagate.h"
#include "ring.h"

struct seen {
	uint64_t conn_id, sk, request;
};

static struct seen conns[4096];
static struct loader *loader;

static struct seen *find(uint64_t conn_id)
{
	size_t i;

	for (i = 0; i < 4095 && conns[i].conn_id && conns[i].conn_id != conn_id;)
		i++;
	conns[i].conn_id = conn_id;
	return &conns[i];
}

static void on_record(void *arg, const void *record, size_t size)
{
	const struct red_ev_data *ev = record;
	const struct red_ev_open *open = record;
	struct seen *c;

	if (ev->h.kind == RED_EV_OPEN)
		find(open->conn_id)->sk = open->sk;
	if (ev->h.kind != RED_EV_DATA)
		return;
	c = find(ev->conn_id);
	if (ev->dir == RED_DIR_IN)
		c->request = ev->off;
	else
		loader__answered(loader, c->sk, ev->conn_id, c->request);
}

int main(int argc, char **argv)
{
	struct loader_config cfg = { .max_connections = 4096,
				     .ring_bytes = 1 << 20,
				     .propagate = true,
				     .reads_w3c = true,
				     .sample_parent = true };
	const uint8_t addr[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	struct selection all = {};
	struct propagate *p;
	struct pollfd in = { .events = POLLIN };
	char err[256];
	uint64_t bytes;
	int fd;

	if (argc != 3)
		return 2;
	loader = loader__new(&cfg, err, sizeof(err));
	p = loader ? propagate__new(loader, &all) : NULL;
	if (!p || propagate__state(p) == PROPAGATE_OFF) {
		fprintf(stderr, "%s\n", p ? propagate__why(p) : err);
		return 77;
	}
	propagate__set_regular(p, atoi(argv[1]), addr, atoi(argv[2]), true);
	loader__set_target(loader, atoi(argv[1]), true);
	puts("ready");
	fflush(stdout);
	while (!poll(&in, 1, 1) || !(in.revents & POLLHUP))
		ring__read(loader__ring(loader, &bytes, &fd), 1000, on_record, NULL);
	propagate__free(p);
	loader__free(loader);
	return 0;
}
