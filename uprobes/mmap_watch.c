// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A perf event that counts nothing (PERF_COUNT_SW_DUMMY) still tells of mappings: with
 * attr.mmap of the executable ones, which are those that code can be probed in. Such an
 * event is of one processor and all processes, so there is one for each processor, each
 * with a ring of its own.
 *
 * An event's poll() forgets what it said as soon as it has said it, so the epoll
 * descriptor around them is used for waking up only: whenever it does, all rings are
 * looked at, which for an empty one is the comparison of two numbers.
 *
 * Events of a processor that goes offline do not come back with it. Which are online is
 * one short file; when it says something else than before, the events are made to fit,
 * and what was mapped in between is to be found in /proc.
 */
#include "mmap_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_PAGES  8
#define MAX_CPUS    1024
#define ONLINE_LIST "/sys/devices/system/cpu/online"

struct cpu_ring {
	int fd; /* -1: none */
	struct perf_event_mmap_page *page;
	bool online; /* while comparing */
};

struct mmap_watch {
	int epoll_fd, online_fd;
	size_t page_size;
	char online[1024]; /* the list as last read */
	int err;           /* of the last event that was refused */
	struct mmap_watch_stats st;
	struct cpu_ring cpus[MAX_CPUS];
};

/* ---- records ------------------------------------------------------------------------ */

/* The fixed part of PERF_RECORD_MMAP2; the path behind it is not asked for. */
struct mmap2 {
	struct perf_event_header h;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, generation;
};

struct lost {
	struct perf_event_header h;
	uint64_t id, lost;
};

static void copy_out(void *to, const uint8_t *ring, uint64_t size, uint64_t at, size_t len)
{
	uint64_t first = size - (at & (size - 1));

	if (first > len)
		first = len;
	memcpy(to, ring + (at & (size - 1)), first);
	memcpy((uint8_t *)to + first, ring, len - first);
}

/* What has no file (code made at run time) has no inode. */
static void tell(const struct mmap2 *m, struct mmap_watch_stats *st,
		 void (*fn)(void *arg, const struct mmap_record *r), void *arg)
{
	struct mmap_record r = {
		.tgid = m->pid,
		.start = m->addr,
		.len = m->len,
		.dev_major = m->maj,
		.dev_minor = m->min,
		.inode = m->ino,
		.generation = m->generation,
	};

	if (!m->ino)
		return;
	st->records++;
	fn(arg, &r);
}

void mmap_watch__parse(const uint8_t *ring, uint64_t size, uint64_t *tail, uint64_t head,
		       struct mmap_watch_stats *st,
		       void (*fn)(void *arg, const struct mmap_record *r), void *arg)
{
	union {
		struct perf_event_header h;
		struct mmap2 mmap;
		struct lost lost;
	} u;

	for (; head - *tail >= sizeof(u.h); *tail += u.h.size) {
		copy_out(&u.h, ring, size, *tail, sizeof(u.h));
		if (u.h.size < sizeof(u.h) || u.h.size > head - *tail)
			break;
		copy_out(&u, ring, size, *tail, u.h.size < sizeof(u) ? u.h.size : sizeof(u));
		if (u.h.type == PERF_RECORD_MMAP2 && u.h.size >= sizeof(u.mmap))
			tell(&u.mmap, st, fn, arg);
		else if (u.h.type == PERF_RECORD_LOST && u.h.size >= sizeof(u.lost))
			st->lost += u.lost.lost;
	}
	*tail = head;
}

