/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { LINE_BYTES_MAX = 4000, TEXT_BYTES_MAX = 1000 };

void load_deinit(struct load *load)
{
	for (size_t i = 0; i < load->source_count; i++) {
		yaml_document_delete(&load->sources[i]->document);
		free(load->sources[i]->directory);
		free(load->sources[i]);
	}
	free(load->sources);
	for (size_t i = 0; i < load->place_count; i++)
		free(load->places[i].path);
	free(load->places);
	section_release(&defaults_section, &load->draft.defaults);
	*load = (struct load){ 0 };
}

struct config_mark node_mark(const struct node *node)
{
	return (struct config_mark){ .file = node->source->name,
		                     .line = (int)node->yaml->start_mark.line + 1,
		                     .column = (int)node->yaml->start_mark.column + 1 };
}

void problem_line(struct load *load, const char *line)
{
	if (load->is_quiet || load->problem_count >= PROBLEMS_MAX ||
	    strlist_has(load->problems, line))
		return;
	load->problem_count++;
	strlist_add(load->problems, line);
}

static void add_path(const struct where *where, struct buf *out)
{
	if (where->up)
		add_path(where->up, out);
	if (where->up && where->up->name && where->name)
		buf_addf(out, ".");
	if (where->name)
		str_add_printable(out, where->name, strlen(where->name), 64);
}

static void add_problem(struct load *load, const struct config_mark *mark,
                        const char *path, const char *text)
{
	AUTO_BUF struct buf line = BUF_INIT(LINE_BYTES_MAX);

	buf_addf(&line, "%s:%d:%d: ", mark->file, mark->line, mark->column);
	if (*path)
		buf_addf(&line, "%s: ", path);
	str_add_printable(&line, text, strlen(text), TEXT_BYTES_MAX);
	problem_line(load, line.data);
}

void problem(struct load *load, const struct where *where, const char *fmt, ...)
{
	AUTO_BUF struct buf path = BUF_INIT(LINE_BYTES_MAX);
	char text[TEXT_BYTES_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_path(where, &path);
	add_problem(load, &where->mark, path.data, text);
}

void problem_at(struct load *load, const struct place *place, const char *fmt, ...)
{
	char text[TEXT_BYTES_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_problem(load, &place->mark, place->path, text);
}

void place_add(struct load *load, const void *target, int item, const struct where *where)
{
	AUTO_BUF struct buf path = BUF_INIT(LINE_BYTES_MAX);

	if (load->place_count == load->place_cap) {
		load->place_cap = load->place_cap ? 2 * load->place_cap : 64;
		load->places = xrealloc(load->places, load->place_cap,
		                        sizeof(*load->places));
	}
	add_path(where, &path);
	load->places[load->place_count++] = (struct place){
		.target = target,
		.item = item,
		.mark = where->mark,
		.path = buf_take(&path),
	};
}

const struct place *place_find(const struct load *load, const void *target, int item,
                               const void *fallback)
{
	const struct place *found = NULL;

	for (size_t i = 0; i < load->place_count; i++) {
		const struct place *place = &load->places[i];

		if (place->target == target && place->item == item)
			return place;
		if (place->target == fallback && place->item == PLACE_ENTRY)
			found = place;
	}
	return found;
}
