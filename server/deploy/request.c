/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "agentwire/agentwire.h"
#include "base/clock.h"
#include "base/mem.h"

/* A session of its own, that gets a request for a key that is made on the server. */

enum { REQUEST_TIMEOUT_S = 60, LINE_MAX_BYTES = 2048 };

struct request {
	struct visit visit;
	const struct deploy_slot *slot;
	struct buf *pem;
	int left; /* lines of PEM still to come */
	bool is_there;
};

static bool begin(struct request *request, int64_t deadline_ms, struct err *err)
{
	const struct transport *transport = request->visit.transport;
	AUTO_FREE char *command = transport->command(request->visit.host);
	AUTO_BUF struct buf bundle = BUF_INIT(INSTALL_BUNDLE_MAX);
	const struct install_slot slot = { .name = request->slot->certificate };
	const struct transport_job job = { .install = { .slots = &slot, .slot_count = 1 },
		                           .wanted = &request->slot };

	if (!transport->request)
		return err_set(err, ERR_CONFIG,
		               "%s: its key is to be made there (key-on: target), and no "
		               "certferry-agent answers: certferry agent install %s",
		               request->visit.host->name, request->visit.host->name);
	return transport->request(&job, &bundle, err) &&
	       ssh_exec(request->visit.ssh, command, deadline_ms, err) &&
	       ssh_write(request->visit.ssh, bundle.data, bundle.len, deadline_ms, err) &&
	       ssh_write_eof(request->visit.ssh, deadline_ms, err);
}

static bool take_line(struct request *request, const char *text, struct err *err)
{
	struct agentwire_line ours;
	struct install_line line;
	bool is_ours;

	if (request->left > 0) {
		buf_addf(request->pem, "%s\n", text);
		request->left--;
		return !request->pem->over ||
		       err_set(err, ERR_REMOTE, "the server's request is too large");
	}
	if (!agentwire_line_parse(text, &ours, &is_ours, err))
		return false;
	if (is_ours && ours.word == AGENTWIRE_LINE_CSR && !request->is_there &&
	    str_eq(ours.name, request->slot->certificate)) {
		request->is_there = true;
		request->left = ours.count;
		return true;
	}
	if (is_ours || !install_line_parse(text, &line, err))
		return is_ours &&
		       err_set(err, ERR_REMOTE, "the server said something out of turn");
	return err_set(err, ERR_TEMPORARY, "%s: %s", request->visit.host->name,
	               line.text);
}

static bool converse(struct request *request, struct err *err)
{
	int64_t deadline = clock_deadline_ms(REQUEST_TIMEOUT_S * INT64_C(1000));
	AUTO_BUF struct buf complaint = BUF_INIT(4096);
	bool ended = false;
	int status;

	if (!begin(request, deadline, err))
		return false;
	while (!ended) {
		AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);

		if (!ssh_read_line(request->visit.ssh, &line, &ended, deadline, err) ||
		    (!ended && !take_line(request, line.data, err)))
			return false;
	}
	if (!ssh_finish(request->visit.ssh, &status, &complaint, deadline, err))
		return false;
	return (request->is_there && request->left == 0) ||
	       err_set(err, ERR_TEMPORARY,
	               "%s: asked for a key's request, it ended with status %d%s%.300s",
	               request->visit.host->name, status, complaint.len ? ": " : "",
	               complaint.data);
}

bool deploy_request(struct deploy *deploy, const char *host, const char *certificate,
                    struct buf *pem, struct err *err)
{
	struct request request = { .visit = { .deploy = deploy,
		                              .host = deploy_find_host(deploy, host) },
		                   .slot = deploy_find_slot(deploy, certificate, host),
		                   .pem = pem };
	bool good;

	if (!request.visit.host || !request.slot)
		return err_set(err, ERR_CONFIG,
		               "the configuration does not want it there any more");
	request.visit.ssh = visit_connect(&request.visit, err);
	if (!request.visit.ssh)
		return false;
	good = visit_choose(&request.visit, true, err) && converse(&request, err);
	ssh_close(request.visit.ssh);
	greeting_deinit(&request.visit.greeting);
	return good;
}
