/* SPDX-License-Identifier: Apache-2.0 */
#include "install.h"

#include <stdio.h>
#include <string.h>

static const char prefix[] = "certferry-1 ";

/* clang-format off */
static const struct word {
	const char *word;
	bool has_slot;
	bool needs_text;
	bool may_have_text;
} words[] = {
	[INSTALL_STAGED]        = { "staged",        true,  false, false },
	[INSTALL_UNCHANGED]     = { "unchanged",     true,  false, false },
	[INSTALL_SLOT_FAILED]   = { "slot-failed",   true,  true,  true  },
	[INSTALL_NO_KEY]        = { "no-key",        true,  true,  true  },
	[INSTALL_SWITCHED]      = { "switched",      false, false, false },
	[INSTALL_TESTED]        = { "tested",        false, false, false },
	[INSTALL_TEST_FAILED]   = { "test-failed",   false, true,  true  },
	[INSTALL_RELOADED]      = { "reloaded",      false, false, false },
	[INSTALL_RELOAD_FAILED] = { "reload-failed", false, true,  true  },
	[INSTALL_COMMITTED]     = { "committed",     false, false, false },
	[INSTALL_ROLLED_BACK]   = { "rolled-back",   false, false, true  },
	[INSTALL_CHECKED]       = { "checked",       true,  false, false },
	[INSTALL_LIVE]          = { "live",          true,  true,  true  },
	[INSTALL_FAILED]        = { "failed",        false, true,  true  },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(words) == INSTALL_STEP_COUNT, "a step has no word");

static bool refuse(const char *line, struct err *err)
{
	char shown[160];

	return err_set(err, ERR_REMOTE,
	               "the server said '%s', which the installer does not say: does a "
	               "login script print something?",
	               str_printable(line, shown, sizeof(shown)));
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* Cuts the next word off *rest into out; a word is ended by one blank or the end. */
static bool cut_word(const char **rest, char *out, size_t size)
{
	size_t len = strcspn(*rest, " ");

	if (len == 0 || len >= size)
		return false;
	snprintf(out, size, "%.*s", (int)len, *rest);
	*rest += len;
	*rest += **rest == ' ';
	return true;
}

static bool is_slot_name(const char *name)
{
	return str_is_made_of(name,
	                      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                      "0123456789._-",
	                      1, 64);
}

bool install_line_parse(const char *line, struct install_line *out, struct err *err)
{
	const char *rest = line + strlen(prefix);
	char word[16];

	*out = (struct install_line){ .step = INSTALL_STEP_COUNT };
	if (!str_starts(line, prefix) || !is_printable(line) ||
	    !cut_word(&rest, word, sizeof(word)))
		return refuse(line, err);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i].word, word))
			out->step = (enum install_step)i;
	if (out->step == INSTALL_STEP_COUNT)
		return refuse(line, err);
	if (words[out->step].has_slot &&
	    (!cut_word(&rest, out->slot, sizeof(out->slot)) || !is_slot_name(out->slot)))
		return refuse(line, err);
	while (*rest == ' ')
		rest++;
	if (*rest ? !words[out->step].may_have_text : words[out->step].needs_text)
		return refuse(line, err);
	if (strlen(rest) >= sizeof(out->text))
		return refuse(line, err);
	snprintf(out->text, sizeof(out->text), "%s", rest);
	while (str_ends(out->text, " "))
		out->text[strlen(out->text) - 1] = '\0';
	return true;
}
