// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A return probe needs an instance for each call that is under way. The kernel
 * gives a new probe two per processor, at least on kernels without preemption,
 * and a server with a thread per connection has a blocked receive in each: the
 * returns of all others would go unseen. More can be asked for, but neither by
 * perf_event_open nor by libbpf, only in tracefs (kernel:
 * Documentation/trace/kprobetrace.rst, "r[MAXACTIVE]:"). So the probe is defined
 * there and the program attached to the trace event it becomes.
 *
 * The definition outlives its user: it is named after the process, and whoever
 * comes later removes those of processes that are gone.
 */
#include "kretprobe.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAXACTIVE 4096 /* the most that the kernel gives */
#define PREFIX    "redeye_"

static const char *tracefs(void)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/kprobe_events", places[i]);
		if (!access(path, W_OK))
			return places[i];
	}
	return NULL;
}

static int define(const char *text)
{
	const char *fs = tracefs();
	char path[128];
	int fd, err = 0;

	if (!fs)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/kprobe_events", fs);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int event_id(const char *name)
{
	const char *fs = tracefs();
	char path[256];
	FILE *f;
	int id = -1;

	snprintf(path, sizeof(path), "%s/events/" PREFIX "%d/%s/id", fs, getpid(), name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (fscanf(f, "%d", &id) != 1)
		id = -EIO;
	fclose(f);
	return id;
}

static int open_event(int id)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

struct bpf_link *kretprobe__attach(const struct bpf_program *p, const char *function)
{
	const char *name = bpf_program__name(p);
	struct bpf_link *link;
	char text[256];
	int rc;

	snprintf(text, sizeof(text), "r%d:" PREFIX "%d/%s %s", MAXACTIVE, getpid(), name, function);
	rc = define(text);
	if (!rc)
		rc = event_id(name);
	if (rc >= 0)
		rc = open_event(rc);
	if (rc < 0) {
		errno = -rc;
		return NULL;
	}
	link = bpf_program__attach_perf_event(p, rc);
	if (!link)
		close(rc);
	return link;
}

/* The group and name of a definition "r4096:GROUP/NAME function", if it is one of
 * a redeye that is gone, or of this one. */
static bool ours(const char *line, char *event, size_t size)
{
	const char *p = strchr(line, ':');
	int pid;

	if (!p || strncmp(p + 1, PREFIX, sizeof(PREFIX) - 1))
		return false;
	pid = atoi(p + sizeof(PREFIX));
	if (pid <= 0 || (pid != getpid() && (!kill(pid, 0) || errno != ESRCH)))
		return false;
	snprintf(event, size, "-%.*s", (int)strcspn(p, " \n"), p);
	return true;
}

void kretprobe__sweep(void)
{
	const char *fs = tracefs();
	char path[128], line[512], events[64][160];
	size_t n = 0;
	FILE *f;

	if (!fs)
		return;
	snprintf(path, sizeof(path), "%s/kprobe_events", fs);
	f = fopen(path, "re");
	while (f && n < 64 && fgets(line, sizeof(line), f))
		n += ours(line, events[n], sizeof(events[n]));
	if (f)
		fclose(f);
	while (n--)
		define(events[n]);
}
