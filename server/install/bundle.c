/* SPDX-License-Identifier: Apache-2.0 */
#include "install.h"

#include <string.h>

#include "files.h"
#include "program.h"

/* Limits of what the bundle's readers must take. */
enum { DIRECTORY_MAX = 512, ARGV_MAX = 64, ARGUMENT_MAX = 1024, TIMEOUT_MAX_S = 3600 };

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._-";

/* One line of text: no control characters, of which newline would be a new line of the
 * bundle. */
static bool is_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return false;
	return true;
}

static bool check_directory(const char *dir, struct err *err)
{
	char shown[128];

	str_printable(dir, shown, sizeof(shown));
	if (dir[0] != '/' || !dir[1] || strlen(dir) > DIRECTORY_MAX || !is_line(dir))
		return err_set(err, ERR_CONFIG,
		               "directory '%s': must be an absolute path of at most %d "
		               "bytes, and not /",
		               shown, DIRECTORY_MAX);
	for (const char *at = dir; at; at = strchr(at + 1, '/')) {
		size_t len = strcspn(at + 1, "/");

		if (len == 0 || (len == 1 && at[1] == '.') ||
		    (len == 2 && at[1] == '.' && at[2] == '.'))
			return err_set(err, ERR_CONFIG,
			               "directory '%s': write it without '.', '..', '//' "
			               "and final '/'",
			               shown);
	}
	return true;
}

static bool check_account(const char *what, const char *name, struct err *err)
{
	char shown[128];

	if (name[0] != '-' && str_is_made_of(name, name_letters, 1, 64))
		return true;
	return err_set(err, ERR_CONFIG, "%s '%s' is no name of a user or group", what,
	               str_printable(name, shown, sizeof(shown)));
}

static bool check_slot(const struct install_slot *slot, struct err *err)
{
	char shown[128];

	if (!str_is_made_of(slot->name, name_letters, 1, 64))
		return err_set(err, ERR_CONFIG,
		               "'%s' is no name for a certificate: 1 to 64 letters, "
		               "digits, '.', '_' and '-' are",
		               str_printable(slot->name, shown, sizeof(shown)));
	if (slot->mode & ~(mode_t)0777)
		return err_set(err, ERR_CONFIG, "mode %04o is more than 0777",
		               (unsigned)slot->mode);
	return check_directory(slot->directory, err) &&
	       check_account("owner", slot->owner, err) &&
	       check_account("group", slot->group, err);
}

static bool check_slots(const struct install_slot *slots, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		char shown[80];

		if (!check_slot(&slots[i], err))
			return err_context(
			    err, "certificate %s",
			    str_printable(slots[i].name, shown, sizeof(shown)));
		for (size_t j = 0; j < i; j++)
			if (str_eq(slots[i].name, slots[j].name) ||
			    str_eq(slots[i].directory, slots[j].directory))
				return err_set(
				    err, ERR_CONFIG,
				    "certificates %s and %s have the same name "
				    "or directory",
				    slots[j].name, slots[i].name);
	}
	if (count == 0)
		return err_set(err, ERR_INTERNAL, "a bundle without a certificate");
	return true;
}

static bool check_argument(const char *what, const struct strlist *argv, size_t i,
                           struct err *err)
{
	const char *item = argv->items[i];

	if ((i > 0 || *item) && strlen(item) <= ARGUMENT_MAX && is_line(item))
		return true;
	return err_set(
	    err, ERR_CONFIG,
	    "argument %zu of the %s command is empty, has control characters or "
	    "is over %d bytes",
	    i, what, ARGUMENT_MAX);
}

/* A list of lines: "=" before each argument, "-" behind the last of a command. */
static bool add_commands(const char *what, const struct install_commands *commands,
                         struct buf *out, struct err *err)
{
	size_t lines = 0;

	for (size_t i = 0; i < commands->len; i++)
		lines += commands->items[i].len + 1;
	buf_addf(out, "%s %zu\n", what, lines);
	for (size_t i = 0; i < commands->len; i++) {
		const struct strlist *argv = &commands->items[i];

		if (argv->len == 0 || argv->len > ARGV_MAX)
			return err_set(err, ERR_CONFIG,
			               "the %s command has %zu arguments: 1 to %d go",
			               what, argv->len, ARGV_MAX);
		for (size_t k = 0; k < argv->len; k++) {
			if (!check_argument(what, argv, k, err))
				return false;
			buf_addf(out, "=%s\n", argv->items[k]);
		}
		buf_addf(out, "-\n");
	}
	return true;
}

