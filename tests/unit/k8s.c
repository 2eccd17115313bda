// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is taken over from the options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../agent/k8s.c"

#include "hear_stderr.h"
#include "strs.h"

/* ---- a client that asks nobody ----------------------------------------------------------- */

struct k8s_client *k8s_client__new(const struct k8s_client_config *c, const struct k8s_wants *w,
				   char *err, size_t err_size)
{
	return (struct k8s_client *)1;
}

void k8s_client__free(struct k8s_client *c)
{
}

int k8s_client__fd(const struct k8s_client *c)
{
	return -1;
}

bool k8s_client__take(struct k8s_client *c, struct k8s_change *out)
{
	return false;
}

int k8s_client__set_wants(struct k8s_client *c, const struct k8s_wants *w)
{
	return 0;
}

void k8s_client__stats(struct k8s_client *c, struct k8s_client_stats *out)
{
	*out = (struct k8s_client_stats){ 0 };
}

/* ---- cases ------------------------------------------------------------------------------- */

static struct k8s *start_with(const struct options *o)
{
	char err[256] = "";
	struct k8s *k;

	if (k8s__new(&k, o, err, sizeof(err)) || !k)
		fail_msg("%s", err);
	return k;
}

/* Names are given between two configurations, too, when the old one may have been freed. */
static void globs_are_copies(void **state)
{
	char label[] = "team*", other[] = "tier*", annotation[] = "a=b";
	struct options o = {
		.kubernetes = K8S_ON,
		.kubernetes_api = "http://127.0.0.1:1",
		.kubernetes_node = "node",
		.kubernetes_labels = STRS(label),
		.kubernetes_annotations = STRS(annotation),
	};
	struct k8s *k = start_with(&o);
	const struct k8s_naming *n = k8s__naming(k);

	label[0] = annotation[0] = 0;
	assert_int_equal(n->labels.n + n->annotations.n, 2);
	assert_string_equal(n->labels.v[0], "team*");
	assert_string_equal(n->annotations.v[0], "a=b");

	o.kubernetes_labels.v[0] = other;
	o.kubernetes_annotations.n = 0;
	o.kubernetes_app_labels = true;
	assert_int_equal(k8s__reload(k, &o), 0);
	other[0] = 0;
	assert_ptr_equal(k8s__naming(k), n);
	assert_true(n->app_labels);
	assert_int_equal(n->labels.n, 1);
	assert_string_equal(n->labels.v[0], "tier*");
	assert_int_equal(n->annotations.n, 0);
	k8s__free(k);
}

static void no_credentials_are_logged(void **state)
{
	const struct options o = {
		.kubernetes = K8S_ON,
		.kubernetes_api = "https://u:s3cr3t@api:6443/base?key=s3cr3t",
		.kubernetes_node = "node",
	};
	struct k8s *k;

	log__init(LOG_LEVEL_INFO);
	listen_to_stderr();
	k = start_with(&o);
	assert_string_equal(what_was_said(), "redeye: info: Kubernetes: asking "
					     "https://api:6443/base for the pods of node node\n");
	k8s__free(k);
	log__init(LOG_LEVEL_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_are_copies),
		cmocka_unit_test(no_credentials_are_logged),
	};

	log__init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
