// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The name of a program, from its executable and its arguments. */
#include "procname.h"

#include <string.h>

#include "slice.h"

/* Arguments, one after the other; `p` is NULL behind the last. */
struct args {
	const char *p, *end;
};

static struct slice args_next(struct args *a)
{
	const char *p = a->p, *nul;

	if (!p || p >= a->end)
		return (struct slice){ 0 };
	nul = memchr(p, 0, a->end - p);
	a->p = nul ? nul + 1 : NULL;
	return (struct slice){ p, (nul ? nul : a->end) - p };
}

static struct slice base_name(struct slice s)
{
	const char *slash;

	while (s.len > 1 && s.p[s.len - 1] == '/')
		s.len--;
	slash = s.len ? memrchr(s.p, '/', s.len) : NULL;
	if (slash && s.len > 1)
		s = (struct slice){ slash + 1, s.p + s.len - slash - 1 };
	return s;
}

static bool in_list(struct slice s, const char *const *list)
{
	for (; list && *list; list++) {
		if (slice_eq(s, slice_of(*list)))
			return true;
	}
	return false;
}

static const char *const script_extensions[] = {
	"py", "pyc", "pyw", "pyz", "js",   "mjs",  "cjs", "ts",  "mts", "cts",  "jsx", "tsx", "rb",
	"ru", "php", "pl",  "sh",  "bash", "phar", "lua", "jar", "war", "java", "dll", "exe", NULL,
};

/* "dir/job.py" -> "job" */
static struct slice stem(struct slice path)
{
	struct slice s = base_name(path);
	const char *dot = s.len ? memrchr(s.p, '.', s.len) : NULL;

	if (dot && dot > s.p &&
	    in_list((struct slice){ dot + 1, s.p + s.len - dot - 1 }, script_extensions))
		s.len = dot - s.p;
	return s;
}

/* How to find the script among an interpreter's arguments. */
struct interpreter {
	const char *name;        /* a version may follow: python3.11 */
	const char *inline_code; /* short options whose argument is the program: no script */
	const char *with_value;  /* short options that take a value, here or in the next argument */
	const char *rest_is_value;       /* ... that end the cluster: -Mstrict */
	const char *const *long_value;   /* options that take the next argument, as written */
	const char *const *subcommands;  /* words before the script */
	const char *const *script_after; /* options that the script follows, as written */
};

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define JS_LONG                                                                                    \
	LIST("--require", "--import", "--loader", "--experimental-loader", "--conditions",         \
	     "--env-file", "--title", "--config", "--import-map", "--preload", "--cwd")
#define JAVA_LONG                                                                                  \
	LIST("-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules",          \
	     "--add-opens", "--add-exports", "--add-reads", "--upgrade-module-path",               \
	     "--limit-modules", "--source", "--enable-native-access")
#define DOTNET_LONG                                                                                \
	LIST("--depsfile", "--runtimeconfig", "--additionalprobingpath", "--fx-version",           \
	     "--roll-forward", "--additional-deps")

static const struct interpreter interpreters[] = {
	{ .name = "python",
	  .inline_code = "c",
	  .with_value = "WX",
	  .long_value = LIST("--check-hash-based-pycs") },
	{ .name = "pypy", .inline_code = "c", .with_value = "WX" },
	{ .name = "ruby", .inline_code = "e", .with_value = "IrCE", .rest_is_value = "KxWT0i" },
	{ .name = "perl", .inline_code = "eE", .with_value = "I", .rest_is_value = "MmiFVxCD0l" },
	{ .name = "php",
	  .inline_code = "rBRE",
	  .with_value = "dcStz",
	  .script_after = LIST("-f", "--file") },
	{ .name = "lua", .inline_code = "e", .with_value = "l" },
	{ .name = "node", .inline_code = "ep", .with_value = "rC", .long_value = JS_LONG },
	{ .name = "nodejs", .inline_code = "ep", .with_value = "rC", .long_value = JS_LONG },
	{ .name = "bun",
	  .inline_code = "ep",
	  .with_value = "r",
	  .long_value = JS_LONG,
	  .subcommands = LIST("run") },
	{ .name = "deno",
	  .with_value = "cL",
	  .long_value = JS_LONG,
	  .subcommands = LIST("run", "serve") },
	{ .name = "java", .long_value = JAVA_LONG, .script_after = LIST("-jar", "-m", "--module") },
	{ .name = "dotnet", .long_value = DOTNET_LONG, .subcommands = LIST("exec") },
	{ .name = "bash",
	  .inline_code = "c",
	  .with_value = "oO",
	  .long_value = LIST("--rcfile", "--init-file") },
	{ .name = "sh", .inline_code = "c", .with_value = "o" },
	{ .name = "dash", .inline_code = "c", .with_value = "o" },
	{ .name = "ash", .inline_code = "c", .with_value = "o" },
	{ .name = "ksh", .inline_code = "c", .with_value = "o" },
	{ .name = "zsh", .inline_code = "c", .with_value = "o" },
};

