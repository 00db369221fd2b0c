/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_read.h"

#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"

enum { NAMES_MAX = 1000, PATH_MAX_BYTES = 512, MODE_OF_KEY = 0600 };

const char *const policy_format_names[] = {
	[POLICY_PEM] = "pem",
	[POLICY_COMBINED] = "combined",
	[POLICY_PKCS12] = "pkcs12",
	[POLICY_DER] = "der",
};
_Static_assert(ARRAY_SIZE(policy_format_names) == POLICY_FORMAT_COUNT,
               "a format has no name");

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._-";

bool reader_is_name(const char *text)
{
	return text[0] != '.' && text[0] != '-' &&
	       str_is_made_of(text, name_letters, 1, 64);
}

static bool is_plain_path(const char *path)
{
	if (path[0] != '/' || !path[1] || strlen(path) > PATH_MAX_BYTES)
		return false;
	for (const char *at = path; at; at = strchr(at + 1, '/')) {
		size_t len = strcspn(at + 1, "/");

		if (len == 0 ||
		    (at[1] == '.' && (len == 1 || (len == 2 && at[2] == '.'))))
			return false;
	}
	return true;
}

void reader_path(struct reader *reader, const yaml_node_t *node, char **out)
{
	const char *text = reader_text(reader, node);

	if (!text)
		return;
	if (!is_plain_path(text)) {
		reader_problem(reader, node,
		               "not an absolute path without '.', '..', '//' and final "
		               "'/', of %d bytes at most",
		               PATH_MAX_BYTES);
		return;
	}
	free(*out);
	*out = xstrdup(text);
}

static void read_account(struct reader *reader, const yaml_node_t *node, char **out)
{
	const char *text = reader_text(reader, node);

	if (!text)
		return;
	if (!reader_is_name(text)) {
		reader_problem(reader, node, "no name of a user or group");
		return;
	}
	free(*out);
	*out = xstrdup(text);
}

static void slot_names(struct reader *reader, const yaml_node_t *node, void *base)
{
	struct policy_slot *slot = base;
	struct err err;

	reader_list(reader, node, NAMES_MAX, &slot->names);
	if (slot->names.len == 0)
		reader_problem(reader, node, "no name is allowed");
	for (size_t i = 0; i < slot->names.len; i++)
		if (!dnsname_check(slot->names.items[i],
		                   DNSNAME_WILDCARD | DNSNAME_ONE_LABEL, &err))
			reader_problem(reader, node, "%s", err.msg);
}

static void slot_directory(struct reader *reader, const yaml_node_t *node, void *base)
{
	reader_path(reader, node, &((struct policy_slot *)base)->directory);
}

static void slot_owner(struct reader *reader, const yaml_node_t *node, void *base)
{
	read_account(reader, node, &((struct policy_slot *)base)->owner);
}

static void slot_group(struct reader *reader, const yaml_node_t *node, void *base)
{
	read_account(reader, node, &((struct policy_slot *)base)->group);
}

static void slot_mode(struct reader *reader, const yaml_node_t *node, void *base)
{
	struct policy_slot *slot = base;
	const char *text = reader_text(reader, node);
	unsigned mode = 0;

	if (!text)
		return;
	for (const char *at = text; *at >= '0' && *at <= '7' && mode < 01000; at++)
		mode = mode * 8 + (unsigned)(*at - '0');
	if (!str_is_made_of(text, "01234567", 3, 4) || !(mode & 0400) || (mode & ~0660U))
		reader_problem(reader, node,
		               "'%.20s': in octal, for the owner to read, and not for "
		               "everybody: 0600, 0640 or 0440",
		               text);
	else if (mode & 020)
		reader_problem(reader, node, "the group could change the key: 0640");
	else
		slot->mode = (mode_t)mode;
}

static void slot_formats(struct reader *reader, const yaml_node_t *node, void *base)
{
	struct policy_slot *slot = base;
	AUTO_STRLIST struct strlist list = { 0 };

	reader_list(reader, node, POLICY_FORMAT_COUNT, &list);
	for (size_t i = 0; i < list.len; i++) {
		int format = reader_choice(reader, node, list.items[i],
		                           policy_format_names, POLICY_FORMAT_COUNT);

		if (format >= 0)
			slot->formats |= 1U << format;
	}
}

static void slot_password_file(struct reader *reader, const yaml_node_t *node, void *base)
{
	reader_path(reader, node, &((struct policy_slot *)base)->password_file);
}

static void slot_key_on(struct reader *reader, const yaml_node_t *node, void *base)
{
	static const char *const choices[] = { "issuer", "target" };
	const char *text = reader_text(reader, node);

	if (text)
		((struct policy_slot *)base)->is_key_on_target =
		    reader_choice(reader, node, text, choices, ARRAY_SIZE(choices)) == 1;
}

static void slot_older(struct reader *reader, const yaml_node_t *node, void *base)
{
	static const char *const choices[] = { "refuse", "allow" };
	const char *text = reader_text(reader, node);

	if (text)
		((struct policy_slot *)base)->may_be_older =
		    reader_choice(reader, node, text, choices, ARRAY_SIZE(choices)) == 1;
}

static void slot_services(struct reader *reader, const yaml_node_t *node, void *base)
{
	struct policy_slot *slot = base;

	reader_list(reader, node, POLICY_SERVICES_MAX, &slot->service_names);
}

static const struct field slot_fields[] = {
	{ "names", slot_names, true },
	{ "directory", slot_directory, true },
	{ "owner", slot_owner, false },
	{ "group", slot_group, false },
	{ "mode", slot_mode, false },
	{ "formats", slot_formats, false },
	{ "pkcs12-password-file", slot_password_file, false },
	{ "key-on", slot_key_on, false },
	{ "older", slot_older, false },
	{ "services", slot_services, false },
};

static void check_slot(struct reader *reader, const struct policy *policy,
                       const struct policy_slot *slot, const yaml_node_t *node)
{
	if (!reader_is_name(slot->name))
		reader_problem(reader, node, "a name has letters, digits, '.', '_', '-'");
	if ((slot->formats & 1U << POLICY_PKCS12) && !slot->password_file)
		reader_problem(reader, node,
		               "pkcs12 needs pkcs12-password-file: PATH, a file that "
		               "only root can read");
	for (size_t i = 0; i < policy->slot_count; i++) {
		const struct policy_slot *other = &policy->slots[i];

		if (str_eq(other->name, slot->name))
			reader_problem(reader, node, "this slot stands there twice");
		if (slot->directory && str_eq(other->directory, slot->directory))
			reader_problem(reader, node, "has the directory of slot %s",
			               other->name);
	}
}

void policy_read_slot(struct reader *reader, const char *name, const yaml_node_t *node,
                      void *base)
{
	struct policy *policy = base;
	struct policy_slot slot = { .mode = MODE_OF_KEY,
		                    .formats = 1U << POLICY_PEM,
		                    .line = node->start_mark.line + 1 };

	if (policy->slot_count == POLICY_SLOTS_MAX) {
		reader_problem(reader, node, "more than %d slots", POLICY_SLOTS_MAX);
		return;
	}
	slot.name = xstrdup(name);
	slot.owner = xstrdup("root");
	slot.group = xstrdup("root");
	reader_fields(reader, node, slot_fields, ARRAY_SIZE(slot_fields), &slot);
	check_slot(reader, policy, &slot, node);
	policy->slots = xrealloc(policy->slots, policy->slot_count + 1, sizeof(slot));
	policy->slots[policy->slot_count++] = slot;
}
