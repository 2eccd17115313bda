// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A kernel says in its version how it was built: PREEMPT_RT and PREEMPT are preemptible, one that
 * says neither is not. PREEMPT_DYNAMIC is decided when it boots and can be changed later: by what
 * debugfs says, else its command line, else the default that it was built with.
 */
#include "preempt.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

/* The words of a text, one after the other. */
static size_t word(const char **at, const char **start)
{
	size_t len;

	*at += strspn(*at, " \t\n");
	*start = *at;
	len = strcspn(*at, " \t\n");
	*at += len;
	return len;
}

static bool has_word(const char *text, const char *wanted)
{
	const char *w;
	size_t len;

	while ((len = word(&text, &w)))
		if (len == strlen(wanted) && !memcmp(w, wanted, len))
			return true;
	return false;
}

static enum preempt of_model(const char *name, size_t len)
{
	static const struct {
		const char *name;
		enum preempt is;
	} models[] = {
		{ "none", PREEMPT_NO },
		{ "voluntary", PREEMPT_NO },
		{ "full", PREEMPT_YES },
		{ "lazy", PREEMPT_YES },
	};

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (len == strlen(models[i].name) && !memcmp(name, models[i].name, len))
			return models[i].is;
	return PREEMPT_UNKNOWN;
}

/* "none voluntary (full)" */
static enum preempt of_debug(const char *text)
{
	const char *open = strchr(text, '('), *close = open ? strchr(open, ')') : NULL;

	return close ? of_model(open + 1, close - open - 1) : PREEMPT_UNKNOWN;
}

/* The last one counts; what the kernel does not know it passes over. */
static enum preempt of_cmdline(const char *text)
{
	enum preempt is, last = PREEMPT_UNKNOWN;
	const char *w;
	size_t len;

	while ((len = word(&text, &w))) {
		is = len > 8 && !memcmp(w, "preempt=", 8) ? of_model(w + 8, len - 8)
							  : PREEMPT_UNKNOWN;
		if (is != PREEMPT_UNKNOWN)
			last = is;
	}
	return last;
}

static enum preempt of_config(const char *text)
{
	if (has_word(text, "CONFIG_PREEMPT=y") || has_word(text, "CONFIG_PREEMPT_LAZY=y"))
		return PREEMPT_YES;
	if (has_word(text, "CONFIG_PREEMPT_NONE=y") || has_word(text, "CONFIG_PREEMPT_VOLUNTARY=y"))
		return PREEMPT_NO;
	return PREEMPT_UNKNOWN;
}

enum preempt preempt__read(const struct preempt_texts *t)
{
	enum preempt is;

	if (has_word(t->version, "PREEMPT_RT"))
		return PREEMPT_RT;
	is = of_debug(t->debug);
	if (is != PREEMPT_UNKNOWN)
		return is;
	if (has_word(t->version, "PREEMPT"))
		return PREEMPT_YES;
	if (!has_word(t->version, "PREEMPT_DYNAMIC"))
		return PREEMPT_NO;
	is = of_cmdline(t->cmdline);
	return is != PREEMPT_UNKNOWN ? is : of_config(t->config);
}

static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
}

/* Of a file that is packed or not. */
static void read_config(const char *path, char *text, size_t size)
{
	static const char start[] = "CONFIG_PREEMPT";
	gzFile f = gzopen(path, "rbe");
	size_t len = 0, n;
	char line[256];

	while (f && gzgets(f, line, sizeof(line))) {
		n = strlen(line);
		if (strncmp(line, start, strlen(start)) || len + n >= size)
			continue;
		memcpy(text + len, line, n + 1);
		len += n;
	}
	if (f)
		gzclose(f);
}

static enum preempt look(void)
{
	char debug[128], cmdline[4096], config[2048] = "", path[sizeof("/boot/config-") + 65];
	struct preempt_texts t = { .debug = debug, .cmdline = cmdline, .config = config };
	struct utsname u;

	if (uname(&u))
		return PREEMPT_UNKNOWN;
	t.version = u.version;
	read_text("/sys/kernel/debug/sched/preempt", debug, sizeof(debug));
	read_text("/proc/cmdline", cmdline, sizeof(cmdline));
	read_config("/proc/config.gz", config, sizeof(config));
	snprintf(path, sizeof(path), "/boot/config-%s", u.release);
	if (!config[0])
		read_config(path, config, sizeof(config));
	return preempt__read(&t);
}

enum preempt preempt__here(void)
{
	static enum preempt is;
	static bool looked;

	if (!looked)
		is = look();
	looked = true;
	return is;
}
