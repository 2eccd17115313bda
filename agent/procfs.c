// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slice.h"
#include "utf8.h"

#define PF_KTHREAD       0x00200000
#define TCP_STATE_LISTEN 0x0a

/* ---- files ---- */

int procfs__open(struct procfs *fs, const char *root)
{
	fs->fd = -1;
	if (!*root)
		return 0;
	fs->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fs->fd < 0 ? -errno : 0;
}

void procfs__close(struct procfs *fs)
{
	if (fs->fd >= 0)
		close(fs->fd);
	fs->fd = -1;
}

static int open_file(const struct procfs *fs, uint32_t tgid, const char *name, int flags)
{
	char path[64];
	int fd;

	if (fs->fd < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "%u/%s", tgid, name);
	fd = openat(fs->fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	return fd < 0 ? -errno : fd;
}

ssize_t procfs__read(const struct procfs *fs, uint32_t tgid, const char *name, char *buf,
		     size_t size)
{
	int fd = open_file(fs, tgid, name, 0);
	size_t len = 0;
	ssize_t n = 0;

	buf[0] = 0;
	if (fd < 0)
		return fd;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	if (n < 0 && !len)
		n = -errno;
	close(fd);
	buf[len] = 0;
	return len ? (ssize_t)len : n;
}

/* Field by field behind the name, which may hold spaces and parentheses. */
int procfs__stat(const struct procfs *fs, uint32_t tgid, struct procfs_stat *st)
{
	unsigned long long start;
	unsigned int ppid, flags;
	char buf[1024], *open, *end, state;
	long threads;

	*st = (struct procfs_stat){ 0 };
	if (procfs__read(fs, tgid, "stat", buf, sizeof(buf)) <= 0)
		return -ESRCH;
	open = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!open || !end || end < open ||
	    sscanf(end + 1,
		   " %c %u %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
		   &state, &ppid, &flags, &threads, &start) != 5)
		return -ESRCH;
	if (strchr("ZXx", state) && threads <= 1)
		return -ESRCH;
	st->ppid = ppid;
	st->kthread = flags & PF_KTHREAD;
	st->start_time = start;
	*end = 0;
	snprintf(st->comm, sizeof(st->comm), "%s", open + 1);
	return 0;
}

static ssize_t read_link(const struct procfs *fs, uint32_t tgid, const char *name, char *buf,
			 size_t size)
{
	char path[64];
	ssize_t n;

	buf[0] = 0;
	if (fs->fd < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "%u/%s", tgid, name);
	n = readlinkat(fs->fd, path, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	return n;
}

int procfs__exe(const struct procfs *fs, uint32_t tgid, char buf[PROCFS_EXE_MAX])
{
	static const char deleted[] = " (deleted)";
	ssize_t n = read_link(fs, tgid, "exe", buf, PROCFS_EXE_MAX);
	size_t tail = sizeof(deleted) - 1;

	if (n < 0)
		return n;
	if ((size_t)n > tail && !strcmp(buf + n - tail, deleted))
		buf[n - tail] = 0;
	return 0;
}

/* "name:[inode]" */
static uint64_t link_inode(const char *link, const char *name)
{
	size_t n = strlen(name);

	return strncmp(link, name, n) ? 0 : strtoull(link + n, NULL, 10);
}

uint64_t procfs__netns(const struct procfs *fs, uint32_t tgid)
{
	char link[64];

	return read_link(fs, tgid, "ns/net", link, sizeof(link)) < 0 ? 0
								     : link_inode(link, "net:[");
}

uint32_t procfs__tgid(const struct procfs *fs, uint32_t tid)
{
	char buf[4096];
	const char *line;

	if (procfs__read(fs, tid, "status", buf, sizeof(buf)) <= 0)
		return 0;
	line = strstr(buf, "\nTgid:");
	return line ? strtoul(line + 6, NULL, 10) : 0;
}

/* ---- iterators ---- */

static DIR *open_dir(int fd)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

int procfs__each_process(const struct procfs *fs, int (*cb)(void *arg, uint32_t tgid), void *arg)
{
	struct dirent *e;
	int rc = 0;
	DIR *d;

	d = open_dir(fs->fd < 0 ? -1 : openat(fs->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!d)
		return -ENOENT;
	while (!rc && (e = readdir(d))) {
		char *end;
		unsigned long pid = strtoul(e->d_name, &end, 10);

		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && !*end && pid <= UINT32_MAX)
			rc = cb(arg, pid);
	}
	closedir(d);
	return rc;
}

int procfs__each_socket(const struct procfs *fs, uint32_t tgid,
			int (*cb)(void *arg, uint64_t inode), void *arg)
{
	DIR *d = open_dir(open_file(fs, tgid, "fd", O_DIRECTORY));
	struct dirent *e;
	int rc = 0;

	if (!d)
		return -ENOENT;
	for (int i = 0; !rc && i < PROCFS_FDS_MAX && (e = readdir(d)); i++) {
		char link[64];
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
		uint64_t inode;

		if (n <= 0)
			continue;
		link[n] = 0;
		inode = link_inode(link, "socket:[");
		if (inode)
			rc = cb(arg, inode);
	}
	closedir(d);
	return rc;
}

/* The kernel lists the listeners first: the table ends, for us, at the first
 * other socket, and a hundred thousand connections cost nothing. */
static int each_listener_in(FILE *f, int (*cb)(void *arg, uint16_t port, uint64_t inode), void *arg)
{
	char line[512];
	int rc = 0;

	if (!fgets(line, sizeof(line), f))
		return 0;
	while (!rc && fgets(line, sizeof(line), f)) {
		unsigned int port, state;
		unsigned long long inode;

		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %llu", &port,
			   &state, &inode) != 3)
			continue;
		if (state != TCP_STATE_LISTEN)
			break;
		if (port <= UINT16_MAX && inode)
			rc = cb(arg, port, inode);
	}
	return rc;
}