/* What both kinds of bundle say of a slot. */
static void add_slot(const struct install_slot *slot, struct buf *out)
{
	buf_addf(out,
	         "slot %s\ndirectory %s\nowner %s\ngroup %s\nmode %04o\nopen-mode %04o\n",
	         slot->name, slot->directory, slot->owner, slot->group,
	         (unsigned)slot->mode, (unsigned)(slot->mode | 0444));
	files_add_names(slot, out);
}

static void add_files(const struct install_slot *slot, struct buf *out)
{
	buf_addf(out, "sum ");
	files_add_sum(slot, out);
	buf_addf(out, "\n");
	files_add_texts(slot, out);
}

static void add_head(const char *job, int service_s, int confirm_s, struct buf *out)
{
	buf_addf(out,
	         "certferry-bundle 2\njob %s\nservice-timeout %d\nconfirm-timeout %d\n",
	         job, service_s, confirm_s);
}

static bool add_end(struct buf *out, struct err *err)
{
	buf_addf(out, "end\n");
	if (out->over)
		return err_set(
		    err, ERR_CONFIG,
		    "the certificates of one service are over %zu KiB together: "
		    "give it fewer, or a second host entry",
		    out->max / 1024);
	return true;
}

bool install_bundle(const struct install_job *job, struct buf *out, struct err *err)
{
	if (!check_slots(job->slots, job->slot_count, err))
		return false;
	if (job->service_timeout_s < 1 || job->service_timeout_s > TIMEOUT_MAX_S ||
	    job->confirm_timeout_s < 1 || job->confirm_timeout_s > TIMEOUT_MAX_S)
		return err_set(
		    err, ERR_CONFIG,
		    "timeouts of %d s (service) and %d s (confirm): 1 to %d go",
		    job->service_timeout_s, job->confirm_timeout_s, TIMEOUT_MAX_S);
	add_head("install", job->service_timeout_s, job->confirm_timeout_s, out);
	if (!add_commands("test", job->tests, out, err) ||
	    !add_commands("reload", job->reloads, out, err))
		return false;
	for (size_t i = 0; i < job->slot_count; i++) {
		if (!files_check(&job->slots[i], err))
			return err_context(err, "certificate %s", job->slots[i].name);
		add_slot(&job->slots[i], out);
		add_files(&job->slots[i], out);
	}
	return add_end(out, err);
}

/* A bundle without files. */
static bool ask_bundle(const char *what, const struct install_job *job, struct buf *out,
                       struct err *err)
{
	const struct install_commands none = { 0 };

	if (!check_slots(job->slots, job->slot_count, err))
		return false;
	add_head(what, job->service_timeout_s, 1, out);
	if (!add_commands("test", job->tests, out, err) ||
	    !add_commands("reload", &none, out, err))
		return false;
	for (size_t i = 0; i < job->slot_count; i++)
		add_slot(&job->slots[i], out);
	return add_end(out, err);
}

bool install_inspect_bundle(const struct install_slot *slots, size_t count,
                            struct buf *out, struct err *err)
{
	const struct install_commands none = { 0 };
	const struct install_job job = { .slots = slots,
		                         .slot_count = count,
		                         .tests = &none,
		                         .service_timeout_s = 1 };

	return ask_bundle("inspect", &job, out, err);
}

bool install_check_bundle(const struct install_job *job, struct buf *out, struct err *err)
{
	return ask_bundle("check", job, out, err);
}

char *install_live_text(const struct install_slot *slot)
{
	AUTO_BUF struct buf out = BUF_INIT(512);

	files_add_sum(slot, &out);
	buf_addf(&out, " %04o %s:%s", (unsigned)slot->mode, slot->owner, slot->group);
	return buf_take(&out);
}

static char *command(bool sudo, const char *program)
{
	AUTO_BUF struct buf out = BUF_INIT(64 * 1024);

	buf_addf(&out, "exec %ssh -c '", sudo ? "sudo -n " : "");
	program_add("shared.sh", &out);
	program_add(program, &out);
	buf_addf(&out, "'");
	return buf_take(&out);
}

char *install_command(bool sudo)
{
	return command(sudo, "installer.sh");
}

char *install_check_command(bool sudo)
{
	return command(sudo, "checker.sh");
}
