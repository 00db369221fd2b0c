/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ldns/ldns.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/dnsname.h"
#include "base/mem.h"

enum { VALUE_SHOWN_MAX = 1024, NS_MAX = 16, GLUE_MAX = 64 };

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

static uint16_t flag_bits(unsigned flags)
{
	return (uint16_t)((flags & DNS_RECURSE ? LDNS_RD : 0) |
	                  (flags & DNS_VALIDATE ? LDNS_AD : 0) |
	                  (flags & DNS_UNCHECKED ? LDNS_CD : 0));
}

bool dns_question_make(const char *name, enum dns_type type, unsigned flags,
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
	                         flag_bits(flags));
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

static bool address_text(const ldns_rr *rr, char *text, socklen_t size)
{
	const ldns_rdf *address = ldns_rr_rdf(rr, 0);
	int family = ldns_rr_get_type(rr) == LDNS_RR_TYPE_A ? AF_INET : AF_INET6;

	return address && ldns_rdf_size(address) == (family == AF_INET ? 4 : 16) &&
	       inet_ntop(family, ldns_rdf_data(address), text, size);
}

static void add_address(const ldns_rr *rr, struct strlist *values)
{
	char text[INET6_ADDRSTRLEN];

	if (address_text(rr, text, sizeof(text)))
		strlist_add(values, text);
}

/* A list holds no text with a NUL in it. */
static void add_bytes(const struct buf *bytes, struct strlist *values)
{
	AUTO_BUF struct buf shown = BUF_INIT(4 * VALUE_SHOWN_MAX + 16);

	if (strlen(bytes->data) == bytes->len) {
		strlist_add(values, bytes->data);
		return;
	}
	str_add_printable(&shown, bytes->data, bytes->len, VALUE_SHOWN_MAX);
	strlist_add(values, shown.data);
}

/* The strings of one record make one value (RFC 8555 8.4). */
static void add_txt(const ldns_rr *rr, struct strlist *values)
{
	AUTO_BUF struct buf joined = BUF_INIT(65536);

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *part = ldns_rr_rdf(rr, i);
		const uint8_t *data = ldns_rdf_data(part);

		if (ldns_rdf_size(part) > 1 && data[0] < ldns_rdf_size(part))
			buf_add(&joined, data + 1, data[0]);
	}
	add_bytes(&joined, values);
}

/* A tag is letters and digits (RFC 8659 4.1); one that is not is shown as "?", and is
 * then a tag that nobody knows. */
static void add_tag(const char *tag, size_t len, struct buf *text)
{
	bool is_tag = len > 0;

	for (size_t i = 0; i < len; i++)
		is_tag = is_tag && isalnum((unsigned char)tag[i]);
	for (size_t i = 0; is_tag && i < len; i++)
		buf_addf(text, "%c", tolower((unsigned char)tag[i]));
	if (!is_tag)
		buf_addf(text, "?");
}

/* The fields, put together again, are the bytes of the record: read here, so that it
 * does not matter how ldns cuts them. One that is too short says nothing. */
static void add_caa(const ldns_rr *rr, struct strlist *values)
{
	AUTO_BUF struct buf raw = BUF_INIT(65536), text = BUF_INIT(2 * 65536);

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		buf_add(&raw, ldns_rdf_data(ldns_rr_rdf(rr, i)),
		        ldns_rdf_size(ldns_rr_rdf(rr, i)));

	const unsigned char *bytes = (const unsigned char *)raw.data;
	if (raw.len < 2 || raw.len < 2 + (size_t)bytes[1])
		return;
	buf_addf(&text, "%d ", bytes[0]);
	add_tag(raw.data + 2, bytes[1], &text);
	buf_addf(&text, " ");
	buf_add(&text, raw.data + 2 + bytes[1], raw.len - 2 - bytes[1]);
	add_bytes(&text, values);
}

static const struct {
	ldns_rr_type type;
	bool any_owner; /* a resolver followed an alias */
	void (*add)(const ldns_rr *rr, struct strlist *values);
} readers[] = {
	{ LDNS_RR_TYPE_SOA, false, add_soa },  { LDNS_RR_TYPE_NS, false, add_ns },
	{ LDNS_RR_TYPE_A, true, add_address }, { LDNS_RR_TYPE_AAAA, true, add_address },
	{ LDNS_RR_TYPE_TXT, false, add_txt },  { LDNS_RR_TYPE_CAA, true, add_caa },
};

static bool is_owner(const ldns_rr *rr, const char *name)
{
	AUTO_FREE char *owner = name_text(ldns_rr_owner(rr));

	return owner && strcasecmp(owner, name) == 0;
}

