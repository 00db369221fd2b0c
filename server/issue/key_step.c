/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/cert.h"
#include "crypto/csr.h"

/* Orders whose key is made on the server: there is a request of the server in its place,
 * and nothing of it is believed before it was looked at. */

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
	        csr_check(out, &order->names, order->key_type, err)) ||
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
