/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "inventory.h"

static bool is_key_type(const char *text)
{
	static const char *const begins[] = { "ssh-rsa",     "ssh-ed25519", "ssh-dss",
		                              "ecdsa-sha2-", "sk-ssh-",     "sk-ecdsa-" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (str_starts(text, begins[i]))
			return true;
	return false;
}

/* The second word is a key's type, or the first a marker. */
static bool is_known_hosts(const char *line)
{
	const char *second = line + strcspn(line, " \t");

	second += strspn(second, " \t");
	return *line == '@' || str_starts(line, "|1|") || is_key_type(second);
}

static bool is_csv(const char *line)
{
	return strchr(line, ',') && !strchr(line, '[') && !strchr(line, '=');
}

/* "all:", "web: # comment", "---", "{" */
static bool is_yaml(const char *line)
{
	const char *colon = strchr(line, ':');

	if (str_starts(line, "---") || *line == '{' || *line == '%')
		return true;
	if (!colon || *line == '[')
		return false;
	colon += 1 + strspn(colon + 1, " \t");
	return *colon == '\0' || *colon == '#' || *colon == '{';
}

enum inventory_format inventory_guess(const char *text, size_t len)
{
	AUTO_FREE char *copy = xstrndup(text, len);

	for (char *line = copy, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line = str_trim(line);
		if (!*line || *line == '#' || *line == ';')
			continue;
		if (is_known_hosts(line))
			return INVENTORY_KNOWN_HOSTS;
		if (is_yaml(line))
			return INVENTORY_YAML;
		return is_csv(line) || str_eq(line, "name") ? INVENTORY_CSV
		                                            : INVENTORY_INI;
	}
	return INVENTORY_INI;
}
