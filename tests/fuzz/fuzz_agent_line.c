/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agentwire/agentwire.h"
#include "base/mem.h"
#include "deploy/greeting.h"
#include "install/install.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* One of the agent's own: a name that may stand in a table, and a count within its
 * bounds. */
static void look_at_ours(const struct agentwire_line *line)
{
	const int most = line->word == AGENTWIRE_LINE_CSR ? AGENTWIRE_CSR_LINES
	                                                  : AGENTWIRE_POLICY_SLOTS_MAX;
	size_t len = strlen(line->name);
	bool is_service = line->word == AGENTWIRE_LINE_SERVICE;

	if (line->word >= AGENTWIRE_LINE_COUNT || len < 1 || len > 64 ||
	    strpbrk(line->name, " /\\'\"$`;") || !is_printable(line->name) ||
	    strpbrk(line->service, " /\\'\"$`;") || !is_printable(line->service) ||
	    is_service != (*line->service != '\0') || line->count < 0 ||
	    line->count > most)
		abort();
}

/* As the issuer takes a line (deploy/by_agent.c): its own words first, then those that
 * both transports have. A line is never both, and errors are those of the other side. */
static void take(const char *text)
{
	struct agentwire_line ours;
	struct install_line line;
	struct err err = { 0 };
	bool is_ours = false;

	if (!agentwire_line_parse(text, &ours, &is_ours, &err)) {
		if (err.kind != ERR_REMOTE || !err.msg[0] || !is_printable(err.msg))
			abort();
		return;
	}
	if (is_ours)
		look_at_ours(&ours);
	if (!install_line_parse(text, &line, &err)) {
		if (err.kind != ERR_REMOTE || !err.msg[0] || !is_printable(err.msg))
			abort();
		return;
	}
	if (is_ours || line.step >= INSTALL_STEP_COUNT || !is_printable(line.text))
		abort();
}

/* The same lines as an answer to HELLO. */
static void greet(const char *text)
{
	AUTO_FREE char *copy = xstrdup(text);
	AUTO_GREETING struct greeting greeting = { 0 };
	struct err err = { 0 };
	char *rest = copy;
	bool good = true;

	for (char *line = strsep(&rest, "\n"); good && line; line = strsep(&rest, "\n"))
		good = greeting_take(&greeting, line, &err);
	good = good && greeting_end(&greeting, &err);
	if (good ? greeting.count != greeting.announced : !is_printable(err.msg))
		abort();
	if (greeting.count > greeting.announced ||
	    greeting.announced > AGENTWIRE_POLICY_SLOTS_MAX ||
	    (!greeting.is_agent && greeting.announced))
		abort();
}

/* What an agent says, line by line. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_FREE char *text = xstrndup((const char *)bytes, len);
	char *rest = text;

	greet(text);
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		take(line);
	return 0;
}
