/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/mem.h"

/* A CA that lost what it knew of us. Nobody is to blame, and nobody need act: the account
 * is registered anew (account.c), and an order that was under way is begun anew, by the
 * same run. */

/* What the DNS does not find is none of the CA's losses. */
static bool is_order_lost(const struct order *order, const struct err *why)
{
	bool is_at_dns = order->state == ORDER_PUBLISH || order->state == ORDER_SPREAD;

	return order->url && order->state < ORDER_TIDY &&
	       (str_eq(why->code, "accountDoesNotExist") ||
	        (why->kind == ERR_NOT_FOUND && !is_at_dns));
}

/* It is no refusal, so it carries no code for which the next order would have to wait. */
bool issue_is_lost(struct issue *issue, const struct order *order, struct err *why)
{
	bool has_no_account = str_eq(why->code, "accountDoesNotExist");
	bool is_begun_anew = is_order_lost(order, why) &&
	                     issue_ca_may_repeat(issue, order);

	if (has_no_account)
		issue_ca_lost(issue, order->ca);
	if (has_no_account && !order->url)
		why->kind = ERR_TEMPORARY;
	if (has_no_account || why->kind == ERR_NOT_FOUND)
		why->code[0] = '\0';
	if (is_begun_anew)
		(void)err_context(why, "the CA has lost the order, so it is begun anew");
	return is_begun_anew;
}

bool issue_begin_anew(struct issue *issue, const struct order *lost, struct err *err)
{
	AUTO_ORDER struct order order = {
		.certificate = xstrdup(lost->certificate),
		.host = xstrdup(lost->host),
		.ca = xstrdup(lost->ca),
		.dns = xstrdup(lost->dns),
		.alias = xstrdup(lost->alias),
		.profile = xstrdup(lost->profile),
		.key_type = lost->key_type,
		.is_key_on_target = lost->is_key_on_target,
		.intent = xstrdup(lost->intent),
		.reason = xstrdup(lost->reason),
		.state = ORDER_WAIT,
		.run_at_ms = clock_now_ms(),
	};
	const struct event event = { .name = "order.planned",
		                     .certificate = lost->certificate,
		                     .host = lost->host,
		                     .text = "the CA has lost the one before" };

	strlist_copy(&order.names, &lost->names);
	return store_order_add(issue->settings.store, &order, &event, err);
}
