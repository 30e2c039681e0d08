/*
 * Creating tasks, and announcing events. Each function that puts something at a JSON pointer (RFC 6901) replaces what is there, and makes the
 * objects that lead to it: "/user/email". A pointer that ends in "/-" adds to an array.
 */
#ifndef LEVERET_TASK_H
#define LEVERET_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value.h"

#ifdef __cplusplus
extern "C" {
#endif

struct yyjson_mut_doc;
struct yyjson_mut_val;

/* One header: its name has at most 255 bytes, its value is text. */
typedef struct leveret_header {
    const char *name;
    const char *value;
} leveret_header;

/* The tasks that a delivery creates. */
typedef struct leveret_tasks leveret_tasks;

/* One of them. */
typedef struct leveret_task leveret_task;

/* Creates a task. Its name is relative to the application and one of the plugin's `emits`; its payload is {}. */
leveret_task *leveret_emit(leveret_tasks *tasks, const char *name);

/* What comes of a task that a worker performs: tasks too, and announcements. */
typedef leveret_tasks leveret_performed;

/* An event that is announced. What can be put into a task can be put into it, except for an ordering key. */
typedef leveret_task leveret_announcement;

/* Announces an event. Its name is the full one, and one of the plugin's `announces`; its payload is {}. */
leveret_announcement *leveret_announce(leveret_performed *performed, const char *name);

/* Put something into the payload. Texts must be UTF-8, and numbers finite: else the delivery fails, as a retry. */
void leveret_put_text(leveret_task *task, const char *pointer, const char *text);
void leveret_put_integer(leveret_task *task, const char *pointer, int64_t number);
void leveret_put_number(leveret_task *task, const char *pointer, double number);
void leveret_put_boolean(leveret_task *task, const char *pointer, bool truth);
void leveret_put_null(leveret_task *task, const char *pointer);
void leveret_put_object(leveret_task *task, const char *pointer);
void leveret_put_array(leveret_task *task, const char *pointer);

/* Puts a copy of a value that was read. */
void leveret_put_value(leveret_task *task, const char *pointer, leveret_value value);

/* Puts what yyjson.h made in leveret_document(). */
void leveret_put(leveret_task *task, const char *pointer, struct yyjson_mut_val *json);

/* The document that the payloads of this delivery are made in. */
struct yyjson_mut_doc *leveret_document(void);

/* Makes a JSON text the payload, as it is. */
void leveret_set_payload(leveret_task *task, const char *json, size_t size);

/* Sets the ordering key, of at most 255 bytes: tasks of one key are performed in order, where the worker asks for it. */
void leveret_set_key(leveret_task *task, const char *key);

/* Adds a header. Names that begin with `x-leveret-`, `leveret-` or `x-death`, `cc` and `bcc` fail the delivery. */
void leveret_add_header(leveret_task *task, const char *name, const char *value);

#ifdef __cplusplus
}
#endif

#endif
