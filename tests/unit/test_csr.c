/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/str.h"
#include "crypto/csr.h"
#include "unit.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

static const struct {
	const char *name;
	const char *names[4];
	enum key_type type;
	int digest; /* NID of the signature; 0: the request is refused */
} rows[] = {
	{ "one name", { "a.example" }, KEY_EC_256, NID_ecdsa_with_SHA256 },
	{ "P-384", { "a.example" }, KEY_EC_384, NID_ecdsa_with_SHA384 },
	{ "RSA", { "a.example" }, KEY_RSA_2048, NID_sha256WithRSAEncryption },
	{ "wildcard and apex",
	  { "*.a.example", "a.example" },
	  KEY_EC_256,
	  NID_ecdsa_with_SHA256 },
	{ "none", { 0 }, KEY_EC_256, 0 },
	{ "empty name", { "" }, KEY_EC_256, 0 },
	{ "second name malformed", { "a.example", "b..example" }, KEY_EC_256, 0 },
	{ "an injected second name", { "a.example,DNS:b.example" }, KEY_EC_256, 0 },
};

static void check_names(size_t row, X509_REQ *req)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
	GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL,
	                                      NULL);

	CHECK(rows[row].name, sk_X509_EXTENSION_num(extensions) == 1);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		CHECK(rows[row].name, name->type == GEN_DNS);
		CHECK(rows[row].name, i < 4 && str_eq((const char *)ASN1_STRING_get0_data(
							  name->d.dNSName),
		                                      rows[row].names[i]));
	}
	CHECK(rows[row].name, sk_GENERAL_NAME_num(names) > 0);
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static void check_request(size_t row, const struct buf *der)
{
	const unsigned char *at = (unsigned char *)der->data;
	X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)der->len);

	CHECK(rows[row].name, req && at == (unsigned char *)der->data + der->len);
	CHECK(rows[row].name, X509_REQ_get_version(req) == 0);
	CHECK(rows[row].name, X509_NAME_entry_count(X509_REQ_get_subject_name(req)) == 0);
	CHECK(rows[row].name, X509_REQ_get_signature_nid(req) == rows[row].digest);
	CHECK(rows[row].name, X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1);
	check_names(row, req);
	X509_REQ_free(req);
}

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_STRLIST struct strlist names = { 0 };
		AUTO_BUF struct buf der = BUF_INIT(4096);
		struct err err = { 0 };
		AUTO_KEY struct key *key = key_new(rows[i].type, &err);

		for (size_t n = 0; n < 4 && rows[i].names[n]; n++)
			strlist_add(&names, rows[i].names[n]);
		CHECK(rows[i].name,
		      csr_new(key, &names, &der, &err) == (rows[i].digest != 0));
		if (rows[i].digest)
			check_request(i, &der);
		else
			CHECK(rows[i].name, err.kind == ERR_INPUT && err.msg[0]);
	}
	DONE();
}

/* Requests of servers: what was made is damaged in one place, or wanted otherwise. */
static const struct {
	const char *name;
	const char *names; /* that are wanted; made for a.example and *.a.example */
	enum key_type wanted;
	size_t flip; /* this byte from the end is another; 0: none */
	bool is_parsed, is_right;
} seen[] = {
	{ "as it was made", "*.a.example a.example", KEY_EC_256, 0, true, true },
	{ "one name more", "a.example", KEY_EC_256, 0, true, false },
	{ "one name less", "*.a.example a.example b.example", KEY_EC_256, 0, true,
	  false },
	{ "another kind of key", "*.a.example a.example", KEY_RSA_2048, 0, true, false },
	{ "the signature", "*.a.example a.example", KEY_EC_256, 3, false, false },
	{ "what was signed", "*.a.example a.example", KEY_EC_256, 90, false, false },
};

static void split(const char *text, struct strlist *out)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		strlist_add(out, word);
}

static void test_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		AUTO_STRLIST struct strlist names = { 0 }, wanted = { 0 };
		AUTO_BUF struct buf der = BUF_INIT(4096);
		AUTO_CSR struct csr csr = CSR_INIT;
		struct err err = { 0 };
		AUTO_KEY struct key *key = key_new(KEY_EC_256, &err);
		unsigned char spki[KEY_FINGERPRINT];

		split("*.a.example a.example", &names);
		split(seen[i].names, &wanted);
		CHECK(seen[i].name, csr_new(key, &names, &der, &err));
		if (seen[i].flip)
			der.data[der.len - seen[i].flip] ^= 1;
		CHECK(seen[i].name,
		      csr_parse(der.data, der.len, &csr, &err) == seen[i].is_parsed);
		if (!seen[i].is_parsed) {
			CHECK(seen[i].name, err.kind == ERR_REMOTE);
			continue;
		}
		CHECK(seen[i].name, key_fingerprint(key, spki, &err) &&
		                        !memcmp(spki, csr.spki_sha256, sizeof(spki)));
		CHECK(seen[i].name,
		      csr_check(&csr, &wanted, seen[i].wanted, &err) == seen[i].is_right);
	}
	DONE();
}

