/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* References: what is named in one place and defined in another. */

/* Host and group names, sorted: a fleet has thousands. */
struct entry {
	const char *name;
	size_t host; /* its index */
	bool is_group;
};

struct index {
	struct entry *entries;
	size_t len;
};

static int by_name(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;
	int order = strcmp(first->name, second->name);

	if (!order)
		order = first->is_group - second->is_group;
	return order ? order
	             : (first->host > second->host) - (first->host < second->host);
}

static void index_hosts(const struct config *config, struct index *index)
{
	size_t count = config->host_count;

	for (size_t i = 0; i < config->host_count; i++)
		count += config->hosts[i].groups.len;
	index->entries = xcalloc(count + 1, sizeof(*index->entries));
	for (size_t i = 0; i < config->host_count; i++) {
		const struct config_host *host = &config->hosts[i];

		index->entries[index->len++] = (struct entry){ host->name, i, false };
		for (size_t j = 0; j < host->groups.len; j++)
			index->entries[index->len++] =
			    (struct entry){ host->groups.items[j], i, true };
	}
	qsort(index->entries, index->len, sizeof(*index->entries), by_name);
}

/* The first entry of that name, or NULL; the others follow it. */
static const struct entry *index_find(const struct index *index, const char *name)
{
	size_t low = 0, high = index->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(index->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->len && str_eq(index->entries[low].name, name)
	           ? &index->entries[low]
	           : NULL;
}

static void check_hosts(struct load *load, const struct index *index)
{
	struct config *config = &load->draft.config;

	for (size_t i = 0; i < config->host_count; i++) {
		struct config_host *host = &config->hosts[i];

		if (!host->address)
			host->address = xstrdup(host->name);
	}
	for (size_t i = 1; i < index->len; i++) {
		const struct entry *entry = &index->entries[i], *before = entry - 1;
		struct strlist *groups = &config->hosts[entry->host].groups;

		if (!str_eq(entry->name, before->name) || !entry->is_group ||
		    before->is_group)
			continue;
		for (size_t j = 0; j < groups->len; j++)
			if (str_eq(groups->items[j], entry->name))
				problem_at(load,
				           place_find(load, groups, (int)j,
				                      &config->hosts[entry->host]),
				           "'%s' is a host and a group; another name "
				           "for one of them",
				           entry->name);
	}
}

static void unknown_host(struct load *load, const struct index *index,
                         const struct draft_certificate *draft, size_t item)
{
	AUTO_STRLIST struct strlist known = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(1000);
	const char *name = draft->hosts.items[item];

	for (size_t i = 0; i < index->len; i++)
		if (i == 0 || !str_eq(index->entries[i].name, index->entries[i - 1].name))
			strlist_add(&known, index->entries[i].name);
	suggest(name, &known, &text);
	problem_at(load, place_find(load, &draft->hosts, (int)item, draft),
	           "no host or group '%s'; %s", name, text.data);
}

static void add_host(struct config_certificate *certificate,
                     const struct config_host *host, size_t *seen, size_t stamp,
                     size_t index)
{
	if (seen[index] == stamp)
		return;
	seen[index] = stamp;
	certificate->hosts[certificate->host_count++] = host;
}

/* seen[host] is the number of the last certificate that took the host. */
static void resolve_hosts(struct load *load, const struct index *index,
                          struct draft_certificate *draft, size_t *seen)
{
	struct config *config = &load->draft.config;
	struct config_certificate *certificate = &draft->certificate;
	size_t stamp = (size_t)(draft - load->draft.certificates) + 1;

	certificate->hosts = xcalloc(config->host_count + 1, sizeof(void *));
	for (size_t i = 0; i < draft->hosts.len; i++) {
		const char *name = draft->hosts.items[i];
		const struct entry *end = index->entries + index->len;
		const struct entry *entry = index_find(index, name);

		if (!entry)
			unknown_host(load, index, draft, i);
		for (; entry && entry < end && str_eq(entry->name, name); entry++)
			add_host(certificate, &config->hosts[entry->host], seen, stamp,
			         entry->host);
	}
	certificate->hosts = xrealloc(certificate->hosts, certificate->host_count + 1,
	                              sizeof(void *));
}

/* cas or dns: an array of entries, each of which starts with its name. */
struct choice {
	const char *key, *section;
	const char *array;
	size_t count, size;
};

static const char *choice_name(const struct choice *choice, size_t i)
{
	const void *entry = choice->array + i * choice->size;

	return *(char *const *)entry;
}

static const void *choice_find(const struct choice *choice, const char *wanted)
{
	for (size_t i = 0; i < choice->count; i++)
		if (str_eq(choice_name(choice, i), wanted))
			return choice->array + i * choice->size;
	return NULL;
}

/* Wanted is no name of an entry, or NULL: one must be chosen. */
static void unresolved(struct load *load, const struct choice *choice, const char *wanted,
                       const struct place *place)
{
	AUTO_STRLIST struct strlist known = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(1000);

	for (size_t i = 0; i < choice->count; i++)
		strlist_add(&known, choice_name(choice, i));
	suggest(wanted ? wanted : "", &known, &text);
	if (wanted)
		problem_at(load, place, "no '%s' under %s; %s", wanted, choice->section,
		           text.data);
	/* At another place something was given, and what is wrong with it was said. */
	else if (place->item == PLACE_ENTRY)
		problem_at(load, place, "%s is missing, and %s has %zu entries; %s",
		           choice->key, choice->section, choice->count, text.data);
}

static void resolve_ca(struct load *load, struct draft_certificate *draft)
{
	const struct config *config = &load->draft.config;
	const struct choice cas = { "ca", "cas", (const char *)config->cas,
		                    config->ca_count, sizeof(*config->cas) };
	bool is_clear = !draft->ca && config->ca_count == 1;

	draft->certificate.ca = is_clear ? config->cas : choice_find(&cas, draft->ca);
	if (!draft->certificate.ca && !is_clear)
		unresolved(load, &cas, draft->ca,
		           place_find(load, &draft->ca, PLACE_WHOLE, draft));
}

static void add_dns(struct load *load, const struct choice *entries,
                    struct draft_certificate *draft, size_t item)
{
	struct config_certificate *certificate = &draft->certificate;
	const char *name = draft->dns.items[item];
	const struct config_dns *dns = choice_find(entries, name);

	if (!dns)
		unresolved(load, entries, name,
		           place_find(load, &draft->dns, (int)item, draft));
	for (size_t i = 0; i < certificate->dns_count && dns; i++)
		if (certificate->dnses[i] == dns) {
			problem_at(load, place_find(load, &draft->dns, (int)item, draft),
			           "'%s' stands twice; remove one of them", name);
			return;
		}
	if (dns)
		certificate->dnses[certificate->dns_count++] = dns;
}

/* Without a list: all, in the file's order. */
static void resolve_dns(struct load *load, struct draft_certificate *draft)
{
	const struct config *config = &load->draft.config;
	const struct choice entries = { "dns", "dns", (const char *)config->dns,
		                        config->dns_count, sizeof(*config->dns) };
	struct config_certificate *certificate = &draft->certificate;
	size_t given = draft->dns.len;

	certificate->dnses = xcalloc((given ? given : config->dns_count) + 1,
	                             sizeof(void *));
	for (size_t i = 0; i < given; i++)
		add_dns(load, &entries, draft, i);
	for (size_t i = 0; !given && i < config->dns_count; i++)
		certificate->dnses[certificate->dns_count++] = &config->dns[i];
	if (!given && !config->dns_count)
		unresolved(load, &entries, NULL,
		           place_find(load, &draft->dns, PLACE_WHOLE, draft));
	certificate->dns = certificate->dnses[0];
}

void resolve_config(struct load *load)
{
	struct config *config = &load->draft.config;
	struct index index = { 0 };
	size_t *seen = xcalloc(config->host_count + 1, sizeof(*seen));

	index_hosts(config, &index);
	check_hosts(load, &index);
	for (size_t i = 0; i < load->draft.certificate_count; i++) {
		struct draft_certificate *draft = &load->draft.certificates[i];

		resolve_hosts(load, &index, draft, seen);
		resolve_ca(load, draft);
		resolve_dns(load, draft);
	}
	free(index.entries);
	free(seen);
}
