/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <string.h>

#include "base/mem.h"
#include "install/install.h"
#include "install/preset.h"
#include "service.h"

enum { SERVICE_TIMEOUT_S = 60, POLICY_MAX = 256 * 1024 };

struct service {
	char *name;
	struct strlist test, reload;
};

struct making {
	const struct config_host *host;
	bool is_root;
	struct service *services;
	size_t count;
	struct buf slots;
	struct setup_host *out;
};

static void making_deinit(struct making *making)
{
	for (size_t i = 0; i < making->count; i++) {
		free(making->services[i].name);
		strlist_deinit(&making->services[i].test);
		strlist_deinit(&making->services[i].reload);
	}
	free(making->services);
	buf_wipe(&making->slots);
}

static void add_list(const struct strlist *list, struct buf *out)
{
	for (size_t i = 0; i < list->len; i++) {
		buf_addf(out, "%s", i ? ", " : "");
		buf_add_quoted(out, list->items[i]);
	}
}

static struct service *find_service(struct making *making, const char *name)
{
	for (size_t i = 0; i < making->count; i++)
		if (str_eq(making->services[i].name, name))
			return &making->services[i];
	return NULL;
}

/* One service has one name: its lock. Another certificate's own commands make another. */
static void add_service(struct making *making, const struct service *wanted,
                        const char *certificate, struct strlist *names)
{
	AUTO_FREE char *own = xasprintf("%.31s-%.32s", wanted->name, certificate);
	const struct service *there = find_service(making, wanted->name);
	const char *name = wanted->name;
	bool is_same = there && strlist_equal(&there->test, &wanted->test) &&
	               strlist_equal(&there->reload, &wanted->reload);
	struct service *made;

	if (there && !is_same)
		name = own;
	strlist_add(names, name);
	if (is_same)
		return;
	making->services = xrealloc(making->services, making->count + 1, sizeof(*made));
	made = &making->services[making->count++];
	*made = (struct service){ .name = xstrdup(name) };
	strlist_copy(&made->test, &wanted->test);
	strlist_copy(&made->reload, &wanted->reload);
}

static void add_argv(struct strlist *list, const char *const *argv)
{
	for (; argv && *argv; argv++)
		strlist_add(list, *argv);
}

static void service_deinit(struct service *service)
{
	strlist_deinit(&service->test);
	strlist_deinit(&service->reload);
}

/* own_test: in the place of the preset's. */
static void add_preset(struct making *making, const char *name,
                       const struct strlist *own_test, const char *certificate,
                       struct strlist *names)
{
	const struct preset *preset = preset_find(name);
	CLEANUP(service_deinit) struct service wanted = { 0 };

	if (!preset)
		return;
	wanted.name = (char *)(uintptr_t)preset->name;
	if (own_test)
		strlist_copy(&wanted.test, own_test);
	else
		add_argv(&wanted.test, preset->test);
	add_argv(&wanted.reload, preset->reload);
	add_service(making, &wanted, certificate, names);
}

/* As fleet_service() has it, name by name. */
static void add_services(struct making *making, const struct config_certificate *from,
                         struct strlist *names)
{
	const bool has_last = from->reload_preset &&
	                      !strlist_has(&from->services, from->reload_preset);
	CLEANUP(service_deinit) struct service own = { 0 };
	AUTO_FREE char *name = xasprintf("command-%.50s", from->name);

	for (size_t i = 0; i < from->services.len; i++)
		add_preset(making, from->services.items[i], NULL, from->name, names);
	if (has_last)
		add_preset(making, from->reload_preset,
		           from->test.len ? &from->test : NULL, from->name, names);
	own.name = name;
	if (!from->reload_preset)
		strlist_copy(&own.reload, &from->reload);
	if (!has_last)
		strlist_copy(&own.test, &from->test);
	if (!own.reload.len && !own.test.len)
		return;
	if (!own.reload.len)
		strlist_add(&own.reload, "true");
	add_service(making, &own, from->name, names);
}

static bool is_number(const char *text)
{
	return str_is_made_of(text, "0123456789", 1, 20);
}

/* What the policy cannot say, or not for a login that is not root's. */
static bool check_accounts(const struct making *making,
                           const struct config_certificate *from, struct err *err)
{
	const char *owner = from->install.owner, *group = from->install.group;

	if ((owner && is_number(owner)) || (group && is_number(group)))
		return err_set(
		    err, ERR_CONFIG,
		    "certificates.%s.install: an agent's policy knows users and "
		    "groups by name, not by number",
		    from->name);
	if (making->is_root || !owner || str_eq(owner, making->host->user) ||
	    str_eq(owner, "root"))
		return true;
	return err_set(err, ERR_CONFIG,
	               "certificates.%s.install.owner is %s, and %s logs in as %s, who "
	               "cannot give files away: use a group, or the user root",
	               from->name, owner, making->host->name, making->host->user);
}

