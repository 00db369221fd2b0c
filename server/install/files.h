/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_FILES_H
#define INSTALL_FILES_H
#include "install.h"

/*
 * files - the files of a slot, as the bundle carries them
 *
 * A table: name, of which format, whether the key is in it (and the slot's mode holds),
 * and how it is made of the PEM texts. First the open ones, then the secret ones: the
 * order of the bundle and of the checksum.
 */

/* Are the four PEM texts that all is made of fit to be sent? */
bool files_check(const struct install_slot *slot, struct err *err) MUST_CHECK;

/* The two lists of names. */
void files_add_names(const struct install_slot *slot, struct buf *out);

/* SHA-256 in hex over all files, one after the other. */
void files_add_sum(const struct install_slot *slot, struct buf *out);

/* The files themselves; DER in lines of base64. */
void files_add_texts(const struct install_slot *slot, struct buf *out);
#endif
