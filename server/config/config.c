/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/mem.h"
#include "config/grammar.h"
#include "config/load.h"
#include "config/parse_bytes.h"

/* The drafts' own texts stay behind; everything else moves into the config. */
static void finish(struct load *load)
{
	struct config *config = load->config;
	struct strlist sources = config->sources;
	char *file = config->file;

	*config = load->draft.config;
	config->sources = sources;
	config->file = file;
	config->certificate_count = load->draft.certificate_count;
	config->certificates = xcalloc(config->certificate_count + 1,
	                               sizeof(*config->certificates));
	for (size_t i = 0; i < config->certificate_count; i++) {
		struct draft_certificate *draft = &load->draft.certificates[i];

		config->certificates[i] = draft->certificate;
		free(draft->ca);
		strlist_deinit(&draft->dns);
		strlist_deinit(&draft->hosts);
	}
	free(load->draft.certificates);
}

static struct config *load_done(struct load *load, struct err *err)
{
	CLEANUP(config_freep) struct config *config = load->config;

	parse_root(load);
	resolve_config(load);
	check_config(load);
	finish(load);
	if (load->problem_count) {
		(void)err_set(err, ERR_CONFIG, "%zu problem%s in the configuration",
		              load->problem_count, load->problem_count > 1 ? "s" : "");
		load_deinit(load);
		return NULL;
	}
	load_deinit(load);
	return TAKE(config);
}

struct config *config_load(const char *file, struct strlist *problems, struct err *err)
{
	struct load load = { .config = NEW(struct config), .problems = problems };

	load.config->file = xstrdup(file);
	sources_open(&load, file);
	return load_done(&load, err);
}

struct config *config_parse_bytes(const char *file, const char *bytes, size_t len,
                                  struct strlist *problems, struct err *err)
{
	struct load load = { .config = NEW(struct config), .problems = problems };

	load.config->file = xstrdup(file);
	source_parse(&load, file, bytes, len);
	return load_done(&load, err);
}

void config_free(struct config *config)
{
	struct draft draft = { 0 };

	if (!config)
		return;
	draft.config = *config;
	draft.certificate_count = config->certificate_count;
	draft.certificates = xcalloc(config->certificate_count + 1,
	                             sizeof(*draft.certificates));
	for (size_t i = 0; i < config->certificate_count; i++) {
		draft.certificates[i].certificate = config->certificates[i];
		free(config->certificates[i].hosts);
		free(config->certificates[i].dnses);
	}
	free(config->certificates);
	section_release(&root_section, &draft);
	strlist_deinit(&config->sources);
	free(config->file);
	free(config);
}

const struct config_host *config_host_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->host_count; i++)
		if (str_eq(config->hosts[i].name, name))
			return &config->hosts[i];
	return NULL;
}

const struct config_certificate *config_certificate_find(const struct config *config,
                                                         const char *name)
{
	for (size_t i = 0; i < config->certificate_count; i++)
		if (str_eq(config->certificates[i].name, name))
			return &config->certificates[i];
	return NULL;
}

void config_certificate_names(const struct config_certificate *certificate,
                              const struct config_host *host, struct strlist *out)
{
	AUTO_FREE char *unique = NULL;

	strlist_copy(out, &certificate->names);
	if (certificate->unique_name)
		unique = names_expand(certificate->unique_name, host->name);
	if (unique)
		strlist_add(out, unique);
	strlist_sort(out);
}
