// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The two ways in which the kernel takes a probe.
 *
 * A perf event, since 4.17. To take one off, the kernel waits for
 * several grace periods and holds event_mutex over some of them, so that all probes of the
 * machine go one after the other: 0.1 s each on a small virtual machine, and who attaches
 * one meanwhile waits his turn.
 *
 * A link to the file itself ("uprobe_multi", 6.6), for programs that were loaded for it. It
 * waits once and holds nothing, so that many go at a time. Kernels that filter by thread instead of
 * by process (before 6.10) are told by their taking -1 for a process. Only the attributes used here
 * are needed, so it does not take a library or headers that know of it.
 */
#include "uprobe_link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ATTACH_TYPE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI */
#define MULTI_RETURN      1  /* BPF_F_UPROBE_MULTI_RETURN */

struct uprobe_link {
	int fd;
};

/* union bpf_attr of BPF_LINK_CREATE */
struct multi_attr {
	uint32_t prog_fd, target_fd, attach_type, pad;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, flags, pid, pad2;
};

/* pid 0: all processes. A descriptor or -errno. */
static int link_multi(int prog_fd, uint32_t pid, const char *path, uint64_t offset, bool ret)
{
	unsigned long offsets[1] = { offset };
	struct multi_attr attr = {
		.prog_fd = prog_fd,
		.attach_type = ATTACH_TYPE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cnt = 1,
		.flags = ret ? MULTI_RETURN : 0,
		.pid = pid,
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

void uprobe_link__prepare(struct bpf_program *prog)
{
	bpf_program__set_expected_attach_type(prog, ATTACH_TYPE_MULTI);
}

/* ---- this program ---------------------------------------------------------------------- */

struct place {
	uintptr_t addr;
	uint64_t offset;
};

/* Of the first object, which is the executable. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct place *at = arg;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + h->p_vaddr;

		if (h->p_type == PT_LOAD && at->addr >= start && at->addr - start < h->p_filesz)
			at->offset = at->addr - start + h->p_offset;
	}
	return 1;
}

uint64_t uprobe_link__own_offset(const void *function)
{
	struct place at = { .addr = (uintptr_t)function };

	dl_iterate_phdr(find_offset, &at);
	return at.offset;
}

/* Of some function. */
static uint64_t own_offset(void)
{
	return uprobe_link__own_offset((const void *)uprobe_link__has_multi);
}

static int link_and_close(int prog_fd, uint32_t pid, const char *path, uint64_t offset)
{
	int fd = link_multi(prog_fd, pid, path, offset, false);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int uprobe_link__empty_program(bool multi)
{
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = multi ? ATTACH_TYPE_MULTI : 0);
	static const struct bpf_insn exit_0[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", exit_0, 2, &o);
}

bool uprobe_link__has_multi(void)
{
	int prog_fd = uprobe_link__empty_program(true);
	uint64_t offset = own_offset();
	bool has;

	if (prog_fd < 0)
		return false;
	has = offset && link_and_close(prog_fd, getpid(), "/proc/self/exe", offset) == 0 &&
	      link_and_close(prog_fd, -1, "/", 0) == -EINVAL;
	close(prog_fd);
	return has;
}

/* What sysfs says of perf's uprobes: the type, and which bit means a return. */
static int perf_type(const char *file, const char *format)
{
	char path[128];
	int n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/uprobe/%s", file);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, format, &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

/* A descriptor or -errno. Nothing runs yet. */
static int open_perf(int pid, const char *path, uint64_t offset, bool ret)
{
	int type = perf_type("type", "%d"), bit = perf_type("format/retprobe", "config:%d"), fd;
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = type,
		.config = ret ? 1ull << bit : 0,
		.uprobe_path = (uintptr_t)path,
		.probe_offset = offset,
	};

	if (type < 0 || bit < 0)
		return -ENOTSUP;
	fd = syscall(SYS_perf_event_open, &attr, pid, pid < 0 ? 0 : -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int attach_perf(int prog_fd, int pid, const char *path, uint64_t offset, bool ret)
{
	int fd = open_perf(pid, path, offset, ret), err;

	if (fd < 0)
		return fd;
	if (!ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

bool uprobe_link__may_perf(void)
{
	uint64_t offset = own_offset();
	int fd = offset ? open_perf(getpid(), "/proc/self/exe", offset, false) : -ENOTSUP;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The kernel resolves the path when it is told, so it is the file that is open, whatever
 * its name and mount namespace are. */
struct uprobe_link *uprobe_link__attach(const struct uprobe_program *prog, int pid, int fd,
					uint64_t offset, bool ret)
{
	struct uprobe_link *u = calloc(1, sizeof(*u));
	char path[64];
	int err;

	if (!u)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	u->fd = prog->multi ? link_multi(prog->fd, pid < 0 ? 0 : pid, path, offset, ret)
			    : attach_perf(prog->fd, pid, path, offset, ret);
	if (u->fd >= 0)
		return u;
	err = -u->fd;
	free(u);
	errno = err;
	return NULL;
}

/* The file may be cut short meanwhile, by its owner: so it is the kernel that reads. Not by
 * process_vm_readv(), which seccomp_filter.c lets nobody use. */
static ssize_t read_own_memory(const void *at, void *buf, size_t n)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : pread(fd, buf, n, (off_t)(uintptr_t)at);

	if (fd >= 0)
		close(fd);
	return got;
}

bool uprobe_link__there(int fd, uint64_t offset)
{
	size_t page = sysconf(_SC_PAGESIZE), at = offset % page;
	char file[4], memory[4], *map;
	size_t n = page - at < sizeof(file) ? page - at : sizeof(file);
	bool there;

	map = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, offset - at);
	if (map == MAP_FAILED)
		return false;
	there = read_own_memory(map + at, memory, n) == (ssize_t)n &&
		pread(fd, file, n, offset) == (ssize_t)n && memcmp(file, memory, n) != 0;
	munmap(map, page);
	return there;
}

void uprobe_link__destroy(struct uprobe_link *u)
{
	close(u->fd);
	free(u);
}

struct uprobe_link *uprobe_link__attach_own(const struct uprobe_program *prog, int pid,
					    const void *function)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), err;
	uint64_t offset = function ? uprobe_link__own_offset(function) : own_offset();
	struct uprobe_link *u = NULL;

	errno = offset ? errno : ENOTSUP;
	if (fd >= 0 && offset)
		u = uprobe_link__attach(prog, pid, fd, offset, true);
	err = errno;
	if (fd >= 0)
		close(fd);
	errno = err;
	return u;
}
