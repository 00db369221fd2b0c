/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "fleet/service.h"
#include "install/install.h"
#include "install/preset.h"

/* Where the configuration meets what is built in and what is installed. */

static void problem(struct strlist *problems, const struct config_mark *mark,
                    const char *path, const char *text)
{
	AUTO_FREE char *line = xasprintf("%s:%d:%d: %s: %s", mark->file, mark->line,
	                                 mark->column, path, text);

	strlist_add(problems, line);
}

/* "what 'name'; there are: a, b" of a certificate's key. */
static void unknown(const struct config_certificate *certificate, const char *key,
                    const char *what, const char *name, const char *there_are,
                    struct strlist *problems)
{
	AUTO_FREE char *path = xasprintf("certificates.%s.%s", certificate->name, key);
	AUTO_FREE char *text = xasprintf("no %s '%s'; there are: %s", what, name,
	                                 there_are);

	problem(problems, &certificate->mark, path, text);
}

static void check_preset(const struct config_certificate *certificate, const char *key,
                         const char *name, struct strlist *problems)
{
	AUTO_BUF struct buf known = BUF_INIT(4096);

	if (preset_find(name))
		return;
	for (const struct preset *p = presets; p->name; p++)
		buf_addf(&known, "%s%s", known.len ? ", " : "", p->name);
	buf_addf(&known, "; or give the command as a list%s",
	         str_eq(key, "reload") ? "" : ", under reload");
	unknown(certificate, key, "service preset", name, known.data, problems);
}

static void check_format(const struct config_certificate *certificate, const char *name,
                         struct strlist *problems)
{
	AUTO_BUF struct buf known = BUF_INIT(4096);
	enum install_format format;

	if (install_format_find(name, &format))
		return;
	for (size_t i = 0; i < INSTALL_FORMAT_COUNT; i++)
		buf_addf(&known, "%s%s", i ? ", " : "", install_format_names[i]);
	unknown(certificate, "install.formats", "format", name, known.data, problems);
}

static void check_protocol(const struct config_certificate *certificate, const char *key,
                           const char *name, struct strlist *problems)
{
	AUTO_BUF struct buf known = BUF_INIT(4096);
	enum probe_protocol protocol;

	if (probe_protocol_find(name, &protocol))
		return;
	for (size_t i = 0; i < PROBE_PROTOCOL_COUNT; i++)
		buf_addf(&known, "%s%s", i ? ", " : "", probe_protocol_names[i]);
	unknown(certificate, key, "protocol", name, known.data, problems);
}

static void check_probes(const struct config_certificate *certificate,
                         struct strlist *problems)
{
	const struct config_probe *probe = &certificate->probe;
	size_t count;
	AUTO_FREE struct fleet_probe *probes = fleet_probes(certificate, &count);
	AUTO_FREE char *path = xasprintf("certificates.%s.probe", certificate->name);

	(void)probes; /* how many there are is all that counts */
	if (probe->protocol)
		check_protocol(certificate, "probe.protocol", probe->protocol, problems);
	for (size_t i = 0; i < probe->ports.len; i++) {
		const char *slash = strchr(probe->ports.items[i], '/');

		if (slash)
			check_protocol(certificate, "probe.ports", slash + 1, problems);
	}
	if (!probe->is_off && count == 0)
		problem(problems, &certificate->mark, path,
		        "which port shows the certificate? say {port: 443}, or false to "
		        "install without looking");
}

/* What only an agent can do there; value: of the certificate's key. */
static void check_agent(const struct config_certificate *certificate, const char *key,
                        const char *value, const char *instead, struct strlist *problems)
{
	AUTO_FREE char *path = xasprintf("certificates.%s.%s", certificate->name, key);

	for (size_t i = 0; i < certificate->host_count; i++) {
		const struct config_host *host = certificate->hosts[i];
		AUTO_FREE char *text = xasprintf(
		    "%s needs certferry-agent on the server, and hosts.%s.transport is "
		    "shell; say agent or auto there, or %s here",
		    value, host->name, instead);

		if (host->transport == TRANSPORT_SHELL)
			problem(problems, &certificate->mark, path, text);
	}
}

/* The password is on the server, and does not pass through here. */
static void check_pkcs12(const struct config_certificate *certificate,
                         struct strlist *problems)
{
	const struct config_install *install = &certificate->install;
	const bool is_wanted = strlist_has(&install->formats, "pkcs12");
	AUTO_FREE char *path = xasprintf("certificates.%s.install", certificate->name);

	if (is_wanted)
		check_agent(certificate, "install.formats", "pkcs12", "no pkcs12",
		            problems);
	if (is_wanted && !install->password_file)
		problem(problems, &certificate->mark, path,
		        "pkcs12 needs a password that lies on the server: say "
		        "pkcs12-password-file: PATH; certferry agent install makes the "
		        "file where there is none");
	if (!is_wanted && install->password_file)
		problem(problems, &certificate->mark, path,
		        "pkcs12-password-file stands there, and formats has no pkcs12");
}

static void check_service(const struct config_certificate *certificate,
                          struct strlist *problems)
{
	const struct strlist *services = &certificate->services;
	const struct strlist *formats = &certificate->install.formats;
	size_t before = problems->len;

