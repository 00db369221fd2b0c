/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "inventory/inventory.h"
#include "unit.h"

#define CSV INVENTORY_CSV
#define INI INVENTORY_INI
#define YML INVENTORY_YAML

/* clang-format off */
/* name|address|port|user|groups, one to a line; port 0 and user - are not said. */
static const struct {
	const char *name;
	enum inventory_format format;
	const char *text, *hosts;
} good[] = {
	{ "csv", CSV, "name,address,port,user,groups\nweb-1,192.0.2.1,2222,deploy,web\n",
	  "web-1|192.0.2.1|2222|deploy|web\n" },
	{ "csv, name alone", CSV, "name\nweb.example.org\n",
	  "web.example.org|web.example.org|0|-|\n" },
	{ "csv, other order, blanks, CRLF, BOM", CSV,
	  "\xef\xbb\xbf" "Groups , NAME\r\n\r\n web;mail , a \r\nx y,b",
	  "a|a|0|-|web mail\nb|b|0|-|x y\n" },
	{ "csv, quotes", CSV, "name,groups,address\n\"a\",\"web,mail\",\"2001:db8::1\"\n",
	  "a|2001:db8::1|0|-|web mail\n" },
	{ "csv, empty cells", CSV, "name,address,port,user,groups\na,,,,\n", "a|a|0|-|\n" },
	{ "csv, header alone", CSV, "name,address\n", "" },

	{ "ini", INI, "[web]\nweb-1 ansible_host=192.0.2.1 ansible_port=2222 "
	  "ansible_user=deploy\n", "web-1|192.0.2.1|2222|deploy|web\n" },
	{ "ini, without a group", INI, "a.example.org\n", "a.example.org|a.example.org|0|-|\n" },
	{ "ini, names of old", INI, "a ansible_ssh_host=10.0.0.1 ansible_ssh_port=2 "
	  "ansible_ssh_user=u\n", "a|10.0.0.1|2|u|\n" },
	{ "ini, port behind the name", INI, "a:2222\n", "a|a|2222|-|\n" },
	{ "ini, range", INI, "[web]\nweb[08:10].example.org:22\n",
	  "web08.example.org|web08.example.org|22|-|web\n"
	  "web09.example.org|web09.example.org|22|-|web\n"
	  "web10.example.org|web10.example.org|22|-|web\n" },
	{ "ini, ranges of letters and steps", INI, "x[1:5:2][a:b]\n",
	  "x1a|x1a|0|-|\nx1b|x1b|0|-|\nx3a|x3a|0|-|\nx3b|x3b|0|-|\n"
	  "x5a|x5a|0|-|\nx5b|x5b|0|-|\n" },
	{ "ini, comments, quotes", INI, "# x\n; y\n\n[web] # z\na ansible_user='deploy' # b\n"
	  "c ansible_ssh_common_args='-o X=\"y z\"' ansible_host=\"10.0.0.1\"\n",
	  "a|a|0|deploy|web\nc|10.0.0.1|0|-|web\n" },
	{ "ini, children and vars", INI,
	  "[web]\na\nb ansible_user=own\n[all:vars]\nansible_user = everybody\n"
	  "ansible_port=22\n[prod:children]\nweb\n[prod:vars]\nansible_port=2200\n"
	  "[web:vars]\nansible_port = '2201' # here\n",
	  "a|a|2201|everybody|web prod\nb|b|2201|own|web prod\n" },
	{ "ini, of equal groups the later name", INI,
	  "[x]\na\n[b]\na\n[x:vars]\nansible_port=1\n[b:vars]\nansible_port=2\n",
	  "a|a|1|-|x b\n" },
	{ "ini, twice", INI, "[x]\na ansible_port=1\n[y]\na ansible_user=u\n", "a|a|1|u|x y\n" },
	{ "ini, local", INI, "localhost ansible_connection=local\na\n", "a|a|0|-|\n" },
	{ "ini, a template that does not count", INI, "a x='{{ y }}'\n", "a|a|0|-|\n" },
	{ "ini, upper case", INI, "Web-1 ansible_host=WWW.Example.ORG\n",
	  "Web-1|www.example.org|0|-|\n" },

	{ "yaml", YML, "all:\n  children:\n    web:\n      hosts:\n        web-1:\n"
	  "          ansible_host: 192.0.2.1\n          ansible_port: 2222\n"
	  "          ansible_user: 'deploy'\n", "web-1|192.0.2.1|2222|deploy|web\n" },
	{ "yaml, range, no vars", YML, "web:\n  hosts:\n    w[1:2]:\n    x: {}\n    y: null\n",
	  "w1|w1|0|-|web\nw2|w2|0|-|web\nx|x|0|-|web\ny|y|0|-|web\n" },
	{ "yaml, vars", YML, "all:\n  vars: {ansible_user: u, x: !vault z, y: [1, {}]}\n"
	  "  hosts: {a: {ansible_port: '1', ntp: [x]}}\n  children: {}\n", "a|a|1|u|\n" },
	{ "yaml, an alias", YML, "x: &x\n  hosts:\n    a:\ny: *x\n", "a|a|0|-|x y\n" },
	{ "yaml, JSON", YML, "{\"web\": {\"hosts\": {\"a\": {\"ansible_port\": 5}}}}",
	  "a|a|5|-|web\n" },
	{ "yaml, a group that is named alone", YML, "web:\nmail:\n  hosts:\n    a:\n",
	  "a|a|0|-|mail\n" },
};

