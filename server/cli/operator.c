/* SPDX-License-Identifier: Apache-2.0 */
#include "operator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/digest.h"

enum { SSH_FAILED = 255, NOT_STARTED = 127, ARGS_MAX = 64 };

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* The pins stand there under a name that no other settings of ssh change. */
static void add_pins(const char *host, const struct host_key *keys, size_t count,
                     struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		buf_addf(out, "certferry-%s %s ", host, keys[i].type);
		base64_add(out, keys[i].blob, keys[i].blob_len);
		buf_addf(out, "\n");
	}
}

bool operator_init(struct operator_login *login, struct store *store,
                   const struct config_host *host, const struct args *args,
                   struct err *err)
{
	AUTO_FREE struct host_key *keys = xcalloc(HOST_KEYS_MAX, sizeof(*keys));
	AUTO_BUF struct buf text = BUF_INIT(64 * 1024);
	char path[] = "/tmp/certferry-pins.XXXXXX";
	size_t count = 0;

	if (!store_host_keys_load(store, host->name, keys, &count, err))
		return false;
	if (count == 0)
		return err_set(err, ERR_CONFIG,
		               "%s: no host key is known: certferry host enroll %s",
		               host->name, host->name);
	add_pins(host->name, keys, count, &text);
	AUTO_CLOSE int fd = mkstemp(path);
	if (fd < 0)
		return err_set_errno(err, ERR_INTERNAL, "%s", path);
	*login = (struct operator_login){ host, args, xstrdup(path) };
	return write_all(fd, text.data, text.len) ||
	       err_set_errno(err, ERR_INTERNAL, "%s", path);
}

void operator_deinit(struct operator_login *login)
{
	if (login->known_hosts)
		(void)unlink(login->known_hosts);
	free(login->known_hosts);
	*login = (struct operator_login){ 0 };
}

static void make_argv(const struct operator_login *login, const char *command,
                      struct strlist *out)
{
	static const char *const options[] = {
		"ssh", "-T",
		"-a",  "-x",
		"-o",  "StrictHostKeyChecking=yes",
		"-o",  "GlobalKnownHostsFile=/dev/null",
		"-o",  "KnownHostsCommand=none",
		"-o",  "VerifyHostKeyDNS=no",
		"-o",  "UpdateHostKeys=no",
		"-o",  "CheckHostIP=no",
		"-o",  "ControlMaster=no",
		"-o",  "ControlPath=none",
		"-o",  "ClearAllForwardings=yes",
		"-o",  "PermitLocalCommand=no",
		"-o",
	};
	AUTO_FREE char *pins = xasprintf("UserKnownHostsFile=%s", login->known_hosts);
	AUTO_FREE char *name = xasprintf("HostKeyAlias=certferry-%s", login->host->name);
	AUTO_FREE char *wait = xasprintf("ConnectTimeout=%d",
	                                 login->host->connect_timeout_s);
	AUTO_FREE char *port = xasprintf("%u", login->host->port);

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		strlist_add(out, options[i]);
	const char *const more[] = { pins, "-o", name, "-o", wait, "-p", port };
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		strlist_add(out, more[i]);
	if (!isatty(STDIN_FILENO)) {
		strlist_add(out, "-o");
		strlist_add(out, "BatchMode=yes");
	}
	if (login->args->login) {
		strlist_add(out, "-l");
		strlist_add(out, login->args->login);
	}
	if (login->args->identity) {
		strlist_add(out, "-i");
		strlist_add(out, login->args->identity);
	}
	strlist_add(out, "--");
	strlist_add(out, login->host->address);
	strlist_add(out, command);
}

static _Noreturn void become_ssh(const struct strlist *words, int in, int out)
{
	char *argv[ARGS_MAX] = { 0 };

	for (size_t i = 0; i < words->len && i < ARGS_MAX - 1; i++)
		argv[i] = words->items[i];
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execvp("ssh", argv);
	_exit(NOT_STARTED);
}

/* A server that goes on and on is not heard to its end. */
static bool read_all(int fd, struct buf *out)
{
	char piece[4096];
	ssize_t n;

	while (!out->over && (n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			buf_add(out, piece, (size_t)n);
	}
	return !out->over;
}

static bool judge(const struct operator_login *login, int status, struct err *err)
{
	const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (code == 0)
		return true;
	if (code == SSH_FAILED)
		return err_set(
		    err, ERR_TEMPORARY,
		    "%s: your own login did not work, or broke (ssh said why); "
		    "--login and --identity say with what",
		    login->host->name);
	if (code == NOT_STARTED)
		return err_set(
		    err, ERR_CONFIG,
		    "%s: no ssh on this machine (openssh-client), or none of the "
		    "commands on that server",
		    login->host->name);
	return err_set(err, ERR_REMOTE, "%s: it ended with status %d (see above)",
	               login->host->name, code);
}

/* A file in memory: ssh reads it at its own pace, and nobody waits for the other. */
static int make_input(const struct buf *input, struct err *err)
{
	AUTO_CLOSE int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd >= 0 && (!input || write_all(fd, input->data, input->len)) &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return TAKE_FD(fd);
	(void)err_set_errno(err, ERR_INTERNAL, "a file in memory");
	return -1;
}

bool operator_run(const struct operator_login *login, const char *command,
                  const struct buf *input, struct buf *output, struct err *err)
{
	AUTO_STRLIST struct strlist words = { 0 };
	AUTO_CLOSE int in = make_input(input, err);
	int pair[2], status = 0;
	bool is_read;
	pid_t pid;

	if (in < 0)
		return false;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set_errno(err, ERR_INTERNAL, "pipe");
	make_argv(login, command, &words);
	pid = fork();
	if (pid == 0)
		become_ssh(&words, in, pair[1]);
	close(pair[1]);
	is_read = read_all(pair[0], output);
	close(pair[0]);
	if (pid < 0)
		return err_set_errno(err, ERR_INTERNAL, "fork");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return (is_read ||
	        err_set(err, ERR_REMOTE, "%s: it said too much", login->host->name)) &&
	       judge(login, status, err);
}
