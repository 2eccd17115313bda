// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flags, the order of precedence, and what several options must agree on. The other
 * options_*.c files are introduced in options_internal.h. */
#include "options_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

#define HELP 1 /* --help was printed */

struct opt_origin *opt__origin(const struct options *o, const struct opt *opt)
{
	return &o->origins[opt - opt_table];
}

int opt__fail(struct opt_parse *p, const struct opt_source *src, const char *fmt, ...)
{
	va_list args;
	int n = 0;

	if (src && src->file)
		n = snprintf(p->err, p->err_size, "%s:%u: ", src->file, src->line);
	if (n < 0 || (size_t)n >= p->err_size)
		return -EINVAL;
	va_start(args, fmt);
	vsnprintf(p->err + n, p->err_size - n, fmt, args);
	va_end(args);
	return -EINVAL;
}

int opt__warn(struct opt_parse *p, const char *fmt, ...)
{
	struct str_list *l = &p->o->warnings;
	char **v = realloc(l->v, (l->n + 1) * sizeof(*v)), *text = NULL;
	va_list args;
	int n;

	if (!v)
		return -ENOMEM;
	l->v = v;
	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	l->v[l->n++] = text;
	return 0;
}

static int no_memory(struct opt_parse *p)
{
	opt__fail(p, NULL, "out of memory");
	return -ENOMEM;
}

/* Whether src decides this option: the command has it and nothing stronger set it. */
static bool wanted(const struct opt_parse *p, const struct opt *opt, const struct opt_source *src)
{
	if (src->level == LEVEL_DEFAULT)
		return opt__origin(p->o, opt)->level == LEVEL_UNSET;
	return (opt->commands & p->cmd->bit) && opt__origin(p->o, opt)->level <= src->level;
}

int opt__set(struct opt_parse *p, const struct opt *opt, const struct opt_source *src,
	     const char *text)
{
	bool store = wanted(p, opt, src);
	struct slice bad = { 0 };
	char want[256];
	int err = 0;

	if (text)
		err = opt__parse_value(store ? p->o : &p->ignored, opt, text, &bad);
	if (err == -ENOMEM)
		return no_memory(p);
	if (err) {
		opt__want(opt, want, sizeof(want));
		if (opt__is_secret(opt, text))
			return opt__fail(p, src, "bad value for %s: want %s", src->name, want);
		return opt__fail(p, src, "bad value '%.*s' for %s: want %s", (int)bad.len, bad.p,
				 src->name, want);
	}
	if (store) {
		opt__origin(p->o, opt)->level = src->level;
		opt__origin(p->o, opt)->env_alias = src->env_alias;
	}
	return 0;
}

/* ---- flags ---- */

struct args {
	char **v;
	int n, next;
};

struct flag {
	const struct opt *opt; /* NULL: there is no such flag */
	bool no;               /* --no-name */
	const char *value;     /* behind '=', or NULL */
	char name[48];         /* as written, without the value */
};

static struct flag find_long(const struct opt_command *cmd, const char *arg)
{
	size_t len = strcspn(arg, "=");
	struct flag f = { .opt = opt__find_flag(cmd, arg + 2, len - 2) };

	if (!f.opt && !strncmp(arg, "--no-", 5)) {
		f.opt = opt__find_flag(cmd, arg + 5, len - 5);
		f.no = f.opt && f.opt->type == OPT_BOOL;
		f.opt = f.no ? f.opt : NULL;
	}
	f.value = arg[len] ? arg + len + 1 : NULL;
	snprintf(f.name, sizeof(f.name), "%.*s", (int)len, arg);
	return f;
}

static struct flag find_short(const char *arg)
{
	struct flag f = { .value = arg[2] ? arg + 2 : NULL };

	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (opt->letter == arg[1])
			f.opt = opt;
	}
	snprintf(f.name, sizeof(f.name), "-%c", arg[1]);
	return f;
}

