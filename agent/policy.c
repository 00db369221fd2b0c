/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <string.h>

#include "base/mem.h"
#include "policy_read.h"

enum { ARGV_MAX = 64 };

const char *const policy_action_names[] = {
	[POLICY_TEST] = "test",
	[POLICY_RELOAD] = "reload",
};
_Static_assert(ARRAY_SIZE(policy_action_names) == POLICY_ACTION_COUNT,
               "an action has no name");

/* Fields of a service. */

static void read_argv(struct reader *reader, const yaml_node_t *node,
                      struct policy_command *command)
{
	const struct strlist *argv = &command->argv;
	char shown[80];

	reader_list(reader, node, ARGV_MAX, &command->argv);
	if (argv->len == 0)
		reader_problem(reader, node, "a command without a program");
	else if (strchr(argv->items[0], '/') && argv->items[0][0] != '/')
		reader_problem(reader, node, "the program '%s': its name or whole path",
		               str_printable(argv->items[0], shown, sizeof(shown)));
	else if (strchr(argv->items[0], ' '))
		reader_problem(reader, node,
		               "the program '%s' has a blank in its name: a list, one "
		               "argument each: [systemctl, reload, nginx]",
		               str_printable(argv->items[0], shown, sizeof(shown)));
}

static void service_test(struct reader *reader, const yaml_node_t *node, void *base)
{
	read_argv(reader, node, &((struct policy_service *)base)->run[POLICY_TEST]);
}

static void service_reload(struct reader *reader, const yaml_node_t *node, void *base)
{
	read_argv(reader, node, &((struct policy_service *)base)->run[POLICY_RELOAD]);
}

static void service_test_timeout(struct reader *reader, const yaml_node_t *node,
                                 void *base)
{
	struct policy_service *service = base;

	(void)reader_number(reader, node, POLICY_TIMEOUT_MAX_S,
	                    &service->run[POLICY_TEST].timeout_s);
}

static void service_reload_timeout(struct reader *reader, const yaml_node_t *node,
                                   void *base)
{
	struct policy_service *service = base;

	(void)reader_number(reader, node, POLICY_TIMEOUT_MAX_S,
	                    &service->run[POLICY_RELOAD].timeout_s);
}

static const struct field service_fields[] = {
	{ "test", service_test, false },
	{ "test-timeout", service_test_timeout, false },
	{ "reload", service_reload, true },
	{ "reload-timeout", service_reload_timeout, false },
};

static void read_service(struct reader *reader, const char *name, const yaml_node_t *node,
                         void *base)
{
	struct policy *policy = base;
	struct policy_service service = { .run = { { .timeout_s = POLICY_TIMEOUT_S },
		                                   { .timeout_s = POLICY_TIMEOUT_S } } };

	if (policy->service_count == POLICY_SERVICES_MAX) {
		reader_problem(reader, node, "more than %d services",
		               POLICY_SERVICES_MAX);
		return;
	}
	if (!reader_is_name(name))
		reader_problem(reader, node, "a name has letters, digits, '.', '_', '-'");
	for (size_t i = 0; i < policy->service_count; i++)
		if (str_eq(policy->services[i].name, name))
			reader_problem(reader, node, "this service stands there twice");
	service.name = xstrdup(name);
	reader_fields(reader, node, service_fields, ARRAY_SIZE(service_fields), &service);
	policy->services = xrealloc(policy->services, policy->service_count + 1,
	                            sizeof(service));
	policy->services[policy->service_count++] = service;
}

/* The fields of the whole. */

static void root_version(struct reader *reader, const yaml_node_t *node, void *base)
{
	int version;

	(void)base;
	(void)reader_number(reader, node, 1, &version);
}

static void root_state(struct reader *reader, const yaml_node_t *node, void *base)
{
	reader_path(reader, node, &((struct policy *)base)->state);
}

static void root_services(struct reader *reader, const yaml_node_t *node, void *base)
{
	reader_entries(reader, node, read_service, base);
}

static void root_slots(struct reader *reader, const yaml_node_t *node, void *base)
{
	reader_entries(reader, node, policy_read_slot, base);
}

static const struct field root_fields[] = {
	{ "version", root_version, true },
	{ "state", root_state, false },
	{ "services", root_services, false },
	{ "slots", root_slots, true },
};

static void find_services(struct reader *reader, const struct policy *policy,
                          struct policy_slot *slot)
{
	for (size_t i = 0; i < slot->service_names.len; i++) {
		const char *name = slot->service_names.items[i];
		uint64_t bit = 0;
		char shown[80];

		for (size_t j = 0; j < policy->service_count; j++)
			if (str_eq(policy->services[j].name, name))
				bit = UINT64_C(1) << j;
		slot->services |= bit;
		if (!bit) {
			AUTO_FREE char *line = xasprintf(
			    "%s:%zu: slots.%.64s.services: no service '%s' stands under "
			    "services:",
			    reader->file, slot->line, slot->name,
			    str_printable(name, shown, sizeof(shown)));

			strlist_add(reader->problems, line);
		}
	}
}

static void read_document(struct reader *reader, struct policy *policy)
{
	const yaml_node_t *root = yaml_document_get_root_node(reader->document);

	if (!root) {
		reader_problem(reader, NULL, "empty");
		return;
	}
	reader_fields(reader, root, root_fields, ARRAY_SIZE(root_fields), policy);
	for (size_t i = 0; i < policy->slot_count; i++)
		find_services(reader, policy, &policy->slots[i]);
}

struct policy *policy_parse(const char *file, const char *bytes, size_t len,
                            struct strlist *problems)
{
	AUTO_POLICY struct policy *policy = NEW(struct policy);
	yaml_document_t document;
	yaml_parser_t parser;
	struct reader reader = { &document, file, problems, "" };

	policy->state = xstrdup(POLICY_STATE);
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);
	if (yaml_parser_load(&parser, &document)) {
		read_document(&reader, policy);
		yaml_document_delete(&document);
	} else {
		AUTO_FREE char *line = xasprintf(
		    "%s:%zu: not YAML: %s", file, parser.problem_mark.line + 1,
		    parser.problem ? parser.problem : "no text");

		strlist_add(problems, line);
	}
	yaml_parser_delete(&parser);
	return problems->len ? NULL : TAKE(policy);
}
