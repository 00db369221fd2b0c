/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cert.h"
#include "make_cert.h"
#include "unit.h"

#include <string.h>

enum { DAY = 86400, HOUR = 3600 };
static const int64_t now = 1800000000;

/* One set for all rows: making keys is what costs. */
static struct {
	struct key *key;
	EVP_PKEY *leaf, *other, *issuer, *root;
} keys;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	keys.key = key_new(KEY_EC_256, &err);
	keys.leaf = evp_of(keys.key);
	keys.other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	keys.issuer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	keys.root = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	key_free(keys.key);
	EVP_PKEY_free(keys.leaf);
	EVP_PKEY_free(keys.other);
	EVP_PKEY_free(keys.issuer);
	EVP_PKEY_free(keys.root);
	return 0;
}

static struct make_cert good_leaf(void)
{
	return (struct make_cert){
		.issuer = "Issuer",
		.names = "DNS:b.example,DNS:A.example",
		.aki_hex = "69885B6B87464041E1B37B847BA0AE2CDE01C8D4",
		.serial_hex = "87654321",
		.not_before = now - HOUR,
		.not_after = now + 90 * DAY,
		.key = keys.leaf,
		.signer = keys.issuer,
	};
}

static struct make_cert good_issuer(void)
{
	return (struct make_cert){
		.subject = "Issuer",
		.issuer = "Root",
		.constraints = "critical,CA:TRUE",
		.not_before = now - DAY,
		.not_after = now + 900 * DAY,
		.key = keys.issuer,
		.signer = keys.root,
	};
}

static struct make_cert good_root(void)
{
	struct make_cert root = good_issuer();

	root.subject = "Root";
	root.key = keys.root;
	return root;
}

struct wanted {
	struct make_cert leaf, issuer, root;
};

typedef void change_fn(struct wanted *w);

static void other_key(struct wanted *w)
{
	w->leaf.key = keys.other;
}
static void name_missing(struct wanted *w)
{
	w->leaf.names = "DNS:a.example";
}
static void name_extra(struct wanted *w)
{
	w->leaf.names = "DNS:a.example,DNS:b.example,DNS:c.example";
}
static void name_other(struct wanted *w)
{
	w->leaf.names = "DNS:a.example,DNS:c.example";
}
static void name_wildcard(struct wanted *w)
{
	w->leaf.names = "DNS:*.example.org,DNS:a.example";
}
static void address(struct wanted *w)
{
	w->leaf.names = "DNS:a.example,DNS:b.example,IP:192.0.2.1";
}
static void names_none(struct wanted *w)
{
	w->leaf.names = NULL;
}
static void name_malformed(struct wanted *w)
{
	w->leaf.names = "DNS:a..example";
}
static void expired(struct wanted *w)
{
	w->leaf.not_after = now - 1;
}
static void just_expired(struct wanted *w)
{
	w->leaf.not_after = now;
}
static void too_early(struct wanted *w)
{
	w->leaf.not_before = now + HOUR + 1;
}
static void soon(struct wanted *w)
{
	w->leaf.not_before = now + HOUR;
}
static void is_ca(struct wanted *w)
{
	w->leaf.constraints = "critical,CA:TRUE";
}
static void says_no_ca(struct wanted *w)
{
	w->leaf.constraints = "CA:FALSE";
}
static void wrong_signer(struct wanted *w)
{
	w->leaf.signer = keys.other;
}
static void wrong_issuer(struct wanted *w)
{
	w->leaf.issuer = "Somebody";
}
static void issuer_no_ca(struct wanted *w)
{
	w->issuer.constraints = "CA:FALSE";
}
static void issuer_key(struct wanted *w)
{
	w->issuer.key = keys.other;
}
static void root_key(struct wanted *w)
{
	w->root.key = keys.other;
}
static void root_name(struct wanted *w)
{
	w->root.subject = "Another";
}
static void long_serial(struct wanted *w)
{
	w->leaf.serial_hex = "0102030405060708090a0b0c0d0e0f101112131415";
}
static void negative_serial(struct wanted *w)
{
	w->leaf.serial_hex = "-05";
}
static void zero_serial(struct wanted *w)
{
	w->leaf.serial_hex = "0";
}

