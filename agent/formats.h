/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_FORMATS_H
#define AGENT_FORMATS_H
#include "base/secret.h"
#include "crypto/cert.h"
#include "place.h"
#include "policy.h"

/*
 * formats - the files of a generation, made from certificate and key
 *
 *     pem       cert.pem chain.pem fullchain.pem privkey.pem   (always)
 *     combined  combined.pem: fullchain and key, for haproxy and mosquitto
 *     pkcs12    cert.p12: key and fullchain under a password
 *     der       cert.der privkey.der
 *
 * A row of the table each. The files borrow from the outputs, which hold the key.
 */
enum { OUTPUTS_MAX = 8 };

struct outputs {
	struct place_file files[OUTPUTS_MAX];
	struct buf bytes[OUTPUTS_MAX];
	size_t count;
};

bool outputs_make(struct outputs *outputs, const struct policy_slot *slot,
                  const struct cert *cert, const struct key *key,
                  const struct secret *password, struct err *err) MUST_CHECK;
void outputs_deinit(struct outputs *outputs);
#define AUTO_OUTPUTS CLEANUP(outputs_deinit)

/* Which names a format has, for those who explain and show. */
struct format_file {
	enum policy_format format;
	const char *name;
	bool has_key;
	bool is_fresh;
	bool (*make)(const struct cert *cert, const struct key *key,
	             const struct secret *password, struct buf *out, struct err *err);
};
extern const struct format_file format_files[OUTPUTS_MAX];

/* The mode of such a file in the slot. */
mode_t format_mode(const struct policy_slot *slot, const struct format_file *file);
#endif
