#include <string.h>

#include "delivery.h"

static yyjson_mut_doc *document;

void leveret_forget_document(void)
{
    document = NULL;
}

yyjson_mut_doc *leveret_document(void)
{
    if (!document)
        document = yyjson_mut_doc_new(&leveret_json_memory);
    return document;
}

void leveret_begin(leveret_tasks *made)
{
    *made = (leveret_tasks){.tasks.end = &made->tasks.first, .announcements.end = &made->announcements.first};
}

static const char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(leveret_allocate(size), text, size);
}

static leveret_task *added(leveret_list *list, const char *name)
{
    leveret_task *task = leveret_allocate(sizeof *task);
    *task = (leveret_task){.name = copy(name), .payload = yyjson_mut_obj(leveret_document())};
    *list->end = task;
    list->end = &task->next;
    list->count++;
    return task;
}

leveret_task *leveret_emit(leveret_tasks *tasks, const char *name)
{
    return added(&tasks->tasks, name);
}

leveret_announcement *leveret_announce(leveret_performed *performed, const char *name)
{
    return added(&performed->announcements, name);
}

static bool put(yyjson_mut_val *payload, const char *pointer, yyjson_mut_val *json)
{
    size_t size = strlen(pointer);
    bool is_added = size >= 2 && strcmp(pointer + size - 2, "/-") == 0;
    return is_added ? yyjson_mut_ptr_addx(payload, pointer, size, json, leveret_document(), true, NULL, NULL)
                    : yyjson_mut_ptr_setx(payload, pointer, size, json, leveret_document(), true, NULL, NULL);
}

void leveret_put(leveret_task *task, const char *pointer, yyjson_mut_val *json)
{
    if (!*pointer)
        task->payload = json;
    else if (!put(task->payload, pointer, json) && !task->fault)
        task->fault = leveret_format("nothing can be put at %s", pointer);
}

void leveret_put_text(leveret_task *task, const char *pointer, const char *text)
{
    leveret_put(task, pointer, yyjson_mut_strcpy(leveret_document(), text));
}

void leveret_put_integer(leveret_task *task, const char *pointer, int64_t number)
{
    leveret_put(task, pointer, yyjson_mut_sint(leveret_document(), number));
}

void leveret_put_number(leveret_task *task, const char *pointer, double number)
{
    leveret_put(task, pointer, yyjson_mut_real(leveret_document(), number));
}

void leveret_put_boolean(leveret_task *task, const char *pointer, bool truth)
{
    leveret_put(task, pointer, yyjson_mut_bool(leveret_document(), truth));
}

void leveret_put_null(leveret_task *task, const char *pointer)
{
    leveret_put(task, pointer, yyjson_mut_null(leveret_document()));
}

void leveret_put_object(leveret_task *task, const char *pointer)
{
    leveret_put(task, pointer, yyjson_mut_obj(leveret_document()));
}

void leveret_put_array(leveret_task *task, const char *pointer)
{
    leveret_put(task, pointer, yyjson_mut_arr(leveret_document()));
}

void leveret_put_value(leveret_task *task, const char *pointer, leveret_value value)
{
    if (value.json)
        leveret_put(task, pointer, yyjson_val_mut_copy(leveret_document(), value.json));
    else
        leveret_put_null(task, pointer);
}

void leveret_set_payload(leveret_task *task, const char *json, size_t size)
{
    task->payload = NULL;
    task->text = memcpy(leveret_allocate(size + 1), json, size);
    ((char *)task->text)[size] = 0;
    task->text_size = size;
}

void leveret_set_key(leveret_task *task, const char *key)
{
    task->key = copy(key);
}

void leveret_add_header(leveret_task *task, const char *name, const char *value)
{
    size_t size = task->header_count * sizeof *task->headers;
    task->headers = leveret_reallocate(task->headers, size, size + sizeof *task->headers);
    task->headers[task->header_count++] = (leveret_header){.name = copy(name), .value = copy(value)};
}

/* Writes the task's payload as a text, and says why not where that fails. */
static const char *write(leveret_task *task)
{
    if (task->fault || !task->payload)
        return task->fault;
    yyjson_write_err error;
    char *written = yyjson_mut_val_write_opts(task->payload, 0, &leveret_json_memory, &task->text_size, &error);
    if (!written)
        return error.msg;
    /* yyjson takes six times the size of a text to write it. */
    task->text = leveret_trim(written, task->text_size + 1);
    return NULL;
}

/* Writes the payload of each, and says why not where that fails. */
static const char *write_all(const leveret_list *list)
{
    for (leveret_task *task = list->first; task; task = task->next) {
        const char *fault = write(task);
        if (fault)
            return leveret_format("the payload of %s cannot be written: %s", task->name, fault);
    }
    return NULL;
}

leveret_result leveret_conclude(leveret_result result, leveret_tasks *made)
{
    if (leveret_first_misfit())
        return leveret_reject("%s", leveret_first_misfit());
    if (result.outcome != LEVERET_DONE)
        return result;
    for (const leveret_task *event = made->announcements.first; event; event = event->next)
        if (event->key)
            return leveret_retry("the announcement %s has an ordering key, which only tasks have", event->name);
    const char *fault = write_all(&made->announcements);
    fault = fault ? fault : write_all(&made->tasks);
    return fault ? leveret_retry("%s", fault) : result;
}

leveret_result leveret_conclude_tasks(leveret_result result, leveret_tasks *made)
{
    if (made->announcements.first && result.outcome == LEVERET_DONE && !leveret_first_misfit())
        return leveret_retry("%s is announced, which only a worker can do", made->announcements.first->name);
    return leveret_conclude(result, made);
}
