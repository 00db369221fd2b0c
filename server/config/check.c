/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/grammar.h"

enum { NAMES_MAX = 100 };

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

static const void *resolve(struct load *load, const struct choice *choice,
                           char *const *wanted, const struct draft_certificate *draft)
{
	AUTO_STRLIST struct strlist known = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(1000);
	const struct place *place;

	if (!*wanted && choice->count == 1)
		return choice->array;
	for (size_t i = 0; i < choice->count; i++) {
		if (str_eq(choice_name(choice, i), *wanted))
			return choice->array + i * choice->size;
		strlist_add(&known, choice_name(choice, i));
	}
	place = place_find(load, wanted, PLACE_WHOLE, draft);
	if (*wanted) {
		suggest(*wanted, &known, &text);
		problem_at(load, place, "no '%s' under %s; %s", *wanted, choice->section,
		           text.data);
	} else if (place->item == PLACE_ENTRY) {
		suggest("", &known, &text);
		problem_at(load, place, "%s is missing, and %s has %zu entries; %s",
		           choice->key, choice->section, choice->count, text.data);
	}
	return NULL;
}

static void check_pair(struct load *load, const struct draft_certificate *draft, size_t i,
                       size_t j)
{
	const struct strlist *names = &draft->certificate.names;
	const char *name = names->items[i], *other = names->items[j];

	if (j < i && str_eq(name, other))
		problem_at(load, place_find(load, names, (int)i, draft),
		           "'%s' stands twice; remove one of them", name);
	else if (!str_eq(name, other) && dnsname_covers(other, name))
		problem_at(
		    load, place_find(load, names, (int)i, draft),
		    "'%s' is redundant under '%s' of the same certificate, and CAs "
		    "refuse that; remove one",
		    name, other);
}

static void check_names(struct load *load, const struct draft_certificate *draft)
{
	const struct strlist *names = &draft->certificate.names;

	for (size_t i = 0; i < names->len; i++)
		for (size_t j = 0; j < names->len; j++)
			check_pair(load, draft, i, j);
}

static const struct place *unique_place(const struct load *load,
                                        const struct draft_certificate *draft)
{
	return place_find(load, &draft->certificate.unique_name, PLACE_WHOLE, draft);
}

static void check_expanded(struct load *load, const struct draft_certificate *draft,
                           const char *host)
{
	const struct config_certificate *certificate = &draft->certificate;
	AUTO_FREE char *name = names_expand(certificate->unique_name, host);
	struct err why = { 0 };

	if (strchr(host, '.') || !dnsname_check(host, DNSNAME_ONE_LABEL, &why) ||
	    !dnsname_check(name, 0, &why)) {
		problem_at(
		    load, unique_place(load, draft),
		    "the host name '%s' makes no host name of '%s'; hosts named in "
		    "lower-case letters, digits and hyphens",
		    host, certificate->unique_name);
		return;
	}
	for (size_t i = 0; i < certificate->names.len; i++) {
		const char *other = certificate->names.items[i];

		if (str_eq(other, name))
			problem_at(load, unique_place(load, draft),
			           "gives '%s', which stands under names too; "
			           "another unique-name",
			           name);
		else if (dnsname_covers(other, name))
			problem_at(
			    load, unique_place(load, draft),
			    "gives '%s', which '%s' of the same certificate makes "
			    "redundant, and CAs refuse that; one label more, such as "
			    "\"{host}.srv.%s\"",
			    name, other, dnsname_base(other));
	}
}

static void check_unique_name(struct load *load, const struct draft_certificate *draft)
{
	const struct config_certificate *certificate = &draft->certificate;

	if (!certificate->unique_name)
		return;
	if (certificate->names.len == NAMES_MAX)
		problem_at(load, unique_place(load, draft),
		           "makes more than %d names; fewer names", NAMES_MAX);
	for (size_t i = 0; i < certificate->host_count; i++) {
		size_t before = load->problem_count;

		check_expanded(load, draft, certificate->hosts[i]->name);
		if (load->problem_count > before)
			break; /* the same for the other hosts, as a rule */
	}
}