/* clang-format off */
static const struct {
	const char *name;
	change_fn *change;
	const char *want;   /* in the error text; NULL: it is fine */
} rows[] = {
	{ "right",                    NULL,            NULL },
	{ "an hour ahead",            soon,            NULL },
	{ "CA:FALSE said",            says_no_ca,      NULL },
	{ "another key",              other_key,       "another key" },
	{ "a name missing",           name_missing,    "lacks the name b.example" },
	{ "a name more",              name_extra,      "c.example, which was not ordered" },
	{ "another name",             name_other,      "lacks the name b.example" },
	{ "a wildcard for a name",    name_wildcard,   "lacks the name b.example" },
	{ "an address too",           address,         "no host" },
	{ "no names",                 names_none,      "no names" },
	{ "malformed name",           name_malformed,  "a name in the certificate" },
	{ "expired",                  expired,         "expired at 2027-01-15T07:59:59Z" },
	{ "expires this second",      just_expired,    "expired" },
	{ "not yet valid",            too_early,       "valid from" },
	{ "a CA as leaf",             is_ca,           "one of a CA" },
	{ "signed by another key",    wrong_signer,    "certificate 1 of the chain: its sig" },
	{ "issued by another name",   wrong_issuer,    "certificate 1 of the chain: the next" },
	{ "issuer is no CA",          issuer_no_ca,    "not a CA" },
	{ "issuer has another key",   issuer_key,      "certificate 1 of the chain: its sig" },
	{ "root has another key",     root_key,        "certificate 2 of the chain: its sig" },
	{ "root has another name",    root_name,       "certificate 2 of the chain: the next" },
	{ "serial of 21 bytes",       long_serial,     "serial number" },
	{ "negative serial",          negative_serial, "serial number" },
	{ "serial 0",                 zero_serial,     "serial number" },
};
/* clang-format on */

static bool accept(const struct buf *pem, struct err *err)
{
	AUTO_STRLIST struct strlist names = { 0 };
	AUTO_CERT struct cert cert = { 0 };

	strlist_add(&names, "b.example");
	strlist_add(&names, "a.example");
	return cert_parse(pem->data, pem->len, &cert, err) &&
	       cert_check(&cert, keys.key, &names, now, err);
}

static void test_checks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wanted w = { good_leaf(), good_issuer(), good_root() };
		AUTO_BUF struct buf pem = BUF_INIT(100000);
		struct err err = { 0 };

		if (rows[i].change)
			rows[i].change(&w);
		make_pem(&pem, &w.leaf);
		make_pem(&pem, &w.issuer);
		make_pem(&pem, &w.root);
		CHECK(rows[i].name, accept(&pem, &err) == !rows[i].want);
		if (rows[i].want)
			CHECK(err.msg,
			      err.kind == ERR_REMOTE && strstr(err.msg, rows[i].want));
	}
	DONE();
}

/* Texts made of L (leaf), I (issuer), R (root) and what stands between. */
static const struct {
	const char *name, *text;
	const char *want;
} texts[] = {
	{ "leaf alone", "L", NULL },
	{ "white space around", "\r\n L\n\n\t I \n", NULL },
	{ "no line end after it", "L", NULL },
	{ "nothing", "", "no certificate" },
	{ "white space only", "\n \n", "no certificate" },
	{ "wrong order", "ILR", "" },
	{ "issuer missing", "LR", "certificate 1" },
	{ "leaf twice", "LLI", "certificate 1" },
	{ "text in front", "hello\nL", "certificate 1 of the chain: something else" },
	{ "text between", "L# issuer\nI", "certificate 2 of the chain: something else" },
	{ "text behind", "LIx", "certificate 3 of the chain: something else" },
	{ "a private key between", "L-----BEGIN PRIVATE KEY-----\nAAAA\n", "something" },
	{ "eleven", "LIRRRRRRRRR", "more than 10" },
	{ "a thousand begins", "L-----BEGIN CERTIFICATE----------BEGIN CERTIFICATE-----",
	  "certificate 2" },
	{ "empty body", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
	  "not a certificate" },
	{ "not DER", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	  "not a certificate" },
	{ "not base64", "-----BEGIN CERTIFICATE-----\nA*AA\n-----END CERTIFICATE-----\n",
	  "not base64" },
	{ "other label", "-----BEGIN X509 CERTIFICATE-----\n", "something else" },
};

