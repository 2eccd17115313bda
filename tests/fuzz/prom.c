// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as the names and labels of a service: an exposition of which every line is one that
 * its grammar has. Lines of the input are key, value, service, namespace, instance. */
#undef NDEBUG
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "prom.h"
#include "buf.h"
#include "utf8.h"

static const char *name_end(const char *p, bool colon)
{
	assert(isalpha((unsigned char)*p) || *p == '_');
	while (isalnum((unsigned char)*p) || *p == '_' || (colon && *p == ':'))
		p++;
	return p;
}

/* key="value" with nothing but \\, \" and \n escaped; behind it. */
static const char *label_end(const char *p)
{
	p = name_end(p, false);
	assert(p[0] == '=' && p[1] == '"');
	for (p += 2; *p != '"'; p++) {
		assert(*p && *p != '\n');
		if (*p == '\\')
			assert(*++p == '\\' || *p == '"' || *p == 'n');
	}
	return p + 1;
}

static void check_line(const char *p)
{
	char *end;

	if (*p == '#')
		return assert(!strncmp(p, "# HELP ", 7) || !strncmp(p, "# TYPE ", 7) ||
			      !strncmp(p, "# UNIT ", 7) || !strcmp(p, "# EOF"));
	p = name_end(p, true);
	if (*p == '{')
		for (p++; *p != '}'; p += *p == ',')
			p = label_end(p);
	p += *p == '}';
	assert(*p == ' ');
	strtod(p + 1, &end);
	assert(end > p + 1 && !*end);
}

static struct metrics *snapshot(char *const line[5])
{
	struct metrics *m = metrics__new(1);
	struct metric_family *f =
		metrics__family(m, "http.server.request.duration", "s", "h", METRIC_COUNTER, 1);
	struct metric_resource *r = metrics__resource(m);
	struct metric_attr *about = metrics__alloc(m, 2 * sizeof(*about)), *attrs;
	struct metric_point *p = metrics__point(m, f, 2, &attrs);

	r->service_name = line[2];
	r->service_namespace = line[3];
	r->service_instance_id = line[4];
	about[0] = (struct metric_attr){ .key = line[0], .str = line[1] };
	about[1] = (struct metric_attr){ .key = "service.name", .str = line[2] };
	r->attrs = about;
	r->n_attrs = 2;
	attrs[0] = (struct metric_attr){ .key = line[0], .str = line[1] };
	attrs[1] = (struct metric_attr){ .key = "http.route", .str = line[4] };
	p->resource = r;
	p->value = 7;
	assert(metrics__ok(m));
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = strndup((const char *)data, len), *rest = text, *line[5], *p;
	enum prom_format f = len % PROM_FORMATS;
	struct buf out = { 0 };
	struct metrics *m;

	for (int i = 0; i < 5; i++)
		line[i] = rest ? strsep(&rest, "\n") : "";
	m = snapshot(line);
	assert(!prom__write(m, f, &out));
	assert(f == PROM_PROTOBUF || utf8_valid(out.p, out.len));
	buf__append(&out, "", 1);
	for (rest = out.p; f != PROM_PROTOBUF && (p = strsep(&rest, "\n"));)
		if (*p)
			check_line(p);
	buf__free(&out);
	metrics__put(m);
	free(text);
	return 0;
}
