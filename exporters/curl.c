// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SYMBOL(member, name)                                                                       \
	{                                                                                          \
		offsetof(struct curl_api, member), #name                                           \
	}

static const struct {
	size_t offset;
	const char *name;
} symbols[] = {
	SYMBOL(global_init, curl_global_init),
	SYMBOL(version_info, curl_version_info),
	SYMBOL(easy_strerror, curl_easy_strerror),
	SYMBOL(easy_init, curl_easy_init),
	SYMBOL(easy_cleanup, curl_easy_cleanup),
	SYMBOL(easy_setopt, curl_easy_setopt),
	SYMBOL(easy_getinfo, curl_easy_getinfo),
	SYMBOL(multi_init, curl_multi_init),
	SYMBOL(multi_cleanup, curl_multi_cleanup),
	SYMBOL(multi_setopt, curl_multi_setopt),
	SYMBOL(multi_add_handle, curl_multi_add_handle),
	SYMBOL(multi_remove_handle, curl_multi_remove_handle),
	SYMBOL(multi_perform, curl_multi_perform),
	SYMBOL(multi_poll, curl_multi_poll),
	SYMBOL(multi_fdset, curl_multi_fdset),
	SYMBOL(multi_info_read, curl_multi_info_read),
	SYMBOL(slist_append, curl_slist_append),
	SYMBOL(slist_free_all, curl_slist_free_all),
};

/* GnuTLS is in the process already, for /metrics over TLS; OpenSSL would be more memory. */
static const char *const libraries[] = { "libcurl-gnutls.so.4", "libcurl.so.4" };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct curl_api api;
static bool usable;
static char why_not[256];

static bool bind_all(void *library)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *f = dlsym(library, symbols[i].name);

		if (!f) {
			snprintf(why_not, sizeof(why_not),
				 "libcurl is too old: it has no %s (7.66 has)", symbols[i].name);
			return false;
		}
		memcpy((char *)&api + symbols[i].offset, &f, sizeof(f));
	}
	return true;
}

static void load(void)
{
	void *library = NULL;

	for (size_t i = 0; !library && i < sizeof(libraries) / sizeof(libraries[0]); i++)
		library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		snprintf(why_not, sizeof(why_not),
			 "libcurl is not installed (package libcurl3-gnutls or libcurl4), and "
			 "sending takes it");
		return;
	}
	usable = bind_all(library) && api.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	if (!usable && !*why_not)
		snprintf(why_not, sizeof(why_not), "libcurl does not start");
}

const struct curl_api *curl_api__get(char *err, size_t err_size)
{
	pthread_once(&once, load);
	if (!usable)
		snprintf(err, err_size, "%s", why_not);
	return usable ? &api : NULL;
}
