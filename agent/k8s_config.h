/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the API server is, who we are for it, and which node this is: from the options, and
 * what a pod has in its environment and its folder of the service account. */
#ifndef RED_K8S_CONFIG_H
#define RED_K8S_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct options;

enum k8s_mode {
	K8S_AUTO = 0, /* on in a pod with a service account, or when an API server is named */
	K8S_ON = 1,
	K8S_OFF = 2,
};

struct k8s_config {
	char url[512];   /* without a '/' at its end */
	char shown[512]; /* in messages: without user, password and query */
	char node[256];
	char token_file[512]; /* "": no token */
	char ca_file[512];    /* "": the system's */
};

/* 1: ask the API server as *c says; 0: no Kubernetes; -EINVAL and a sentence. */
int k8s_config__init(struct k8s_config *c, const struct options *o, char *err, size_t err_size);

#endif /* RED_K8S_CONFIG_H */
