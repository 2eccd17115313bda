// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye version: what a bug report needs to say about this binary. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>

#include <bpf/libbpf.h>
#include <microhttpd.h>
#include <yaml.h>

#include "log.h"
#include "redeye.h"

#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#else
#define ARCH "other architecture"
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZERS ", sanitizers"
#else
#define SANITIZERS ""
#endif

#if defined(__OPTIMIZE__)
#define OPTIMIZED ", optimized"
#else
#define OPTIMIZED ""
#endif

int cmd_version(int argc, char **argv)
{
	if (argc > 1) {
		log__error("unexpected argument '%s': redeye version takes none", argv[1]);
		return EXIT_USAGE;
	}
	printf("redeye " REDEYE_VERSION "\n"
	       "recordings: version %d\n"
	       "libraries: libbpf %d.%d, libmicrohttpd %s, libyaml %s\n"
	       "build: " ARCH ", compiler " __VERSION__ OPTIMIZED SANITIZERS "\n",
	       RED_ABI_VERSION, libbpf_major_version(), libbpf_minor_version(), MHD_get_version(),
	       yaml_get_version_string());
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