static const struct {
	const char *name;
	enum inventory_format format;
	const char *text, *said;
} bad[] = {
	{ "csv, empty", CSV, "", "line 1: nothing is here" },
	{ "csv, no header", CSV, "web-1,192.0.2.1\n", "line 1: no column 'web-1'" },
	{ "csv, no name", CSV, "address,port\n", "there is no column 'name'" },
	{ "csv, twice", CSV, "name,name\n", "stands twice" },
	{ "csv, semicolons", CSV, "name;address\na;b\n", "with commas between" },
	{ "csv, too many cells", CSV, "name,address\na,b,c\n", "line 2: 3 cells" },
	{ "csv, one cell", CSV, "name,address\na\n", "line 2: 1 cell, where" },
	{ "csv, one column", CSV, "name\na,b\n", "names 1 column;" },
	{ "csv, open quote", CSV, "name\n\"a\nb\n", "line 2: a quote" },
	{ "csv, behind a quote", CSV, "name\n\"a\"b\n", "behind a closing quote" },
	{ "csv, lone CR", CSV, "name\ra\r", "carriage return" },
	{ "csv, port", CSV, "name,port\na,0\n", "line 2: '0' is no port" },
	{ "csv, port with a sign", CSV, "name,port\na,+22\n", "is no port" },
	{ "csv, host twice", CSV, "name\na\nb\na\n", "line 4: host a stands in line 2" },
	{ "csv, no name in a row", CSV, "name,address\n,b\n", "line 2: '' is no name" },
	{ "csv, name", CSV, "name\n../x\n", "is no name for a host" },
	{ "csv, name that is an option", CSV, "name\n-oProxyCommand=x\n", "is no name" },
	{ "csv, escape", CSV, "name\n\033[2J\n", "\\x1b[2J" },
	{ "csv, address", CSV, "name,address\na,b_c\n", "'b_c' is neither" },
	{ "csv, address with an option", CSV, "name,address\na,-x\n", "is neither" },
	{ "csv, user", CSV, "name,user\na,x;y\n", "'x;y' is no user" },
	{ "csv, group", CSV, "name,groups\na,b|c\n", "'b|c' is no name for a group" },
	{ "csv, YAML in a name", CSV, "name\n\"a: {b\"\n", "is no name" },

	{ "ini, section", INI, "[web\n", "line 1: '[web': no section" },
	{ "ini, kind", INI, "[web:hosts]\n", "'hosts': no kind of section" },
	{ "ini, no group name", INI, "[]\n", "'' is no name for a group" },
	{ "ini, two hosts", INI, "\na b\n", "line 2: 'b': behind a host go variables" },
	{ "ini, quote", INI, "a x='y\n", "opened and not closed" },
	{ "ini, template", INI, "a ansible_host='{{ ip }}'\n", "line 1: ansible_host is a template" },
	{ "ini, template in a group", INI, "[g:vars]\nansible_user={{ u }}\n",
	  "line 2: ansible_user is a template" },
	{ "ini, no variable", INI, "[g:vars]\nx\n", "lines of NAME=VALUE" },
	{ "ini, IPv6", INI, "2001:db8::1\n", "an IPv6 address is no name" },
	{ "ini, port", INI, "a:ssh\n", "no host name" },
	{ "ini, port var", INI, "a ansible_port=x\n", "'x' is no port" },
	{ "ini, underscore", INI, "web_1\n", "write the address of web_1" },
	{ "ini, two children", INI, "[g:children]\na b\n", "one group to a line" },
	{ "ini, circle", INI, "[a:children]\nb\n[b:children]\na\n", "a child of itself" },
	{ "ini, range backwards", INI, "a[3:1]\n", "line 1: 'a[3:1]'" },
	{ "ini, range of nothing", INI, "a[]\n", "between brackets" },
	{ "ini, range mixed", INI, "a[1:z]\n", "between brackets" },
	{ "ini, range of two cases", INI, "a[A:z]\n", "between brackets" },
	{ "ini, range of widths", INI, "a[01:100]\n", "between brackets" },
	{ "ini, range step", INI, "a[1:3:0]\n", "between brackets" },
	{ "ini, bracket", INI, "a[1:3\n", "a bracket without the other" },
	{ "ini, huge range", INI, "a[1:999999999]\n", "too many hosts" },
	{ "ini, huge ranges", INI, "x[1:999][1:999]\n", "too many hosts" },
	{ "ini, many hosts", INI, "a[1:9000]\nb[1:9000]\n", "line 2: more than 10000" },
	{ "ini, shell", INI, "$(reboot)\n", "is no name for a host" },

	{ "yaml, empty", YML, "", "nothing is here" },
	{ "yaml, none", YML, "a: [\n", "not YAML" },
	{ "yaml, a list", YML, "- a\n", "not a map" },
	{ "yaml, a playbook", YML, "- hosts: web\n  tasks: []\n", "not a map" },
	{ "yaml, hosts as a list", YML, "web:\n  hosts:\n    - a\n", "line 3: 'hosts': not a map" },
	{ "yaml, unknown part", YML, "web:\n  host:\n    a:\n", "line 2: 'host': no part" },
	{ "yaml, vault", YML, "web:\n  hosts:\n    a:\n      ansible_host: !vault x\n",
	  "line 4: 'ansible_host': no plain text" },
	{ "yaml, list for a port", YML, "web: {hosts: {a: {ansible_port: [1]}}}", "no plain text" },
	{ "yaml, template", YML, "web: {hosts: {a: {ansible_host: '{{ x }}'}}}", "is a template" },
	{ "yaml, merge", YML, "x: &x {hosts: {a: }}\ny:\n  <<: *x\n", "'<<': no part" },
	{ "yaml, second", YML, "a:\n---\nb:\n", "a second document" },
	{ "yaml, itself", YML, "a: &a\n  children:\n    a: *a\n", "levels" },
	{ "yaml, circle", YML, "a:\n  children:\n    b:\n      children:\n        a:\n",
	  "a child of itself" },
	{ "yaml, NUL", YML, "a: {hosts: {\"b\\0c\": }}", "no plain text" },
	{ "yaml, key", YML, "a: {hosts: {[1]: }}", "no plain text" },
	{ "yaml, newline in a name", YML, "a: {hosts: {\"b\\nc\": }}", "is no name for a host" },
	{ "yaml, group name", YML, "\"a b\": {hosts: {c: }}", "is no name for a group" },
};

