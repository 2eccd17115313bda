/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A kernel and an ELF reader for the prober's tests. A file's first letter says what is in
 * it:
 *
 *	R  rustls: 5 sites
 *	S  OpenSSL: read, write, free; 5 sites      s  read only: cannot be probed
 *	N  NSPR: read, write; 4 sites               n  NSS
 *	J  the JVM                                  -  nothing
 *	X  OpenSSL: as many sites as the number behind it says
 *	G  Go: read with ends 11 and 12, write 21 and 22, handshake 31
 */
#ifndef RED_TEST_FAKE_PROBES_H
#define RED_TEST_FAKE_PROBES_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe_ops.h"
#include "probe_plan.h"
#include "probes.h"
#include "redeye.h"
#include "tls_functions.h"

#define FAKE_SITES    5
#define FAKE_LINKS    65536
#define FAKE_PROGRAMS 4

struct fake_link {
	int pid;
	uint64_t inode, offset;
	bool open;
};

struct fake {
	pthread_mutex_t lock;
	struct fake_link links[FAKE_LINKS];
	uint32_t n_links, open, most;
	uint32_t finds, marks;
	uint32_t last_tgid, first_flags, last_flags;
	int err;             /* of attach */
	uint64_t bad_offset; /* which fails alone */
	const char *refused; /* a program that is not there */
	bool returns_kill;   /* this process, or any when it is for all */
	uint32_t confined;
	bool strangers; /* files with one inode number are two */
	uint32_t problems;
	enum probe_failure reason;
	char text[256];
};

static struct fake fake;

static const struct uprobe_program *fake_program(void *arg, const char *name)
{
	return fake.refused && !strcmp(name, fake.refused) ? NULL
							   : (const struct uprobe_program *)name;
}

static int fake_mark(void *arg, uint32_t tgid, uint32_t flags)
{
	pthread_mutex_lock(&fake.lock);
	if (!fake.marks++)
		fake.first_flags = flags;
	fake.last_tgid = tgid;
	fake.last_flags = flags;
	pthread_mutex_unlock(&fake.lock);
	return 0;
}

static void *fake_attach(void *arg, const struct uprobe_program *prog, int pid, int fd,
			 uint64_t offset, bool ret)
{
	struct fake_link *l = NULL;
	struct stat st;

	fstat(fd, &st);
	pthread_mutex_lock(&fake.lock);
	errno = fake.err ? fake.err : EINVAL;
	if (!fake.err && offset != fake.bad_offset && fake.n_links < FAKE_LINKS) {
		l = &fake.links[fake.n_links++];
		*l = (struct fake_link){ pid, st.st_ino, offset, true };
		if (++fake.open > fake.most)
			fake.most = fake.open;
	}
	pthread_mutex_unlock(&fake.lock);
	return l;
}

static void fake_detach(void *arg, void *link)
{
	struct fake_link *l = link;

	pthread_mutex_lock(&fake.lock);
	if (!l->open)
		abort();
	l->open = false;
	fake.open--;
	pthread_mutex_unlock(&fake.lock);
}

static bool fake_returns(void *arg, uint32_t tgid)
{
	return !fake.returns_kill || (tgid && tgid != fake.confined);
}

/* Who maps a file sees the probes that it has for all. */
static bool fake_probed(void *arg, int fd, uint64_t offset)
{
	bool there = false;
	struct stat st;

	fstat(fd, &st);
	pthread_mutex_lock(&fake.lock);
	for (uint32_t i = 0; i < fake.n_links; i++)
		there |= fake.links[i].open && fake.links[i].pid < 0 &&
			 fake.links[i].inode == st.st_ino && fake.links[i].offset == offset;
	there &= !fake.strangers;
	pthread_mutex_unlock(&fake.lock);
	return there;
}

