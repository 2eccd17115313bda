// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "session.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "options.h"
#include "privileges.h"
#include "run.h"

#define LOOK_NS 50000000 /* between two looks whether a signal came */

struct session {
	const struct options *options;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char dir[64]; /* of a capture of our own; empty: none */
	pthread_t thread;
	bool started;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct run *run; /* NULL: not yet, or not any more */
	bool ready, ended, stop;
	char err[512]; /* why it ended; empty: as it should */
};

/* ---- the thread of the agent ---------------------------------------------------------------- */

static void on_ready(void *arg)
{
	struct session *s = arg;

	pthread_mutex_lock(&s->lock);
	s->ready = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* Whether the loop may begin. */
static bool take(struct session *s, struct run *run)
{
	pthread_mutex_lock(&s->lock);
	s->run = s->stop ? NULL : run;
	pthread_mutex_unlock(&s->lock);
	return run && s->run;
}

static void *work(void *arg)
{
	struct session *s = arg;
	struct run_config c = {
		.options = s->options, .private_socket = s->path, .ready = on_ready, .arg = s
	};
	char err[sizeof(s->err)] = "";
	struct run *run = run__new(&c, err, sizeof(err));

	if (take(s, run))
		run__loop(run);
	pthread_mutex_lock(&s->lock);
	s->run = NULL;
	s->ended = true;
	memcpy(s->err, err, sizeof(s->err));
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	run__free(run);
	return NULL;
}

/* ---- ours ----------------------------------------------------------------------------------- */

static int make_directory(struct session *s, char *err, size_t err_size)
{
	const char *tmp = getenv("TMPDIR");
	size_t room = sizeof(s->dir);

	if (!tmp || *tmp != '/' || strlen(tmp) > room - sizeof("/redeye-XXXXXX"))
		tmp = "/tmp";
	snprintf(s->dir, room, "%s/redeye-XXXXXX", tmp);
	if (!mkdtemp(s->dir)) {
		snprintf(err, err_size, "cannot make a directory in %s: %s", tmp, strerror(errno));
		*s->dir = '\0';
		return -errno;
	}
	snprintf(s->path, sizeof(s->path), "%s/redeye.sock", s->dir);
	return 0;
}

/* Until requests are seen, it has failed, or somebody has had enough. */
static int await(struct session *s, char *err, size_t err_size)
{
	struct timespec until;
	bool ready;

	pthread_mutex_lock(&s->lock);
	while (!s->ready && !s->ended && !interrupt__came()) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_clockwait(&s->changed, &s->lock, CLOCK_MONOTONIC, &until);
	}
	ready = s->ready && !s->ended;
	snprintf(err, err_size, "%s", s->err);
	pthread_mutex_unlock(&s->lock);
	return ready ? 0 : -ECANCELED;
}

static int start_own(struct session *s, char *err, size_t err_size)
{
	int rc = make_directory(s, err, err_size);

	if (rc)
		return rc;
	rc = pthread_create(&s->thread, NULL, work, s);
	if (rc) {
		snprintf(err, err_size, "cannot start a thread: %s", strerror(rc));
		return -rc;
	}
	s->started = true;
	if (s->options->hardening) /* that thread has them; this one only asks and draws */
		privileges__keep(0);
	return await(s, err, err_size);
}

/* ---- either --------------------------------------------------------------------------------- */

static int choose(struct session *s, char *err, size_t err_size)
{
	const char *path = s->options->socket;

	if (options__selects(s->options))
		return start_own(s, err, err_size);
	if (!strcmp(path, "none")) {
		snprintf(err, err_size,
			 "nothing to ask: --socket none; give the PATH of an agent's socket");
		return -EINVAL;
	}
	if (strlen(path) >= sizeof(s->path)) {
		snprintf(err, err_size, "the path of the socket is too long: %s", path);
		return -ENAMETOOLONG;
	}
	snprintf(s->path, sizeof(s->path), "%s", path);
	return 0;
}

struct session *session__start(const struct options *o, char *err, size_t err_size)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	s->options = o;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (!choose(s, err, err_size))
		return s;
	session__free(s);
	return NULL;
}

void session__free(struct session *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	if (s->run)
		run__stop(s->run);
	pthread_mutex_unlock(&s->lock);
	if (s->started)
		pthread_join(s->thread, NULL);
	if (*s->dir)
		rmdir(s->dir);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

const char *session__socket(const struct session *s)
{
	return s->path;
}