static const struct interpreter *find_interpreter(struct slice base)
{
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++) {
		const struct interpreter *in = &interpreters[i];
		size_t n = strlen(in->name);

		if (base.len < n || memcmp(base.p, in->name, n))
			continue;
		while (n < base.len && strchr("0123456789.-", base.p[n]))
			n++;
		if (n == base.len)
			return in;
	}
	return NULL;
}

static bool is(const struct interpreter *in, const char *name)
{
	return !strcmp(in->name, name);
}

enum option { OPT_FLAG, OPT_INLINE, OPT_TAKES_NEXT, OPT_MODULE };

/* A cluster of short options, `-um`; what follows an option in it is its value. */
static enum option short_options(const struct interpreter *in, struct slice arg,
				 struct slice *value)
{
	for (size_t i = 1; i < arg.len; i++) {
		char c = arg.p[i];

		*value = (struct slice){ arg.p + i + 1, arg.len - i - 1 };
		if (c == 'm' && (is(in, "python") || is(in, "pypy")))
			return OPT_MODULE;
		if (in->inline_code && strchr(in->inline_code, c))
			return OPT_INLINE;
		if (in->with_value && strchr(in->with_value, c))
			return value->len ? OPT_FLAG : OPT_TAKES_NEXT;
		if (in->rest_is_value && strchr(in->rest_is_value, c))
			return OPT_FLAG;
	}
	return OPT_FLAG;
}

static enum option classify(const struct interpreter *in, struct slice arg, struct slice *value)
{
	if (in_list(arg, in->long_value))
		return OPT_TAKES_NEXT;
	if (slice_eq(arg, SLICE("--eval")) || slice_eq(arg, SLICE("--print")))
		return OPT_INLINE;
	if ((arg.len > 1 && arg.p[1] == '-') || is(in, "java") || is(in, "dotnet"))
		return OPT_FLAG;
	return short_options(in, arg, value);
}

/* The script, module, archive or class, and whether `-m` named it; `a` is left
 * behind it. Empty when there is none. */
static struct slice find_script(const struct interpreter *in, struct args *a, bool *module)
{
	struct slice arg, value = { 0 };

	*module = false;
	while ((arg = args_next(a)).p) {
		if (in_list(arg, in->script_after) || slice_eq(arg, SLICE("--")))
			return args_next(a);
		if (arg.len && (arg.p[0] == '@' ? is(in, "java") : arg.p[0] == '+' && arg.len > 1))
			continue; /* java @argfile, sh +x */
		if (in_list(arg, in->subcommands) || !arg.len)
			continue;
		if (arg.p[0] != '-')
			return arg;
		if (arg.len == 1)
			break; /* standard input */
		switch (classify(in, arg, &value)) {
		case OPT_INLINE:
			return (struct slice){ 0 };
		case OPT_MODULE:
			*module = true;
			return value.len ? value : args_next(a);
		case OPT_TAKES_NEXT:
			args_next(a);
			break;
		case OPT_FLAG:
			break;
		}
	}
	return (struct slice){ 0 };
}

/* ---- servers that are told which application to run ---- */

static const char *const app_servers[] = {
	"gunicorn", "uvicorn", "hypercorn",      "daphne", "granian",
	"flask",    "celery",  "waitress-serve", NULL,
};

static bool ident_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

