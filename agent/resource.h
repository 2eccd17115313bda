/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a signal comes from: the resource attributes, the same for traces, metrics,
 * logs and target_info. Of the host and of redeye once at the start, of the service
 * for each. Values are valid UTF-8 of at most 255 bytes without control characters.
 */
#ifndef RED_RESOURCE_H
#define RED_RESOURCE_H

#include <stdint.h>

#include "service.h"

struct str_list;

enum {
	RESOURCE_ATTRS_MAX = 64, /* further configured ones are left out */
	RESOURCE_MAX = RESOURCE_ATTRS_MAX + 4 + SERVICE_ATTRS_MAX, /* with the service's own */
};

/* Read only after init: any thread. */
struct resource_attrs { /* sorted by key, each once */
	struct resource_attr *v;
	uint32_t n;
};

/* host.*, os.type, telemetry.*; then `configured`, percent-encoded "KEY=VALUE" (NULL:
 * none), which replaces these; service.instance.id is the host's name, or id, if nothing else.
 * Reads /etc/machine-id. 0 or -ENOMEM; then it is empty. */
int resource_attrs__init(struct resource_attrs *r, const struct str_list *configured);
void resource_attrs__free(struct resource_attrs *r); /* accepts a zeroed one */

/* Those of a service, sorted by key, their number: what the service says of itself goes
 * before r (NULL: nothing else). The texts are r's and the service's. */
uint32_t resource__of(const struct resource_attrs *r, const struct service *s,
		      struct resource_attr out[RESOURCE_MAX]);

extern const struct service resource__self; /* redeye */

#endif /* RED_RESOURCE_H */