static void read_ring(struct mmap_watch *w, struct cpu_ring *c,
		      void (*fn)(void *arg, const struct mmap_record *r), void *arg)
{
	uint64_t head = __atomic_load_n(&c->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = c->page->data_tail;

	if (head == tail)
		return;
	mmap_watch__parse((uint8_t *)c->page + w->page_size, RING_PAGES * w->page_size, &tail, head,
			  &w->st, fn, arg);
	__atomic_store_n(&c->page->data_tail, tail, __ATOMIC_RELEASE);
}

bool mmap_watch__read(struct mmap_watch *w, void (*fn)(void *arg, const struct mmap_record *r),
		      void *arg)
{
	uint64_t lost = w->st.lost;

	for (unsigned int i = 0; i < MAX_CPUS; i++)
		if (w->cpus[i].fd >= 0)
			read_ring(w, &w->cpus[i], fn, arg);
	return w->st.lost != lost;
}

/* ---- processors --------------------------------------------------------------------- */

int mmap_watch__cpus(const char *list, void (*fn)(void *arg, unsigned int cpu), void *arg)
{
	unsigned long first, last;
	char *end;

	for (;; list = end + 1) {
		first = last = strtoul(list, &end, 10);
		if (end == list)
			return -EINVAL;
		if (*end == '-') {
			list = end + 1;
			last = strtoul(list, &end, 10);
			if (end == list)
				return -EINVAL;
		}
		for (; first <= last && first < MAX_CPUS; first++)
			fn(arg, first);
		if (*end != ',')
			break;
	}
	return *end && *end != '\n' ? -EINVAL : 0;
}

static int open_event(unsigned int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void close_cpu(struct mmap_watch *w, struct cpu_ring *c)
{
	if (c->fd < 0)
		return;
	if (c->page != MAP_FAILED)
		munmap(c->page, (RING_PAGES + 1) * w->page_size);
	close(c->fd);
	c->fd = -1;
	w->st.cpus--;
}

static int open_cpu(struct mmap_watch *w, unsigned int cpu)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct cpu_ring *c = &w->cpus[cpu];
	int err;

	c->fd = open_event(cpu);
	if (c->fd < 0) {
		err = c->fd;
		c->fd = -1;
		return err;
	}
	w->st.cpus++;
	c->page = mmap(NULL, (RING_PAGES + 1) * w->page_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       c->fd, 0);
	if (c->page != MAP_FAILED && !epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev))
		return 0;
	err = -errno;
	close_cpu(w, c);
	return err;
}

static void is_online(void *arg, unsigned int cpu)
{
	struct mmap_watch *w = arg;

	w->cpus[cpu].online = true;
}

/* -ENODEV: it went offline just now, which the next look at the list will say too. */
static void fit_cpu(struct mmap_watch *w, unsigned int cpu)
{
	struct cpu_ring *c = &w->cpus[cpu];
	int err = 0;

	if (!c->online)
		close_cpu(w, c);
	else if (c->fd < 0)
		err = open_cpu(w, cpu);
	if (err && err != -ENODEV)
		w->err = err;
	c->online = false;
}

/* Returns true when the list is not what it was. */
static bool read_online(struct mmap_watch *w)
{
	char list[sizeof(w->online)];
	ssize_t n = w->online_fd < 0 ? -1 : pread(w->online_fd, list, sizeof(list) - 1, 0);

	/* No sysfs: all that are configured. */
	if (n <= 0)
		n = snprintf(list, sizeof(list), "0-%ld", sysconf(_SC_NPROCESSORS_CONF) - 1);
	list[n] = 0;
	if (!strcmp(list, w->online))
		return false;
	memcpy(w->online, list, n + 1);
	return true;
}

bool mmap_watch__check(struct mmap_watch *w)
{
	if (!read_online(w) || mmap_watch__cpus(w->online, is_online, w))
		return false;
	for (unsigned int i = 0; i < MAX_CPUS; i++)
		fit_cpu(w, i);
	return true;
}

/* ---- life --------------------------------------------------------------------------- */

static const char *hint(int err)
{
	if (err == -EACCES || err == -EPERM)
		return "needs CAP_PERFMON (CAP_SYS_ADMIN where kernel.perf_event_paranoid is 3)";
	if (err == -EMFILE || err == -ENFILE)
		return "too few file descriptors";
	return strerror(-err);
}

struct mmap_watch *mmap_watch__new(char *why, size_t why_size)
{
	struct mmap_watch *w = calloc(1, sizeof(*w));
	int err = ENOMEM;

	why[0] = 0;
	if (!w)
		goto out;
	w->page_size = sysconf(_SC_PAGESIZE);
	for (unsigned int i = 0; i < MAX_CPUS; i++)
		w->cpus[i].fd = -1;
	w->online_fd = open(ONLINE_LIST, O_RDONLY | O_CLOEXEC);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = w->epoll_fd < 0 ? errno : 0;
	if (err)
		goto out;
	mmap_watch__check(w);
	err = w->st.cpus ? 0 : w->err ? -w->err : ENODEV;
out:
	if (!err)
		return w;
	snprintf(why, why_size, "perf_event_open: %s", hint(-err));
	mmap_watch__free(w);
	errno = err;
	return NULL;
}

void mmap_watch__free(struct mmap_watch *w)
{
	if (!w)
		return;
	for (unsigned int i = 0; i < MAX_CPUS; i++)
		close_cpu(w, &w->cpus[i]);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	if (w->online_fd >= 0)
		close(w->online_fd);
	free(w);
}

int mmap_watch__fd(const struct mmap_watch *w)
{
	return w->epoll_fd;
}

void mmap_watch__stats(const struct mmap_watch *w, struct mmap_watch_stats *out)
{
	*out = w->st;
}
