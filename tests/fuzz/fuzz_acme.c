/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acme/impl.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char origin[] = "https://ca.test/directory";

static void must(bool claim)
{
	if (!claim)
		abort();
}

/* A refusal says why, in one printable line. */
static void must_explain(const struct err *err)
{
	must(err->kind != ERR_NONE && err->msg[0]);
	for (const char *at = err->msg; *at; at++)
		must(*at >= ' ' && *at < 127);
	for (const char *at = err->code; *at; at++)
		must(*at >= ' ' && *at < 127);
}

static void try_directory(const char *text, size_t len)
{
	AUTO_DIRECTORY struct directory directory = { 0 };
	struct err err = { 0 };

	if (!directory_parse(origin, text, len, &directory, &err)) {
		must_explain(&err);
		return;
	}
	must(http_same_origin(origin, directory.new_nonce));
	must(http_same_origin(origin, directory.new_account));
	must(http_same_origin(origin, directory.new_order));
}

static void try_order(const char *text, size_t len)
{
	AUTO_ACME_ORDER struct acme_order order = { 0 };
	AUTO_STRLIST struct strlist names = { 0 };
	struct order_wanted wanted = { .origin = origin, .names = &names };
	struct err err = { 0 };

	strlist_add(&names, "*.a.test");
	strlist_add(&names, "a.test");
	if (!order_parse(&wanted, text, len, &order, &err)) {
		must_explain(&err);
		return;
	}
	must(order.identifiers.len == 2 && strlist_has(&order.identifiers, "a.test") &&
	     strlist_has(&order.identifiers, "*.a.test"));
	must(http_same_origin(origin, order.finalize));
	must(!order.certificate || http_same_origin(origin, order.certificate));
	must(order.status != ACME_VALID || order.certificate);
	for (size_t i = 0; i < order.authorizations.len; i++)
		must(http_same_origin(origin, order.authorizations.items[i]));
}

static void try_authz(const char *text, size_t len)
{
	AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };
	struct err err = { 0 };

	if (!authz_parse(origin, text, len, &authz, &err)) {
		must_explain(&err);
		return;
	}
	must(authz.name && strlen(authz.name) <= 255 && !strchr(authz.name, '/'));
	must(!authz.challenge_url == !authz.token);
	if (authz.token)
		must(http_same_origin(origin, authz.challenge_url) &&
		     str_is_made_of(authz.token, ACME_BASE64URL, 16, 256));
	if (authz.problem.kind != ERR_NONE)
		must_explain(&authz.problem);
}

static void try_refusal(const char *text, size_t len)
{
	/* The Link header is text of the CA too. */
	AUTO_FREE char *link = strndup(text, len);
	struct problem_reply reply = {
		.status = 403, .text = text, .len = len, .link = link
	};
	struct err err = { 0 };

	free(link_find(link, "terms-of-service"));
	must(!problem_of_reply(&reply, &err));
	must_explain(&err);
	must(http_retry_after(link, 1000) >= 0 && http_retry_after(link, 1000) <= 86400);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *text = (const char *)bytes;
	struct err err = { 0 };

	json_init();
	try_directory(text, len);
	try_order(text, len);
	try_authz(text, len);
	try_refusal(text, len);
	if (!account_parse(text, len, &err))
		must_explain(&err);
	return 0;
}
