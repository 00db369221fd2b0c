/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H
#include "config/config.h"

/*
 * table - every key of the configuration, once
 *
 * A section is a map with known keys; a key says what its value is, where it goes in
 * the struct, which values are fine, and what it means. Reading, defaults, checks,
 * freeing, the manual and the JSON Schema all walk these rows (keys.c), so that none
 * of them can differ. All const.
 */
enum value_kind {
	VALUE_TEXT,           /* char * */
	VALUE_FILE,           /* char *, made absolute against the file's directory */
	VALUE_INTEGER,        /* int */
	VALUE_PORT,           /* uint16_t */
	VALUE_DURATION,       /* int: seconds */
	VALUE_LONG_DURATION,  /* int64_t: seconds */
	VALUE_BOOLEAN,        /* bool */
	VALUE_KEY_TYPE,       /* enum key_type */
	VALUE_MODE,           /* mode_t */
	VALUE_LIST,           /* struct strlist; min to max items */
	VALUE_ONE_OR_LIST,    /* the same; one item may stand without brackets */
	VALUE_ARGV,           /* struct strlist */
	VALUE_PRESET_OR_ARGV, /* char *, and the struct strlist at also */
	VALUE_SECRET,         /* struct config_secret */
	VALUE_SECTION,        /* its keys, from offset on */
	VALUE_SECTION_OR_OFF, /* the same, or false for the bool at also */
	VALUE_CHOICE, /* an enum at also: one of words, or, if it has a section, that with
	                 exactly one key, which is one of words, too */
	VALUE_ENTRIES, /* a map of named sections: array at offset, size_t at also */
	VALUE_KIND_COUNT
};

/* What a text may be. read may replace the text (lower case, A-labels); its error is
 * worded "what is wrong; what would be right". */
struct grammar {
	bool (*read)(char **text, struct err *err);
	const char *words;   /* for the manual: "https URL" */
	const char *pattern; /* for the JSON Schema; NULL: any */
};

struct key {
	const char *name;
	enum value_kind kind;
	size_t offset, also;
	bool is_required;
	bool is_never_default; /* not a key of `defaults` */
	int64_t min, max;
	const char *fallback;  /* as it would stand in the file; NULL: none */
	const char *otherwise; /* for the manual: what holds without it, in words */
	const struct grammar *grammar;
	const struct section *section;
	const char *const *words; /* VALUE_CHOICE: by number */
	size_t word_count;
	const char *help;
};

struct section {
	const char *title; /* "cas.NAME" */
	const char *help;
	const struct key *keys;
	size_t key_count;
	size_t size;        /* of one element, where it is VALUE_ENTRIES' */
	size_t mark_offset; /* of its struct config_mark; its name is at 0 */
	bool is_defaults;   /* without required and is_never_default keys */
	bool has_options;   /* further keys are the provider's */
};

/* A certificate before its references are resolved. */
struct draft_certificate {
	struct config_certificate certificate;
	char *ca;
	struct strlist dns, hosts;
};

/* What the root section fills. */
struct draft {
	struct config config;
	struct draft_certificate *certificates;
	size_t certificate_count;
	struct draft_certificate defaults;
};

extern const struct section root_section;
extern const struct section certificate_section;
extern const struct section defaults_section;

const struct key *section_find(const struct section *section, const char *name);
/* True if the section has the key: `defaults` leaves some out. */
bool section_has(const struct section *section, const struct key *key);
/* May this word of a VALUE_CHOICE stand alone, not as its section's key? */
bool choice_stands_alone(const struct key *key, const char *word);
#endif
