/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "install/preset.h"

/* What the services of a certificate want, by the presets' rows. */

static void add_argv(struct install_commands *commands, const char *const *argv)
{
	struct strlist *list = argv ? install_commands_add(commands) : NULL;

	for (; argv && *argv; argv++)
		strlist_add(list, *argv);
}

/* Its presets, in order; the one of reload is the last. */
struct rows {
	const struct preset **items;
	size_t len;
	const struct preset *last; /* of reload, where that is a preset's name */
};

static void rows_deinit(struct rows *rows)
{
	free(rows->items);
}

static void rows_init(struct rows *rows, const struct config_certificate *certificate)
{
	const struct strlist *services = &certificate->services;
	size_t size = sizeof(const struct preset *);

	*rows = (struct rows){ .items = xcalloc(services->len + 1, size) };
	for (size_t i = 0; i < services->len; i++) {
		const struct preset *preset = preset_find(services->items[i]);

		if (preset)
			rows->items[rows->len++] = preset;
	}
	/* One that stands in both places is meant once. */
	if (certificate->reload_preset &&
	    !strlist_has(services, certificate->reload_preset))
		rows->last = preset_find(certificate->reload_preset);
	if (rows->last)
		rows->items[rows->len++] = rows->last;
}

void fleet_service(const struct config_certificate *certificate,
                   struct install_commands *tests, struct install_commands *reloads)
{
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	bool has_test = certificate->test.len > 0;

	rows_init(&rows, certificate);
	for (size_t i = 0; i < rows.len; i++) {
		if (!has_test || rows.items[i] != rows.last)
			add_argv(tests, rows.items[i]->test);
		add_argv(reloads, rows.items[i]->reload);
	}
	if (has_test)
		strlist_copy(install_commands_add(tests), &certificate->test);
	if (!certificate->reload_preset && certificate->reload.len)
		strlist_copy(install_commands_add(reloads), &certificate->reload);
}

unsigned fleet_formats(const struct config_certificate *certificate)
{
	const struct strlist *wanted = &certificate->install.formats;
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	enum install_format format;
	unsigned formats = 0;

	rows_init(&rows, certificate);
	for (size_t i = 0; !wanted->len && i < rows.len; i++)
		formats |= rows.items[i]->formats;
	for (size_t i = 0; i < wanted->len; i++)
		if (install_format_find(wanted->items[i], &format))
			formats |= 1U << format;
	return formats & ~(1U << INSTALL_PEM);
}

/* "25/smtp"; its form was checked. */
static struct fleet_probe read_port(const char *text)
{
	size_t len = strcspn(text, "/");
	struct fleet_probe probe = { 0 };
	char number[8];
	int64_t port;

	snprintf(number, sizeof(number), "%.*s", (int)len, text);
	if (str_to_i64(number, 1, UINT16_MAX, &port))
		probe.port = (uint16_t)port;
	if (text[len])
		(void)probe_protocol_find(text + len + 1, &probe.protocol);
	return probe;
}

/* A port that a service has by itself keeps its protocol; another port of a service that
 * is alone is thought to speak as that one does at its first. */
static enum probe_protocol guess(const struct rows *rows, uint16_t port)
{
	for (size_t i = 0; i < rows->len; i++)
		for (const struct preset_probe *p = rows->items[i]->probes; p->port; p++)
			if (p->port == port)
				return p->protocol;
	return rows->len == 1 ? rows->items[0]->probes[0].protocol : PROBE_TLS;
}

struct fleet_probe *fleet_probes(const struct config_certificate *certificate,
                                 size_t *count)
{
	const struct config_probe *probe = &certificate->probe;
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	struct fleet_probe *out;
	size_t len = 0;

	rows_init(&rows, certificate);
	out = xcalloc(rows.len * PRESET_PROBES_MAX + probe->ports.len + 1, sizeof(*out));
	for (size_t i = 0; i < probe->ports.len; i++)
		out[len++] = read_port(probe->ports.items[i]);
	if (probe->port) {
		out[len] = (struct fleet_probe){ probe->port, guess(&rows, probe->port) };
		if (probe->protocol)
			(void)probe_protocol_find(probe->protocol, &out[len].protocol);
		len++;
	}
	bool has_own = len > 0;
	for (size_t i = 0; !has_own && i < rows.len; i++)
		for (const struct preset_probe *p = rows.items[i]->probes; p->port; p++)
			out[len++] = (struct fleet_probe){ p->port, p->protocol };
	*count = probe->is_off ? 0 : len;
	return out;
}
