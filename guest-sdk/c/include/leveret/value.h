/*
 * Reading JSON. Where a value is, is said by a JSON pointer (RFC 6901): "/user/email", "/lines/1/amount", or "" for the
 * value itself.
 *
 * What does not fit is remembered, and something harmless is returned: an empty text, 0, false, no items. The first
 * misfit rejects the event, with the path to it, whatever the handler returns then. So a handler may read all that it
 * needs, and ask once whether everything fitted.
 */
#ifndef LEVERET_VALUE_H
#define LEVERET_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct yyjson_val;

/* A JSON value, and where it is in its text. */
typedef struct leveret_value {
    struct yyjson_val *json; /* for all that yyjson.h can do with it; NULL where a misfit is remembered */
    const char *path;        /* a JSON pointer from the top of the text */
} leveret_value;

/* Reads a JSON text. One that is none is a misfit. */
leveret_value leveret_parse(const char *text, size_t size);

/* The value at `pointer`, which must be there. */
leveret_value leveret_at(leveret_value value, const char *pointer);

/* The value at `pointer`, which may be missing: then its `json` is NULL, and reading it is a misfit. */
leveret_value leveret_find(leveret_value value, const char *pointer);

/* Whether there is anything but null at `pointer`. */
bool leveret_has(leveret_value value, const char *pointer);

/* Each of these must be there, and of that type. A text with a NUL in it does not fit. */
const char *leveret_text(leveret_value value, const char *pointer);
int64_t leveret_integer(leveret_value value, const char *pointer);
double leveret_number(leveret_value value, const char *pointer);
bool leveret_boolean(leveret_value value, const char *pointer);

/* How many items the array at `pointer` has, which must be there. */
size_t leveret_count(leveret_value value, const char *pointer);

/* An array's item, from 0. */
leveret_value leveret_item(leveret_value array, size_t index);

/* The value as a JSON text. */
const char *leveret_json(leveret_value value);

/* Whether everything that was read so far fitted. */
bool leveret_fits(void);

/* Remembers that the value does not fit, for a reason of your own: `expected` is such as "a positive number". */
void leveret_misfit(leveret_value value, const char *pointer, const char *expected);

#ifdef __cplusplus
}
#endif

#endif
