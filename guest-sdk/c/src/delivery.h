/* What the parts of the library share: the delivery that is being handled. There is one at a time. */
#ifndef LEVERET_DELIVERY_H
#define LEVERET_DELIVERY_H

#include <leveret/plugin.h>
#include <stdarg.h>

#include "../yyjson/yyjson.h"

struct leveret_task {
    const char *name;
    yyjson_mut_val *payload; /* or NULL, if it was given as a text */
    const char *text;
    size_t text_size;
    const char *key;
    leveret_header *headers;
    size_t header_count;
    const char *fault; /* why it cannot be published, or NULL */
    leveret_task *next;
};

/* Tasks or announcements, in order. */
typedef struct leveret_list {
    leveret_task *first;
    leveret_task **end;
    size_t count;
} leveret_list;

/* What a delivery makes. */
struct leveret_tasks {
    leveret_list tasks;
    leveret_list announcements;
};

void leveret_begin(leveret_tasks *made);

/* Handles an event by the plugin's subscription to it. After a success, every task has its payload as a text. */
leveret_result leveret_handle(const leveret_plugin *plugin, leveret_event *event, leveret_tasks *made);

/* Performs a task by the plugin's worker of it, likewise. */
leveret_result leveret_handle_task(const leveret_plugin *plugin, leveret_assignment *task, leveret_performed *made);

/* What a delivery comes to once its misfits and what it made are looked at. */
leveret_result leveret_conclude(leveret_result result, leveret_tasks *made);

/* The same for one that cannot announce anything. */
leveret_result leveret_conclude_tasks(leveret_result result, leveret_tasks *made);

/* The first misfit, as a reason; or NULL. */
const char *leveret_first_misfit(void);

/* A text made as by vprintf. */
const char *leveret_format_list(const char *format, va_list arguments);

/* Gives `memory`, or more of it elsewhere, with its first `old_size` bytes kept. */
void *leveret_reallocate(void *memory, size_t old_size, size_t new_size);

/* Takes back what is behind the first `size` bytes, if `memory` was given last, and gives what is left of it. */
const char *leveret_trim(char *memory, size_t size);

/* The memory of the delivery, as yyjson wants it. */
extern const yyjson_alc leveret_json_memory;

/* Forgets the document that payloads are made in, and what was read. Their memory goes by leveret_forget(). */
void leveret_forget_document(void);
void leveret_forget_values(void);

/* What the host does: imported in a component, stood in for in a native test. */
void leveret_host_log(leveret_level level, const char *line, size_t size);
const char *leveret_host_setting(const char *name);

#endif
