// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "k8s_cut.h"

#include <errno.h>
#include <string.h>

#define TEXT_KEEP (128u << 10) /* a larger buffer goes after its object */

void k8s_cut__reset(struct k8s_cut *c, bool list)
{
	c->list = list;
	buf__reset(&c->text);
	c->text.max = c->max;
	c->depth = c->from = c->key_len = 0;
	c->taking = c->skipping = c->in_string = c->escaped = c->in_array = c->ended = false;
}

void k8s_cut__free(struct k8s_cut *c)
{
	buf__free(&c->text);
}

bool k8s_cut__whole(const struct k8s_cut *c)
{
	return !c->depth && (c->ended || !c->list);
}

/* The last string of the outermost object is the key of what begins behind it. */
static void in_string(struct k8s_cut *c, char byte)
{
	if (c->escaped) {
		c->escaped = false;
	} else if (byte == '\\') {
		c->escaped = true;
	} else if (byte == '"') {
		c->in_string = false;
		return;
	}
	if (c->list && c->depth == 1 && c->key_len < sizeof(c->key) - 1)
		c->key[c->key_len++] = byte;
}

static bool begins_object(const struct k8s_cut *c)
{
	if (!c->list)
		return c->depth == 0;
	return c->depth == 1 || (c->depth == 2 && c->in_array);
}

static int opens(struct k8s_cut *c, char byte)
{
	if (!c->depth && (byte != '{' || c->ended))
		return -EBADMSG;
	if (c->depth == K8S_CUT_DEPTH_MAX)
		return -EBADMSG;
	if (byte == '{' && !c->taking && begins_object(c)) {
		c->taking = true;
		c->from = c->depth;
	}
	if (c->list && c->depth == 1)
		c->in_array = byte == '[';
	c->depth++;
	return 0;
}

static void finish(struct k8s_cut *c)
{
	c->key[c->key_len] = 0;
	if (c->skipping)
		c->too_large++;
	else
		c->object(c->arg, c->list ? c->key : "", c->text.p, c->text.len);
	if (c->text.cap > TEXT_KEEP)
		buf__free(&c->text);
	buf__reset(&c->text);
	c->taking = c->skipping = false;
}

static int append(struct k8s_cut *c, const char *p, size_t len)
{
	if (c->skipping)
		return 0;
	buf__append(&c->text, p, len);
	if (c->text.err != -ENOSPC)
		return c->text.err;
	c->skipping = true;
	buf__free(&c->text);
	return 0;
}

/* A bracket or quotation mark, or what is of no interest. */
static int take(struct k8s_cut *c, char byte)
{
	switch (byte) {
	case '"':
		c->in_string = true;
		if (c->depth == 1)
			c->key_len = 0;
		return c->depth ? 0 : -EBADMSG;
	case '{':
	case '[':
		return opens(c, byte);
	case '}':
	case ']':
		if (!c->depth)
			return -EBADMSG;
		c->depth--;
		c->ended |= c->list && !c->depth;
		return 0;
	default:
		return c->depth || strchr(" \t\r\n", byte) ? 0 : -EBADMSG;
	}
}

int k8s_cut__feed(struct k8s_cut *c, const char *p, size_t len)
{
	size_t begin = 0, i; /* of what is to be appended */
	bool was;
	int err;

	for (i = 0; i < len; i++) {
		if (c->in_string) {
			in_string(c, p[i]);
			continue;
		}
		was = c->taking;
		err = take(c, p[i]);
		if (err)
			return err;
		if (c->taking && !was)
			begin = i;
		if (!c->taking || c->depth != c->from)
			continue;
		err = append(c, p + begin, i + 1 - begin);
		if (err)
			return err;
		finish(c);
	}
	return c->taking ? append(c, p + begin, len - begin) : 0;
}
