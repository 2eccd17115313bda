// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A path that leads elsewhere by the time that its file is to be moved. */
#include "../../exporters/access_log_file.c"

#include "access_log_fixture.h"

static struct file_sink *sink(const char *path, uint32_t backups)
{
	static struct access_log_counts counts;
	struct access_log_config c = { .backups = backups };

	return (struct file_sink *)new (path, &c, &counts);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void moves_to(struct file_sink *s, const char *real, int want)
{
	char path[200];

	snprintf(path, sizeof(path), "%s", real);
	assert_int_equal(move_real(s, path), want);
}

static void somebody_elses_file_stays(void **state)
{
	for (uint32_t backups = 0; backups < 2; backups++) {
		struct file_sink *s = sink(in_dir("ours"), backups);

		assert_non_null(s);
		put(in_dir("other"), "x");
		moves_to(s, in_dir("other"), -ESTALE);
		assert_true(exists(in_dir("other")));
		assert_false(exists(in_dir("other.1")));
		moves_to(s, in_dir("none"), -ENOENT);
		moves_to(s, in_dir("none/ours"), -ENOENT);
		free_sink(&s->base);
	}
}

/* Not even when it leads to our file: the link itself is what would be moved. */
static void a_link_in_its_place_stays(void **state)
{
	struct file_sink *s = sink(in_dir("linked"), 1);

	assert_non_null(s);
	assert_int_equal(symlink(in_dir("linked"), in_dir("planted")), 0);
	moves_to(s, in_dir("planted"), -ESTALE);
	assert_true(exists(in_dir("planted")));
	assert_true(exists(in_dir("linked")));
	free_sink(&s->base);
}

static void our_own_is_moved(void **state)
{
	struct file_sink *s = sink(in_dir("moved"), 2);

	assert_non_null(s);
	put(in_dir("moved.1"), "x");
	moves_to(s, in_dir("moved"), 0);
	assert_false(exists(in_dir("moved")));
	assert_true(exists(in_dir("moved.1")));
	assert_int_equal(size_of(in_dir("moved.2")), 1);
	free_sink(&s->base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(somebody_elses_file_stays),
		cmocka_unit_test(a_link_in_its_place_stays),
		cmocka_unit_test(our_own_is_moved),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
