/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H
#include <yaml.h>

#include "config/table.h"

/*
 * load - what is at hand while a configuration is being read
 *
 * The documents stay open until the end, so that every value can be named by file,
 * line and column. Problems are collected, never thrown: reading goes on and finds
 * the next one. One thread.
 */
enum {
	FILE_BYTES_MAX = 16 * 1024 * 1024,
	SOURCES_MAX = 1000,
	NODES_MAX = 1000000, /* visited, aliases counted each time */
	PROBLEMS_MAX = 1000,
};

struct source {
	const char *name; /* in the config's list of sources */
	char *directory;
	yaml_document_t document;
};

struct node {
	struct source *source;
	yaml_node_t *yaml; /* NULL: not there */
};

/* Where we are: the keys from the root on, and the mark of the innermost. */
struct where {
	const struct where *up;
	const char *name;
	struct config_mark mark;
};

struct member {
	const char *name;
	struct node key, value;
};

struct members {
	struct member *items;
	size_t len;
};
void members_deinit(struct members *members);
#define AUTO_MEMBERS CLEANUP(members_deinit)

/* Where a value came from, for the checks of the whole. */
struct place {
	const void *target;
	int item; /* of a list; PLACE_WHOLE: the value itself */
	struct config_mark mark;
	char *path;
};
enum { PLACE_WHOLE = -1, PLACE_ENTRY = -2 };

struct load {
	struct config *config; /* owns sources' names */
	struct draft draft;
	struct source **sources;
	size_t source_count;
	struct place *places;
	size_t place_count, place_cap;
	struct strlist *problems;
	size_t problem_count;
	long visited;
	bool is_quiet; /* what is read now has been read, and told, before */
};

/* load.c */
void load_deinit(struct load *load);
struct config_mark node_mark(const struct node *node);
void problem(struct load *load, const struct where *where, const char *fmt, ...)
    PRINTF(3, 4);
void problem_at(struct load *load, const struct place *place, const char *fmt, ...)
    PRINTF(3, 4);
void problem_line(struct load *load, const char *line);
void place_add(struct load *load, const void *target, int item,
               const struct where *where);
/* The target's place, else the fallback's; never NULL after entries were read. */
const struct place *place_find(const struct load *load, const void *target, int item,
                               const void *fallback);

/* source.c: the file and its conf.d; problems are what is wrong with them. */
void sources_open(struct load *load, const char *file);
void source_parse(struct load *load, const char *file, const char *bytes, size_t len);

/* parse.c */
void parse_root(struct load *load);
/* False, after a problem, where the node is no map. Adds its members. */
bool members_add(struct load *load, struct members *members, const struct node *node,
                 const struct where *where);
const struct member *members_find(const struct members *members, const char *name);
void parse_section(struct load *load, const struct section *section,
                   const struct node *node, const struct node *defaults,
                   const struct where *where, void *base);
/* Counts a visit; false where there were too many, or the node's tag is foreign. */
bool node_visit(struct load *load, const struct node *node, const struct where *where);

/* value.c: reads the node into base + key's offset. */
void value_read(struct load *load, const struct key *key, const struct node *node,
                const struct where *where, void *base);
void value_fall_back(const struct key *key, void *base);
bool secret_read(struct load *load, const struct node *node, const struct where *where,
                 struct config_secret *out);
/* The scalar's text, or NULL after a problem. Borrowed. */
const char *scalar_text(struct load *load, const struct node *node,
                        const struct where *where, const char *wanted);
/* The same as its grammar reads it; the caller frees. */
char *text_read(struct load *load, const struct key *key, const struct node *node,
                const struct where *where, const char *wanted) MUST_CHECK;
bool mode_parse(const char *text, mode_t *out);

/* list.c */
void list_read(struct load *load, const struct key *key, const struct node *node,
               const struct where *where, struct strlist *list);
void list_read_one(struct load *load, const struct key *key, const struct node *node,
                   const struct where *where, struct strlist *list);
void argv_read(struct load *load, const struct node *node, const struct where *where,
               struct strlist *list);

/* choice.c: a word into the enum that to points to; a word or a map into base. */
bool choice_from(const struct key *key, const char *text, void *to, struct err *err);
void choice_read(struct load *load, const struct key *key, const struct node *node,
                 const struct where *where, void *base);

/* free.c */
void section_release(const struct section *section, void *base);

/* suggest.c: ", did you mean 'x'?" for the nearest; else the list of all. */
void suggest(const char *wrong, const struct strlist *known, struct buf *out);

/* resolve.c: names of hosts, groups, CAs and DNS entries become pointers. */
void resolve_config(struct load *load);

/* check.c: what only the whole shows. */
void check_config(struct load *load);
#endif