static void settle(struct load *load, struct draft_certificate *draft)
{
	struct config_certificate *certificate = &draft->certificate;
	struct config_install *install = &certificate->install;
	const char *name = certificate->name;
	char *found = install->directory ? strstr(install->directory, "{name}") : NULL;

	if (found) {
		char *expanded = xasprintf("%.*s%s%s", (int)(found - install->directory),
		                           install->directory, name, found + 6);

		free(install->directory);
		install->directory = expanded;
	}
	if (install->directory && strpbrk(install->directory, "{}"))
		problem_at(load,
		           place_find(load, &install->directory, PLACE_WHOLE, draft),
		           "braces; {name} once, for the certificate's name");
	if (!install->mode)
		install->mode = install->group ? 0640 : 0600;
	if (!certificate->profile && certificate->ca)
		certificate->profile = xstrdup(certificate->ca->profile);
}

/* Who installs where: no two certificates into one place. */
struct target {
	const struct config_host *host;
	const struct draft_certificate *draft;
};

static int by_target(const void *a, const void *b)
{
	const struct target *first = a, *second = b;
	int order = (first->host > second->host) - (first->host < second->host);

	if (!order)
		order = strcmp(first->draft->certificate.install.directory,
		               second->draft->certificate.install.directory);
	return order ? order
	             : (first->draft > second->draft) - (first->draft < second->draft);
}

static void check_target(struct load *load, const struct target *before,
                         const struct target *target)
{
	const char *const *directory =
	    (const char *const *)&target->draft->certificate.install.directory;

	if (before->host == target->host &&
	    str_eq(*directory, before->draft->certificate.install.directory))
		problem_at(
		    load, place_find(load, directory, PLACE_WHOLE, target->draft),
		    "'%s' on host '%s' is certificate '%s''s too; a directory of its "
		    "own",
		    *directory, target->host->name, before->draft->certificate.name);
}

static void check_targets(struct load *load)
{
	AUTO_FREE struct target *targets = NULL;
	size_t count = 0, len = 0;

	for (size_t i = 0; i < load->draft.certificate_count; i++)
		count += load->draft.certificates[i].certificate.host_count;
	targets = xcalloc(count + 1, sizeof(*targets));
	for (size_t i = 0; i < load->draft.certificate_count; i++) {
		const struct draft_certificate *draft = &load->draft.certificates[i];

		for (size_t j = 0; draft->certificate.install.directory &&
		                   j < draft->certificate.host_count;
		     j++)
			targets[len++] = (struct target){ draft->certificate.hosts[j],
				                          draft };
	}
	qsort(targets, len, sizeof(*targets), by_target);
	for (size_t i = 1; i < len; i++)
		check_target(load, &targets[i - 1], &targets[i]);
}

static void check_certificate(struct load *load, struct draft_certificate *draft)
{
	const struct config *config = &load->draft.config;
	const struct choice cas = { "ca", "cas", (const char *)config->cas,
		                    config->ca_count, sizeof(*config->cas) };
	const struct choice dns = { "dns", "dns", (const char *)config->dns,
		                    config->dns_count, sizeof(*config->dns) };

	draft->certificate.ca = resolve(load, &cas, &draft->ca, draft);
	draft->certificate.dns = resolve(load, &dns, &draft->dns, draft);
	check_names(load, draft);
	check_unique_name(load, draft);
	settle(load, draft);
}

void check_config(struct load *load)
{
	struct config *config = &load->draft.config;
	struct index index = { 0 };
	size_t *seen = xcalloc(config->host_count + 1, sizeof(*seen));

	index_hosts(config, &index);
	check_hosts(load, &index);
	for (size_t i = 0; i < load->draft.certificate_count; i++) {
		struct draft_certificate *draft = &load->draft.certificates[i];

		resolve_hosts(load, &index, draft, seen);
		check_certificate(load, draft);
	}
	check_targets(load);
	free(index.entries);
	free(seen);
}
