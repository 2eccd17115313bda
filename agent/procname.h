/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a process calls itself, from what /proc shows of it. No I/O. The input is
 * hostile: a process chooses its arguments and environment. Names come out as
 * valid UTF-8 without control characters, at most 255 bytes, "" when there is none.
 */
#ifndef RED_PROCNAME_H
#define RED_PROCNAME_H

#include <stdbool.h>
#include <stddef.h>

#define PROCNAME_MAX 256 /* with its NUL */

struct procname {
	char service[PROCNAME_MAX];
	char namespace[PROCNAME_MAX];
	char instance[PROCNAME_MAX];
};

/* What is no UTF-8 becomes U+FFFD, control characters and outer spaces go. */
void procname__clean(char out[PROCNAME_MAX], const char *s, size_t len);

/* OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, percent-decoded. A broken
 * member of the list costs only itself, as in most SDKs. */
void procname__from_environ(struct procname *n, const char *env, size_t len);

/*
 * The name of the program, from the executable and the arguments:
 *
 *   native                       base name of the executable
 *   python3 dir/job.py           job        (also ruby, perl, php, lua, node, deno, bun, sh ...)
 *   python3 -m pkg.tool          pkg.tool
 *   gunicorn, uvicorn, flask ... the application's module: `uvicorn shop.api:app` -> shop.api,
 *                                without a last .wsgi or .asgi; else the server's name
 *   java -jar x.jar              x
 *   java a.b.Main                Main
 *   dotnet x.dll                 x
 *   interpreter without script   base name of the executable (sh -c, python3 -c, a REPL)
 *   interpreter whose process    the first word of the title, `puma 6.0 [x]` -> puma; for
 *   set a title                  `gunicorn: master [shop:app]` the module
 *
 * A base name loses the extension only when it is one of a script or archive.
 */
void procname__from_program(char out[PROCNAME_MAX], const char *exe, const char *cmdline,
			    size_t len);

#endif /* RED_PROCNAME_H */