static void add_slot(struct making *making, const struct config_certificate *from)
{
	const struct config_install *install = &from->install;
	const char *user = making->host->user, *owner = install->owner;
	const char *group = install->group;
	struct buf *out = &making->slots;
	AUTO_STRLIST struct strlist names = { 0 }, services = { 0 };
	unsigned formats = fleet_formats(from);

	if (!making->is_root || !owner)
		owner = user;
	if (!group || (!making->is_root && str_eq(group, "root")))
		group = user;
	config_certificate_names(from, making->host, &names);
	buf_addf(out, "  '%s':\n    names: [", from->name);
	add_list(&names, out);
	buf_addf(out, "]\n    directory: ");
	buf_add_quoted(out, install->directory);
	buf_addf(out, "\n    owner: '%s'\n    group: '%s'\n    mode: 0%03o\n", owner,
	         group, (unsigned)install->mode);
	if (formats) {
		buf_addf(out, "    formats: [pem");
		for (int i = INSTALL_PEM + 1; i < INSTALL_FORMAT_COUNT; i++)
			if (formats & 1U << i)
				buf_addf(out, ", %s", install_format_names[i]);
		buf_addf(out, "]\n");
	}
	if (install->password_file) {
		buf_addf(out, "    pkcs12-password-file: ");
		buf_add_quoted(out, install->password_file);
		buf_addf(out, "\n");
		strlist_add(&making->out->passwords, install->password_file);
	}
	if (from->key_on == KEY_ON_TARGET)
		buf_addf(out, "    key-on: target\n");
	add_services(making, from, &services);
	if (services.len) {
		buf_addf(out, "    services: [");
		add_list(&services, out);
		buf_addf(out, "]\n");
	}
	strlist_add(&making->out->directories, install->directory);
	strlist_add(&making->out->groups, group);
}

static bool add_command(struct making *making, const char *what,
                        const struct strlist *argv, struct buf *out, struct err *err)
{
	AUTO_BUF struct buf line = BUF_INIT(16 * 1024);

	if (!argv->len)
		return true;
	if (!setup_sudo_line(argv, &line))
		return err_set(err, ERR_CONFIG,
		               "%s of %s: a policy takes no empty arguments, control "
		               "characters or backslashes: put the command into a script",
		               what, argv->items[0]);
	buf_addf(out, "    %s: [%s", what, making->is_root ? "" : "sudo, -n, ");
	add_list(argv, out);
	buf_addf(out, "]\n    %s-timeout: %d\n", what, SERVICE_TIMEOUT_S);
	if (!making->is_root && !strlist_has(&making->out->sudo, line.data))
		strlist_add(&making->out->sudo, line.data);
	return true;
}

static bool write_policy(struct making *making, struct buf *out, struct err *err)
{
	buf_addf(
	    out,
	    "# Made by certferry agent script for %s. It is yours: what stands here is\n"
	    "# all that the issuer may do. See certferry-agent(8).\nversion: 1\n",
	    making->host->name);
	buf_addf(out, "%s", making->count ? "\nservices:\n" : "");
	for (size_t i = 0; i < making->count; i++) {
		const struct service *service = &making->services[i];

		buf_addf(out, "  '%s':\n", service->name);
		if (!add_command(making, "test", &service->test, out, err) ||
		    !add_command(making, "reload", &service->reload, out, err))
			return false;
	}
	buf_addf(out, "\nslots:\n%s", making->slots.data);
	return (!out->over && !making->slots.over) ||
	       err_set(err, ERR_CONFIG, "%s: a policy of more than 256 KiB",
	               making->host->name);
}

static bool is_for(const struct config_certificate *certificate,
                   const struct config_host *host)
{
	for (size_t i = 0; i < certificate->host_count; i++)
		if (certificate->hosts[i] == host)
			return true;
	return false;
}

bool fleet_agent(const struct config *config, const struct config_host *host,
                 struct setup_host *out, struct err *err)
{
	CLEANUP(making_deinit)
	struct making making = {
		.host = host,
		.is_root = str_eq(host->user, "root"),
		.slots = BUF_INIT(POLICY_MAX),
		.out = out,
	};
	AUTO_BUF struct buf policy = BUF_INIT(POLICY_MAX);

	*out = (struct setup_host){ .name = host->name, .user = host->user };
	for (size_t i = 0; i < config->certificate_count; i++) {
		const struct config_certificate *from = &config->certificates[i];

		if (!is_for(from, host))
			continue;
		if (!check_accounts(&making, from, err))
			return false;
		add_slot(&making, from);
	}
	if (!out->directories.len)
		return err_set(err, ERR_CONFIG,
		               "%s has no certificate in the configuration, so there is "
		               "nothing to allow there",
		               host->name);
	if (!write_policy(&making, &policy, err))
		return false;
	out->policy = buf_take(&policy);
	return true;
}
