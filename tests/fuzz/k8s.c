// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as the answer of an API server: the first says whether a list or a watch, and where it
 * is cut in two. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "k8s_cut.h"
#include "k8s_identity.h"
#include "k8s_pod.h"

static void check(const struct k8s_pod *p)
{
	static const struct k8s_naming how = { .app_labels = true };
	struct container c = { .id = "x" };
	struct k8s_identity *id = malloc(sizeof(*id));

	assert(p->labels.n <= K8S_LABELS_MAX && p->annotations.n <= K8S_LABELS_MAX);
	assert(p->n_containers <= K8S_CONTAINERS_MAX && p->n_addresses <= K8S_ADDRESSES_MAX);
	assert(id);
	k8s_identity__of(id, &c, p, &how);
	assert(id->n <= SERVICE_ATTRS_MAX && strlen(id->name.service) < PROCNAME_MAX);
	for (uint32_t i = 1; i < id->n; i++)
		assert(strcmp(id->attrs[i - 1].key, id->attrs[i].key) < 0);
	free(id);
}

static void take(void *arg, const char *key, const char *json, size_t len)
{
	cJSON *j = cJSON_ParseWithLength(json, len);
	struct k8s_wants w = { 0 };
	struct k8s_pod *p = k8s_pod__new(*key ? j : cJSON_GetObjectItem(j, "object"), &w);

	assert(len >= 2 && json[0] == '{' && strlen(key) < K8S_CUT_KEY_MAX);
	if (p)
		check(p);
	k8s_pod__free(p);
	cJSON_Delete(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct k8s_cut c = { .max = 4096, .object = take };
	const char *p = (const char *)data + 1;
	size_t half;

	if (!len)
		return 0;
	half = (len - 1) * (data[0] >> 1) / 127;
	k8s_cut__reset(&c, data[0] & 1);
	if (!k8s_cut__feed(&c, p, half))
		k8s_cut__feed(&c, p + half, len - 1 - half);
	k8s_cut__free(&c);
	return 0;
}
