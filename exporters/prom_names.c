// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names of OpenTelemetry as names of Prometheus, by the OpenTelemetry
 * specification ("Prometheus and OpenMetrics Compatibility") and as the
 * otlptranslator library that Prometheus itself uses does it, strategy
 * UnderscoreEscapingWithSuffixes:
 *
 *   name       cut into tokens at every character but [A-Za-z0-9:]
 *   + unit     unless a token says it already: s -> seconds, By/s -> bytes_per_second
 *   + type     counter -> total, gauge of unit 1 -> ratio; at the end, once
 */
#include "prom_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *ucum, *word;
};

static const struct unit units[] = {
	{ "s", "seconds" },      { "ms", "milliseconds" }, { "us", "microseconds" },
	{ "ns", "nanoseconds" }, { "min", "minutes" },     { "h", "hours" },
	{ "d", "days" },         { "By", "bytes" },        { "KiBy", "kibibytes" },
	{ "MiBy", "mebibytes" }, { "GiBy", "gibibytes" },  { "TiBy", "tebibytes" },
	{ "kBy", "kilobytes" },  { "KBy", "kilobytes" },   { "MBy", "megabytes" },
	{ "GBy", "gigabytes" },  { "TBy", "terabytes" },   { "m", "meters" },
	{ "V", "volts" },        { "A", "amperes" },       { "J", "joules" },
	{ "W", "watts" },        { "g", "grams" },         { "Cel", "celsius" },
	{ "Hz", "hertz" },       { "%", "percent" },       { "1", "" },
	{ NULL, NULL },
};

static const struct unit per_units[] = {
	{ "s", "second" }, { "m", "minute" }, { "min", "minute" }, { "h", "hour" }, { "d", "day" },
	{ "w", "week" },   { "mo", "month" }, { "y", "year" },     { NULL, NULL },
};

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == ':';
}

/* One half of a unit in words; "" when it is {an annotation} or not there. */
static void unit_word(char *out, size_t size, const struct unit *table, const char *ucum,
		      size_t len)
{
	size_t n = 0;

	out[0] = '\0';
	if (memchr(ucum, '{', len) || memchr(ucum, '}', len))
		return;
	for (const struct unit *u = table; u->ucum; u++) {
		if (strlen(u->ucum) == len && !memcmp(u->ucum, ucum, len)) {
			snprintf(out, size, "%s", u->word);
			return;
		}
	}
	for (size_t i = 0; i < len && n + 1 < size; i++) {
		if (name_char(ucum[i]))
			out[n++] = ucum[i];
		else if (n && out[n - 1] != '_')
			out[n++] = '_';
	}
	while (n && out[n - 1] == '_')
		n--;
	out[n] = '\0';
}

/* The tokens, joined by `_`, of which those equal to `without` are left out. */
static void join_tokens(char *out, size_t size, const char *name, const char *without)
{
	size_t len, n = 0;

	for (; *name; name += len) {
		for (len = 0; name_char(name[len]); len++)
			;
		if (len && !(without && strlen(without) == len && !memcmp(name, without, len)))
			n += snprintf(out + n, size - n, "%s%.*s", n ? "_" : "", (int)len, name);
		len += len == 0;
	}
	out[n] = '\0';
}

static bool has_token(const char *joined, const char *token)
{
	size_t len = strlen(token);

	for (const char *p = joined; (p = strstr(p, token)); p++) {
		if ((p == joined || p[-1] == '_') && (p[len] == '_' || p[len] == '\0'))
			return true;
	}
	return false;
}

static void append(char *name, const char *word)
{
	size_t n = strlen(name);

	if (*word)
		snprintf(name + n, PROM_NAME_MAX - n, "%s%s", n ? "_" : "", word);
}

/* Appends the unit's words to base and tells in `out` which ones the name now ends with. */
static void append_unit(char *base, char *out, const char *unit)
{
	char word[PROM_UNIT_MAX / 2], per[PROM_UNIT_MAX / 4];
	const char *slash = strchr(unit, '/');

	unit_word(word, sizeof(word), units, unit, slash ? (size_t)(slash - unit) : strlen(unit));
	unit_word(per, sizeof(per), per_units, slash ? slash + 1 : "",
		  slash ? strlen(slash + 1) : 0);
	snprintf(out, PROM_UNIT_MAX, "%s%s%s%s", word, *word && *per ? "_" : "", *per ? "per_" : "",
		 per);
	if (*word && !has_token(base, word))
		append(base, word);
	if (*per && !has_token(base, per)) {
		append(base, "per");
		append(base, per);
	}
}

static bool ends_with_word(const char *s, const char *word)
{
	size_t n = strlen(s), len = strlen(word);

	return len && n > len && s[n - len - 1] == '_' && !strcmp(s + n - len, word);
}

static enum prom_type type_of(enum metric_kind kind)
{
	switch (kind) {
	case METRIC_COUNTER:
		return PROM_COUNTER;
	case METRIC_HISTOGRAM:
		return PROM_HISTOGRAM;
	default: /* a sum that may fall is a gauge to Prometheus */
		return PROM_GAUGE;
	}
}

int prom_name__of(struct prom_name *n, const char *name, const char *unit, enum metric_kind kind)
{
	bool ratio = kind == METRIC_GAUGE && !strcmp(unit, "1");
	char tokens[PROM_NAME_MAX - 1];

	if (strlen(name) + PROM_UNIT_MAX + sizeof("__per__total") > PROM_NAME_MAX)
		return -ENAMETOOLONG;
	n->type = type_of(kind);
	join_tokens(tokens, sizeof(tokens), name,
		    n->type == PROM_COUNTER ? "total"
		    : ratio                 ? "ratio"
					    : NULL);
	if (!*tokens)
		return -EINVAL;
	snprintf(n->base, sizeof(n->base), "%s%s", isdigit((unsigned char)*tokens) ? "_" : "",
		 tokens);
	append_unit(n->base, n->unit, unit);
	if (ratio) {
		append(n->base, "ratio");
		strcpy(n->unit, "ratio");
	}
	/* OpenMetrics allows UNIT only where the name ends with it. */
	if (!ends_with_word(n->base, n->unit))
		n->unit[0] = '\0';
	strcpy(n->full, n->base);
	if (n->type == PROM_COUNTER)
		append(n->full, "total");
	return 0;
}

/* [A-Za-z_][A-Za-z0-9_]*, runs of anything else are one `_`. */
void prom_name__label(struct buf *out, const char *key)
{
	bool underscore = false;

	if (isdigit((unsigned char)*key))
		buf__puts(out, "key_");
	else if (!*key)
		buf__putc(out, '_');
	for (; *key; key++) {
		if (isalnum((unsigned char)*key))
			buf__putc(out, *key);
		else if (!underscore)
			buf__putc(out, '_');
		underscore = !isalnum((unsigned char)*key);
	}
}
