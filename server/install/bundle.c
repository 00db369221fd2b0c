/* SPDX-License-Identifier: Apache-2.0 */
#include "install.h"

#include <string.h>

#include "crypto/digest.h"
#include "program.h"

/* Limits of what the bundle's readers must take. */
enum { DIRECTORY_MAX = 512, ARGV_MAX = 64, ARGUMENT_MAX = 1024, TIMEOUT_MAX_S = 3600 };

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._-";

/* The four files of a slot, in the order of the bundle and of the checksum. */
struct file {
	const char *name;
	const char *text;
};
enum { FILE_COUNT = 4 };

static void list_files(const struct install_slot *slot, struct file files[FILE_COUNT])
{
	files[0] = (struct file){ "cert.pem", slot->cert_pem };
	files[1] = (struct file){ "chain.pem", slot->chain_pem };
	files[2] = (struct file){ "fullchain.pem", slot->fullchain_pem };
	files[3] = (struct file){ "privkey.pem", secret_reveal(slot->key_pem, NULL) };
}

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

static bool check_files(const struct install_slot *slot, struct err *err)
{
	struct file files[FILE_COUNT];

	list_files(slot, files);
	for (size_t i = 0; i < FILE_COUNT; i++) {
		size_t len = strlen(files[i].text);

		for (const char *at = files[i].text; *at; at++)
			if (*at != '\n' && (*at < ' ' || *at > '~'))
				return err_set(err, ERR_INTERNAL, "%s is not PEM",
				               files[i].name);
		if (len ? files[i].text[len - 1] != '\n'
		        : !str_eq(files[i].name, "chain.pem"))
			return err_set(err, ERR_INTERNAL, "%s does not end with a line",
			               files[i].name);
	}
	return true;
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

static bool add_argv(const char *what, const struct strlist *argv, struct buf *out,
                     struct err *err)
{
	if (argv->len > ARGV_MAX)
		return err_set(err, ERR_CONFIG,
		               "the %s command has more than %d arguments", what,
		               ARGV_MAX);
	buf_addf(out, "%s %zu\n", what, argv->len);
	for (size_t i = 0; i < argv->len; i++) {
		const char *item = argv->items[i];

		if ((i == 0 && !*item) || strlen(item) > ARGUMENT_MAX || !is_line(item))
			return err_set(err, ERR_CONFIG,
			               "argument %zu of the %s command is empty, has "
			               "control characters or is over %d bytes",
			               i, what, ARGUMENT_MAX);
		buf_addf(out, "%s\n", item);
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
}

/* SHA-256 over the four files, one after the other. */
static void add_sum(const struct install_slot *slot, struct buf *out)
{
	struct file files[FILE_COUNT];
	AUTO_BUF struct buf all = BUF_INIT(INSTALL_BUNDLE_MAX);
	unsigned char sum[SHA256_LEN];

	list_files(slot, files);
	for (size_t i = 0; i < FILE_COUNT; i++)
		buf_add(&all, files[i].text, strlen(files[i].text));
	out->over = out->over || all.over;
	sha256(all.data, all.len, sum);
	str_add_hex(out, sum, sizeof(sum));
}

static void add_files(const struct install_slot *slot, struct buf *out)
{
	struct file files[FILE_COUNT];

	buf_addf(out, "sum ");
	add_sum(slot, out);
	buf_addf(out, "\n");
	list_files(slot, files);
	for (size_t i = 0; i < FILE_COUNT; i++) {
		size_t lines = 0;

		for (const char *at = files[i].text; (at = strchr(at, '\n')); at++)
			lines++;
		buf_addf(out, "%s %zu\n", files[i].name, lines);
		buf_add(out, files[i].text, strlen(files[i].text));
	}
}

static void add_head(const char *job, int service_s, int confirm_s, struct buf *out)
{
	buf_addf(out,
	         "certferry-bundle 1\njob %s\nservice-timeout %d\nconfirm-timeout %d\n",
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
	if (!add_argv("test", job->test, out, err) ||
	    !add_argv("reload", job->reload, out, err))
		return false;
	for (size_t i = 0; i < job->slot_count; i++) {
		if (!check_files(&job->slots[i], err))
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
	const struct strlist none = { 0 };

	if (!check_slots(job->slots, job->slot_count, err))
		return false;
	add_head(what, job->service_timeout_s, 1, out);
	if (!add_argv("test", job->test, out, err) ||
	    !add_argv("reload", &none, out, err))
		return false;
	for (size_t i = 0; i < job->slot_count; i++)
		add_slot(&job->slots[i], out);
	return add_end(out, err);
}

bool install_inspect_bundle(const struct install_slot *slots, size_t count,
                            struct buf *out, struct err *err)
{
	const struct strlist none = { 0 };
	const struct install_job job = {
		.slots = slots, .slot_count = count, .test = &none, .service_timeout_s = 1
	};

	return ask_bundle("inspect", &job, out, err);
}

bool install_check_bundle(const struct install_job *job, struct buf *out, struct err *err)
{
	return ask_bundle("check", job, out, err);
}

char *install_live_text(const struct install_slot *slot)
{
	AUTO_BUF struct buf out = BUF_INIT(512);

	add_sum(slot, &out);
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