int procfs__each_listener(const struct procfs *fs, uint32_t tgid,
			  int (*cb)(void *arg, uint16_t port, uint64_t inode), void *arg)
{
	static const char *const tables[] = { "net/tcp", "net/tcp6" };
	int rc = 0, opened = 0;

	for (size_t i = 0; !rc && i < 2; i++) {
		int fd = open_file(fs, tgid, tables[i], 0);
		FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

		if (!f) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		opened++;
		rc = each_listener_in(f, cb, arg);
		fclose(f);
	}
	return opened ? rc : -ENOENT;
}

/* ---- clean text ---- */

void procfs__clean(char out[PROCFS_NAME_MAX], const char *s, size_t len)
{
	size_t o = 0;

	while (len) {
		uint32_t cp = 0;
		size_t n = utf8_next(s, len, &cp), step = n ? n : 1;
		const char *from = n ? s : "\xef\xbf\xbd";

		n = n ? n : 3;
		if (from != s || (utf8_printable(cp) && (o || cp != ' '))) {
			if (o + n >= PROCFS_NAME_MAX)
				break;
			memcpy(out + o, from, n);
			o += n;
		}
		s += step;
		len -= step;
	}
	while (o && out[o - 1] == ' ')
		o--;
	out[o] = 0;
}

/* ---- names from the environment ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Decodes up to `size` bytes; a '%' without two hex digits stays as it is. */
static size_t percent_decode(char *out, size_t size, struct slice in)
{
	size_t o = 0;

	for (size_t i = 0; i < in.len && o < size; i++) {
		bool enc = in.p[i] == '%' && i + 2 < in.len && hex(in.p[i + 1]) >= 0 &&
			   hex(in.p[i + 2]) >= 0;

		out[o++] = enc ? (char)(hex(in.p[i + 1]) << 4 | hex(in.p[i + 2])) : in.p[i];
		i += enc ? 2 : 0;
	}
	return o;
}

static struct slice trim(struct slice s)
{
	while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.len--;
	while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static void set_attribute(struct procfs_name *n, struct slice key, struct slice value)
{
	char decoded[4 * PROCFS_NAME_MAX], *out;

	if (slice_eq(key, SLICE("service.name")))
		out = n->service;
	else if (slice_eq(key, SLICE("service.namespace")))
		out = n->namespace;
	else if (slice_eq(key, SLICE("service.instance.id")))
		out = n->instance;
	else
		return;
	procfs__clean(out, decoded, percent_decode(decoded, sizeof(decoded), value));
}

/* "key=value,key=value"; of two equal keys the last counts. */
static void resource_attributes(struct procfs_name *n, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, ",");
		const char *eq = memchr(s, '=', len);

		if (eq)
			set_attribute(n, trim((struct slice){ s, eq - s }),
				      trim((struct slice){ eq + 1, s + len - eq - 1 }));
		s += len + (s[len] == ',');
	}
}

/* The value of the first `name=`, as getenv() would find it, or NULL. */
static const char *find_env(const char *env, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = env, *nul; p < env + len; p = nul + 1) {
		nul = memchr(p, 0, env + len - p);
		if (!nul)
			break; /* cut off, or not terminated by its owner */
		if ((size_t)(nul - p) > n && p[n] == '=' && !memcmp(p, name, n))
			return p + n + 1;
	}
	return NULL;
}

void procfs__name_from_environ(struct procfs_name *n, const char *env, size_t len)
{
	const char *attributes = find_env(env, len, "OTEL_RESOURCE_ATTRIBUTES");
	const char *name = find_env(env, len, "OTEL_SERVICE_NAME");
	char clean[PROCFS_NAME_MAX];

	*n = (struct procfs_name){ 0 };
	if (attributes)
		resource_attributes(n, attributes);
	if (!name)
		return;
	procfs__clean(clean, name, strlen(name));
	if (*clean)
		memcpy(n->service, clean, sizeof(clean));
}

/* ---- names from the command line ---- */

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

void procfs__name_from_program(char out[PROCFS_NAME_MAX], const char *exe, const char *cmdline,
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
	procfs__clean(out, name.p, name.len);
	if (!*out)
		procfs__clean(out, base.p, base.len);
}
