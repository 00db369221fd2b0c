/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_POLICY_READ_H
#define AGENT_POLICY_READ_H
#include <yaml.h>

#include "policy.h"

/*
 * policy_read - YAML as the policy needs it: maps with known keys, lists, texts
 *
 * A reader goes through a document and collects what is wrong with it. `where` is the
 * path to what is being read ("slots.www.names"). Values that are wrong leave their place
 * as it was. For agent/policy*.c only.
 */
struct reader {
	yaml_document_t *document;
	const char *file;
	struct strlist *problems;
	char where[200];
};

typedef void field_fn(struct reader *reader, const yaml_node_t *node, void *base);

struct field {
	const char *name;
	field_fn *read;
	bool is_required;
};

void reader_problem(struct reader *reader, const yaml_node_t *node, const char *fmt, ...)
    PRINTF(3, 4);

/* A map of these fields, read into base. */
void reader_fields(struct reader *reader, const yaml_node_t *node,
                   const struct field *fields, size_t count, void *base);

/* A map of any names: each is given to the function, in the file's order. */
typedef void entry_fn(struct reader *reader, const char *name, const yaml_node_t *node,
                      void *base);
void reader_entries(struct reader *reader, const yaml_node_t *node, entry_fn *each,
                    void *base);

/* Borrowed from the document; NULL where it is no text of one line (said). */
const char *reader_text(struct reader *reader, const yaml_node_t *node);
void reader_list(struct reader *reader, const yaml_node_t *node, size_t max,
                 struct strlist *out);
bool reader_number(struct reader *reader, const yaml_node_t *node, int max, int *out);

/* The place of a text in a list of allowed ones; -1 where it is none (said). */
int reader_choice(struct reader *reader, const yaml_node_t *node, const char *text,
                  const char *const *choices, size_t count);

/* A name of a slot, service or account: letters, digits, '.', '_', '-'. */
bool reader_is_name(const char *text);
/* An absolute path without '.' and '..', in place of *out. */
void reader_path(struct reader *reader, const yaml_node_t *node, char **out);

/* An entry of slots:, added to the policy. */
entry_fn policy_read_slot;
#endif
