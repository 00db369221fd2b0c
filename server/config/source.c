/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static void file_problem(struct load *load, const char *file, const char *what)
{
	AUTO_FREE char *line = xasprintf("%s:1:1: %s", file, what);

	problem_line(load, line);
}

/* The file as a whole is the matter: it has no line. */
static void whole_problem(struct load *load, const char *file, const char *what)
{
	AUTO_FREE char *line = xasprintf("%s: %s", file, what);

	problem_line(load, line);
}

static char *unreadable(int number)
{
	if (number != ENOENT)
		return xasprintf("%s", strerror(number));
	return xasprintf("no such file; name another with --config FILE, or begin with "
	                 "the example that is installed in "
	                 "share/doc/certferry/examples/certferry.yaml.example");
}

/* Who may write the configuration has what the issuer has. */
static bool is_ours_alone(struct load *load, const char *path)
{
	AUTO_FREE char *what = NULL;
	struct stat st;

	if (stat(path, &st) < 0)
		what = unreadable(errno);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		what = xasprintf("owned by uid %u; by root or by the user certferry "
		                 "runs as: chown root %s",
		                 st.st_uid, path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		what = xasprintf("others can write it (mode %04o); chmod go-w %s",
		                 (unsigned)(st.st_mode & 07777), path);
	if (what)
		whole_problem(load, path, what);
	return !what;
}

/* Some of libyaml's errors have no place of their own, only their context's. */
static void yaml_problem(struct load *load, const char *file, const yaml_parser_t *parser)
{
	yaml_mark_t mark = parser->problem_mark;
	AUTO_FREE char *line = NULL;

	if (mark.line == 0 && mark.column == 0)
		mark = parser->context_mark;
	line = xasprintf("%s:%zu:%zu: not YAML: %s%s%s; mind indentation and quotes",
	                 file, mark.line + 1, mark.column + 1,
	                 parser->problem ? parser->problem : "bytes that are no text",
	                 parser->context ? " " : "",
	                 parser->context ? parser->context : "");
	problem_line(load, line);
}

static bool has_second(yaml_parser_t *parser)
{
	yaml_document_t document;
	bool found;

	if (!yaml_parser_load(parser, &document))
		return true;
	found = yaml_document_get_root_node(&document);
	yaml_document_delete(&document);
	return found;
}

static void source_add(struct load *load, const char *file, yaml_document_t *document)
{
	struct source *source = NEW(struct source);
	const char *slash = strrchr(file, '/');

	source->name = load->config->sources.items[load->config->sources.len - 1];
	source->directory = slash ? xstrndup(file, (size_t)(slash - file) + 1)
	                          : xstrdup("./");
	source->document = *document;
	load->sources = xrealloc(load->sources, load->source_count + 1, sizeof(void *));
	load->sources[load->source_count++] = source;
}

void source_parse(struct load *load, const char *file, const char *bytes, size_t len)
{
	yaml_parser_t parser;
	yaml_document_t document;

	strlist_add(&load->config->sources, file);
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);
	if (!yaml_parser_load(&parser, &document)) {
		yaml_problem(load, file, &parser);
	} else {
		if (yaml_document_get_root_node(&document) && has_second(&parser))
			file_problem(load, file,
			             "more than one document; one, so no second ---");
		source_add(load, file, &document);
	}
	yaml_parser_delete(&parser);
}

static void open_one(struct load *load, const char *file)
{
	AUTO_BUF struct buf bytes = BUF_INIT(FILE_BYTES_MAX);
	struct err err = { 0 };

	if (!is_ours_alone(load, file))
		return;
	if (!fs_read(file, &bytes, &err))
		whole_problem(load, file, err.msg);
	else
		source_parse(load, file, bytes.data, bytes.len);
}

static void list_directory(const char *directory, DIR *dir, struct strlist *files)
{
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		AUTO_FREE char *path = xasprintf("%s/%s", directory, entry->d_name);

		if (entry->d_name[0] != '.' && str_ends(entry->d_name, ".yaml"))
			strlist_add(files, path);
	}
	strlist_sort(files);
}

void sources_open(struct load *load, const char *file)
{
	const char *slash = strrchr(file, '/');
	AUTO_FREE char *directory = xasprintf("%.*sconf.d",
	                                      slash ? (int)(slash - file) + 1 : 0, file);
	AUTO_STRLIST struct strlist files = { 0 };
	DIR *dir;

	open_one(load, file);
	dir = opendir(directory);
	if (!dir && errno != ENOENT)
		whole_problem(load, directory, strerror(errno));
	if (!dir)
		return;
	list_directory(directory, dir, &files);
	closedir(dir);
	if (!is_ours_alone(load, directory))
		return;
	if (files.len > SOURCES_MAX)
		whole_problem(load, directory, "too many files; at most 1000");
	for (size_t i = 0; i < files.len && i < SOURCES_MAX; i++)
		open_one(load, files.items[i]);
}
