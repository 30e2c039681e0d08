#include <string.h>

#include "delivery.h"

static const char *misfit; /* the first, as a reason */

/* What was parsed last: handlers, and the library before them, read the same payload again and again. */
static struct {
    const char *text;
    leveret_value value;
} last;

void leveret_forget_values(void)
{
    misfit = NULL;
    last.text = NULL;
}

const char *leveret_first_misfit(void)
{
    return misfit;
}

bool leveret_fits(void)
{
    return !misfit;
}

static const char *path_of(leveret_value value, const char *pointer)
{
    return *pointer ? leveret_format("%s%s", value.path, pointer) : value.path;
}

static const char *name_of(const char *path)
{
    return *path ? path : "the whole";
}

static const char *type_of(yyjson_val *json)
{
    switch (yyjson_get_type(json)) {
    case YYJSON_TYPE_NULL:
        return "null";
    case YYJSON_TYPE_BOOL:
        return yyjson_get_bool(json) ? "true" : "false";
    case YYJSON_TYPE_NUM:
        return yyjson_is_real(json) ? "a number with a fraction" : "an integer";
    case YYJSON_TYPE_STR:
        return "a text";
    case YYJSON_TYPE_ARR:
        return "an array";
    case YYJSON_TYPE_OBJ:
        return "an object";
    default:
        return "nothing";
    }
}

void leveret_misfit(leveret_value value, const char *pointer, const char *expected)
{
    if (misfit)
        return;
    const char *path = name_of(path_of(value, pointer));
    const char *found = type_of(yyjson_ptr_get(value.json, pointer));
    misfit = leveret_format("the payload does not fit: %s: expected %s, found %s", path, expected, found);
}

leveret_value leveret_parse(const char *text, size_t size)
{
    yyjson_read_err error;
    yyjson_doc *document = yyjson_read_opts((char *)text, size, 0, &leveret_json_memory, &error);
    if (!document && !misfit)
        misfit = leveret_format("the payload is not JSON: %s, at byte %zu", error.msg, error.pos);
    return (leveret_value){.json = yyjson_doc_get_root(document), .path = ""};
}

static leveret_value payload_of(const char *text, size_t size)
{
    if (last.text != text) {
        last.value = leveret_parse(text, size);
        last.text = text;
    }
    return last.value;
}

leveret_value leveret_payload(const leveret_event *event)
{
    return payload_of(event->payload, event->payload_size);
}

leveret_value leveret_task_payload(const leveret_assignment *task)
{
    return payload_of(task->payload, task->payload_size);
}

leveret_value leveret_find(leveret_value value, const char *pointer)
{
    return (leveret_value){.json = yyjson_ptr_get(value.json, pointer), .path = path_of(value, pointer)};
}

bool leveret_has(leveret_value value, const char *pointer)
{
    yyjson_val *found = yyjson_ptr_get(value.json, pointer);
    return found && !yyjson_is_null(found);
}

/* The value at `pointer`, if it is of the type that `is` tells; else a misfit is remembered. */
static yyjson_val *require(leveret_value value, const char *pointer, bool (*is)(yyjson_val *), const char *expected)
{
    yyjson_val *found = yyjson_ptr_get(value.json, pointer);
    if (found && is(found))
        return found;
    leveret_misfit(value, pointer, expected);
    return NULL;
}

static bool is_anything(yyjson_val *json)
{
    return json != NULL;
}

static bool is_text(yyjson_val *json)
{
    return yyjson_is_str(json) && strlen(yyjson_get_str(json)) == yyjson_get_len(json);
}

static bool is_integer(yyjson_val *json)
{
    return yyjson_is_sint(json) || (yyjson_is_uint(json) && yyjson_get_uint(json) <= INT64_MAX);
}

static bool is_number(yyjson_val *json)
{
    return yyjson_is_num(json);
}

static bool is_boolean(yyjson_val *json)
{
    return yyjson_is_bool(json);
}

static bool is_array(yyjson_val *json)
{
    return yyjson_is_arr(json);
}

leveret_value leveret_at(leveret_value value, const char *pointer)
{
    require(value, pointer, is_anything, "a value");
    return leveret_find(value, pointer);
}

const char *leveret_text(leveret_value value, const char *pointer)
{
    yyjson_val *found = require(value, pointer, is_text, "a text");
    return found ? yyjson_get_str(found) : "";
}

int64_t leveret_integer(leveret_value value, const char *pointer)
{
    return yyjson_get_sint(require(value, pointer, is_integer, "an integer"));
}

double leveret_number(leveret_value value, const char *pointer)
{
    return yyjson_get_num(require(value, pointer, is_number, "a number"));
}

bool leveret_boolean(leveret_value value, const char *pointer)
{
    return yyjson_get_bool(require(value, pointer, is_boolean, "true or false"));
}

size_t leveret_count(leveret_value value, const char *pointer)
{
    return yyjson_arr_size(require(value, pointer, is_array, "an array"));
}

leveret_value leveret_item(leveret_value array, size_t index)
{
    return leveret_at(array, leveret_format("/%zu", index));
}

const char *leveret_json(leveret_value value)
{
    size_t size;
    char *written = yyjson_val_write_opts(value.json, 0, &leveret_json_memory, &size, NULL);
    return written ? leveret_trim(written, size + 1) : "null";
}
