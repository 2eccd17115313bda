/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything a user can set, in one structure; options.c holds the one table
 * from which the flags, the environment variables, the configuration file,
 * `--help` and `redeye config` are made. Precedence: flag > environment >
 * file > default. A list given by a higher level replaces the lower one's.
 */
#ifndef RED_OPTIONS_H
#define RED_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct opt_origin; /* options_internal.h */

struct str_list {
	char **v;
	size_t n;
};

/* One selection: a process matches when any of the four lists, or `all`, says so. */
struct selection {
	uint32_t *pids;
	size_t n_pids;
	uint16_t *ports;
	size_t n_ports;
	struct str_list exes;    /* fnmatch globs on the executable's path */
	struct str_list cgroups; /* cgroup path, or a glob on it, as in /proc/PID/cgroup */
	bool all;
};

enum backend_id {
	BACKEND_AUTO = 0,
	BACKEND_SOCK = 1,
	BACKEND_FENTRY = 2,
	BACKEND_KPROBE = 3,
	BACKEND_SYSCALL = 4,
};

struct options {
	/* what to watch */
	struct selection include, exclude;
	enum backend_id backend;

	/* names */
	struct str_list services; /* "GLOB=NAME": executables that match GLOB are NAME */
	struct str_list routes;   /* "/users/{id}": configured templates, first match wins */
	bool learn_routes;
	uint32_t max_routes;           /* learned templates per service */
	struct str_list known_methods; /* empty: the conventions' set */

	/* metrics */
	char *listen; /* "127.0.0.1:9464", "[::1]:9464", "none" */
	char *listen_tls_cert, *listen_tls_key, *listen_token_file;
	uint32_t cardinality_limit; /* series per metric */
	uint64_t series_expiry_ns;  /* idle series of ended processes go after this */
	bool body_size_metrics;

	/* limits */
	uint64_t memory_limit_bytes;
	uint32_t max_connections;
	uint64_t ring_bytes; /* power of two, multiple of the page size */

	/* running */
	uint64_t duration_ns; /* 0: until a signal */
	bool table;           /* live RED table on standard output */
	bool bpf_stats;       /* let the kernel measure each BPF program's run time */
	int log_level;        /* enum log_level */
	char *config_file;

	/* record, replay, doctor */
	char *output; /* record: the file to write */
	char *input;  /* replay: the file to read (operand) */
	bool json;    /* replay: print transactions; doctor: machine-readable */
	bool metrics; /* replay: print what /metrics would say */

	struct opt_origin *origins; /* private: where each value came from */
};

/*
 * Fills *o, whatever it held, for `command` ("run", "record", "replay", "doctor",
 * "config") from argv (argv[0] is the command), environment, configuration file
 * and defaults. A flag that the command does not have is an error; a variable or
 * a file key that belongs to another command is checked and then ignored, so that
 * one file serves all commands. Keeps no state between calls: a reload parses the
 * same argv into a fresh structure.
 *
 * Returns 0; 1 after printing --help; -EINVAL (or -errno) and one exact sentence in
 * err, with file and line when the value came from a file. Unless it returns 0, *o
 * is left zeroed.
 */
int options__parse(struct options *o, const char *command, int argc, char **argv, char *err,
		   size_t err_size);
void options__free(struct options *o); /* accepts NULL and a zeroed structure; zeroes it */

/* `redeye config`: every option of the command as YAML that --config reads back, each
 * with a comment that says where its value came from. */
void options__print(const struct options *o, const char *command, FILE *to);

#endif /* RED_OPTIONS_H */
