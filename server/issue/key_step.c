/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/cert.h"
#include "crypto/csr.h"
#include "store/delivery.h"

/* Orders whose key is made on the server: there is a request of the server in its place,
 * and nothing of it is believed before it was looked at. */

/* An agent makes a key for each certificate. One that has been delivered stays with what
 * it was for; one that has not is asked for again. */
static bool is_fresh(struct store *store, const struct order *order,
                     const struct csr *csr, struct err *err)
{
	AUTO_DELIVERY struct delivery row = { 0 };
	AUTO_CERTIFICATE struct certificate last = { 0 };
	AUTO_CERT struct cert cert = { 0 };
	bool found;

	if (!store_delivery_find(store, order->certificate, order->host, &row, &found,
	                         err))
		return false;
	if (!found || !row.installed_id)
		return true;
	return store_certificate_load(store, row.installed_id, &last, err) &&
	       cert_parse(last.cert_pem, strlen(last.cert_pem), &cert, err) &&
	       (memcmp(cert.spki_sha256, csr->spki_sha256, sizeof(cert.spki_sha256)) !=
	            0 ||
	        err_set(err, ERR_REMOTE,
	                "it is for the key of the certificate that is installed, and a "
	                "new one was asked for: is that certferry-agent?"));
}

static bool ask(struct issue *issue, const struct order *order, struct csr *out,
                struct err *err)
{
	const struct issue_settings *settings = &issue->settings;
	AUTO_BUF struct buf pem = BUF_INIT(2 * CSR_BYTES_MAX);

	if (!settings->request_csr)
		return err_set(err, ERR_INTERNAL, "nobody is there to ask for a request");
	if (!settings->request_csr(settings->request_arg, order->host, order->certificate,
	                           &pem, err))
		return false;
	return (csr_parse_pem(pem.data, pem.len, out, err) &&
	        csr_check(out, &order->names, order->key_type, err) &&
	        is_fresh(settings->store, order, out, err)) ||
	       err_context(err, "%s: the key's request is not used", order->host);
}

/* The request is committed before the CA hears of the order. */
bool issue_have_csr(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_CSR struct csr csr = CSR_INIT;
	const struct event event = { .name = "order.request",
		                     .certificate = order->certificate,
		                     .host = order->host,
		                     .order_id = order->id,
		                     .text = "the server has made a key" };

	if (order->csr.len)
		return true;
	if (!ask(issue, order, &csr, err))
		return false;
	buf_wipe(&order->csr);
	order->csr = csr.der;
	csr.der = (struct buf)BUF_INIT(CSR_BYTES_MAX);
	return store_order_save(issue->settings.store, order, false, &event, err);
}

bool issue_check_by_csr(const struct order *order, const struct cert *cert,
                        struct err *err)
{
	AUTO_CSR struct csr csr = CSR_INIT;

	return csr_parse(order->csr.data, order->csr.len, &csr, err) &&
	       cert_check_spki(cert, csr.spki_sha256, &order->names, clock_now(), err);
}
