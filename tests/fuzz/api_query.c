// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any path and parameters, and any names in the history: an answer is JSON in UTF-8 without
 * markup. Lines are the path, then a name and a value in turn. */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "api.h"
#include "tests/unit/fake_history.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define FIELDS 70

static char *fields[FIELDS];
static size_t lengths[FIELDS], n_fields;

static void split(char *text, size_t len)
{
	char *end;

	for (n_fields = 0; n_fields < FIELDS; n_fields++) {
		end = memchr(text, '\n', len);
		fields[n_fields] = text;
		lengths[n_fields] = end ? (size_t)(end - text) : len;
		text[lengths[n_fields]] = '\0';
		if (!end)
			break;
		len -= lengths[n_fields] + 1;
		text = end + 1;
	}
}

static const char *field(size_t i)
{
	return i < n_fields ? fields[i] : "";
}

static void fill_history(void)
{
	fake_reset();
	for (size_t i = 0; i < 6; i++) {
		struct history_row *row = fake_row(field(i), i & 1 ? SPAN_SERVER : SPAN_CLIENT,
						   (struct history_dist){ .count = i, .sum = 1 });

		row->name.namespace = field(i + 1);
		row->name.route = field(i + 2);
		row->name.status = field(i + 3);
		fake.edges[i] = (struct history_edge){ field(i),     field(i + 1),
						       field(i + 2), i & 1 ? field(i) : NULL,
						       NULL,         { .count = i } };
		fake.spans[i] = (struct history_span){ .service = field(i) };
		fake.spans[i].span.path = (struct slice){ field(i + 2), strlen(field(i + 2)) };
		fake.spans[i].span.host = (struct slice){ field(i + 3), strlen(field(i + 3)) };
	}
	fake.n_edges = fake.n_spans = 6;
}

static void check(const struct buf *b)
{
	cJSON *j = cJSON_ParseWithLength(b->p, b->len);

	if (!j || memchr(b->p, '<', b->len) || !utf8_valid(b->p, b->len))
		abort();
	cJSON_Delete(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct api_config config = { .history = &the_history };
	struct api_request r = { .path = "" };
	struct api *api = api__new(&config);
	char *copy = malloc(len + 1), path[64];
	struct api_stream *stream = NULL;
	struct buf out = { .max = 1 << 20 };
	unsigned int status;

	memcpy(copy, data, len);
	split(copy, len);
	fill_history();
	snprintf(path, sizeof(path), API_PREFIX "%s", fields[0]);
	r.path = path;
	for (size_t i = 1; i + 1 < n_fields; i += 2, r.n_params++)
		if (r.n_params < API_PARAMS_MAX)
			r.params[r.n_params] =
				(struct api_param){ fields[i], { fields[i + 1], lengths[i + 1] } };
	if (api__streams(r.path))
		stream = api_stream__new(api, &r, &out, &status);
	else
		api__answer(api, &r, &out);
	if (!stream)
		check(&out);
	api_stream__free(stream);
	buf__free(&out);
	free(copy);
	api__free(api);
	return 0;
}
