// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor_tls.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe_plan.h"
#include "proc_maps.h"
#include "procfs.h"
#include "procname.h"
#include "tls_functions.h"
#include "tls_scan.h"

#define MAX_FILES 4096
#define PATH_END  127
#define MAX_ROWS  256

#define JSSE "TLS by JSSE is inside the JVM; not visible to uprobes"

struct file {
	dev_t dev;
	ino_t ino;
	struct probe_plan *plan; /* NULL: could not be read */
};

/* One kind of library in processes of one name. What it says goes to a terminal, and is others'
 * words: names of processes and files, versions that a binary tells. All of it is clean. */
struct row {
	char process[PROCNAME_MAX];
	char path[PROCNAME_MAX]; /* its end, when it is longer than PATH_END */
	enum tls_kind kind;
	bool seen;
	char why[PROCNAME_MAX]; /* not */
	uint32_t processes;
	uint32_t last; /* of these, counted once */
};

struct doctor_tls {
	struct procfs fs;
	struct tls_scan *scan;
	struct file files[MAX_FILES];
	struct row rows[MAX_ROWS];
	size_t n_files, n_rows;
	bool full; /* there is more */
};

struct look {
	struct doctor_tls *d;
	uint32_t tgid;
	char process[PROCNAME_MAX];
};

static const struct probe_plan *plan_of(struct doctor_tls *d, int fd)
{
	struct stat st;
	struct file *f;

	if (fstat(fd, &st))
		return NULL;
	for (f = d->files; f < d->files + d->n_files; f++)
		if (f->ino == st.st_ino && f->dev == st.st_dev)
			return f->plan;
	if (d->n_files == MAX_FILES) {
		d->full = true;
		return NULL;
	}
	d->n_files++;
	*f = (struct file){ st.st_dev, st.st_ino, tls_scan__plan(d->scan, fd) };
	return f->plan;
}

static const char *end_of(const char *path)
{
	size_t len = strlen(path);

	return len > PATH_END ? path + len - PATH_END : path;
}

static void note(struct look *l, enum tls_kind kind, const char *path, const char *why)
{
	struct doctor_tls *d = l->d;
	char clean[PROCNAME_MAX];
	struct row *r;

	path = end_of(path);
	procname__clean(clean, path, strlen(path));
	for (r = d->rows; r < d->rows + d->n_rows; r++)
		if (r->kind == kind && !strcmp(r->process, l->process) && !strcmp(r->path, clean))
			break;
	if (r == d->rows + d->n_rows) {
		if (d->n_rows == MAX_ROWS) {
			d->full = true;
			return;
		}
		d->n_rows++;
		*r = (struct row){ .kind = kind, .seen = !why };
		memcpy(r->process, l->process, sizeof(r->process));
		memcpy(r->path, clean, sizeof(r->path));
		if (why)
			procname__clean(r->why, why, strlen(why));
	}
	r->processes += r->last != l->tgid;
	r->last = l->tgid;
}

static int look_at_file(void *arg, const struct map_entry *m)
{
	struct look *l = arg;
	const struct probe_plan *plan;
	int fd = proc_maps__open("/proc", l->tgid, m);
	uint32_t usable;

	if (fd < 0)
		return 0;
	plan = plan_of(l->d, fd);
	close(fd);
	if (!plan)
		return 0;
	usable = probe_plan__usable(plan, NULL);
	for (unsigned int k = 0; k < TLS_KIND__CNT; k++) {
		if (k == TLS_NSS || k == TLS_DOTNET || !(plan->kinds & 1u << k))
			continue;
		note(l, k, m->path, k == TLS_JVM ? JSSE : usable & 1u << k ? NULL : plan->why);
	}
	return 0;
}

static int look_at_process(void *arg, uint32_t tgid)
{
	struct procfs_stat st;
	struct doctor_tls *d = arg;
	struct look l = { d, tgid, "" };

	if (procfs__stat(&d->fs, tgid, &st) || st.kthread)
		return 0;
	procname__clean(l.process, st.comm, strnlen(st.comm, sizeof(st.comm)));
	proc_maps__each("/proc", tgid, look_at_file, &l);
	return 0;
}

struct doctor_tls *doctor_tls__new(const char *signatures, char *why, size_t why_size)
{
	struct doctor_tls *d = calloc(1, sizeof(*d));
	int err = ENOMEM;

	if (!d)
		goto out;
	err = -procfs__open(&d->fs, "/proc");
	if (err)
		goto out;
	d->scan = tls_scan__new(signatures, why, why_size);
	err = d->scan ? 0 : errno;
	if (err)
		goto out;
	procfs__each_process(&d->fs, look_at_process, d);
	return d;
out:
	if (!why[0])
		snprintf(why, why_size, "%s", strerror(err));
	doctor_tls__free(d);
	errno = err;
	return NULL;
}

void doctor_tls__free(struct doctor_tls *d)
{
	if (!d)
		return;
	while (d->n_files)
		probe_plan__free(d->files[--d->n_files].plan);
	tls_scan__free(d->scan);
	procfs__close(&d->fs);
	free(d);
}

void doctor_tls__print(const struct doctor_tls *d)
{
	const struct row *r;

	printf("\n%-16s %5s  %-8s %-5s %s\n", "TLS IN PROCESS", "COUNT", "LIBRARY", "SEEN",
	       "FILE; REASON");
	for (r = d->rows; r < d->rows + d->n_rows; r++)
		printf("%-16s %5u  %-8s %-5s %s%s%s\n", r->process, r->processes,
		       tls_libraries[r->kind].name, r->seen ? "yes" : "no", r->path,
		       r->seen ? "" : "; ", r->why);
	if (!d->n_rows)
		printf("none found%s\n", geteuid() ? " (other users' processes need root)" : "");
	if (d->full)
		printf("... and more: the limits of this list are %d files and %d lines\n",
		       MAX_FILES, MAX_ROWS);
}

cJSON *doctor_tls__json(const struct doctor_tls *d)
{
	cJSON *list = cJSON_CreateArray(), *o;
	const struct row *r;

	for (r = d->rows; r < d->rows + d->n_rows; r++) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "process", r->process);
		cJSON_AddNumberToObject(o, "processes", r->processes);
		cJSON_AddStringToObject(o, "library", tls_libraries[r->kind].name);
		cJSON_AddStringToObject(o, "file", r->path);
		cJSON_AddBoolToObject(o, "seen", r->seen);
		cJSON_AddStringToObject(o, "reason", r->why);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}