static void build(struct buf *pem, const char *text)
{
	const struct make_cert leaf = good_leaf(), issuer = good_issuer();
	const struct make_cert root = good_root();

	for (; *text; text++) {
		/* In a label, letters are letters. */
		if (str_starts(text, "-----BEGIN ") || str_starts(text, "-----END ")) {
			size_t len = strcspn(text + 5, "-") + 10;

			buf_add(pem, text, len);
			text += len - 1;
		} else if (*text == 'L') {
			make_pem(pem, &leaf);
		} else if (*text == 'I') {
			make_pem(pem, &issuer);
		} else if (*text == 'R') {
			make_pem(pem, &root);
		} else {
			buf_add(pem, text, 1);
		}
	}
}

/* The certificate's public half beside another's private one. */
static void test_damaged_key(void **state)
{
	struct err err = { 0 };
	AUTO_KEY struct key *other = key_new(KEY_EC_256, &err);
	AUTO_KEY struct key *damaged = NULL;
	AUTO_SECRET struct secret *whole = key_format_der(other, &err);
	AUTO_SECRET struct secret *der = NULL;
	AUTO_BUF struct buf from = BUF_INIT(100), to = BUF_INIT(100),
			    bytes = BUF_INIT(500);
	AUTO_STRLIST struct strlist names = { 0 };
	AUTO_BUF struct buf pem = BUF_INIT(100000);
	AUTO_CERT struct cert cert = { 0 };
	const struct make_cert leaf = good_leaf();
	size_t len;
	const char *text = secret_reveal(whole, &len);
	char *at;

	(void)state;
	assert_true(key_public_bytes(other, &from, &err));
	assert_true(key_public_bytes(keys.key, &to, &err));
	buf_add(&bytes, text, len);
	at = memmem(bytes.data, bytes.len, from.data, from.len);
	assert_non_null(at);
	memcpy(at, to.data, to.len);
	der = secret_new(bytes.data, bytes.len);
	damaged = key_parse(der, &err);
	assert_non_null(damaged);
	strlist_add(&names, "a.example");
	strlist_add(&names, "b.example");
	make_pem(&pem, &leaf);
	assert_true(cert_parse(pem.data, pem.len, &cert, &err));
	assert_true(cert_check(&cert, keys.key, &names, now, &err));
	assert_false(cert_check(&cert, damaged, &names, now, &err));
	assert_non_null(strstr(err.msg, "damaged"));
}

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_BUF struct buf pem = BUF_INIT(100000);
		struct err err = { 0 };

		build(&pem, texts[i].text);
		CHECK(texts[i].name, accept(&pem, &err) == !texts[i].want);
		if (texts[i].want)
			CHECK(err.msg, strstr(err.msg, texts[i].want));
	}
	DONE();
}

/* A cut or a changed byte anywhere is an error or, in a chain, a broken link. */
static void test_cut(void **state)
{
	AUTO_BUF struct buf pem = BUF_INIT(100000);

	(void)state;
	build(&pem, "L");
	for (size_t len = 0; len < pem.len - 1; len++) {
		struct err err = { 0 };
		AUTO_CERT struct cert cert = { 0 };
		char name[32];

		snprintf(name, sizeof(name), "%zu bytes", len);
		CHECK(name, !cert_parse(pem.data, len, &cert, &err));
	}
	DONE();
}

