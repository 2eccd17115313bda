// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* JSON objects of a list or a watch, one by one, to changes for the event loop. */
#include "k8s_client_internal.h"

#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void set_text(char *to, size_t size, const cJSON *from)
{
	const char *s = cJSON_GetStringValue(from);

	snprintf(to, size, "%s", s && strlen(s) < size ? s : "");
}

void k8s_client__give(struct k8s_client *c, enum k8s_change_kind kind, struct k8s_pod *pod)
{
	k8s_queue__put(c->queue, &(struct k8s_change){ .kind = kind, .pod = pod });
}

static void give_pod(struct k8s_client *c, const cJSON *object)
{
	struct k8s_pod *pod = k8s_pod__new(object, c->wants);

	if (pod)
		k8s_client__give(c, K8S_CHANGE_POD, pod);
	else
		k8s_client__count(c, K8S_ERROR_MALFORMED);
}

static void give_gone(struct k8s_client *c, const cJSON *object)
{
	struct k8s_change change = { .kind = K8S_CHANGE_GONE };

	set_text(change.uid, sizeof(change.uid), member(member(object, "metadata"), "uid"));
	if (*change.uid)
		k8s_queue__put(c->queue, &change);
	else
		k8s_client__count(c, K8S_ERROR_MALFORMED);
}

/* A Status. Whatever it says, this watch is over. */
static void on_error_event(struct k8s_client *c, const cJSON *object)
{
	const cJSON *code = member(object, "code");
	struct k8s_answer a = { .status = cJSON_IsNumber(code) ? code->valueint : 500 };

	k8s_client__count(c, k8s_client__error_of(&a));
	c->gone |= a.status == 410;
	c->event_failed = true;
}

static void on_event(struct k8s_client *c, const cJSON *event)
{
	const char *type = cJSON_GetStringValue(member(event, "type"));
	const cJSON *object = member(event, "object");
	const cJSON *version = member(member(object, "metadata"), "resourceVersion");

	if (!type || !cJSON_IsObject(object)) {
		k8s_client__count(c, K8S_ERROR_MALFORMED);
		return;
	}
	atomic_fetch_add(&c->events, 1);
	if (!strcmp(type, "ERROR"))
		on_error_event(c, object);
	else if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED"))
		give_pod(c, object);
	else if (!strcmp(type, "DELETED"))
		give_gone(c, object);
	if (!c->event_failed && cJSON_IsString(version))
		set_text(c->version, sizeof(c->version), version);
}

static void on_listed(struct k8s_client *c, const char *key, const cJSON *object)
{
	if (!strcmp(key, "items")) {
		give_pod(c, object);
	} else if (!strcmp(key, "metadata")) {
		set_text(c->version, sizeof(c->version), member(object, "resourceVersion"));
		set_text(c->more, sizeof(c->more), member(object, "continue"));
	}
}

void k8s_client__on_object(void *arg, const char *key, const char *json, size_t len)
{
	struct k8s_client *c = arg;
	cJSON *j = cJSON_ParseWithLength(json, len);

	if (!j)
		k8s_client__count(c, K8S_ERROR_MALFORMED);
	else if (c->cut.list)
		on_listed(c, key, j);
	else
		on_event(c, j);
	cJSON_Delete(j);
}

int k8s_client__on_body(void *arg, const char *p, size_t len)
{
	struct k8s_client *c = arg;
	int err;

	k8s_client__alive(c);
	k8s_client__works(c);
	err = k8s_cut__feed(&c->cut, p, len);
	atomic_fetch_add(&c->errors[K8S_ERROR_TOO_LARGE], c->cut.too_large);
	c->cut.too_large = 0;
	return err ? err : k8s_client__give_up(c) || c->event_failed ? -ECANCELED : 0;
}
