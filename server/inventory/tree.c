/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "parts.h"

enum { GROUPS_MAX = 2000, DEPTH_MAX = 100 };

/* clang-format off */
static const struct {
	const char *name;
	enum var var;
} names[] = {
	{ "ansible_host", VAR_ADDRESS },        { "ansible_ssh_host", VAR_ADDRESS },
	{ "ansible_port", VAR_PORT },           { "ansible_ssh_port", VAR_PORT },
	{ "ansible_user", VAR_USER },           { "ansible_ssh_user", VAR_USER },
	{ "ansible_connection", VAR_CONNECTION },
};
/* clang-format on */

void vars_deinit(char *vars[VAR_COUNT])
{
	for (size_t i = 0; i < VAR_COUNT; i++) {
		free(vars[i]);
		vars[i] = NULL;
	}
}

void tree_deinit(struct tree *tree)
{
	for (size_t i = 0; i < tree->group_count; i++) {
		struct group *group = &tree->groups[i];

		free(group->name);
		vars_deinit(group->vars);
		strlist_deinit(&group->children);
	}
	for (size_t i = 0; i < tree->host_count; i++) {
		free(tree->hosts[i].name);
		free(tree->hosts[i].groups);
		vars_deinit(tree->hosts[i].vars);
	}
	free(tree->groups);
	free(tree->hosts);
	*tree = (struct tree){ 0 };
}

static struct group *find_group(const struct tree *tree, const char *name)
{
	for (size_t i = 0; i < tree->group_count; i++)
		if (str_eq(tree->groups[i].name, name))
			return &tree->groups[i];
	return NULL;
}

int tree_group(struct tree *tree, const char *name, int line, struct err *err)
{
	const struct group *group = find_group(tree, name);
	char shown[80];

	if (group)
		return (int)(group - tree->groups);
	if (!*name || strlen(name) > 64 || strpbrk(name, " \t[]{}:,'\"")) {
		(void)err_set(err, ERR_INPUT,
		              "line %d: '%s' is no name for a group: 1 to 64 letters, "
		              "digits, . _ or -",
		              line, str_printable(name, shown, sizeof(shown)));
		return -1;
	}
	if (tree->group_count >= GROUPS_MAX) {
		(void)err_set(err, ERR_INPUT, "line %d: more than %d groups", line,
		              GROUPS_MAX);
		return -1;
	}
	tree->groups = xrealloc(tree->groups, tree->group_count + 1,
	                        sizeof(*tree->groups));
	tree->groups[tree->group_count] = (struct group){ .name = xstrdup(name),
		                                          .line = line };
	return (int)tree->group_count++;
}

static struct tree_host *find_host(const struct tree *tree, const char *name)
{
	for (size_t i = 0; i < tree->host_count; i++)
		if (str_eq(tree->hosts[i].name, name))
			return &tree->hosts[i];
	return NULL;
}

static bool is_in(const struct tree_host *host, int group)
{
	for (size_t i = 0; i < host->group_count; i++)
		if (host->groups[i] == group)
			return true;
	return false;
}

static void add_host(struct tree *tree, int group, const char *name, int line,
                     char *const vars[VAR_COUNT])
{
	struct tree_host *host = find_host(tree, name);

	if (!host) {
		tree->hosts = xrealloc(tree->hosts, tree->host_count + 1,
		                       sizeof(*tree->hosts));
		host = &tree->hosts[tree->host_count++];
		*host = (struct tree_host){ .name = xstrdup(name), .line = line };
	}
	/* Said again, the later one counts. */
	for (size_t i = 0; i < VAR_COUNT; i++) {
		if (!vars[i])
			continue;
		free(host->vars[i]);
		host->vars[i] = xstrdup(vars[i]);
	}
	if (is_in(host, group))
		return;
	host->groups = xrealloc(host->groups, host->group_count + 1,
	                        sizeof(*host->groups));
	host->groups[host->group_count++] = group;
}

bool tree_add_hosts(struct tree *tree, int group, const char *pattern, int line,
                    char *const vars[VAR_COUNT], struct err *err)
{
	AUTO_STRLIST struct strlist hosts = { 0 };

	if (!range_expand(pattern, INVENTORY_HOSTS_MAX, &hosts, err))
		return err_context(err, "line %d", line);
	if (tree->host_count + hosts.len > INVENTORY_HOSTS_MAX)
		return err_set(err, ERR_INPUT, "line %d: more than %d hosts", line,
		               INVENTORY_HOSTS_MAX);
	for (size_t i = 0; i < hosts.len; i++)
		add_host(tree, group, hosts.items[i], line, vars);
	return true;
}

bool tree_set_var(struct tree *tree, char *vars[VAR_COUNT], const char *name,
                  const char *value, int line, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!str_eq(names[i].name, name))
			continue;
		if (strstr(value, "{{") || strstr(value, "{%"))
			return err_set(err, ERR_INPUT,
			               "line %d: %s is a template, and those are not "
			               "evaluated here; write its value, or let "
			               "ansible-inventory --list --yaml write the file",
			               line, name);
		free(vars[names[i].var]);
		vars[names[i].var] = xstrdup(value);
		return true;
	}
	tree->has_other_vars = true;
	return true;
}

