/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pods from JSON with single quotation marks. */
#ifndef RED_TEST_K8S_PODS_H
#define RED_TEST_K8S_PODS_H

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "k8s_pod.h"

#define ID1  "1111111111111111111111111111111111111111111111111111111111111111"
#define ID2  "2222222222222222222222222222222222222222222222222222222222222222"
#define UID1 "1b4e28ba-2fa1-11d2-883f-0016d3cca421"
#define UID2 "1b4e28ba-2fa1-11d2-883f-0016d3cca422"

static const struct k8s_wants no_wants;

/* NULL with errno, when it is no pod. */
static inline struct k8s_pod *pod_wanting(const char *text, const struct k8s_wants *w)
{
	char json[16384];
	struct k8s_pod *pod;
	cJSON *j;

	assert_true((size_t)snprintf(json, sizeof(json), "%s", text) < sizeof(json));
	for (char *p = json; (p = strchr(p, '\'')); p++)
		*p = '"';
	j = cJSON_Parse(json);
	assert_non_null(j);
	pod = k8s_pod__new(j, w);
	cJSON_Delete(j);
	return pod;
}

static inline struct k8s_pod *pod_of(const char *text)
{
	struct k8s_pod *pod = pod_wanting(text, &no_wants);

	assert_non_null(pod);
	return pod;
}

#define POD(uid, name, metadata, spec, status)                                                     \
	"{'metadata':{'uid':'" uid "','name':'" name "','namespace':'shop'" metadata               \
	"},'spec':{'nodeName':'here'" spec "},'status':{" status "}}"
#define CONTAINER(name, image) "{'name':'" name "','image':'" image "'}"
#define STATUS(name, id)       "{'name':'" name "','containerID':'containerd://" id "'}"
#define ONE_CONTAINER          ",'containers':[" CONTAINER("web", "reg:5000/team/web:1.2") "]"
#define OWNER(kind, name)                                                                          \
	",'ownerReferences':[{'kind':'X','name':'no'},{'kind':'" kind "','name':'" name            \
	"','controller':true}]"

#endif /* RED_TEST_K8S_PODS_H */
