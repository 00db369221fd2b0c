/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_try - the module ssh by hand
 *
 *   ssh_try new-key FILE                                makes a key, prints its line
 *   ssh_try scan WORKER ADDRESS PORT                    prints the host keys
 *   ssh_try exec WORKER ADDRESS PORT USER FILE SECONDS COMMAND PIN...
 *
 * A pin is "TYPE BASE64". exec sends its standard input, prints the command's output,
 * its complaint to standard error, and ends with its status; 100 and "KIND: text" where
 * the session failed.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "ssh/ssh.h"

static int fail(const struct err *err)
{
	fprintf(stderr, "%s: %s\n", err_infos[err->kind].name, err->msg);
	return 100;
}

static int new_key(const char *path)
{
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_new(KEY_ED25519, &err);
	AUTO_SECRET struct secret *der = key ? key_format_der(key, &err) : NULL;
	size_t len = 0;

	if (!der)
		return fail(&err);
	const char *bytes = secret_reveal(der, &len);
	if (!fs_write(path, bytes, len, 0600, &err))
		return fail(&err);
	AUTO_FREE char *line = ssh_public_line(key, "certferry@issuer", &err);
	return line ? puts(line) < 0 : fail(&err);
}

static int scan(char **argv, int64_t port)
{
	struct ssh_host_key keys[SSH_HOST_KEYS_MAX];
	struct err err = { 0 };
	size_t count = 0;

	const struct ssh_target target = { .worker = argv[2],
		                           .name = "web-1",
		                           .address = argv[3],
		                           .port = (uint16_t)port,
		                           .connect_timeout_s = 5 };

	if (!ssh_scan(&target, keys, &count, &err))
		return fail(&err);
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf line = BUF_INIT(8192);

		buf_addf(&line, "%s ", keys[i].type);
		base64_add(&line, keys[i].blob, keys[i].blob_len);
		buf_addf(&line, " ");
		ssh_fingerprint(&keys[i], &line);
		puts(line.data);
	}
	return 0;
}

static bool parse_pin(const char *text, struct ssh_host_key *pin, struct err *err)
{
	AUTO_BUF struct buf blob = BUF_INIT(sizeof(pin->blob));
	const size_t len = strcspn(text, " ");

	snprintf(pin->type, sizeof(pin->type), "%.*s", (int)len, text);
	if (!base64_decode(text + len + 1, strlen(text + len + 1), &blob, err))
		return false;
	memcpy(pin->blob, blob.data, blob.len);
	pin->blob_len = blob.len;
	return true;
}

static bool send_input(struct ssh *ssh, int64_t deadline_ms, struct err *err)
{
	static char bytes[100000];
	size_t n = 0;

	while ((n = fread(bytes, 1, sizeof(bytes), stdin)) > 0)
		if (!ssh_write(ssh, bytes, n, deadline_ms, err))
			return false;
	return ssh_write_eof(ssh, deadline_ms, err);
}

static int run(struct ssh *ssh, const char *command, int64_t deadline_ms, struct err *err)
{
	AUTO_BUF struct buf complaint = BUF_INIT(16 * 1024);
	bool ended = false;
	int status = 0;

	if (!ssh_exec(ssh, command, deadline_ms, err) ||
	    !send_input(ssh, deadline_ms, err))
		return fail(err);
	while (!ended) {
		AUTO_BUF struct buf line = BUF_INIT(1000);

		if (!ssh_read_line(ssh, &line, &ended, deadline_ms, err))
			return fail(err);
		if (!ended)
			puts(line.data);
	}
	if (!ssh_finish(ssh, &status, &complaint, deadline_ms, err))
		return fail(err);
	fprintf(stderr, "%s", complaint.data);
	return status;
}

static int execute(int argc, char **argv, int64_t port)
{
	struct ssh_host_key pins[8];
	struct err err = { 0 };
	int64_t seconds = 0;
	AUTO_BUF struct buf bytes = BUF_INIT(4096);

	if (!fs_read(argv[6], &bytes, &err) || !str_to_i64(argv[7], 1, 600, &seconds))
		return fail(&err);
	AUTO_SECRET struct secret *der = secret_new(bytes.data, bytes.len);
	AUTO_KEY struct key *key = key_parse(der, &err);
	if (!key)
		return fail(&err);
	for (int i = 9; i < argc; i++)
		if (!parse_pin(argv[i], &pins[i - 9], &err))
			return fail(&err);
	const struct ssh_target target = {
		.worker = argv[2],
		.name = "web-1",
		.address = argv[3],
		.port = (uint16_t)port,
		.user = argv[5],
		.user_key = key,
		.pins = pins,
		.pin_count = (size_t)argc - 9,
		.connect_timeout_s = (int)seconds,
	};
	CLEANUP(ssh_closep) struct ssh *ssh = ssh_open(&target, &err);
	return ssh ? run(ssh, argv[8], clock_deadline_ms(seconds * 1000), &err)
	           : fail(&err);
}

int main(int argc, char **argv)
{
	int64_t port = 0;

	if (argc == 3 && str_eq(argv[1], "new-key"))
		return new_key(argv[2]);
	if (argc >= 5 && !str_to_i64(argv[4], 1, 65535, &port))
		return 2;
	if (argc == 5 && str_eq(argv[1], "scan"))
		return scan(argv, port);
	if (argc >= 9 && argc <= 17 && str_eq(argv[1], "exec"))
		return execute(argc, argv, port);
	fputs("ssh_try new-key|scan|exec ...\n", stderr);
	return 2;
}