static void test_limits(void **state)
{
	AUTO_BUF struct buf large = BUF_INIT(2 * CERT_PEM_MAX), nul = BUF_INIT(10000);
	AUTO_CERT struct cert cert = { 0 };
	struct err err = { 0 };

	(void)state;
	build(&large, "L");
	while (large.len <= CERT_PEM_MAX)
		buf_add(&large, "\n", 1);
	assert_false(cert_parse(large.data, large.len, &cert, &err));
	assert_true(cert_parse(large.data, large.len - 1, &cert, &err));
	build(&nul, "L");
	buf_add(&nul, "\0", 1);
	cert_deinit(&cert);
	assert_false(cert_parse(nul.data, nul.len, &cert, &err));
}

static X509 *read_leaf(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return x509;
}

static void test_contents(void **state)
{
	AUTO_BUF struct buf pem = BUF_INIT(100000), crlf = BUF_INIT(100000);
	AUTO_BUF struct buf ari = BUF_INIT(100);
	AUTO_CERT struct cert cert = { 0 }, again = { 0 };
	unsigned char fingerprint[KEY_FINGERPRINT], digest[CERT_SHA256];
	X509 *x509;
	struct err err = { 0 };

	(void)state;
	build(&pem, "LIR");
	assert_true(cert_parse(pem.data, pem.len, &cert, &err));
	assert_int_equal(cert.names.len, 2);
	assert_string_equal(cert.names.items[0], "a.example");
	assert_string_equal(cert.names.items[1], "b.example");
	assert_string_equal(cert.serial, "87654321");
	assert_string_equal(cert.issuer, "Issuer");
	assert_int_equal(cert.not_before, now - HOUR);
	assert_int_equal(cert.not_after, now + 90 * DAY);
	assert_int_equal(cert.count, 3);
	x509 = read_leaf(cert.cert_pem);
	X509_digest(x509, EVP_sha256(), digest, NULL);
	X509_free(x509);
	assert_memory_equal(digest, cert.sha256, sizeof(digest));
	assert_true(key_fingerprint(keys.key, fingerprint, &err));
	assert_memory_equal(fingerprint, cert.spki_sha256, sizeof(fingerprint));
	/* What is written is what OpenSSL wrote, whatever line ends came. */
	assert_string_equal(cert.fullchain_pem, pem.data);
	for (const char *at = pem.data; *at; at++)
		buf_addf(&crlf, *at == '\n' ? "\r\n" : "%c", *at);
	assert_true(cert_parse(crlf.data, crlf.len, &again, &err));
	assert_string_equal(again.fullchain_pem, pem.data);
	assert_true(str_starts(cert.fullchain_pem, cert.cert_pem));
	assert_true(str_ends(cert.fullchain_pem, cert.chain_pem));
	/* RFC 9773 4.1. */
	assert_true(cert_ari_id(&cert, &ari, &err));
	assert_string_equal(ari.data, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

static void test_odd_contents(void **state)
{
	AUTO_BUF struct buf pem = BUF_INIT(100000), ari = BUF_INIT(100);
	struct make_cert leaf = good_leaf();
	AUTO_CERT struct cert cert = { 0 };
	struct err err = { 0 };

	(void)state;
	leaf.issuer = "Evil\033[31m\n\xc3\xa9";
	leaf.names = "DNS:a.example,DNS:A.EXAMPLE,DNS:*.a.example";
	leaf.aki_hex = NULL;
	leaf.serial_hex = "ffeeddccbbaa99887766554433221100ffeeddcc";
	make_pem(&pem, &leaf);
	assert_true(cert_parse(pem.data, pem.len, &cert, &err));
	assert_string_equal(cert.issuer, "Evil\\x1b[31m\\x0a\\xc3\\xa9");
	assert_int_equal(cert.names.len, 2);
	assert_string_equal(cert.serial, "ffeeddccbbaa99887766554433221100ffeeddcc");
	assert_string_equal(cert.chain_pem, "");
	assert_false(cert_ari_id(&cert, &ari, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(cert.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_key),  cmocka_unit_test(test_checks),
		cmocka_unit_test(test_texts),        cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limits),       cmocka_unit_test(test_contents),
		cmocka_unit_test(test_odd_contents),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
