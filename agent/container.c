// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "container.h"

#include <stdio.h>
#include <string.h>

#include "slice.h"

static bool starts(struct slice s, struct slice with)
{
	return s.len >= with.len && !memcmp(s.p, with.p, with.len);
}

static bool ends(struct slice s, struct slice with)
{
	return s.len >= with.len && !memcmp(s.p + s.len - with.len, with.p, with.len);
}

static bool cut_end(struct slice *s, struct slice end)
{
	bool there = ends(*s, end);

	s->len -= there ? end.len : 0;
	return there;
}

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* ---- containers ---- */

static bool is_id(struct slice s)
{
	size_t n = 0;

	while (n < s.len && is_digit(s.p[n]))
		n++;
	return n == s.len && n == CONTAINER_ID_LEN;
}

static const struct prefix {
	struct slice text;
	const char *runtime;
} prefixes[] = {
	{ { "docker-", 7 }, "docker" },      { { "cri-containerd-", 15 }, "containerd" },
	{ { "crio-", 5 }, "cri-o" },         { { "libpod-", 7 }, "podman" },
	{ { "nerdctl-", 8 }, "containerd" }, { { "cri-containerd:", 15 }, "containerd" },
	{ { "docker:", 7 }, "docker" },      { { "crio:", 5 }, "cri-o" },
	{ { "libpod:", 7 }, "podman" },
};

/* PREFIX-ID.scope, PREFIX-ID, or what is behind SLICE: in SLICE:PREFIX:ID. */
static bool by_prefix(struct container *c, struct slice name)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		const struct prefix *p = &prefixes[i];

		if (!starts(name, p->text) || !is_id(slice_skip(name, p->text.len)))
			continue;
		memcpy(c->id, name.p + p->text.len, CONTAINER_ID_LEN);
		c->runtime = p->runtime;
		return true;
	}
	return false;
}

static bool is_container(struct container *c, struct slice name, struct slice parent)
{
	size_t colon = slice_until(name, ':');

	cut_end(&name, SLICE(".scope"));
	if (colon < name.len && by_prefix(c, slice_skip(name, colon + 1)))
		return true;
	if (by_prefix(c, name))
		return true;
	if (!is_id(name))
		return false;
	memcpy(c->id, name.p, CONTAINER_ID_LEN);
	c->runtime = slice_eq(parent, SLICE("docker"))          ? "docker"
		     : slice_eq(parent, SLICE("libpod_parent")) ? "podman"
								: NULL;
	return true;
}

/* ---- pods ---- */

/* 8-4-4-4-12 digits with `-` or `_` between them, or 32 digits. */
static bool take_uid(char out[CONTAINER_UID_MAX], struct slice s)
{
	bool grouped = s.len == 36;
	char uid[CONTAINER_UID_MAX];
	size_t i;

	if (!grouped && s.len != 32)
		return false;
	for (i = 0; i < s.len; i++) {
		bool mark = grouped && (i == 8 || i == 13 || i == 18 || i == 23);

		if (mark ? s.p[i] != '-' && s.p[i] != '_' : !is_digit(s.p[i]))
			return false;
		uid[i] = mark ? '-' : s.p[i];
	}
	uid[i] = 0;
	memcpy(out, uid, i + 1);
	return true;
}

/* podUID, kubepods-burstable-podUID.slice, the latter also before a colon. */
static bool take_pod(char out[CONTAINER_UID_MAX], struct slice name)
{
	size_t i;

	name.len = slice_until(name, ':');
	if (!cut_end(&name, SLICE(".slice")))
		return starts(name, SLICE("pod")) && take_uid(out, slice_skip(name, 3));
	for (i = 0; i + 3 < name.len; i++) {
		if ((!i || name.p[i - 1] == '-') && !memcmp(name.p + i, "pod", 3) &&
		    take_uid(out, slice_skip(name, i + 3)))
			return true;
	}
	return false;
}

/* ---- a path ---- */

static void parse_path(struct container *c, struct slice path)
{
	char pod[CONTAINER_UID_MAX] = "";
	struct slice parent = SLICE("");

	*c = (struct container){ 0 };
	while (path.len) {
		size_t n = slice_until(path, '/');
		struct slice name = { path.p, n };

		if (take_pod(pod, name) && !*c->id)
			memcpy(c->pod_uid, pod, sizeof(pod));
		if (is_container(c, name, parent))
			memcpy(c->pod_uid, pod, sizeof(pod));
		parent = name;
		path = slice_skip(path, n + (n < path.len));
	}
}

/* How much is known, for the lines of v1. */
static int worth(const struct container *c)
{
	return (*c->id ? 4 : 0) + (*c->pod_uid ? 2 : 0) + (c->runtime ? 1 : 0);
}

/* The path of the next line, "hierarchy:controllers:path"; empty when it is no such line. */
static struct slice next_path(struct slice *text)
{
	size_t n = slice_until(*text, '\n');
	struct slice line = { text->p, n };

	*text = slice_skip(*text, n + (n < text->len));
	for (int i = 0; i < 2; i++) {
		n = slice_until(line, ':');
		if (n == line.len)
			return SLICE("");
		line = slice_skip(line, n + 1);
	}
	return line;
}

void container__parse(struct container *c, const char *cgroups, size_t len)
{
	struct slice text = { cgroups, len };

	*c = (struct container){ 0 };
	while (text.len) {
		struct container one;

		parse_path(&one, next_path(&text));
		if (worth(&one) > worth(c))
			*c = one;
	}
}

/* ---- units ---- */

static bool unit_of(char unit[CONTAINER_UNIT_MAX], struct slice path)
{
	size_t from;

	for (; path.len; path.len = from ? from - 1 : 0) {
		struct slice name;

		for (from = path.len; from && path.p[from - 1] != '/'; from--)
			;
		name = slice_skip(path, from);
		if (!ends(name, SLICE(".service")) || name.len >= CONTAINER_UNIT_MAX)
			continue;
		memcpy(unit, name.p, name.len);
		unit[name.len] = 0;
		return true;
	}
	return false;
}

void container__unit(char unit[CONTAINER_UNIT_MAX], const char *cgroups, size_t len)
{
	struct slice text = { cgroups, len };

	unit[0] = 0;
	while (text.len && !unit_of(unit, next_path(&text)))
		;
}

/* ---- mounts ---- */

bool container__pod_of_mount(char uid[CONTAINER_UID_MAX], const char *line)
{
	char from[1024], to[64];
	const char *pods;

	if (sscanf(line, "%*s %*s %*s %1023s %63s", from, to) != 2 ||
	    (strcmp(to, "/etc/hosts") != 0 && strcmp(to, "/dev/termination-log") != 0))
		return false;
	pods = strstr(from, "/pods/");
	return pods && take_uid(uid, (struct slice){ pods + 6, strcspn(pods + 6, "/") });
}
