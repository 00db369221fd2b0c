/* SPDX-License-Identifier: Apache-2.0 */
#include "rotate_parts.h"

#include "base/clock.h"
#include "internal.h"

enum { EDIT_TIMEOUT_S = 60, LINE_MAX_BYTES = 2048, OUTPUT_MAX = 64 * 1024 };

bool rotate_edit_by_key(const struct rotate_edit *edit, struct ssh *ssh,
                        struct authorize_line *out, struct err *err)
{
	const int64_t deadline = clock_deadline_ms(EDIT_TIMEOUT_S * INT64_C(1000));
	AUTO_FREE char *command = authorize_command();
	AUTO_BUF struct buf input = BUF_INIT(4096), line = BUF_INIT(LINE_MAX_BYTES);
	AUTO_BUF struct buf complaint = BUF_INIT(4096);
	bool ended;
	int status;

	authorize_input(edit->is_removal, edit->old_blob, edit->new_blob, &input);
	if (!ssh_exec(ssh, command, deadline, err) ||
	    !ssh_write(ssh, input.data, input.len, deadline, err) ||
	    !ssh_write_eof(ssh, deadline, err) ||
	    !ssh_read_line(ssh, &line, &ended, deadline, err))
		return false;
	if (authorize_line_parse(line.data, out, err))
		return true;
	/* No line at all: the shell, or what stands in its place, said why. */
	if (ended && ssh_finish(ssh, &status, &complaint, deadline, &(struct err){ 0 }) &&
	    complaint.len > 0)
		return err_set(err, ERR_REMOTE,
		               "the login does not run a program of "
		               "ours: %.250s",
		               complaint.data);
	return false;
}

bool rotate_edit_by_operator(const struct rotate_edit *edit,
                             const struct rotate_operator *person,
                             const struct deploy_host *host, struct authorize_line *out,
                             struct err *err)
{
	AUTO_FREE char *command = authorize_command_for(host->user);
	AUTO_BUF struct buf input = BUF_INIT(4096), output = BUF_INIT(OUTPUT_MAX);

	authorize_input(edit->is_removal, edit->old_blob, edit->new_blob, &input);
	return person->run(person->arg, host->name, command, &input, &output, err) &&
	       authorize_line_find(output.data, out, err);
}