static int unknown_flag(struct opt_parse *p, const char *arg)
{
	bool no = !strncmp(arg, "--no-", 5);
	char word[48];
	struct nearest near = { .word = word };

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(arg, "="), arg);
	memmove(word, word + (no ? 5 : 2), sizeof(word) - 5);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if ((opt->commands & p->cmd->bit) && (!no || opt->type == OPT_BOOL))
			nearest__try(&near, opt->name);
	}
	if (near.best)
		return opt__fail(p, NULL, "unknown option %.*s, did you mean --%s%s?",
				 (int)strcspn(arg, "="), arg, no ? "no-" : "", near.best);
	return opt__fail(p, NULL, "unknown option %.*s: see redeye %s --help",
			 (int)strcspn(arg, "="), arg, p->cmd->name);
}

static int parse_flag(struct opt_parse *p, struct args *a)
{
	const char *arg = a->v[a->next++];
	struct flag f = arg[1] == '-' ? find_long(p->cmd, arg) : find_short(arg);
	struct opt_source src = { .level = LEVEL_FLAG, .name = f.name };

	if (!f.opt)
		return unknown_flag(p, arg);
	if (!(f.opt->commands & p->cmd->bit))
		return opt__fail(p, NULL, "redeye %s has no option %s", p->cmd->name, f.name);
	if (f.no && f.value)
		return opt__fail(p, NULL, "%s takes no value", f.name);
	if (f.opt->type == OPT_BOOL)
		return opt__set(p, f.opt, &src, f.value ? f.value : f.no ? "false" : "true");
	/* The next argument is the value, unless it is a flag: --exe --all is a slip. */
	if (!f.value && a->next < a->n && strncmp(a->v[a->next], "--", 2))
		f.value = a->v[a->next++];
	if (!f.value)
		return opt__fail(p, NULL, "missing value: %s %s", f.name, f.opt->metavar);
	return opt__set(p, f.opt, &src, f.value);
}

static int parse_operand(struct opt_parse *p, const char *arg)
{
	if (!p->cmd->operand)
		return opt__fail(p, NULL, "unexpected argument '%s': redeye %s takes options only",
				 arg, p->cmd->name);
	if (p->o->input)
		return opt__fail(p, NULL, "unexpected argument '%s': redeye %s takes one %s", arg,
				 p->cmd->name, p->cmd->operand);
	p->o->input = strdup(arg);
	return p->o->input ? 0 : no_memory(p);
}

static int parse_args(struct opt_parse *p, int argc, char **argv)
{
	struct args a = { .v = argv, .n = argc, .next = 1 };
	bool operands_only = false;
	const char *arg;
	int err = 0;

	while (!err && a.next < a.n) {
		arg = a.v[a.next];
		if (operands_only || arg[0] != '-' || !arg[1]) {
			err = parse_operand(p, a.v[a.next++]);
		} else if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
			opt__print_help(p->cmd, stdout);
			err = HELP;
		} else if (!strcmp(arg, "--")) {
			operands_only = true;
			a.next++;
		} else {
			err = parse_flag(p, &a);
		}
	}
	return err;
}

/* ---- the whole ---- */

static int read_file(struct opt_parse *p)
{
	return p->o->config_file ? opt__read_file(p, p->o->config_file) : 0;
}

static int set_defaults(struct opt_parse *p)
{
	struct opt_source src = { .level = LEVEL_DEFAULT };
	int err = 0;

	for (const struct opt *opt = opt_table; !err && opt < opt_table + opt_table_n; opt++) {
		src.name = opt->name;
		if (wanted(p, opt, &src))
			err = opt__set(p, opt, &src, opt->def);
	}
	return err;
}

