/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "ssh/known_hosts.h"
#include "unit.h"

/* Made by ssh-keygen; the hashes by ssh-keygen -H. */
#define KEY                                                                   \
	"AAAAC3NzaC1lZDI1NTE5AAAAICv32lW87NDUeBGC89rmXfUssEWbxIGf+yWxVN9Zg5M" \
	"G"
#define ED     " ssh-ed25519 " KEY "\n"
#define HASH_1 "|1|S8AfEpmh22+8b5uZrDgnmAa5Mag=|wVYYD28eNd4Ud7VXGevzVgA+ARY="
#define HASH_2 "|1|cb+AsRVprOWwq1PTccbh8tcvRFI=|CMnRrBTS+maFSQLmDXILLhw9gzQ="
#define HASH_3 "|1|2DQei2hswmSVdXuWlXG2D5CUfgY=|yuGw8OWNtk5gZpmYLNPBOmVCy14="

/* clang-format off */
static const struct {
	const char *name, *line, *host;
	uint16_t port;
	enum known_match match;
} matches[] = {
	{ "name", "web-1" ED, "web-1", 22, KNOWN_BY_NAME },
	{ "another", "web-1" ED, "web-2", 22, KNOWN_NO },
	{ "a longer one", "web-1" ED, "web-10", 22, KNOWN_NO },
	{ "one of several", "a,web-1,192.0.2.1" ED, "192.0.2.1", 22, KNOWN_BY_NAME },
	{ "case", "Web-1" ED, "wEB-1", 22, KNOWN_BY_NAME },
	{ "other port", "web-1" ED, "web-1", 2222, KNOWN_NO },
	{ "port", "[web-1]:2222" ED, "web-1", 2222, KNOWN_BY_NAME },
	{ "another port", "[web-1]:2222" ED, "web-1", 2223, KNOWN_NO },
	{ "port 22 goes without", "[web-1]:22" ED, "web-1", 22, KNOWN_NO },
	{ "IPv6", "2001:db8::1" ED, "2001:db8::1", 22, KNOWN_BY_NAME },
	{ "IPv6 with port", "[2001:db8::1]:2222" ED, "2001:db8::1", 2222, KNOWN_BY_NAME },
	{ "star", "*.example.org" ED, "a.example.org", 22, KNOWN_BY_PATTERN },
	{ "star is no end", "*.example.org" ED, "a.example.org.x", 22, KNOWN_NO },
	{ "question mark", "web-?" ED, "web-1", 22, KNOWN_BY_PATTERN },
	{ "question mark is one", "web-?" ED, "web-10", 22, KNOWN_NO },
	{ "not", "*,!web-1" ED, "web-1", 22, KNOWN_NO },
	{ "not, in front", "!web-1,*" ED, "web-1", 22, KNOWN_NO },
	{ "not another", "*,!web-2" ED, "web-1", 22, KNOWN_BY_PATTERN },
	{ "not alone", "!web-2" ED, "web-1", 22, KNOWN_NO },
	{ "name before pattern", "*,web-1" ED, "web-1", 22, KNOWN_BY_NAME },
	{ "a bracket is a letter", "web[1]" ED, "web1", 22, KNOWN_NO },
	{ "stars without end", "*a*a*a*a*a*a*a*a*a*a*a*a*b" ED,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 22, KNOWN_NO },
	{ "hash", HASH_1 ED, "web-1", 22, KNOWN_BY_HASH },
	{ "hash, case", HASH_1 ED, "WEB-1", 22, KNOWN_BY_HASH },
	{ "hash, other port", HASH_1 ED, "web-1", 2222, KNOWN_NO },
	{ "hash, another", HASH_1 ED, "web-2", 22, KNOWN_NO },
	{ "hash, port", HASH_2 ED, "192.0.2.1", 2222, KNOWN_BY_HASH },
	{ "hash, IPv6", HASH_3 ED, "2001:db8::1", 22, KNOWN_BY_HASH },
	{ "hash, cut", "|1|S8AfEpmh22+8b5uZrDgnmAa5Mag=" ED, "web-1", 22, KNOWN_NO },
	{ "hash, empty", "|1||" ED, "web-1", 22, KNOWN_NO },
	{ "hash, no base64", "|1|!|!" ED, "web-1", 22, KNOWN_NO },
	{ "hash, short", "|1|S8AfEpmh22+8b5uZrDgnmAa5Mag=|AAAA" ED, "web-1", 22, KNOWN_NO },
	{ "hash of another kind", "|2|a|b" ED, "web-1", 22, KNOWN_NO },
};

static const struct {
	const char *name, *text, *said;
} bad[] = {
	{ "a word", "x\n", "line 1: not HOST TYPE KEY" },
	{ "no key", "# x\nx ssh-ed25519\n", "line 2: not HOST TYPE KEY" },
	{ "no base64", "x ssh-ed25519 !!!!\n", "the key is damaged" },
	{ "cut", "x ssh-ed25519 AAAAC3NzaC1lZDI1\n", "the key is damaged" },
	{ "another type", "x ssh-rsa " KEY "\n", "the type is said to be ssh-rsa" },
	{ "marker", "@trusted x" ED, "no marker '@trusted'" },
	{ "marker alone", "@revoked\n", "not HOST TYPE KEY" },
	{ "escape", "@\033[2J x" ED, "\\x1b[2J" },
};

static const struct {
	const char *name, *text;
	size_t lines, notes;
} files[] = {
	{ "empty", "", 0, 0 },
	{ "comments and blanks", "\n# x\n  \n", 0, 0 },
	{ "a comment behind, tabs, CR", "x\tssh-ed25519\t" KEY " me@home\r\n", 1, 0 },
	{ "no newline", "x ssh-ed25519 " KEY, 1, 0 },
	{ "authority", "@cert-authority *" ED, 0, 1 },
	{ "revoked", "@revoked *" ED, 1, 0 },
	{ "SSH 1", "x 1024 35 1234567890\n", 0, 1 },
	{ "a type without use", "x ssh-dss AAAAB3NzaC1kc3M=\n", 0, 1 },
};
/* clang-format on */

static void hosts_are_matched(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
		AUTO_KNOWN struct known_hosts known = { 0 };
		struct err err = { 0 };

		CHECK(matches[i].name,
		      known_hosts_read(matches[i].line, strlen(matches[i].line), &known,
		                       &err));
		CHECK(matches[i].name, known.len == 1);
		CHECK(matches[i].name,
		      known.len == 1 &&
		          known_line_match(&known.lines[0], matches[i].host,
		                           matches[i].port) == matches[i].match);
	}
	DONE();
}

static void bad_lines_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_KNOWN struct known_hosts known = { 0 };
		struct err err = { 0 };

		CHECK(bad[i].name,
		      !known_hosts_read(bad[i].text, strlen(bad[i].text), &known, &err));
		CHECK(bad[i].name, err.kind == ERR_INPUT && strstr(err.msg, bad[i].said));
		if (!strstr(err.msg, bad[i].said))
			print_error("%s\n", err.msg);
	}
	DONE();
}

static void files_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_KNOWN struct known_hosts known = { 0 };
		struct err err = { 0 };

		CHECK(
		    files[i].name,
		    known_hosts_read(files[i].text, strlen(files[i].text), &known, &err));
		CHECK(files[i].name, known.len == files[i].lines);
		CHECK(files[i].name, known.notes.len == files[i].notes);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_matched),
		cmocka_unit_test(bad_lines_are_refused),
		cmocka_unit_test(files_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
