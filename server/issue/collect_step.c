/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/cert.h"
#include "crypto/key.h"
#include "store/delivery.h"

/* The last step with the CA: the certificate, checked, and the delivery it causes. */

enum {
	ISSUE_TIMEOUT_S = 6 * 3600, /* some CAs leave an order in "processing" for long */
};

static void fill_certificate(struct certificate *row, const struct order *order,
                             struct cert *cert)
{
	*row = (struct certificate){
		.order_id = order->id,
		.key_id = order->key_id,
		.name = xstrdup(order->certificate),
		.host = xstrdup(order->host),
		.key_type = order->key_type,
		.ca = xstrdup(order->ca),
		.intent = xstrdup(order->intent),
		.serial = xstrdup(cert->serial),
		.issuer = xstrdup(cert->issuer),
		.not_before = cert->not_before,
		.not_after = cert->not_after,
		.cert_pem = TAKE(cert->cert_pem),
		.chain_pem = TAKE(cert->chain_pem),
		.created_at = clock_now(),
	};
	strlist_copy(&row->names, &order->names);
	memcpy(row->sha256, cert->sha256, sizeof(row->sha256));
}

/* The delivery that the certificate gives rise to: what stays is what is there now. */
static bool want_delivery(struct store *store, const struct certificate *row,
                          struct err *err)
{
	AUTO_DELIVERY struct delivery delivery = { 0 };
	const struct event event = { .name = "delivery.due",
		                     .certificate = row->name,
		                     .host = row->host,
		                     .text = "a new certificate" };
	bool found;

	if (!store_delivery_find(store, row->name, row->host, &delivery, &found, err))
		return false;
	if (!found) {
		delivery.certificate = xstrdup(row->name);
		delivery.host = xstrdup(row->host);
	}
	delivery.wanted_id = row->id;
	delivery.state = DELIVERY_PUSH;
	delivery.run_at_ms = clock_now_ms();
	delivery.attempts = 0;
	delivery.last = (struct err){ 0 };
	free(delivery.reason);
	delivery.reason = xstrdup("a new certificate");
	return store_delivery_put(store, &delivery, &event, err);
}

/* Certificate, its delivery and the order's end: one transaction. */
static bool keep(struct store *store, struct order *order, struct cert *cert,
                 struct err *err)
{
	AUTO_CERTIFICATE struct certificate row = { 0 };
	struct event event = { .name = "certificate.issued",
		               .certificate = order->certificate,
		               .host = order->host,
		               .order_id = order->id };
	struct err ignored = { 0 };
	bool good;

	if (!store_begin(store, err))
		return false;
	fill_certificate(&row, order, cert);
	snprintf(event.text, sizeof(event.text), "serial %s by %.200s", row.serial,
	         row.issuer);
	good = store_certificate_add(store, &row, NULL, err) &&
	       want_delivery(store, &row, err);
	if (good) {
		order->certificate_id = row.id;
		order->last = (struct err){ 0 };
		issue_enter(order, ORDER_TIDY);
		good = store_order_save(store, order, false, &event, err);
	}
	return store_end(store, good, good ? err : &ignored) && good;
}

/* Ours is in the store, the server's in its request. */
static bool check(struct issue *issue, const struct order *order, const struct cert *cert,
                  struct err *err)
{
	if (order->is_key_on_target)
		return issue_check_by_csr(order, cert, err);

	AUTO_KEY struct key *key = store_key_load(issue->settings.store, order->key_id,
	                                          err);

	return key && cert_check(cert, key, &order->names, clock_now(), err);
}

static bool fetch(struct issue *issue, struct acme *acme, struct order *order,
                  const char *url, struct err *err)
{
	AUTO_BUF struct buf pem = BUF_INIT(CERT_PEM_MAX);
	AUTO_CERT struct cert cert = { 0 };

	if (!acme_certificate_get(acme, url, &pem, err))
		return false;
	if (!cert_parse(pem.data, pem.len, &cert, err) ||
	    !check(issue, order, &cert, err)) {
		/* The store's own trouble says nothing of the certificate. */
		if (err->kind == ERR_INTERNAL)
			return false;
		/* A code of our own: the next order for it waits as after any refusal. */
		snprintf(err->code, sizeof(err->code), "certificateNotAsOrdered");
		return err_context(err, "the certificate that the CA sent is not used");
	}
	return keep(issue->settings.store, order, &cert, err);
}

bool issue_collect(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_ACME_ORDER struct acme_order seen = { 0 };
	struct ca_desk *desk = issue_ca_open(issue, order->ca, err);

	if (!desk || !acme_order_get(desk->acme, order->url, &order->names, &seen, err))
		return false;
	if (seen.status == ACME_VALID && seen.certificate)
		return fetch(issue, desk->acme, order, seen.certificate, err);
	if (seen.status == ACME_READY) {
		/* The CSR did not arrive, or was refused: it can be sent again. */
		issue_enter(order, ORDER_FINALIZE);
		return true;
	}
	if (seen.status != ACME_PROCESSING && seen.status != ACME_VALID)
		return issue_explain_invalid(issue, desk->acme, order, &seen, err);
	if (issue_is_overdue(order, ISSUE_TIMEOUT_S))
		return err_set(err, ERR_REMOTE, "the CA did not issue within %d hours",
		               ISSUE_TIMEOUT_S / 3600);
	issue_look_again(order, seen.retry_after, ISSUE_LOOK_FIRST_MS,
	                 ISSUE_LOOK_MOST_MS);
	return true;
}