static const struct {
	const char *name, *text;
	enum inventory_format format;
} guesses[] = {
	{ "empty", "", INI },
	{ "hashed", "|1|a=|b= ssh-ed25519 AAAA\n", INVENTORY_KNOWN_HOSTS },
	{ "plain", "# x\n\nweb-1,192.0.2.1 ecdsa-sha2-nistp256 AAAA\n", INVENTORY_KNOWN_HOSTS },
	{ "marker", "@revoked * ssh-rsa AAAA\n", INVENTORY_KNOWN_HOSTS },
	{ "port", "[a]:2222 ssh-ed25519 AAAA\n", INVENTORY_KNOWN_HOSTS },
	{ "csv", "name,address\n", CSV },
	{ "csv of one column", "name\na\n", CSV },
	{ "ini", "[web]\n", INI },
	{ "ini, host first", "web-1 ansible_host=a,b\n", INI },
	{ "ini, port", "web-1:22\n", INI },
	{ "ini, children", "[web:children]\n", INI },
	{ "yaml", "all:\n", YML },
	{ "yaml, mark", "---\nx", YML },
	{ "yaml, comment", "# x\nall: # y\n", YML },
	{ "json", "{\"all\": {}}", YML },
};
/* clang-format on */

static void show(const struct inventory *inventory, struct buf *out)
{
	for (size_t i = 0; i < inventory->len; i++) {
		const struct inventory_host *host = &inventory->hosts[i];

		buf_addf(out, "%s|%s|%u|%s|", host->name, host->address, host->port,
		         host->user ? host->user : "-");
		strlist_join(&host->groups, " ", out);
		buf_addf(out, "\n");
	}
}

