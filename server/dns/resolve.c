/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "exchange.h"

enum { RESOLVERS_MAX = 3, RESOLV_CONF_MAX = 64 * 1024 };

int resolve_timeout_ms(const struct dns_settings *settings)
{
	return settings->timeout_ms > 0 ? settings->timeout_ms : RESOLVE_TIMEOUT_MS;
}

static void read_line(char *line, struct strlist *out)
{
	static const char word[] = "nameserver";

	line = str_trim(line);
	if (!str_starts(line, word) || !strchr(" \t", line[sizeof(word) - 1]))
		return;
	line = str_trim(line + sizeof(word) - 1);
	line[strcspn(line, " \t#;")] = '\0';
	if (*line && out->len < RESOLVERS_MAX)
		strlist_add(out, line);
}

/* As resolv.conf(5): no file and no line mean the machine itself. */
static void read_resolv_conf(struct strlist *out)
{
	AUTO_BUF struct buf text = BUF_INIT(RESOLV_CONF_MAX);
	struct err ignored;
	char *next;

	if (fs_read("/etc/resolv.conf", &text, &ignored))
		for (char *line = text.data; line; line = next) {
			next = strchr(line, '\n');
			if (next)
				*next++ = '\0';
			read_line(line, out);
		}
	if (out->len == 0)
		strlist_add(out, "127.0.0.1");
}

/* The questions and how far they are. */
struct round {
	const struct dns_question *questions;
	struct dns_reply *answers;
	bool *done;
	size_t count;
	const char *open_name; /* one that is still open; NULL: none is */
	char note[80];         /* why */
};

/* False, and the note says why, where a resolver's reply is worth nothing. */
static bool take(struct round *round, size_t i, const struct dns_asking *asking)
{
	struct dns_reply *answer = &round->answers[i];
	struct err err;

	if (!asking->is_answered) {
		snprintf(round->note, sizeof(round->note), "%s", asking->note);
		return false;
	}
	dns_reply_deinit(answer);
	if (!dns_reply_parse(&round->questions[i], asking->reply.data, asking->reply.len,
	                     answer, &err)) {
		snprintf(round->note, sizeof(round->note), "%.79s", err.msg);
		return false;
	}
	if (!answer->is_ok)
		snprintf(round->note, sizeof(round->note), "%s", answer->rcode);
	return answer->is_ok;
}

/* Asks one resolver what is still open. */
static void ask_resolver(struct round *round, const struct dns_address *resolver,
                         int timeout_ms)
{
	AUTO_FREE struct dns_asking *askings = xcalloc(round->count + 1,
	                                               sizeof(*askings));
	size_t asked = 0;

	for (size_t i = 0; i < round->count; i++)
		if (!round->done[i])
			askings[asked++] =
			    (struct dns_asking){ .to = *resolver,
				                 .wire = round->questions[i].wire,
				                 .len = round->questions[i].len,
				                 .reply = BUF_INIT(DNS_MESSAGE_MAX) };
	dns_exchange(askings, asked, timeout_ms);
	asked = 0;
	round->open_name = NULL;
	for (size_t i = 0; i < round->count; i++) {
		if (round->done[i])
			continue;
		round->done[i] = take(round, i, &askings[asked]);
		buf_wipe(&askings[asked++].reply);
		if (!round->done[i])
			round->open_name = round->questions[i].name;
	}
}

bool resolve_in_time(const struct dns_settings *settings, struct err *err)
{
	return settings->deadline_ms == 0 || clock_left_ms(settings->deadline_ms) > 0 ||
	       err_set(err, ERR_TEMPORARY,
	               "the name servers on the way are too slow: not found in time");
}

bool resolve_all(const struct dns_settings *settings,
                 const struct dns_question *questions, struct dns_reply *answers,
                 size_t count, struct err *err)
{
	AUTO_STRLIST struct strlist resolvers = { 0 };
	AUTO_FREE bool *done = xcalloc(count + 1, sizeof(*done));
	struct round round = { questions, answers, done, count, "", "" };
	struct dns_address address;

	if (!resolve_in_time(settings, err))
		return false;
	if (settings->resolver)
		strlist_add(&resolvers, settings->resolver);
	else
		read_resolv_conf(&resolvers);
	for (size_t i = 0; i < resolvers.len && round.open_name; i++) {
		if (!dns_address_parse(resolvers.items[i], &address, err))
			return err_context(err, "resolver");
		ask_resolver(&round, &address, resolve_timeout_ms(settings));
	}
	if (round.open_name)
		return err_set(
		    err, ERR_TEMPORARY, "resolver %s does not answer about %s: %s",
		    resolvers.items[resolvers.len - 1], round.open_name, round.note);
	return true;
}
