/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <string.h>

#include "base/clock.h"
#include "base/dnsname.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/grammar.h"

enum { NAMES_MAX = 100 };

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

static void expand_name(struct load *load, struct draft_certificate *draft, char **path)
{
	char *found = *path ? strstr(*path, "{name}") : NULL;

	if (found) {
		char *expanded = xasprintf("%.*s%s%s", (int)(found - *path), *path,
		                           draft->certificate.name, found + 6);

		free(*path);
		*path = expanded;
	}
	if (*path && strpbrk(*path, "{}"))
		problem_at(load, place_find(load, path, PLACE_WHOLE, draft),
		           "braces; {name} once, for the certificate's name");
}

static void settle(struct load *load, struct draft_certificate *draft)
{
	struct config_certificate *certificate = &draft->certificate;
	struct config_install *install = &certificate->install;

	expand_name(load, draft, &install->directory);
	expand_name(load, draft, &install->password_file);
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

static bool alias_fits(struct load *load, const struct draft_certificate *draft,
                       const char *of)
{
	const struct config_certificate *certificate = &draft->certificate;
	AUTO_FREE char *name = names_alias(certificate->challenge_alias, of);

	if (strlen(name) <= DNSNAME_MAX)
		return true;
	problem_at(
	    load, place_find(load, &certificate->challenge_alias, PLACE_WHOLE, draft),
	    "makes a name of %zu bytes of '%s', and %d are the most; a shorter one",
	    strlen(name), of, DNSNAME_MAX);
	return false;
}

/* What is made of the alias must be a name; once is enough said. */
static void check_alias(struct load *load, const struct draft_certificate *draft)
{
	const struct config_certificate *certificate = &draft->certificate;
	bool fits = certificate->challenge_alias != NULL;

	for (size_t i = 0; fits && i < certificate->names.len; i++)
		fits = alias_fits(load, draft, certificate->names.items[i]);
	for (size_t i = 0;
	     fits && certificate->unique_name && i < certificate->host_count; i++) {
		AUTO_FREE char *name = names_expand(certificate->unique_name,
		                                    certificate->hosts[i]->name);

		fits = alias_fits(load, draft, name);
	}
}

static void check_probe(struct load *load, const struct draft_certificate *draft)
{
	const struct config_probe *probe = &draft->certificate.probe;

	if (probe->ports.len && (probe->port || probe->protocol))
		problem_at(load, place_find(load, &probe->ports, 0, draft),
		           "stands beside port or protocol; ports alone, such as "
		           "[25/smtp, 993/tls]");
	else if (probe->protocol && !probe->port)
		problem_at(load, place_find(load, &probe->protocol, PLACE_WHOLE, draft),
		           "of which port? say port as well");
}

static void check_certificate(struct load *load, struct draft_certificate *draft)
{
	check_probe(load, draft);
	check_names(load, draft);
	check_unique_name(load, draft);
	check_alias(load, draft);
	settle(load, draft);
}

/* Settling comes after seeing. */
static void check_dns(struct load *load, const struct config_dns *dns)
{
	int waited = dns->propagation == PROPAGATION_SETTLE ? dns->wait_s : 0;
	char all[CLOCK_TEXT];

	if (!dns->settle_s || dns->propagation == PROPAGATION_AUTHORITATIVE ||
	    dns->propagation == PROPAGATION_RESOLVERS)
		return;
	problem_at(load, place_find(load, &dns->settle_s, PLACE_WHOLE, dns),
	           "comes after the record was seen, and with this propagation nobody "
	           "looks; propagation: {settle: %s} alone",
	           clock_format_duration(waited + dns->settle_s, all));
}

void check_config(struct load *load)
{
	const struct config *config = &load->draft.config;

	for (size_t i = 0; i < config->dns_count; i++)
		check_dns(load, &config->dns[i]);
	for (size_t i = 0; i < load->draft.certificate_count; i++)
		check_certificate(load, &load->draft.certificates[i]);
	check_targets(load);
}
