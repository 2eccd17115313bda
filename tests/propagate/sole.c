// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sole PID PORT: what redeye's pipeline does for the kernel side, and no more. Process
 * PID is a target, and regular towards 127.0.0.1:PORT; each of its requests is answered
 * at the first byte of its response. Until the end of standard input, of which each line asks
 * for something: "full", map `contexts` has no room any more; "room", it has; "later", what
 * was lost so far was lost long ago; "frames", what was received last is HTTP/2. It says so when
 * it is done.
 */
#include <bpf/bpf.h>
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

static struct seen conns[4096], *latest = conns;
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
	if (ev->dir == RED_DIR_OUT)
		loader__answered(loader, c->sk, ev->conn_id, c->request);
	else if (ev->flags & RED_DATA_FIRST)
		c->request = ev->off;
	if (ev->dir == RED_DIR_IN)
		latest = c;
}

/* The map of this name among this process's own. */
static int map_fd(const char *name, struct bpf_map_info *info)
{
	uint32_t len;
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		memset(info, 0, len = sizeof(*info));
		if (!bpf_obj_get_info_by_fd(fd, info, &len) && info->max_entries &&
		    !strcmp(info->name, name))
			return fd;
	}
	return -1;
}

/* As many keys as there is room for, none of which is a handle: those are large. */
static void fill(bool full)
{
	static char value[256];
	struct bpf_map_info info;
	int fd = map_fd("contexts", &info), err = 0;
	uint64_t key;

	for (key = 1; fd >= 0 && !err && key <= info.max_entries; key++)
		err = full ? bpf_map_update_elem(fd, &key, value, BPF_ANY)
			   : bpf_map_delete_elem(fd, &key);
}

static void obey(const char *line)
{
	struct loader_propagation k;
	const char *why;

	if (!strcmp(line, "later\n") && !loader__propagation(loader, &k, &why))
		*k.lost_ns = 1;
	else if (!strcmp(line, "frames\n"))
		loader__poll(loader, latest->sk, latest->conn_id, RED_POLL_MODE_FRAMES, 0,
			     RED_DATA_CAP);
	else
		fill(!strcmp(line, "full\n"));
	fputs(line, stdout);
	fflush(stdout);
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
	char err[256], line[16];
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
	while (!poll(&in, 1, 1) || !(in.revents & POLLHUP)) {
		ring__read(loader__ring(loader, &bytes, &fd), 1000, on_record, NULL);
		if (in.revents & POLLIN && fgets(line, sizeof(line), stdin))
			obey(line);
	}
	propagate__free(p);
	loader__free(loader);
	return 0;
}
