/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INVENTORY_PARTS_H
#define INVENTORY_PARTS_H
#include "inventory.h"

/*
 * parts - what the readers share
 *
 * Ansible's two formats become one tree of groups first: INI and YAML differ in how they
 * are written only. A variable of a host counts before one of its groups, one of a deeper
 * group before one of the group above, and of equals the one whose name comes later; that
 * is Ansible's order.
 */

/* csv.c, ini.c, yaml.c; text holds no NUL and ends with one. */
bool csv_read(char *text, struct inventory *out, struct err *err) MUST_CHECK;
struct tree;
bool ini_read(char *text, struct tree *tree, struct err *err) MUST_CHECK;
bool yaml_read(const char *text, size_t len, struct tree *tree,
               struct err *err) MUST_CHECK;

/* inventory.c: takes the texts of the host over; whatever comes of it they are freed. */
bool inventory_add(struct inventory *inventory, struct inventory_host *host,
                   struct err *err) MUST_CHECK;

/* The variables that count. */
enum var { VAR_ADDRESS, VAR_PORT, VAR_USER, VAR_CONNECTION, VAR_COUNT };

struct group {
	char *name;
	int line;
	char *vars[VAR_COUNT];
	struct strlist children;
	int depth; /* below `all`; 0: not known yet */
	bool is_on_path;
	bool has_host, is_asked; /* the host that is being finished */
};

struct tree_host {
	char *name;
	int line;
	char *vars[VAR_COUNT];
	int *groups; /* those that name it themselves */
	size_t group_count;
};

struct tree {
	struct group *groups;
	size_t group_count;
	struct tree_host *hosts;
	size_t host_count;
	bool has_other_vars;
};
void tree_deinit(struct tree *tree);
#define AUTO_TREE CLEANUP(tree_deinit)

/* Index of the group; made where it is not there. -1 with err: no name for a group. */
int tree_group(struct tree *tree, const char *name, int line, struct err *err) MUST_CHECK;
/* The pattern's hosts ("web[01:10].example.com") in the group, each with these
 * variables. */
bool tree_add_hosts(struct tree *tree, int group, const char *pattern, int line,
                    char *const vars[VAR_COUNT], struct err *err) MUST_CHECK;
/* One that does not count is noted. */
bool tree_set_var(struct tree *tree, char *vars[VAR_COUNT], const char *name,
                  const char *value, int line, struct err *err) MUST_CHECK;
void vars_deinit(char *vars[VAR_COUNT]);
bool tree_finish(struct tree *tree, struct inventory *out, struct err *err) MUST_CHECK;

/* range.c: "web[1:3]" is web1, web2, web3; at most max of them. */
bool range_expand(const char *pattern, size_t max, struct strlist *out,
                  struct err *err) MUST_CHECK;
#endif