/* Depths from `all` on: one below the deepest group above. */
static bool measure(struct tree *tree, struct group *group, int depth, struct err *err)
{
	if (group->is_on_path)
		return err_set(err, ERR_INPUT,
		               "line %d: group %s is a child of itself, by way of its "
		               "children; take it out of them",
		               group->line, group->name);
	if (depth > DEPTH_MAX)
		return err_set(err, ERR_INPUT, "line %d: groups %d deep", group->line,
		               depth);
	if (depth <= group->depth)
		return true;
	group->depth = depth;
	group->is_on_path = true;
	for (size_t i = 0; i < group->children.len; i++)
		if (!measure(tree, find_group(tree, group->children.items[i]), depth + 1,
		             err))
			return false;
	group->is_on_path = false;
	return true;
}

/* Marks the groups that the host is in, by itself or by way of a child; each group is
 * asked once, since many ways may lead to it. */
static bool holds(struct tree *tree, struct group *group, const struct tree_host *host)
{
	if (group->is_asked)
		return group->has_host;
	group->is_asked = true;
	group->has_host = is_in(host, (int)(group - tree->groups));
	for (size_t i = 0; i < group->children.len; i++)
		if (holds(tree, find_group(tree, group->children.items[i]), host))
			group->has_host = true;
	return group->has_host;
}

static bool is_before(const struct group *a, const struct group *b)
{
	return a->depth != b->depth ? a->depth < b->depth : strcmp(a->name, b->name) < 0;
}

static const char *value_of(const struct tree *tree, const struct tree_host *host,
                            enum var var)
{
	const struct group *best = NULL;

	if (host->vars[var])
		return host->vars[var];
	for (size_t i = 0; i < tree->group_count; i++) {
		const struct group *group = &tree->groups[i];

		if ((group->has_host || str_eq(group->name, "all")) && group->vars[var] &&
		    (!best || is_before(best, group)))
			best = group;
	}
	return best ? best->vars[var] : NULL;
}

static bool read_port(const struct tree_host *host, const char *text, uint16_t *port,
                      struct err *err)
{
	int64_t number = 0;
	char shown[40];

	if (text && !str_to_i64(text, 1, 65535, &number))
		return err_set(err, ERR_INPUT,
		               "line %d: host %s: '%s' is no port; ansible_port is a "
		               "number from 1 to 65535",
		               host->line, host->name,
		               str_printable(text, shown, sizeof(shown)));
	*port = (uint16_t)number;
	return true;
}

static bool is_by_ssh(const char *connection)
{
	static const char *const ways[] = { "ssh", "smart", "paramiko", "paramiko_ssh" };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!connection || str_eq(connection, ways[i]))
			return true;
	return str_ends(connection, ".ssh");
}

static void leave_out(const struct tree_host *host, const char *connection,
                      struct inventory *out)
{
	char name[100], way[60];
	AUTO_FREE char *note = xasprintf(
	    "line %d: host %s is left out: it is not reached by SSH "
	    "(ansible_connection=%s)",
	    host->line, str_printable(host->name, name, sizeof(name)),
	    str_printable(connection, way, sizeof(way)));

	strlist_add(&out->notes, note);
}

static bool finish_host(struct tree *tree, const struct tree_host *host,
                        struct inventory *out, struct err *err)
{
	struct inventory_host made = { .line = host->line };
	const char *address, *user, *connection;

	for (size_t i = 0; i < tree->group_count; i++)
		tree->groups[i].is_asked = false;
	for (size_t i = 0; i < tree->group_count; i++)
		(void)holds(tree, &tree->groups[i], host);
	connection = value_of(tree, host, VAR_CONNECTION);
	if (!is_by_ssh(connection)) {
		leave_out(host, connection, out);
		return true;
	}
	if (!read_port(host, value_of(tree, host, VAR_PORT), &made.port, err))
		return false;
	address = value_of(tree, host, VAR_ADDRESS);
	user = value_of(tree, host, VAR_USER);
	made.name = xstrdup(host->name);
	made.address = xstrdup(address ? address : host->name);
	made.user = xstrdup(user);
	for (size_t i = 0; i < tree->group_count; i++) {
		const char *name = tree->groups[i].name;

		if (tree->groups[i].has_host && !str_eq(name, "all") &&
		    !str_eq(name, "ungrouped"))
			strlist_add(&made.groups, name);
	}
	return inventory_add(out, &made, err);
}

/* Groups that nobody names as a child stand below `all`. */
static bool measure_all(struct tree *tree, struct err *err)
{
	for (size_t i = 0; i < tree->group_count; i++)
		if (!measure(tree, &tree->groups[i], 1, err))
			return false;
	for (size_t i = 0; i < tree->group_count; i++)
		if (str_eq(tree->groups[i].name, "all"))
			tree->groups[i].depth = 0;
	return true;
}

bool tree_finish(struct tree *tree, struct inventory *out, struct err *err)
{
	if (!measure_all(tree, err))
		return false;
	for (size_t i = 0; i < tree->host_count; i++)
		if (!finish_host(tree, &tree->hosts[i], out, err))
			return false;
	if (tree->has_other_vars)
		strlist_add(&out->notes,
		            "variables other than ansible_host, ansible_port, "
		            "ansible_user and ansible_connection were left out");
	return true;
}