/* The length of the dotted Python name that s begins with. */
static size_t module_len(struct slice s)
{
	size_t n = 0;

	if (!s.len || (s.p[0] >= '0' && s.p[0] <= '9') || s.p[0] == '.' || s.p[0] == '-')
		return 0;
	while (n < s.len && ident_char(s.p[n]))
		n++;
	return n;
}

static bool ends_with(struct slice s, struct slice tail)
{
	return s.len > tail.len && !memcmp(s.p + s.len - tail.len, tail.p, tail.len);
}

static struct slice module_name(struct slice s)
{
	s = base_name(s);
	s.len = module_len(s);
	if (ends_with(s, SLICE(".wsgi")) || ends_with(s, SLICE(".asgi")))
		s.len -= 5;
	return stem(s);
}

/* `pkg.mod:app`, but not localhost:80 or unix:/path. */
static bool is_app(struct slice s)
{
	size_t n = module_len(s);

	if (n && n < s.len && s.p[n] == ':')
		return module_len((struct slice){ s.p + n + 1, s.len - n - 1 }) > 0;
	return n == s.len && (ends_with(s, SLICE(".wsgi")) || ends_with(s, SLICE(".asgi")));
}

static struct slice app_of(struct slice server, struct args a)
{
	struct slice arg;

	while ((arg = args_next(&a)).p) {
		if (slice_eq(arg, SLICE("-A")) || slice_eq(arg, SLICE("--app")))
			arg = args_next(&a);
		else if (arg.len > 6 && !memcmp(arg.p, "--app=", 6))
			arg = (struct slice){ arg.p + 6, arg.len - 6 };
		else if (!is_app(arg))
			continue;
		arg = module_name(arg);
		return arg.len ? arg : server;
	}
	return server;
}

/* An interpreter's process that wrote a title over its arguments. */
static struct slice from_title(struct slice title)
{
	struct slice word = title, app;
	const char *open;

	for (word.len = 0; word.len < title.len && !strchr(" :", title.p[word.len]);)
		word.len++;
	open = title.len ? memrchr(title.p, '[', title.len) : NULL;
	if (!open || !in_list(word, app_servers))
		return base_name(word);
	app = module_name((struct slice){ open + 1, title.p + title.len - open - 1 });
	return app.len ? app : word;
}

/* ---- the program's name ---- */

static struct slice java_name(struct slice script)
{
	struct slice s = stem(script);
	const char *dot = s.len ? memrchr(s.p, '.', s.len) : NULL;

	/* An archive and a source file have lost their extension; a class has a package. */
	if (s.len != base_name(script).len || !dot || dot + 1 == s.p + s.len)
		return s;
	return (struct slice){ dot + 1, s.p + s.len - dot - 1 };
}

static struct slice interpreted(const struct interpreter *in, struct args a)
{
	struct slice title = args_next(&a), script, name;
	bool module;

	if (!a.p || a.p >= a.end)
		return find_interpreter(base_name(title)) ? (struct slice){ 0 } : from_title(title);
	script = find_script(in, &a, &module);
	if (is(in, "java"))
		return java_name(script);
	if (is(in, "dotnet") && !ends_with(script, SLICE(".dll")) &&
	    !ends_with(script, SLICE(".exe")))
		return (struct slice){ 0 };
	name = module ? script : stem(script);
	return in_list(name, app_servers) ? app_of(name, a) : name;
}

void procname__from_program(char out[PROCNAME_MAX], const char *exe, const char *cmdline,
			    size_t len)
{
	struct args a = { cmdline, cmdline + len }, rest;
	struct slice argv0, base = base_name(slice_of(exe)), name = { 0 };
	const struct interpreter *in;

	if (len && *cmdline == '-')
		a.p++; /* a login shell */
	rest = a;
	argv0 = args_next(&rest);
	/* A title that blanked out the rest of the arguments leaves their NULs. */
	while (argv0.p && a.end > argv0.p + argv0.len + 1 && !a.end[-1])
		a.end--;
	if (!base.len || slice_eq(base, SLICE("busybox")))
		base = base_name(argv0); /* not readable; one executable for many programs */
	in = find_interpreter(base);
	if (in)
		name = interpreted(in, a);
	procname__clean(out, name.p, name.len);
	if (!*out)
		procname__clean(out, base.p, base.len);
}
