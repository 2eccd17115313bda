// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The configuration file: one YAML mapping from option names to a value or a list of
 * values. Read as events, not as a tree, because an event knows its line, and nothing
 * deeper than a list is ever wanted: a nested mapping or an alias is an error.
 */
#include "options_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "nearest.h"

#define FILE_MAX (1 << 20)

struct reader {
	struct opt_parse *p;
	yaml_parser_t yaml;
	yaml_event_t event;    /* the present one */
	struct opt_source src; /* file, and the line of that event */
};

static unsigned int line_of_offset(const char *text, size_t len, size_t offset)
{
	unsigned int line = 1;

	for (size_t i = 0; i < offset && i < len; i++)
		line += text[i] == '\n';
	return line;
}

static int syntax_error(struct reader *r)
{
	const yaml_parser_t *y = &r->yaml;

	if (y->error == YAML_MEMORY_ERROR) {
		opt__fail(r->p, NULL, "out of memory");
		return -ENOMEM;
	}
	r->src.line = y->problem_mark.line + 1;
	if (y->error == YAML_READER_ERROR) /* has an offset only */
		r->src.line = line_of_offset((const char *)y->input.string.start,
					     y->input.string.end - y->input.string.start,
					     y->problem_offset);
	return opt__fail(r->p, &r->src, "not YAML: %s", y->problem ? y->problem : "unknown error");
}

/* Replaces the present event by the next one. */
static int next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->yaml, &r->event))
		return syntax_error(r);
	r->src.line = r->event.start_mark.line + 1;
	return 0;
}

/* The present event's text; NULL unless it is a scalar, or when it holds a NUL. */
static const char *scalar(const struct reader *r)
{
	const char *text = (const char *)r->event.data.scalar.value;

	if (r->event.type != YAML_SCALAR_EVENT || strlen(text) != r->event.data.scalar.length)
		return NULL;
	return text;
}

static bool is_null(const struct reader *r)
{
	const char *text = scalar(r);

	return text && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

static int read_scalar(struct reader *r, const struct opt *opt)
{
	if (is_null(r))
		return opt__fail(r->p, &r->src, "missing value for %s", opt->name);
	if (!scalar(r))
		return opt__fail(r->p, &r->src, "bad value for %s: want %s", opt->name,
				 opt__is_list(opt) ? "a value or a list of values" : "one value");
	return opt__set(r->p, opt, &r->src, scalar(r));
}

static int read_list(struct reader *r, const struct opt *opt)
{
	int err = opt__set(r->p, opt, &r->src, NULL);

	if (!err)
		err = next(r);
	while (!err && r->event.type != YAML_SEQUENCE_END_EVENT) {
		err = read_scalar(r, opt);
		if (!err)
			err = next(r);
	}
	return err;
}

static int unknown_key(struct reader *r, const char *key)
{
	struct nearest near = { .word = key };

	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!opt->no_key && !opt->flag_only)
			nearest__try(&near, opt->name);
	}
	if (near.best)
		return opt__fail(r->p, &r->src, "unknown key '%s', did you mean '%s'?", key,
				 near.best);
	return opt__fail(r->p, &r->src, "unknown key '%s'", key);
}

/* The present event is a key; after it, its value is. */
static int read_key(struct reader *r, const struct opt **opt)
{
	const char *key = scalar(r);
	struct opt_origin *origin;

	if (!key)
		return opt__fail(r->p, &r->src, "want the name of an option");
	*opt = opt__find(key, strlen(key));
	if (!*opt || (*opt)->no_key)
		return unknown_key(r, key);
	origin = opt__origin(r->p->o, *opt);
	if (origin->file_line)
		return opt__fail(r->p, &r->src, "duplicate key '%s', it is on line %u already", key,
				 origin->file_line);
	origin->file_line = r->src.line;
	r->src.name = (*opt)->name;
	return next(r);
}

static int read_mapping(struct reader *r)
{
	const struct opt *opt = NULL;
	int err = next(r);

	while (!err && r->event.type != YAML_MAPPING_END_EVENT) {
		err = read_key(r, &opt);
		if (!err && r->event.type == YAML_SEQUENCE_START_EVENT && opt__is_list(opt))
			err = read_list(r, opt);
		else if (!err)
			err = read_scalar(r, opt);
		if (!err)
			err = next(r);
	}
	return err;
}

/* From the start of the stream to its end: at most one document, a mapping or nothing. */
static int read_stream(struct reader *r)
{
	int err = 0, documents = 0;

	while (!err && r->event.type != YAML_STREAM_END_EVENT) {
		if (r->event.type == YAML_MAPPING_START_EVENT)
			err = read_mapping(r);
		else if (r->event.type == YAML_DOCUMENT_START_EVENT && documents++)
			err = opt__fail(r->p, &r->src, "more than one document");
		else if (r->event.type == YAML_SEQUENCE_START_EVENT ||
			 r->event.type == YAML_ALIAS_EVENT ||
			 (r->event.type == YAML_SCALAR_EVENT && !is_null(r)))
			err = opt__fail(r->p, &r->src, "want lines of the form 'option: value'");
		if (!err)
			err = next(r);
	}
	return err;
}

int opt__read_yaml(struct opt_parse *p, const char *file, const char *text, size_t len)
{
	struct reader r = { .p = p, .src = { .level = LEVEL_FILE, .file = file } };
	int err;

	if (!yaml_parser_initialize(&r.yaml)) {
		opt__fail(p, NULL, "out of memory");
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, len);
	err = read_stream(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.yaml);
	return err;
}

/* Reads the file up to FILE_MAX bytes; *len is FILE_MAX + 1 when it has more. */
static int slurp(const char *path, char *text, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n = 1;

	*len = 0;
	if (fd < 0)
		return -errno;
	for (; n > 0 && *len <= FILE_MAX; *len += n > 0 ? n : 0) {
		n = read(fd, text + *len, FILE_MAX + 1 - *len);
		if (n < 0)
			err = -errno;
	}
	close(fd);
	return err;
}

int opt__read_file(struct opt_parse *p, const char *path)
{
	char *text = malloc(FILE_MAX + 1);
	size_t len = 0;
	int err;

	if (!text) {
		opt__fail(p, NULL, "out of memory");
		return -ENOMEM;
	}
	err = slurp(path, text, &len);
	if (err)
		opt__fail(p, NULL, "cannot read %s: %s", path, strerror(-err));
	else if (len > FILE_MAX)
		err = opt__fail(p, NULL, "cannot read %s: larger than 1 MiB", path);
	else
		err = opt__read_yaml(p, path, text, len);
	free(text);
	return err;
}
