/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the options*.c files share, and tests look at; everybody else wants options.h.
 *
 *   options_table.c  the table: one row an option
 *   options_value.c  the types: text to value, value to text, what is allowed
 *   options_env.c    REDEYE_* and the standard OTEL_* variables
 *   options_file.c   the configuration file
 *   options_print.c  --help and `redeye config`
 *   options.c        flags, order of precedence, checks across options
 *
 * The sources are read from the strongest to the weakest: flags, environment, file,
 * defaults. A value is stored unless a stronger source has set that option, so a list
 * of one source is never mixed with that of another, and --config is known when the
 * file's turn comes. What is not stored goes to a scratch structure: it is checked
 * all the same.
 */
#ifndef RED_OPTIONS_INTERNAL_H
#define RED_OPTIONS_INTERNAL_H

#include "options.h"
#include "slice.h"

enum opt_type {
	OPT_BOOL,
	OPT_U32,
	OPT_DURATION, /* uint64_t, ns */
	OPT_BYTES,    /* uint64_t */
	OPT_STRING,   /* char *, NULL when empty */
	OPT_ENUM,     /* int: index into names */
	OPT_STRS,     /* struct str_list, one value each (globs may hold a comma) */
	OPT_WORDS,    /* struct str_list, comma-separated */
	OPT_PORTS,    /* uint16_t *, comma-separated */
	OPT_PIDS,     /* uint32_t *, comma-separated */
};

/* bits */
enum opt_cmd {
	CMD_RUN = 1,
	CMD_RECORD = 2,
	CMD_REPLAY = 4,
	CMD_DOCTOR = 8,
	CMD_SIGNATURES = 16,
	CMD_TOP = 32,
	CMD_TAIL = 64,
};

struct opt {
	const char *name; /* of the flag and of the file's key; REDEYE_<NAME> of the variable */
	char letter;      /* short flag, 0 for none */
	enum opt_type type;
	size_t offset;                   /* in struct options */
	size_t count;                    /* lists: offset of the number of elements */
	const char *def;                 /* as text; NULL: false, empty */
	uint64_t min, max;               /* in the field's unit; used when max is not 0 */
	const char *const *names;        /* OPT_ENUM, NULL at its end */
	bool power_of_two;               /* round up to one */
	bool no_key;                     /* not in a file */
	bool flag_only;                  /* nor in the environment; may share its name */
	bool (*valid)(const char *text); /* a string's or list element's own check */
	const char *want;                /* what `valid` accepts: "want ..." */
	unsigned int commands;           /* enum opt_cmd */
	const char *env_alias;           /* a standard variable that means the same */
	bool env_ms;                     /* of which a bare number is milliseconds */
	bool env_words;                  /* of which the case does not matter */
	const char *(*env_means)(const char *value); /* what it is called here; NULL: the same */
	bool secret;                                 /* its value is not shown */
	bool secret_url;                             /* nor is its, when it has a user or a query */
	bool quiet;        /* not in --help, which says it in one line for many */
	const char *group; /* heading in --help */
	const char *metavar, *help;
};

struct opt_command {
	const char *name;
	enum opt_cmd bit;
	const char *operand; /* "FILE": one is wanted; NULL: none is taken */
	const char *what;    /* --help's first sentence */
	bool selects;        /* a selection is required */
	bool writes;         /* --output is required */
};

extern const struct opt opt_table[];
extern const size_t opt_table_n;

/* The option that a file or a variable means; NULL when there is none. */
const struct opt *opt__find(const char *name, size_t len);
/* What --name is to this command; another command's when it has none of that name. */
const struct opt *opt__find_flag(const struct opt_command *cmd, const char *name, size_t len);
const struct opt_command *opt__command(const char *name);
bool opt__valid_port(const char *text); /* 0 to 65535 */
/* Whether the text, as a value of this option, is a credential or holds one. */
bool opt__is_secret(const struct opt *opt, const char *text);

/* Weakest first. */
enum opt_level {
	LEVEL_UNSET = 0,
	LEVEL_DEFAULT = 1,
	LEVEL_FILE = 2,
	LEVEL_ENV = 3,
	LEVEL_FLAG = 4,
};

/* Who set an option; one for each row of the table. */
struct opt_origin {
	enum opt_level level;
	unsigned int file_line; /* where the file has it, even when overridden; 0: nowhere */
	const char *env_alias;  /* LEVEL_ENV: NULL means REDEYE_<NAME> */
};

struct opt_source {
	enum opt_level level;
	const char *name; /* as the user wrote it: "--port", "REDEYE_PORT", "port" */
	const char *file; /* LEVEL_FILE: its name, and the line */
	unsigned int line;
	const char *env_alias;
};

struct opt_parse {
	struct options *o;
	struct options ignored; /* where values go that are checked but not wanted */
	const struct opt_command *cmd;
	char *err;
	size_t err_size;
};

/* ---- options_value.c ---- */

bool opt__is_list(const struct opt *opt);
/* 0, -EINVAL (the text is not such a value), -ENOMEM. Lists are appended to. *bad is
 * the part of the text that was read last: after -EINVAL, the wrong one. */
int opt__parse_value(struct options *o, const struct opt *opt, const char *text, struct slice *bad);
void opt__free_value(struct options *o, const struct opt *opt);
void opt__print_value(const struct options *o, const struct opt *opt, FILE *to); /* YAML */
/* Of an OPT_STRING; NULL when it is not set, and of other types. */
const char *opt__text(const struct options *o, const struct opt *opt);
void opt__want(const struct opt *opt, char *buf, size_t size); /* "a port from 1 to 65535" */

/* ---- options.c ---- */

/* Stores text, or says in p->err what is wrong with it. NULL only notes the origin:
 * an empty list. */
int opt__set(struct opt_parse *p, const struct opt *opt, const struct opt_source *src,
	     const char *text);
struct opt_origin *opt__origin(const struct options *o, const struct opt *opt);
/* Writes the sentence, behind FILE:LINE: when src (may be NULL) has them. Returns -EINVAL. */
int opt__fail(struct opt_parse *p, const struct opt_source *src, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Goes on, but has something to say. 0 or -ENOMEM. */
int opt__warn(struct opt_parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- options_env.c, options_file.c, options_print.c ---- */

void opt__env_name(const struct opt *opt, char *buf, size_t size);
int opt__read_env(struct opt_parse *p);
int opt__read_file(struct opt_parse *p, const char *path);
int opt__read_yaml(struct opt_parse *p, const char *file, const char *text, size_t len);
/* What it is for, then in parentheses what it may be and what it is; for any option at most 511
 * bytes. */
void opt__note(const struct opt *opt, char *note, size_t size);
void opt__print_help(const struct opt_command *cmd, FILE *to);

#endif /* RED_OPTIONS_INTERNAL_H */
