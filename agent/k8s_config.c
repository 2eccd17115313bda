// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "k8s_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "url.h"

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

static const char *env(const char *name)
{
	const char *s = getenv(name);

	return s ? s : "";
}

static bool put(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

/* The variables that the kubelet sets in each container; false: they are not there. */
static bool url_of_pod(char *to, size_t size)
{
	const char *host = env("KUBERNETES_SERVICE_HOST");
	const char *port = env("KUBERNETES_SERVICE_PORT");
	bool v6 = strchr(host, ':');

	if (!*host)
		return false;
	return (size_t)snprintf(to, size, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
				*port ? port : "443") < size;
}

static void set_shown(struct k8s_config *c)
{
	char *shown = url__without_secrets(c->url);

	put(c->shown, sizeof(c->shown), shown ? shown : "...");
	free(shown);
}

static bool set_url(struct k8s_config *c, const struct options *o)
{
	size_t n;

	if (!o->kubernetes_api)
		return url_of_pod(c->url, sizeof(c->url));
	if (!put(c->url, sizeof(c->url), o->kubernetes_api))
		return false;
	for (n = strlen(c->url); n && c->url[n - 1] == '/'; n--)
		c->url[n - 1] = 0;
	return true;
}

/* A file that was named must be there by the time it is read; the pod's own may be missing. */
static bool set_file(char *to, size_t size, const char *named, const char *own)
{
	if (named)
		return put(to, size, named);
	return put(to, size, access(own, R_OK) ? "" : own);
}

static bool set_node(struct k8s_config *c, const struct options *o)
{
	if (o->kubernetes_node)
		return put(c->node, sizeof(c->node), o->kubernetes_node);
	if (*env("NODE_NAME"))
		return put(c->node, sizeof(c->node), env("NODE_NAME"));
	return !gethostname(c->node, sizeof(c->node)) && memchr(c->node, 0, sizeof(c->node));
}

/* The name goes into a URL. */
static bool is_name(const char *s)
{
	return *s &&
	       !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")];
}

int k8s_config__init(struct k8s_config *c, const struct options *o, char *err, size_t err_size)
{
	bool there;

	*c = (struct k8s_config){ 0 };
	if (o->kubernetes == K8S_OFF)
		return 0;
	there = set_url(c, o) &&
		set_file(c->token_file, sizeof(c->token_file), o->kubernetes_token_file,
			 ACCOUNT "token") &&
		set_file(c->ca_file, sizeof(c->ca_file), o->kubernetes_ca_file, ACCOUNT "ca.crt") &&
		set_node(c, o);
	if (there && !is_name(c->node)) {
		snprintf(err, err_size,
			 "'%s' is no name of a Kubernetes node: use --kubernetes-node", c->node);
		return -EINVAL;
	}
	set_shown(c);
	if (there && (o->kubernetes == K8S_ON || o->kubernetes_api || *c->token_file))
		return 1;
	if (o->kubernetes != K8S_ON)
		return 0;
	snprintf(err, err_size,
		 "no Kubernetes API server: this is no pod (KUBERNETES_SERVICE_HOST is not set), "
		 "use --kubernetes-api");
	return -EINVAL;
}