/* A command line is everybody's to read. */
static int warn_of_secrets(struct opt_parse *p)
{
	char name[64];
	int err = 0;

	for (const struct opt *opt = opt_table; !err && opt < opt_table + opt_table_n; opt++) {
		if (opt__origin(p->o, opt)->level != LEVEL_FLAG ||
		    !opt__is_secret(opt, opt__text(p->o, opt)))
			continue;
		opt__env_name(opt, name, sizeof(name));
		err = opt__warn(p,
				"every user of this machine can read --%s of a command line: use %s"
				" or a file",
				opt->name, opt->env_alias ? opt->env_alias : name);
	}
	return err;
}

#define HISTORY_MIN (1 << 20)

static int check(struct opt_parse *p)
{
	const struct selection *s = &p->o->include;
	const struct options *o = p->o;

	if (o->listen_tls_cert && !o->listen_tls_key)
		return opt__fail(p, NULL, "listen-tls-cert needs listen-tls-key");
	if (o->listen_tls_key && !o->listen_tls_cert)
		return opt__fail(p, NULL, "listen-tls-key needs listen-tls-cert");
	if (o->history_limit_bytes && o->history_limit_bytes < HISTORY_MIN)
		return opt__fail(p, NULL, "history-limit is too small: want 0, or 1MiB or more");
	if (p->cmd->operand && !o->input)
		return opt__fail(p, NULL, "missing %s: redeye %s %s", p->cmd->operand, p->cmd->name,
				 p->cmd->operand);
	if (p->cmd->selects && !s->n_ports && !s->exes.n && !s->n_pids && !s->cgroups.n &&
	    !s->k8s_namespaces.n && !s->k8s_labels.n && !s->k8s_annotations.n && !s->images.n &&
	    !s->all)
		return opt__fail(p, NULL,
				 "nothing selected: use --port, --exe, --pid, --cgroup, "
				 "--k8s-namespace or --all");
	if (p->cmd->writes && !o->output)
		return opt__fail(p, NULL, "nowhere to write: use --output FILE");
	return 0;
}

int options__parse(struct options *o, const char *command, int argc, char **argv, char *err,
		   size_t err_size)
{
	struct opt_parse p = { .o = o, .err = err, .err_size = err_size };
	int ret;

	*o = (struct options){ 0 };
	p.cmd = opt__command(command);
	if (!p.cmd)
		return opt__fail(&p, NULL, "redeye %s takes no options", command);
	o->origins = calloc(opt_table_n, sizeof(*o->origins));
	if (!o->origins)
		return no_memory(&p);
	ret = parse_args(&p, argc, argv);
	if (!ret)
		ret = opt__read_env(&p);
	if (!ret)
		ret = read_file(&p);
	if (!ret)
		ret = set_defaults(&p);
	if (!ret)
		ret = check(&p);
	if (!ret)
		ret = warn_of_secrets(&p);
	options__free(&p.ignored);
	if (ret)
		options__free(o);
	return ret;
}

bool options__selects(const struct options *o)
{
	const struct selection *s = &o->include;
	const struct {
		const void *field;
		bool any;
	} parts[] = {
		{ &s->ports, s->n_ports },
		{ &s->pids, s->n_pids },
		{ &s->exes.v, s->exes.n },
		{ &s->cgroups.v, s->cgroups.n },
		{ &s->all, s->all },
		{ &s->k8s_namespaces.v, s->k8s_namespaces.n },
		{ &s->k8s_labels.v, s->k8s_labels.n },
		{ &s->k8s_annotations.v, s->k8s_annotations.n },
		{ &s->images.v, s->images.n },
	};
	bool selects = false;

	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		enum opt_level level = opt__origin(o, opt)->level;

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			selects |= parts[i].any && (level == LEVEL_FLAG || level == LEVEL_FILE) &&
				   (const char *)o + opt->offset == parts[i].field;
	}
	return selects;
}

void options__free(struct options *o)
{
	if (!o)
		return;
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++)
		opt__free_value(o, opt);
	for (size_t i = 0; i < o->warnings.n; i++)
		free(o->warnings.v[i]);
	free(o->warnings.v);
	free(o->input);
	free(o->origins);
	*o = (struct options){ 0 };
}
