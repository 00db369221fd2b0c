/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/mem.h"

enum { TXT_SHOWN_MAX = 1024 };

DEFINE_CLEANUP(ldns_pkt *, ldns_pkt_free);
#define AUTO_PKT CLEANUP(ldns_pkt_freep)

static bool to_wire(const ldns_pkt *pkt, struct dns_question *out, struct err *err)
{
	AUTO_FREE uint8_t *wire = NULL;
	size_t len = 0;

	if (ldns_pkt2wire(&wire, pkt, &len) != LDNS_STATUS_OK || len > sizeof(out->wire))
		return err_set(err, ERR_INTERNAL, "no DNS message about '%s'", out->name);
	memcpy(out->wire, wire, len);
	out->len = len;
	return true;
}

bool dns_question_make(const char *name, enum dns_type type, bool is_recursive,
                       struct dns_question *out, struct err *err)
{
	AUTO_PKT ldns_pkt *pkt = NULL;
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	uint16_t id;

	*out = (struct dns_question){ .type = type };
	if (!owner || strlen(name) >= sizeof(out->name)) {
		ldns_rdf_deep_free(owner);
		return err_set(err, ERR_INPUT, "'%.100s' is not a DNS name", name);
	}
	snprintf(out->name, sizeof(out->name), "%s", name);
	/* The packet owns the name from here on. */
	pkt = ldns_pkt_query_new(owner, (ldns_rr_type)type, LDNS_RR_CLASS_IN,
	                         is_recursive ? LDNS_RD : 0);
	if (!pkt || getrandom(&id, sizeof(id), 0) != sizeof(id))
		return err_set(err, ERR_INTERNAL, "no DNS message about '%s'", name);
	ldns_pkt_set_id(pkt, id);
	return to_wire(pkt, out, err);
}

static char *name_text(const ldns_rdf *name)
{
	char *text = name ? ldns_rdf2str(name) : NULL;
	size_t len = text ? strlen(text) : 0;

	if (len > 1 && text[len - 1] == '.')
		text[len - 1] = '\0';
	return text;
}

static void add_name(const ldns_rdf *name, struct strlist *values)
{
	AUTO_FREE char *text = name_text(name);

	if (text && strlen(text) <= 255)
		strlist_add(values, text);
}

static void add_soa(const ldns_rr *rr, struct strlist *values)
{
	add_name(ldns_rr_owner(rr), values);
}

static void add_ns(const ldns_rr *rr, struct strlist *values)
{
	add_name(ldns_rr_ns_nsdname(rr), values);
}

static void add_address(const ldns_rr *rr, struct strlist *values)
{
	const ldns_rdf *address = ldns_rr_rdf(rr, 0);
	int family = ldns_rr_get_type(rr) == LDNS_RR_TYPE_A ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];

	if (address && ldns_rdf_size(address) == (family == AF_INET ? 4 : 16) &&
	    inet_ntop(family, ldns_rdf_data(address), text, sizeof(text)))
		strlist_add(values, text);
}

/* The strings of one record make one value (RFC 8555 8.4). */
static void add_txt(const ldns_rr *rr, struct strlist *values)
{
	AUTO_BUF struct buf joined = BUF_INIT(65536), shown = BUF_INIT(65536);

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *part = ldns_rr_rdf(rr, i);
		const uint8_t *data = ldns_rdf_data(part);

		if (ldns_rdf_size(part) > 1 && data[0] < ldns_rdf_size(part))
			buf_add(&joined, data + 1, data[0]);
	}
	if (strlen(joined.data) == joined.len) {
		strlist_add(values, joined.data);
		return;
	}
	str_add_printable(&shown, joined.data, joined.len, TXT_SHOWN_MAX);
	strlist_add(values, shown.data);
}

static const struct {
	ldns_rr_type type;
	bool any_owner; /* a resolver followed an alias */
	void (*add)(const ldns_rr *rr, struct strlist *values);
} readers[] = {
	{ LDNS_RR_TYPE_SOA, false, add_soa },  { LDNS_RR_TYPE_NS, false, add_ns },
	{ LDNS_RR_TYPE_A, true, add_address }, { LDNS_RR_TYPE_AAAA, true, add_address },
	{ LDNS_RR_TYPE_TXT, false, add_txt },
};

static bool is_owner(const ldns_rr *rr, const char *name)
{
	AUTO_FREE char *owner = name_text(ldns_rr_owner(rr));

	return owner && strcasecmp(owner, name) == 0;
}

static void read_record(const struct dns_question *question, const ldns_rr *rr,
                        struct dns_reply *out)
{
	bool owned = is_owner(rr, question->name);

	if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
		return;
	if (owned && ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME)
		out->is_alias = true;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (ldns_rr_get_type(rr) == readers[i].type &&
		    readers[i].type == (ldns_rr_type)question->type &&
		    (owned || readers[i].any_owner))
			readers[i].add(rr, &out->values);
}

bool dns_reply_parse(const struct dns_question *question, const void *bytes, size_t len,
                     struct dns_reply *out, struct err *err)
{
	AUTO_PKT ldns_pkt *pkt = NULL;
	const ldns_rr_list *records;

	*out = (struct dns_reply){ 0 };
	if (ldns_wire2pkt(&pkt, bytes, len) != LDNS_STATUS_OK)
		return err_set(err, ERR_REMOTE, "not a DNS message");

	AUTO_FREE char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(pkt));
	snprintf(out->rcode, sizeof(out->rcode), "%s", rcode ? rcode : "?");
	out->is_ok = ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NOERROR ||
	             ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NXDOMAIN;
	out->has_authority = ldns_pkt_aa(pkt);
	records = ldns_pkt_answer(pkt);
	for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++)
		read_record(question, ldns_rr_list_rr(records, i), out);
	return true;
}

void dns_reply_deinit(struct dns_reply *reply)
{
	strlist_deinit(&reply->values);
}