static inline uint32_t fake_open_of(int pid)
{
	uint32_t n = 0;

	pthread_mutex_lock(&fake.lock);
	for (uint32_t i = 0; i < fake.n_links; i++)
		n += fake.links[i].open && fake.links[i].pid == pid;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

static inline uint32_t fake_open(void)
{
	uint32_t n;

	pthread_mutex_lock(&fake.lock);
	n = fake.open;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

static void fake_content(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n < 0 ? 0 : n] = 0;
}

static struct probe_plan *fake_plan(enum tls_kind kind, size_t n, const char *why)
{
	struct probe_site sites[FAKE_SITES] = {
		{ .offset = 1, .program = "return", .ret = true },
		{ .offset = 1, .role = TLS_READ, .program = "entry" },
		{ .offset = 2, .program = "return", .ret = true },
		{ .offset = 2, .role = TLS_WRITE, .program = "entry" },
		{ .offset = 3, .role = TLS_OTHER, .program = "free" },
	};
	struct probe_plan *plan;

	for (size_t i = 0; i < n; i++)
		sites[i].kind = kind;
	plan = probe_plan__new(sites, n);
	plan->kinds = kind == TLS_KIND__CNT ? 0 : 1u << kind;
	plan->marks = n ? tls_libraries[kind].marks : 0;
	snprintf(plan->why, sizeof(plan->why), "%s", why);
	return plan;
}

static struct probe_plan *fake_many(size_t n)
{
	struct probe_site sites[PROBE_SITES_MAX] = { { 0 } };
	struct probe_plan *plan;

	for (size_t i = 0; i < n; i++)
		sites[i] = (struct probe_site){ .offset = 1 + i,
						.kind = TLS_OPENSSL,
						.role = TLS_READ | TLS_WRITE,
						.program = "entry" };
	plan = probe_plan__new(sites, n);
	plan->kinds = 1u << TLS_OPENSSL;
	return plan;
}

static struct probe_plan *fake_go(void)
{
	static const struct probe_site sites[] = {
		{ .offset = 11, .kind = TLS_GO, .program = "return" },
		{ .offset = 12, .kind = TLS_GO, .program = "return" },
		{ .offset = 10, .kind = TLS_GO, .role = TLS_READ, .program = "entry" },
		{ .offset = 21, .kind = TLS_GO, .program = "return" },
		{ .offset = 22, .kind = TLS_GO, .program = "return" },
		{ .offset = 20, .kind = TLS_GO, .role = TLS_WRITE, .program = "entry" },
		{ .offset = 31, .kind = TLS_GO, .program = "return" },
		{ .offset = 30, .kind = TLS_GO, .role = TLS_OTHER, .program = "entry" },
	};
	struct probe_plan *plan = probe_plan__new(sites, sizeof(sites) / sizeof(sites[0]));

	plan->kinds = 1u << TLS_GO;
	plan->marks = tls_libraries[TLS_GO].marks;
	return plan;
}

static struct probe_plan *fake_find(void *arg, int fd)
{
	char text[64];

	fake_content(fd, text, sizeof(text));
	pthread_mutex_lock(&fake.lock);
	fake.finds++;
	pthread_mutex_unlock(&fake.lock);
	switch (text[0]) {
	case 'S':
		return fake_plan(TLS_OPENSSL, 5, "");
	case 'R':
		return fake_plan(TLS_RUSTLS, 5, "");
	case 's':
		return fake_plan(TLS_OPENSSL, 0, "OpenSSL: nothing to write with");
	case 'N':
		return fake_plan(TLS_NSPR, 4, "");
	case 'n':
		return fake_plan(TLS_NSS, 0, "");
	case 'X':
		return fake_many(atoi(text + 1));
	case 'G':
		return fake_go();
	case 'J':
		return fake_plan(TLS_JVM, 0, "");
	default:
		return fake_plan(TLS_KIND__CNT, 0, "");
	}
}

static const struct probe_ops fake_ops = {
	.program = fake_program,
	.mark = fake_mark,
	.find = fake_find,
	.attach = fake_attach,
	.detach = fake_detach,
	.returns = fake_returns,
	.probed = fake_probed,
};

static inline void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	pthread_mutex_init(&fake.lock, NULL);
	fake.bad_offset = UINT64_MAX;
}

/* An open file with this in it. */
static inline int fake_file(const char *text)
{
	int fd = memfd_create("fake", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	return fd;
}

#endif /* RED_TEST_FAKE_PROBES_H */
