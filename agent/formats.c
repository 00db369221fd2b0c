/* SPDX-License-Identifier: Apache-2.0 */
#include "formats.h"

#include <string.h>

#include "crypto/pack.h"

enum { FILE_BYTES_MAX = 512 * 1024 };

static bool add_secret(struct secret *secret, struct buf *out)
{
	size_t len;
	const char *bytes;

	if (!secret)
		return false;
	bytes = secret_reveal(secret, &len);
	buf_add(out, bytes, len);
	secret_free(secret);
	return true;
}

static bool make_cert(const struct cert *cert, const struct key *key,
                      const struct secret *password, struct buf *out, struct err *err)
{
	(void)key, (void)password, (void)err;
	buf_addf(out, "%s", cert->cert_pem);
	return true;
}

static bool make_chain(const struct cert *cert, const struct key *key,
                       const struct secret *password, struct buf *out, struct err *err)
{
	(void)key, (void)password, (void)err;
	buf_addf(out, "%s", cert->chain_pem);
	return true;
}

static bool make_fullchain(const struct cert *cert, const struct key *key,
                           const struct secret *password, struct buf *out,
                           struct err *err)
{
	(void)key, (void)password, (void)err;
	buf_addf(out, "%s", cert->fullchain_pem);
	return true;
}

static bool make_key(const struct cert *cert, const struct key *key,
                     const struct secret *password, struct buf *out, struct err *err)
{
	(void)cert, (void)password;
	return add_secret(key_format_pem(key, err), out);
}

static bool make_combined(const struct cert *cert, const struct key *key,
                          const struct secret *password, struct buf *out, struct err *err)
{
	buf_addf(out, "%s", cert->fullchain_pem);
	return make_key(cert, key, password, out, err);
}

static bool make_pkcs12(const struct cert *cert, const struct key *key,
                        const struct secret *password, struct buf *out, struct err *err)
{
	if (!password)
		return err_set(
		    err, ERR_CONFIG,
		    "cert.p12: its password file cannot be read: certferry-agent "
		    "check says why");
	return pack_pkcs12(cert, key, password, out, err);
}

static bool make_cert_der(const struct cert *cert, const struct key *key,
                          const struct secret *password, struct buf *out, struct err *err)
{
	(void)key, (void)password;
	return pack_der(cert, out, err);
}

static bool make_key_der(const struct cert *cert, const struct key *key,
                         const struct secret *password, struct buf *out, struct err *err)
{
	(void)cert, (void)password;
	return add_secret(key_format_der(key, err), out);
}

/* The first four are those of the transport "shell", and in its order. */
/* clang-format off */
const struct format_file format_files[] = {
	{ POLICY_PEM,      "cert.pem",      false, false, make_cert      },
	{ POLICY_PEM,      "chain.pem",     false, false, make_chain     },
	{ POLICY_PEM,      "fullchain.pem", false, false, make_fullchain },
	{ POLICY_PEM,      "privkey.pem",   true,  false, make_key       },
	{ POLICY_COMBINED, "combined.pem",  true,  false, make_combined  },
	{ POLICY_PKCS12,   "cert.p12",      true,  true,  make_pkcs12    },
	{ POLICY_DER,      "cert.der",      false, false, make_cert_der  },
	{ POLICY_DER,      "privkey.der",   true,  false, make_key_der   },
};
/* clang-format on */

mode_t format_mode(const struct policy_slot *slot, const struct format_file *file)
{
	return file->has_key ? slot->mode : slot->mode | 0444;
}

bool outputs_make(struct outputs *outputs, const struct policy_slot *slot,
                  const struct cert *cert, const struct key *key,
                  const struct secret *password, struct err *err)
{
	for (size_t i = 0; i < OUTPUTS_MAX; i++) {
		const struct format_file *row = &format_files[i];
		struct buf *bytes = &outputs->bytes[outputs->count];

		if (!(slot->formats & 1U << row->format))
			continue;
		*bytes = (struct buf)BUF_INIT(FILE_BYTES_MAX);
		outputs->files[outputs->count++] = (struct place_file){
			.name = row->name,
			.mode = format_mode(slot, row),
			.is_fresh = row->is_fresh,
		};
		if (!row->make(cert, key, password, bytes, err))
			return false;
		if (bytes->over)
			return err_set(err, ERR_INTERNAL, "%s is too large", row->name);
		outputs->files[outputs->count - 1].bytes = bytes->data;
		outputs->files[outputs->count - 1].len = bytes->len;
	}
	return true;
}

void outputs_deinit(struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->count; i++)
		buf_wipe(&outputs->bytes[i]);
	outputs->count = 0;
}