static void lower_name(const ldns_rdf *name, char *out, size_t size)
{
	AUTO_FREE char *text = name_text(name);

	out[0] = '\0';
	if (!text || strlen(text) >= size)
		return;
	for (size_t i = 0; text[i]; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
	snprintf(out, size, "%s", text);
}

static void keep_ttl(uint32_t ttl, struct dns_reply *out)
{
	/* RFC 2181 8: the topmost bit makes it zero. */
	int seconds = ttl > INT32_MAX ? 0 : (int)ttl;

	if (out->ttl_s < 0 || seconds < out->ttl_s)
		out->ttl_s = seconds;
}

static void read_answer(const struct dns_question *question, const ldns_rr *rr,
                        struct dns_reply *out)
{
	bool owned = is_owner(rr, question->name);
	size_t before = out->values.len;

	if (owned && ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME)
		lower_name(ldns_rr_rdf(rr, 0), out->alias, sizeof(out->alias));
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (ldns_rr_get_type(rr) == readers[i].type &&
		    readers[i].type == (ldns_rr_type)question->type &&
		    (owned || readers[i].any_owner))
			readers[i].add(rr, &out->values);
	if (out->values.len > before)
		keep_ttl(ldns_rr_ttl(rr), out);
}

static void read_authority(const struct dns_question *question, const ldns_rr *rr,
                           struct dns_reply *out)
{
	enum { SOA_MINIMUM = 6 };
	ldns_rr_type type = ldns_rr_get_type(rr);
	char owner[sizeof(out->zone)];

	lower_name(ldns_rr_owner(rr), owner, sizeof(owner));
	if ((type != LDNS_RR_TYPE_SOA && type != LDNS_RR_TYPE_NS) || !owner[0] ||
	    !dnsname_is_below(question->name, owner))
		return;
	snprintf(out->zone, sizeof(out->zone), "%s", owner);
	if (type == LDNS_RR_TYPE_NS && out->ns.len < NS_MAX)
		add_ns(rr, &out->ns);
	if (type == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(rr) > SOA_MINIMUM &&
	    out->values.len == 0) {
		keep_ttl(ldns_rr_ttl(rr), out);
		keep_ttl(ldns_rdf2native_int32(ldns_rr_rdf(rr, SOA_MINIMUM)), out);
	}
}

static void read_additional(const struct dns_question *question, const ldns_rr *rr,
                            struct dns_reply *out)
{
	AUTO_BUF struct buf line = BUF_INIT(512);
	char owner[256], address[INET6_ADDRSTRLEN];
	ldns_rr_type type = ldns_rr_get_type(rr);

	(void)question;
	lower_name(ldns_rr_owner(rr), owner, sizeof(owner));
	if ((type != LDNS_RR_TYPE_A && type != LDNS_RR_TYPE_AAAA) || !owner[0] ||
	    out->glue.len >= GLUE_MAX || !address_text(rr, address, sizeof(address)))
		return;
	buf_addf(&line, "%s %s", owner, address);
	strlist_add(&out->glue, line.data);
}

static void read_section(const struct dns_question *question, const ldns_rr_list *records,
                         void (*read)(const struct dns_question *question,
                                      const ldns_rr *rr, struct dns_reply *out),
                         struct dns_reply *out)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++)
		if (ldns_rr_get_class(ldns_rr_list_rr(records, i)) == LDNS_RR_CLASS_IN)
			read(question, ldns_rr_list_rr(records, i), out);
}

static void read_header(const ldns_pkt *pkt, struct dns_reply *out)
{
	AUTO_FREE char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(pkt));

	snprintf(out->rcode, sizeof(out->rcode), "%s", rcode ? rcode : "?");
	out->is_ok = ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NOERROR ||
	             ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NXDOMAIN;
	out->has_authority = ldns_pkt_aa(pkt);
	out->is_validated = ldns_pkt_ad(pkt);
}

bool dns_reply_parse(const struct dns_question *question, const void *bytes, size_t len,
                     struct dns_reply *out, struct err *err)
{
	AUTO_PKT ldns_pkt *pkt = NULL;

	*out = (struct dns_reply){ 0 };
	if (ldns_wire2pkt(&pkt, bytes, len) != LDNS_STATUS_OK)
		return err_set(err, ERR_REMOTE, "not a DNS message");
	read_header(pkt, out);
	out->ttl_s = -1; /* none yet */
	read_section(question, ldns_pkt_answer(pkt), read_answer, out);
	read_section(question, ldns_pkt_authority(pkt), read_authority, out);
	read_section(question, ldns_pkt_additional(pkt), read_additional, out);
	out->is_referral = ldns_pkt_get_rcode(pkt) == LDNS_RCODE_NOERROR &&
	                   !out->has_authority && ldns_pkt_ancount(pkt) == 0 &&
	                   out->ns.len > 0;
	if (out->ttl_s < 0)
		out->ttl_s = 0;
	return true;
}

void dns_reply_deinit(struct dns_reply *reply)
{
	strlist_deinit(&reply->values);
	strlist_deinit(&reply->ns);
	strlist_deinit(&reply->glue);
}
