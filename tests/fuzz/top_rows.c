// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any JSON as what an agent answers `top`: a table of which a terminal shows every character, and
 * JSON again. The first byte says what was asked for. */
#include "top_rows.h"
#define TOP_ROWS_MAX 20 /* so that it is met */
#include "../../agent/top_rows.c"
#include "terminal.h"
#include "top_model.h"
#include "top_plain.h"

static void check_table(const struct top_model *m)
{
	struct buf out = { 0 };

	top_plain__table(m, &out);
	check_printable(out.p, out.len, true);
	buf__reset(&out);
	top_plain__json(m, &out);
	cJSON *j = cJSON_ParseWithLength(out.p, out.len);

	assert(cJSON_IsArray(j) && (size_t)cJSON_GetArraySize(j) == m->n_shown);
	cJSON_Delete(j);
	buf__free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cJSON *j = len ? cJSON_ParseWithLength((const char *)data + 1, len - 1) : NULL;
	struct view_options view = { .sort = len ? data[0] % TOP_COLUMN__CNT : 0 };
	struct top_rows rows;
	struct top_model m;

	if (!j)
		return 0;
	assert(top_status__lost(j) >= 0);
	if ((data[0] & 1 ? top_rows__services : top_rows__routes)(&rows, j))
		return 0;
	assert(rows.n <= TOP_ROWS_MAX && rows.n <= len);
	assert(!top_model__init(&m, &view));
	m.routes = !(data[0] & 1);
	m.both = data[0] & 2;
	top_model__take(&m, &rows);
	check_table(&m);
	top_model__free(&m);
	return 0;
}