static void good_ones_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO_INVENTORY struct inventory inventory = { 0 };
		AUTO_BUF struct buf got = BUF_INIT(4096);
		struct err err = { 0 };

		CHECK(good[i].name,
		      inventory_read(good[i].format, good[i].text, strlen(good[i].text),
		                     &inventory, &err));
		show(&inventory, &got);
		CHECK(good[i].name, str_eq(got.data, good[i].hosts));
		if (!str_eq(got.data, good[i].hosts))
			print_error("%s%s\n", got.data, err.msg);
	}
	DONE();
}

static void bad_ones_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_INVENTORY struct inventory inventory = { 0 };
		struct err err = { 0 };

		CHECK(bad[i].name,
		      !inventory_read(bad[i].format, bad[i].text, strlen(bad[i].text),
		                      &inventory, &err));
		CHECK(bad[i].name, err.kind == ERR_INPUT);
		CHECK(bad[i].name, str_starts(err.msg, "line "));
		CHECK(bad[i].name, strstr(err.msg, bad[i].said));
		if (!strstr(err.msg, bad[i].said))
			print_error("%s\n", err.msg);
	}
	DONE();
}

static void formats_are_guessed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(guesses); i++)
		CHECK(guesses[i].name,
		      inventory_guess(guesses[i].text, strlen(guesses[i].text)) ==
		          guesses[i].format);
	DONE();
}

/* Two ways down from each of 40 levels: as many as 2 to the 40th paths. */
static void many_ways_are_walked_once(void **state)
{
	AUTO_INVENTORY struct inventory inventory = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++)
		for (int j = 0; j < 2; j++)
			buf_addf(&text, "[g%d_%d:children]\ng%d_0\ng%d_1\n", i, j, i + 1,
			         i + 1);
	buf_addf(&text, "[g40_0]\na\n");
	assert_true(inventory_read(INI, text.data, text.len, &inventory, &err));
	assert_int_equal(inventory.len, 1);
	assert_int_equal(inventory.hosts[0].groups.len, 81);
}

static void notes_say_what_was_left_out(void **state)
{
	static const char text[] = "localhost ansible_connection=local\na ntp=x\n";
	AUTO_INVENTORY struct inventory inventory = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(inventory_read(INI, text, strlen(text), &inventory, &err));
	assert_int_equal(inventory.notes.len, 2);
	assert_non_null(strstr(inventory.notes.items[0], "line 1: host localhost"));
	assert_non_null(strstr(inventory.notes.items[1], "variables other than"));
}

static void nul_bytes_are_refused(void **state)
{
	(void)state;
	for (enum inventory_format i = CSV; i < INVENTORY_FORMAT_COUNT; i++) {
		AUTO_INVENTORY struct inventory inventory = { 0 };
		struct err err = { 0 };

		assert_false(inventory_read(i, "name\n\0a", 7, &inventory, &err));
		assert_non_null(strstr(err.msg, "line 2: a NUL byte"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_are_read),
		cmocka_unit_test(bad_ones_are_refused),
		cmocka_unit_test(formats_are_guessed),
		cmocka_unit_test(many_ways_are_walked_once),
		cmocka_unit_test(notes_say_what_was_left_out),
		cmocka_unit_test(nul_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
