/* SPDX-License-Identifier: Apache-2.0 */
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/str.h"
#include "dns/exchange.h"
#include "host.h"

/*
 * RFC 2136 with TSIG (RFC 8945), on ldns packets. Not through ldns_resolver_send_pkt(),
 * which keeps the answer's code to itself: "Bogus TSIG signature" is all it says
 * of a key that the server does not know.
 */

enum { UPDATE_TIMEOUT_MS = 10 * 1000, FUDGE_S = 300, TSIG_MAC = 3, TSIG_ERROR = 5 };

DEFINE_CLEANUP(ldns_pkt *, ldns_pkt_free);
DEFINE_CLEANUP(ldns_rr_list *, ldns_rr_list_deep_free);
DEFINE_CLEANUP(ldns_rdf *, ldns_rdf_deep_free);
#define AUTO_PKT  CLEANUP(ldns_pkt_freep)
#define AUTO_LIST CLEANUP(ldns_rr_list_deep_freep)
#define AUTO_RDF  CLEANUP(ldns_rdf_deep_freep)

/* ldns spells hmac-sha384 wrong, so that it signs with nothing; no server asks for it. */
static const char *const algorithms[] = { "hmac-sha256", "hmac-sha512" };

static const char base64_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

struct job {
	const struct dns_host *services;
	const struct dns_update *update;
	struct dns_asking asking;
	char algorithm[32]; /* with the final dot of a name */
};

#define fail(job, result, ...) \
	((job)->services->fail((job)->services, (result), __VA_ARGS__))

static enum dns_result check(struct job *job)
{
	const struct dns_update *update = job->update;
	struct err err;
	AUTO_RDF ldns_rdf *key = NULL;

	if (!dns_address_parse(update->server, &job->asking.to, &err))
		return fail(job, DNS_BAD_OPTION, "server %s", err.msg);
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (strcasecmp(update->key_algorithm, algorithms[i]) == 0)
			snprintf(job->algorithm, sizeof(job->algorithm), "%s.",
			         algorithms[i]);
	if (!job->algorithm[0])
		return fail(job, DNS_BAD_OPTION,
		            "TSIG algorithm '%.40s' does not work here; hmac-sha256 and "
		            "hmac-sha512 do",
		            update->key_algorithm);
	key = ldns_dname_new_frm_str(update->key_name);
	if (!key || strlen(update->key_name) > 255)
		return fail(job, DNS_BAD_OPTION, "'%.80s' is not the name of a TSIG key",
		            update->key_name);
	if (!str_is_made_of(update->key_secret, base64_chars, 4, 1024) ||
	    strlen(update->key_secret) % 4 != 0)
		return fail(job, DNS_BAD_OPTION,
		            "the secret of TSIG key '%s' is not base64",
		            update->key_name);
	return DNS_OK;
}

/* One TXT record; a delete is of class NONE and without TTL (RFC 2136 2.5.4). */
static ldns_rr *make_record(const struct dns_change *change)
{
	const struct dns_record *record = &change->record;
	size_t len = strlen(record->value);
	ldns_rdf *owner = ldns_dname_new_frm_str(record->name);
	uint8_t data[256];
	ldns_rr *rr = ldns_rr_new();

	if (!rr || !owner || len > 255) {
		ldns_rdf_deep_free(owner);
		ldns_rr_free(rr);
		return NULL;
	}
	data[0] = (uint8_t)len;
	memcpy(data + 1, record->value, len);
	ldns_rr_set_owner(rr, owner);
	ldns_rr_set_type(rr, LDNS_RR_TYPE_TXT);
	ldns_rr_set_class(rr, change->remove ? LDNS_RR_CLASS_NONE : LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, change->remove ? 0 : record->ttl);
	ldns_rr_push_rdf(rr, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, len + 1, data));
	return rr;
}

static ldns_rr_list *make_records(const struct dns_update *update)
{
	AUTO_LIST ldns_rr_list *list = ldns_rr_list_new();

	for (size_t i = 0; i < update->count; i++) {
		ldns_rr *rr = make_record(&update->changes[i]);

		if (!rr || !ldns_rr_list_push_rr(list, rr))
			return NULL;
	}
	return TAKE(list);
}

/* The signed message, and the MAC that the answer's is made with. */
static ldns_pkt *make_packet(const struct job *job)
{
	const struct dns_update *update = job->update;
	AUTO_LIST ldns_rr_list *records = make_records(update);
	ldns_rdf *zone = ldns_dname_new_frm_str(update->zone);
	AUTO_PKT ldns_pkt *pkt = NULL;
	uint16_t id;

	/* The packet takes the zone over and copies the records. */
	if (!records || !zone || getrandom(&id, sizeof(id), 0) != sizeof(id)) {
		ldns_rdf_deep_free(zone);
		return NULL;
	}
	pkt = ldns_update_pkt_new(zone, LDNS_RR_CLASS_IN, NULL, records, NULL);
	if (!pkt)
		return NULL;
	ldns_pkt_set_id(pkt, id);
	ldns_pkt_set_rd(pkt, false);
	if (ldns_pkt_tsig_sign(pkt, update->key_name, update->key_secret, FUDGE_S,
	                       job->algorithm, NULL) != LDNS_STATUS_OK)
		return NULL;
	return TAKE(pkt);
}

/* What a server says of the key; by TSIG error, where it gives one. */
static const struct {
	int number;
	const char *name;
	enum dns_result result;
	const char *why;
} key_errors[] = {
	{ 16, "BADSIG", DNS_DENIED, "the secret differs from the server's" },
	{ 17, "BADKEY", DNS_DENIED,
	  "it has no such key (name, algorithm), or not for this zone" },
	{ 18, "BADTIME", DNS_TEMPORARY,
	  "the clocks of this machine and the server are minutes apart" },
	{ 22, "BADTRUNC", DNS_DENIED, "it wants a longer signature" },
};

