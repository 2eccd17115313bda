/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The API without HTTP, over a history of the test's. */
#ifndef RED_TEST_API_FIXTURE_H
#define RED_TEST_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>

#include "api.h"
#include "fake_history.h"
#include "metrics.h"
#include "spans.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static inline struct api *new_api(struct history *h)
{
	struct api_config c = { .history = h,
				.backend = "sock",
				.watching = "--port 80",
				.traces = true,
				.memory_limit_bytes = 64 << 20 };
	struct api *a = api__new(&c);

	assert_non_null(a);
	fake_reset();
	return a;
}

/* "/path?a=1&b=2": split at & and =, not decoded. Its parts point into `room`. */
static inline struct api_request request_of(const char *url, char room[4096])
{
	struct api_request r = { .path = room };
	char *p;

	assert_true(strlen(url) < 4096);
	strcpy(room, url);
	for (p = strchr(room, '?'); p; p = strchr(p, '&')) {
		char *equals;

		*p++ = '\0';
		if (r.n_params == API_PARAMS_MAX) {
			r.n_params++;
			break;
		}
		r.params[r.n_params].name = p;
		equals = p + strcspn(p, "=&");
		if (*equals == '=') {
			r.params[r.n_params].value.p = equals + 1;
			r.params[r.n_params].value.len = strcspn(equals + 1, "&");
			*equals = '\0';
			p = equals + 1;
		}
		r.n_params++;
	}
	return r;
}

/* Valid JSON, in UTF-8, in which no markup begins. */
static inline cJSON *parse_json(const struct buf *b)
{
	cJSON *j;

	assert_int_equal(b->err, 0);
	assert_null(memchr(b->p, '<', b->len));
	for (size_t i = 0; i < b->len; i++)
		assert_true((uint8_t)b->p[i] >= ' ' || (b->p[i] == '\n' && i == b->len - 1));
	j = cJSON_ParseWithLengthOpts(b->p, b->len, NULL, false);
	if (!j)
		print_error("no JSON: %.*s\n", (int)b->len, b->p);
	assert_non_null(j);
	return j;
}

static inline cJSON *call(struct api *a, const struct api_request *r, unsigned int want)
{
	struct buf out = { .max = API_ANSWER_MAX };
	unsigned int status = api__answer(a, r, &out);
	cJSON *j = parse_json(&out);

	if (status != want)
		print_error("%u: %.*s\n", status, (int)out.len, out.p);
	assert_int_equal(status, want);
	buf__free(&out);
	return j;
}

static inline cJSON *ask(struct api *a, const char *url)
{
	char room[4096];
	struct api_request r = request_of(url, room);

	return call(a, &r, 200);
}

static inline void refuses(struct api *a, const char *url, unsigned int status,
			   const char *sentence)
{
	char room[4096];
	struct api_request r = request_of(url, room);
	cJSON *j = call(a, &r, status);

	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(j, "error")), sentence);
	assert_int_equal(cJSON_GetArraySize(j), 1);
	cJSON_Delete(j);
}

/* "services.0.name": a member or an element. Never NULL. */
static inline const cJSON *at(const cJSON *j, const char *path)
{
	char part[64];

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, p);
		j = cJSON_IsArray(j) ? cJSON_GetArrayItem(j, atoi(part))
				     : cJSON_GetObjectItemCaseSensitive(j, part);
		if (!j)
			print_error("nothing at %s of %s\n", part, path);
		assert_non_null(j);
		p += n + (p[n] == '.');
	}
	return j;
}

static inline void is_text(const cJSON *j, const char *path, const char *want)
{
	assert_string_equal(cJSON_GetStringValue(at(j, path)), want);
}

static inline void is_number(const cJSON *j, const char *path, double want)
{
	assert_true(cJSON_IsNumber(at(j, path)));
	if (!(fabs(at(j, path)->valuedouble - want) <= 1e-8 * fabs(want)))
		fail_msg("%s is %.12g, not %.12g", path, at(j, path)->valuedouble, want);
}

static inline void is_null(const cJSON *j, const char *path)
{
	assert_true(cJSON_IsNull(at(j, path)));
}

static inline void has(const cJSON *j, const char *path, int n)
{
	assert_int_equal(cJSON_GetArraySize(at(j, path)), n);
}

#endif /* RED_TEST_API_FIXTURE_H */
