// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * driver OPTIONS...: what redeye knows of Kubernetes, without a kernel side. The options are
 * those of `redeye run`. Reads commands from standard input, answers each with a line of JSON:
 *
 *   cgroup TEXT       the identity of a process whose /proc/PID/cgroup is "0::TEXT"
 *   peer ADDRESS      the names of the pod with this address
 *   stats             what redeye's own metrics are made of
 *   reload OPTIONS    as after SIGHUP
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cjson/cJSON.h>

#include "k8s.h"
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "metrics.h"
#include "options.h"
#include "self_builder.h"
#include "span.h"

static struct options options;
static struct k8s *k;

static void print(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	puts(text);
	fflush(stdout);
	free(text);
	cJSON_Delete(o);
}

static void on_cgroup(const char *text)
{
	static struct k8s_identity id;
	cJSON *o = cJSON_CreateObject(), *attrs = cJSON_AddObjectToObject(o, "attrs");
	struct container c;
	char line[4096];

	snprintf(line, sizeof(line), "0::%s\n", text);
	container__parse(&c, line, strlen(line));
	k8s_identity__of(&id, &c, k8s_table__of(k8s__table(k), &c), k8s__naming(k));
	cJSON_AddStringToObject(o, "service", id.name.service);
	cJSON_AddStringToObject(o, "namespace", id.name.namespace);
	cJSON_AddStringToObject(o, "instance", id.name.instance);
	cJSON_AddBoolToObject(o, "own", k8s__is_own(k, &c));
	for (uint32_t i = 0; i < id.n; i++)
		cJSON_AddStringToObject(attrs, id.attrs[i].key, id.attrs[i].value);
	print(o);
}

static void on_peer(const char *text)
{
	struct span s = { .family = AF_INET, .peer_addr = { [10] = 0xff, [11] = 0xff } };
	cJSON *o = cJSON_CreateObject();
	char name[256];

	if (inet_pton(AF_INET, text, s.peer_addr + 12) != 1)
		inet_pton(AF_INET6, text, s.peer_addr);
	k8s__name_peer(k, &s);
	snprintf(name, sizeof(name), "%.*s", (int)s.peer_service.len, s.peer_service.p);
	cJSON_AddStringToObject(o, "service", name);
	snprintf(name, sizeof(name), "%.*s", (int)s.peer_namespace.len, s.peer_namespace.p);
	cJSON_AddStringToObject(o, "namespace", name);
	print(o);
}

static void add_metrics(cJSON *o)
{
	struct metrics *m = metrics__new(unix_ns());
	struct self_builder b = { m, 1 };

	k8s__metrics(k, &b);
	for (uint32_t f = 0; f < m->n_families; f++) {
		const struct metric_family *family = &m->families[f];

		for (uint32_t i = 0; i < family->n_points; i++) {
			const struct metric_point *p = &family->points[i];

			cJSON_AddNumberToObject(o, p->n_attrs ? p->attrs[0].str : family->name,
						p->value);
		}
	}
	metrics__put(m);
}

static void on_stats(void)
{
	cJSON *o = cJSON_CreateObject();
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	add_metrics(o);
	cJSON_AddNumberToObject(o, "resident", memory__resident_bytes());
	cJSON_AddNumberToObject(o, "cpu",
				ru.ru_utime.tv_sec + ru.ru_utime.tv_usec / 1e6 +
					ru.ru_stime.tv_sec + ru.ru_stime.tv_usec / 1e6);
	print(o);
}

static int parse(struct options *o, char *text)
{
	char *argv[64] = { "run" }, err[512];
	int argc = 1;

	for (char *word = strtok(text, " "); word && argc < 63; word = strtok(NULL, " "))
		argv[argc++] = word;
	if (!options__parse(o, "run", argc, argv, err, sizeof(err)))
		return 0;
	fprintf(stderr, "driver: %s\n", err);
	return -1;
}

static void on_reload(char *text)
{
	static struct options fresh; /* valid until the next */

	if (!parse(&fresh, text))
		k8s__reload(k, &fresh);
	puts("{}");
	fflush(stdout);
}

static void on_command(char *line)
{
	char *argument = line + strcspn(line, " ");

	if (*argument)
		*argument++ = 0;
	if (!strcmp(line, "cgroup"))
		on_cgroup(argument);
	else if (!strcmp(line, "peer"))
		on_peer(argument);
	else if (!strcmp(line, "stats"))
		on_stats();
	else if (!strcmp(line, "reload"))
		on_reload(argument);
	else
		puts("{\"error\":\"no such command\"}");
}

int main(int argc, char **argv)
{
	struct pollfd fds[] = { { .events = POLLIN }, { .events = POLLIN } };
	char err[512], line[4096];

	argv[0] = "run";
	if (options__parse(&options, "run", argc, argv, err, sizeof(err))) {
		fprintf(stderr, "driver: %s\n", err);
		return 2;
	}
	log__init(options.log_level);
	err[0] = 0;
	if (k8s__new(&k, &options, err, sizeof(err)) < 0) {
		fprintf(stderr, "driver: %s\n", err);
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	fds[1].fd = k ? k8s__fd(k) : -1;
	while (poll(fds, 2, -1) >= 0) {
		if (fds[1].revents)
			k8s__read(k);
		if (!fds[0].revents)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		line[strcspn(line, "\n")] = 0;
		on_command(line);
	}
	k8s__free(k);
	options__free(&options);
	return 0;
}