static const struct {
	ldns_pkt_rcode code;
	const char *name;
	enum dns_result result;
	const char *why;
} codes[] = {
	{ LDNS_RCODE_NOTAUTH, "NOTAUTH", DNS_NO_ZONE,
	  "it is not a primary server of that zone" },
	{ LDNS_RCODE_NOTZONE, "NOTZONE", DNS_NO_ZONE, "a name is not in that zone" },
	{ LDNS_RCODE_REFUSED, "REFUSED", DNS_REFUSED,
	  "its update-policy, acl or allow-update does not let this key change these "
	  "names" },
	{ LDNS_RCODE_SERVFAIL, "SERVFAIL", DNS_TEMPORARY,
	  "it could not do it; its log says why" },
	{ LDNS_RCODE_NOTIMPL, "NOTIMP", DNS_REFUSED, "it takes no dynamic updates" },
	{ LDNS_RCODE_FORMERR, "FORMERR", DNS_REFUSED,
	  "it does not understand the update" },
};

static int tsig_error(const ldns_pkt *reply)
{
	const ldns_rr *tsig = ldns_pkt_tsig(reply);
	const ldns_rdf *error = tsig ? ldns_rr_rdf(tsig, TSIG_ERROR) : NULL;

	return error && ldns_rdf_size(error) == 2 ? ldns_rdf2native_int16(error) : 0;
}

static enum dns_result refused(const struct job *job, const ldns_pkt *reply)
{
	const struct dns_update *update = job->update;
	ldns_pkt_rcode code = ldns_pkt_get_rcode(reply);
	int error = tsig_error(reply);

	for (size_t i = 0; i < ARRAY_SIZE(key_errors); i++)
		if (key_errors[i].number == error)
			return fail(
			    job, key_errors[i].result,
			    "server %s refused TSIG key '%s' (%s): NOTAUTH (%s): %s",
			    update->server, update->key_name, update->key_algorithm,
			    key_errors[i].name, key_errors[i].why);
	/* Knot 3.4 leaves TSIG out for a key that it does not know, and 3.2 for a zone
	 * that it does not have: which it was, nobody can tell. */
	if (code == LDNS_RCODE_NOTAUTH && !ldns_pkt_tsig(reply))
		return fail(
		    job, DNS_DENIED,
		    "server %s refused the update of zone %s by TSIG key '%s': "
		    "NOTAUTH, unsigned: it has no such key, or not for these names, or "
		    "it is not a primary server of that zone",
		    update->server, update->zone, update->key_name);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			return fail(job, codes[i].result,
			            "server %s refused the update of zone %s by TSIG key "
			            "'%s': %s: %s",
			            update->server, update->zone, update->key_name,
			            codes[i].name, codes[i].why);
	return fail(job, DNS_REFUSED,
	            "server %s refused the update of zone %s: response code %d",
	            update->server, update->zone, (int)code);
}

static enum dns_result judge(const struct job *job, const ldns_pkt *query)
{
	const struct dns_update *update = job->update;
	const struct buf *bytes = &job->asking.reply;
	const uint8_t *wire = (const uint8_t *)bytes->data;
	AUTO_PKT ldns_pkt *reply = NULL;

	if (ldns_wire2pkt(&reply, wire, bytes->len) != LDNS_STATUS_OK)
		return fail(job, DNS_TEMPORARY, "server %s: not a DNS message",
		            update->server);
	if (ldns_pkt_get_rcode(reply) != LDNS_RCODE_NOERROR)
		return refused(job, reply);
	if (!ldns_pkt_tsig(reply) ||
	    !ldns_pkt_tsig_verify(reply, wire, bytes->len, update->key_name,
	                          update->key_secret,
	                          ldns_rr_rdf(ldns_pkt_tsig(query), TSIG_MAC)))
		return fail(job, DNS_DENIED,
		            "server %s: its answer is not signed with TSIG key '%s', so "
		            "somebody else may have given it",
		            update->server, update->key_name);
	return DNS_OK;
}

static enum dns_result exchange(struct job *job, const ldns_pkt *query)
{
	AUTO_FREE uint8_t *wire = NULL;
	size_t len = 0;
	enum dns_result result;

	if (ldns_pkt2wire(&wire, query, &len) != LDNS_STATUS_OK)
		return fail(job, DNS_REFUSED, "no update of zone %s can be made of this",
		            job->update->zone);
	job->asking.wire = wire;
	job->asking.len = len;
	job->asking.tcp_only = true;
	job->asking.reply = (struct buf)BUF_INIT(DNS_MESSAGE_MAX);
	dns_exchange(&job->asking, 1, UPDATE_TIMEOUT_MS);
	result = job->asking.is_answered ? judge(job, query)
	                                 : fail(job, DNS_TEMPORARY, "server %s: %s",
	                                        job->update->server, job->asking.note);
	buf_wipe(&job->asking.reply);
	return result;
}

enum dns_result host_update(const struct dns_host *services,
                            const struct dns_update *update)
{
	struct job job = { .services = services, .update = update };
	AUTO_PKT ldns_pkt *query = NULL;
	enum dns_result result;

	host_learn_secret(host_of(services), update->key_secret);
	result = check(&job);
	if (result != DNS_OK)
		return result;
	query = make_packet(&job);
	if (!query)
		return fail(&job, DNS_BAD_OPTION,
		            "no signed update of zone %s can be made with TSIG key '%s'",
		            update->zone, update->key_name);
	return exchange(&job, query);
}
