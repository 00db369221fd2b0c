/* SPDX-License-Identifier: Apache-2.0 */
#include "greeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "install/install.h"

enum { PASSED_OVER_MAX = 1024 };

/* The first line says who it is; what others say to such a command is of no interest. */
static bool take_first(struct greeting *greeting, const char *text, struct err *err)
{
	struct agentwire_line ours;
	struct install_line line;
	struct err why;
	bool is_ours;

	if (!agentwire_line_parse(text, &ours, &is_ours, err))
		return false;
	if (!is_ours && install_line_parse(text, &line, &why) &&
	    line.step == INSTALL_FAILED)
		return err_set(
		    err, ERR_TEMPORARY,
		    "certferry-agent: %s (there: certferry-agent check; or "
		    "here: transport: shell, for a host that is to do without)",
		    line.text);
	if (!is_ours || ours.word != AGENTWIRE_LINE_AGENT)
		return true;
	greeting->is_agent = true;
	greeting->announced = (size_t)ours.count;
	greeting->slots = xcalloc(greeting->announced + 1, sizeof(*greeting->slots));
	snprintf(greeting->version, sizeof(greeting->version), "%s", ours.name);
	return true;
}

static const struct greeting_slot *find(const struct greeting *greeting, const char *name)
{
	for (size_t i = 0; i < greeting->count; i++)
		if (str_eq(greeting->slots[i].name, name))
			return &greeting->slots[i];
	return NULL;
}

static bool add_slot(struct greeting *greeting, const struct agentwire_line *line)
{
	struct greeting_slot *slot = &greeting->slots[greeting->count];

	if (greeting->count == greeting->announced || find(greeting, line->name))
		return false;
	snprintf(slot->name, sizeof(slot->name), "%s", line->name);
	slot->is_key_on_target = line->is_key_on_target;
	greeting->count++;
	return true;
}

/* Of the last slot. */
static bool add_service(struct greeting *greeting, const struct agentwire_line *line)
{
	struct greeting_slot *slot = greeting->count
	                                 ? &greeting->slots[greeting->count - 1]
	                                 : NULL;

	if (!slot || !str_eq(slot->name, line->name) ||
	    slot->services.len == AGENTWIRE_POLICY_SERVICES_MAX)
		return false;
	strlist_add(&slot->services, line->service);
	return true;
}

/* Of an agent that is newer than we are, and has more to say of itself. What either
 * transport says already is not that. */
static bool pass_over(struct greeting *greeting, const char *text)
{
	struct install_line line;
	struct err why;

	return agentwire_is_line(text) && !install_line_parse(text, &line, &why) &&
	       greeting->passed_over++ < PASSED_OVER_MAX;
}

static bool take_more(struct greeting *greeting, const char *text, struct err *err)
{
	struct agentwire_line ours;
	bool is_ours, good = false;

	if (!agentwire_line_parse(text, &ours, &is_ours, err))
		return false;
	if (!is_ours)
		good = pass_over(greeting, text);
	else if (ours.word == AGENTWIRE_LINE_SLOT)
		good = add_slot(greeting, &ours);
	else if (ours.word == AGENTWIRE_LINE_SERVICE)
		good = add_service(greeting, &ours);
	return good ||
	       err_set(err, ERR_REMOTE,
	               "certferry-agent greets with other slots than the %zu it speaks "
	               "of: update it, if it is not of this version",
	               greeting->announced);
}

bool greeting_take(struct greeting *greeting, const char *line, struct err *err)
{
	bool is_first = !greeting->has_begun;

	greeting->has_begun = true;
	if (is_first)
		return take_first(greeting, line, err);
	return !greeting->is_agent || take_more(greeting, line, err);
}

bool greeting_end(const struct greeting *greeting, struct err *err)
{
	return greeting->count == greeting->announced ||
	       err_set(err, ERR_TEMPORARY,
	               "certferry-agent named %zu of the %zu slots of its policy, and "
	               "ended: see the server's own log",
	               greeting->count, greeting->announced);
}

void greeting_deinit(struct greeting *greeting)
{
	for (size_t i = 0; i < greeting->count; i++)
		strlist_deinit(&greeting->slots[i].services);
	free(greeting->slots);
	*greeting = (struct greeting){ 0 };
}

static void tell_no_slot(const struct deploy_slot *wanted, struct buf *text,
                         struct buf *advice)
{
	buf_addf(text, "this server's policy has no such slot: %s", wanted->certificate);
	buf_addf(
	    advice,
	    "certferry agent install %s; or there, in /etc/certferry/agent.yaml: add "
	    "the slot",
	    wanted->host);
}

static void tell_key(const struct deploy_slot *wanted, struct buf *text,
                     struct buf *advice)
{
	const char *name = wanted->certificate;

	if (wanted->is_key_on_target) {
		buf_addf(text,
		         "slot %s of this server's policy takes its key from the issuer, "
		         "and here it says key-on: target",
		         name);
		buf_addf(advice,
		         "certferry agent install %s; or there, in the slot of "
		         "/etc/certferry/agent.yaml: key-on: target",
		         wanted->host);
		return;
	}
	buf_addf(text,
	         "slot %s of this server's policy makes the key there (key-on: target), "
	         "and here it says key-on: issuer",
	         name);
	buf_addf(advice,
	         "certferry agent install %s; or take key-on out of the slot of "
	         "/etc/certferry/agent.yaml there; or here: certificates.%s.key-on: "
	         "target",
	         wanted->host, name);
}

/* By its own name, or as NAME-CERTIFICATE: that is how a policy that was made from the
 * configuration has a second one of a name. */
static bool has_service(const struct greeting_slot *there, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < there->services.len; i++) {
		const char *own = there->services.items[i];

		if (str_starts(own, name) && (own[len] == '\0' || own[len] == '-'))
			return true;
	}
	return false;
}

static enum finding_result look_at_services(const struct greeting_slot *there,
                                            const struct deploy_slot *wanted,
                                            struct buf *text, struct buf *advice)
{
	AUTO_BUF struct buf missing = BUF_INIT(1024);

	for (size_t i = 0; wanted->services && i < wanted->services->len; i++)
		if (!has_service(there, wanted->services->items[i]))
			buf_addf(&missing, "%s%s", missing.len ? ", " : "",
			         wanted->services->items[i]);
	if (!missing.len)
		return FINDING_OK;
	buf_addf(text,
	         "slot %s of this server's policy has no service called %s: will it be "
	         "reloaded there?",
	         wanted->certificate, missing.data);
	buf_addf(advice,
	         "certferry agent install %s; nothing, where another service of the slot "
	         "does it (there: certferry-agent check)",
	         wanted->host);
	return FINDING_NOTE;
}

enum finding_result greeting_fits(const struct greeting *greeting,
                                  const struct deploy_slot *wanted, struct buf *text,
                                  struct buf *advice)
{
	const struct greeting_slot *there = find(greeting, wanted->certificate);

	if (!greeting->is_agent && wanted->is_key_on_target) {
		buf_addf(text, "its key is to be made there (key-on: target), and no "
		               "certferry-agent answers");
		buf_addf(advice, "certferry agent install %s", wanted->host);
		return FINDING_FAILED;
	}
	if (!greeting->is_agent)
		return FINDING_OK;
	if (!there)
		tell_no_slot(wanted, text, advice);
	else if (there->is_key_on_target != wanted->is_key_on_target)
		tell_key(wanted, text, advice);
	else
		return look_at_services(there, wanted, text, advice);
	return FINDING_FAILED;
}