	if (certificate->key_on == KEY_ON_TARGET)
		check_agent(certificate, "key-on", "target", "issuer", problems);
	check_pkcs12(certificate, problems);
	for (size_t i = 0; i < services->len; i++)
		check_preset(certificate, "services", services->items[i], problems);
	if (certificate->reload_preset)
		check_preset(certificate, "reload", certificate->reload_preset, problems);
	for (size_t i = 0; i < formats->len; i++)
		check_format(certificate, formats->items[i], problems);
	/* What an unknown service shows is not known either. */
	if (problems->len == before)
		check_probes(certificate, problems);
}

static const struct provider_option_info *find_info(const struct provider_info *info,
                                                    const char *name)
{
	for (size_t i = 0; i < info->option_count; i++)
		if (str_eq(info->options[i].name, name))
			return &info->options[i];
	return NULL;
}

static char *unknown_option(const struct provider_info *info, const char *name)
{
	const char *best = NULL;
	size_t distance = 4;

	for (size_t i = 0; i < info->option_count; i++) {
		size_t d = str_distance(info->options[i].name, name);

		if (d < distance) {
			distance = d;
			best = info->options[i].name;
		}
	}
	if (best)
		return xasprintf("the provider %s has no such option; did you mean '%s'?",
		                 info->name, best);
	return xasprintf("the provider %s has no such option: certferry provider show %s",
	                 info->name, info->name);
}

static char *wrong_with_option(const struct config_option *option,
                               const struct provider_info *info)
{
	const struct provider_option_info *known = find_info(info, option->name);
	struct err err = { 0 };

	if (!known)
		return unknown_option(info, option->name);
	if (known->is_secret && option->value)
		return xasprintf(
		    "a secret does not stand in the configuration; put it into a file "
		    "of mode 0600 and say {file: PATH}, or {credential: NAME}");
	if (!option->value) {
		AUTO_SECRET struct secret *secret = config_secret_read(
		    &option->secret, option->name, &err);

		if (!secret)
			return xstrdup(err.msg);
	}
	return NULL;
}

static bool has_option(const struct config_dns *dns, const char *name)
{
	for (size_t i = 0; i < dns->option_count; i++)
		if (str_eq(dns->options[i].name, name))
			return true;
	return false;
}

static void check_options(const struct config_dns *dns, const struct provider_info *info,
                          struct strlist *problems)
{
	for (size_t i = 0; i < dns->option_count; i++) {
		AUTO_FREE char *wrong = wrong_with_option(&dns->options[i], info);
		AUTO_FREE char *path = xasprintf("dns.%s.%s", dns->name,
		                                 dns->options[i].name);

		if (wrong)
			problem(problems, &dns->options[i].mark, path, wrong);
	}
	for (size_t i = 0; i < info->option_count; i++) {
		const struct provider_option_info *option = &info->options[i];
		AUTO_FREE char *path = xasprintf("dns.%s.%s", dns->name, option->name);
		AUTO_FREE char *text = xasprintf("is missing; provider %s needs it: %s",
		                                 info->name, option->help);

		if (option->is_required && !has_option(dns, option->name))
			problem(problems, &dns->mark, path, text);
	}
}

/* A person is waited for by looking. */
static void check_by_hand(const struct config_dns *dns, struct strlist *problems)
{
	AUTO_FREE char *path = xasprintf("dns.%s.propagation", dns->name);

	if (str_eq(dns->provider, "manual") && (dns->propagation == PROPAGATION_SETTLE ||
	                                        dns->propagation == PROPAGATION_NONE))
		problem(problems, &dns->mark, path,
		        "a person sets the records, and with this nobody would see when; "
		        "authoritative, or {resolvers: [ADDRESS, ...]}");
}

static void check_dns(const struct config_dns *dns, const struct engine_paths *paths,
                      struct strlist *problems)
{
	CLEANUP(provider_info_deinit) struct provider_info info = { 0 };
	const struct provider_home home = { paths->dns_host, paths->plugins };
	AUTO_FREE char *path = xasprintf("dns.%s.provider", dns->name);
	struct err err = { 0 };

	if (!provider_describe(&home, dns->provider, &info, &err))
		problem(problems, &dns->mark, path, err.msg);
	else
		check_options(dns, &info, problems);
}

static void check_secret(const struct config_secret *secret, const char *path,
                         struct strlist *problems)
{
	struct err err = { 0 };
	AUTO_SECRET struct secret *value = NULL;

	if (!secret->file && !secret->credential)
		return;
	value = config_secret_read(secret, NULL, &err);
	if (!value)
		problem(problems, &secret->mark, path, err.msg);
}

bool engine_check(const struct config *config, const struct engine_paths *paths,
                  struct strlist *problems, struct err *err)
{
	size_t before = problems->len;

	for (size_t i = 0; i < config->certificate_count; i++)
		check_service(&config->certificates[i], problems);
	for (size_t i = 0; i < config->dns_count; i++) {
		check_dns(&config->dns[i], paths, problems);
		check_by_hand(&config->dns[i], problems);
	}
	for (size_t i = 0; i < config->ca_count; i++) {
		AUTO_FREE char *path = xasprintf("cas.%s.eab.key", config->cas[i].name);

		check_secret(&config->cas[i].eab_key, path, problems);
	}
	return problems->len == before ||
	       err_set(err, ERR_CONFIG, "%s: %zu problem%s", config->file,
	               problems->len - before, problems->len - before == 1 ? "" : "s");
}