/* A CA might grant what else is asked for; so nothing else may be. */
static void test_asks_for_more(void **state)
{
	AUTO_CSR struct csr csr = CSR_INIT;
	X509_REQ *req = X509_REQ_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct err err = { 0 };
	unsigned char *der = NULL;
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	int len;

	(void)state;
	sk_X509_EXTENSION_push(
	    list, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:a.example"));
	sk_X509_EXTENSION_push(
	    list, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE"));
	X509_REQ_set_pubkey(req, key);
	X509_REQ_add_extensions(req, list);
	X509_REQ_sign(req, key, EVP_sha256());
	len = i2d_X509_REQ(req, &der);
	CHECK("CA:TRUE", len > 0 && !csr_parse(der, (size_t)len, &csr, &err));
	CHECK("CA:TRUE", strstr(err.msg, "nothing else"));
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	EVP_PKEY_free(key);
	X509_REQ_free(req);
	DONE();
}

static int make_list(const char *names, unsigned char **der)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	int len;

	sk_X509_EXTENSION_push(
	    list, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names));
	len = ASN1_item_i2d((ASN1_VALUE *)list, der, ASN1_ITEM_rptr(X509_EXTENSIONS));
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return len;
}

/* Signed in order, but by a key that is not used here. */
static void test_weak_keys(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *group;
		unsigned bits; /* RSA */
		bool is_taken;
	} keys[] = {
		{ "P-256",     "P-256",     0,    true },
		{ "RSA 2048",  NULL,        2048, true },
		{ "RSA 1024",  NULL,        1024, false },
		{ "RSA 2047",  NULL,        2047, false },
		{ "secp256k1", "secp256k1", 0,    false },
		{ "P-224",     "P-224",     0,    false },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		AUTO_CSR struct csr csr = CSR_INIT;
		X509_REQ *req = X509_REQ_new();
		EVP_PKEY *key = keys[i].bits ? EVP_RSA_gen(keys[i].bits)
		                             : EVP_EC_gen(keys[i].group);
		struct err err = { 0 };
		unsigned char *list = NULL, *der = NULL;
		int len = make_list("DNS:a.example", &list);

		X509_REQ_set_pubkey(req, key);
		X509_REQ_add1_attr_by_NID(req, NID_ext_req, V_ASN1_SEQUENCE, list, len);
		X509_REQ_sign(req, key, EVP_sha256());
		len = i2d_X509_REQ(req, &der);
		CHECK(keys[i].name, len > 0 && csr_parse(der, (size_t)len, &csr, &err) ==
		                                   keys[i].is_taken);
		CHECK(keys[i].name,
		      keys[i].is_taken || (err.kind == ERR_REMOTE &&
		                           strstr(err.msg, "a kind that is not used")));
		OPENSSL_free(list);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
		X509_REQ_free(req);
	}
	DONE();
}

/* A second list of extensions, of which OpenSSL shows the first one only. */
static void test_two_lists(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		int nid; /* of the attribute it is in; 0: it is a second value of the first */
	} lists[] = {
		{ "another attribute", NID_ms_ext_req },
		{ "another value",     0              },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO_CSR struct csr csr = CSR_INIT;
		X509_REQ *req = X509_REQ_new();
		EVP_PKEY *key = EVP_EC_gen("P-256");
		struct err err = { 0 };
		unsigned char *one = NULL, *two = NULL, *der = NULL;
		int len = make_list("DNS:a.example", &one);
		int more = make_list("DNS:b.example", &two);
		X509_ATTRIBUTE *first = X509_ATTRIBUTE_create_by_NID(
		    NULL, NID_ext_req, V_ASN1_SEQUENCE, one, len);

		if (!lists[i].nid)
			X509_ATTRIBUTE_set1_data(first, V_ASN1_SEQUENCE, two, more);
		X509_REQ_set_pubkey(req, key);
		X509_REQ_add1_attr(req, first);
		if (lists[i].nid)
			X509_REQ_add1_attr_by_NID(req, lists[i].nid, V_ASN1_SEQUENCE, two,
			                          more);
		X509_REQ_sign(req, key, EVP_sha256());
		len = i2d_X509_REQ(req, &der);
		CHECK(lists[i].name, len > 0 &&
		                         !csr_parse(der, (size_t)len, &csr, &err) &&
		                         strstr(err.msg, "nothing else"));
		OPENSSL_free(one);
		OPENSSL_free(two);
		OPENSSL_free(der);
		X509_ATTRIBUTE_free(first);
		EVP_PKEY_free(key);
		X509_REQ_free(req);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),      cmocka_unit_test(test_seen),
		cmocka_unit_test(test_asks_for_more), cmocka_unit_test(test_weak_keys),
		cmocka_unit_test(test_two_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
