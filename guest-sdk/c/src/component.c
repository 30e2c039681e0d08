/* The component's side of the contract: what the host calls, and what is called in the host. */
#ifdef __wasm__

#include <stdlib.h>
#include <string.h>

#include "delivery.h"

/*
 * The generated bindings convert; two things of theirs are done otherwise. They would export every interface, while a
 * plugin exports only those that it has. And they would free one thing after the other, while all
 * that passes between host and plugin lies in the delivery's memory.
 */
#define __export_name__(name)
#define free(pointer) ((void)(pointer))
#include "bindings/bindings.c"
#undef free
#undef __export_name__

/* The bindings ask for an object file with the component's type, which `leveret build` does not need. */
void __component_type_object_force_link_bindings(void) {}

#define EXPORT(name) __attribute__((export_name(name)))

/* Memory for what the host hands over. Behind each text is room for a NUL, which makes it a text of C. */
EXPORT("cabi_realloc") void *leveret_receive(void *memory, size_t old_size, size_t alignment, size_t new_size)
{
    (void)alignment;
    char *received = leveret_reallocate(memory, old_size ? old_size + 1 : 0, new_size + 1);
    received[new_size] = 0;
    return received;
}

/*
 * Memory for the adapter that stands between the C library and the host: its state and its stack. It is set aside, so that
 * a plugin that has used up all memory can still say so on standard error.
 */
EXPORT("cabi_realloc_adapter") void *leveret_adapt(void *memory, size_t old_size, size_t alignment, size_t new_size)
{
    static _Alignas(16) uint8_t aside[2 * 64 * 1024];
    static size_t used;
    (void)memory, (void)old_size;
    if (alignment > 16 || new_size > sizeof aside - used)
        abort();
    uint8_t *adapted = aside + used;
    used += (new_size + 15) & ~(size_t)15;
    return adapted;
}

EXPORT("leveret:plugin/manifest@0.1.0#describe") void *leveret_export_describe(void)
{
    return __wasm_export_exports_leveret_plugin_manifest_describe();
}

EXPORT("cabi_post_leveret:plugin/manifest@0.1.0#describe") void leveret_after_describe(void *result)
{
    (void)result;
    leveret_forget();
}

/* Texts: the host's are followed by a NUL already. An empty one may point anywhere. */

static const char *received(bindings_string_t text)
{
    return text.len ? (const char *)text.ptr : "";
}

static const char *received_option(bindings_option_string_t text)
{
    return text.is_some ? received(text.val) : NULL;
}

static bindings_string_t sent(const char *text)
{
    return (bindings_string_t){(uint8_t *)text, text ? strlen(text) : 0};
}

static bindings_option_string_t sent_option(const char *text)
{
    return (bindings_option_string_t){.is_some = text != NULL, .val = sent(text)};
}

/* The plugin's description */

static exports_leveret_plugin_manifest_list_subscription_t sent_subscriptions(const leveret_subscription *first)
{
    size_t count = 0;
    while (first && first[count].event)
        count++;
    exports_leveret_plugin_manifest_subscription_t *list = leveret_allocate(count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i].event = sent(first[i].event);
        list[i].schema = sent_option(first[i].schema);
    }
    return (exports_leveret_plugin_manifest_list_subscription_t){list, count};
}

static exports_leveret_plugin_manifest_list_shape_t sent_performances(const leveret_performance *first)
{
    size_t count = 0;
    while (first && first[count].task)
        count++;
    exports_leveret_plugin_manifest_shape_t *list = leveret_allocate(count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i].name = sent(first[i].task);
        list[i].schema = sent_option(first[i].schema);
    }
    return (exports_leveret_plugin_manifest_list_shape_t){list, count};
}

static exports_leveret_plugin_manifest_list_shape_t sent_shapes(const leveret_shape *first)
{
    size_t count = 0;
    while (first && first[count].name)
        count++;
    exports_leveret_plugin_manifest_shape_t *list = leveret_allocate(count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i].name = sent(first[i].name);
        list[i].schema = sent_option(first[i].schema);
    }
    return (exports_leveret_plugin_manifest_list_shape_t){list, count};
}

void exports_leveret_plugin_manifest_describe(exports_leveret_plugin_manifest_description_t *description)
{
    const leveret_plugin *plugin = leveret_this_plugin();
    const leveret_limits *limits = &plugin->limits;
    *description = (exports_leveret_plugin_manifest_description_t){
        .version = sent(plugin->version),
        .summary = sent(plugin->summary),
        .subscriptions = sent_subscriptions(plugin->subscriptions),
        .emits = sent_shapes(plugin->emits),
        .performs = sent_performances(plugin->performs),
        .announces = sent_shapes(plugin->announces),
        .limits = {
            .time = {limits->time != 0, limits->time},
            .memory = {limits->memory != 0, limits->memory},
            .prefetch = {limits->prefetch != 0, limits->prefetch},
            .attempts = {limits->attempts != 0, limits->attempts},
        },
    };
}

/* What comes in, and what goes out */

static const leveret_header *received_headers(leveret_plugin_types_list_header_t list)
{
    leveret_header *headers = leveret_allocate(list.len * sizeof *headers);
    for (size_t i = 0; i < list.len; i++)
        headers[i] = (leveret_header){.name = received(list.ptr[i].name), .value = received(list.ptr[i].value)};
    return headers;
}

static leveret_event received_event(const leveret_plugin_types_event_t *event)
{
    return (leveret_event){
        .name = received(event->name),
        .id = received(event->id),
        .tid = received(event->tid),
        .time = event->time,
        .source = received_option(event->source),
        .payload = received(event->payload),
        .payload_size = event->payload.len,
        .headers = received_headers(event->headers),
        .header_count = event->headers.len,
    };
}

static leveret_assignment received_assignment(const leveret_plugin_types_assignment_t *task)
{
    return (leveret_assignment){
        .name = received(task->name),
        .id = received(task->id),
        .tid = received(task->tid),
        .time = task->time,
        .attempt = task->attempt,
        .payload = received(task->payload),
        .payload_size = task->payload.len,
        .key = received_option(task->key),
        .headers = received_headers(task->headers),
        .header_count = task->headers.len,
    };
}

static leveret_plugin_types_list_header_t sent_headers(const leveret_task *task)
{
    leveret_plugin_types_header_t *headers = leveret_allocate(task->header_count * sizeof *headers);
    for (size_t i = 0; i < task->header_count; i++) {
        headers[i].name = sent(task->headers[i].name);
        headers[i].value = sent(task->headers[i].value);
    }
    return (leveret_plugin_types_list_header_t){headers, task->header_count};
}

static leveret_plugin_types_task_t *sent_tasks(const leveret_list *tasks)
{
    leveret_plugin_types_task_t *list = leveret_allocate(tasks->count * sizeof *list), *next = list;
    for (const leveret_task *task = tasks->first; task; task = task->next) {
        *next++ = (leveret_plugin_types_task_t){
            .name = sent(task->name),
            .payload = {(uint8_t *)task->text, task->text_size},
            .key = sent_option(task->key),
            .headers = sent_headers(task),
        };
    }
    return list;
}

static leveret_plugin_types_announcement_t *sent_announcements(const leveret_list *events)
{
    leveret_plugin_types_announcement_t *list = leveret_allocate(events->count * sizeof *list), *next = list;
    for (const leveret_task *event = events->first; event; event = event->next) {
        *next++ = (leveret_plugin_types_announcement_t){
            .name = sent(event->name),
            .payload = {(uint8_t *)event->text, event->text_size},
            .headers = sent_headers(event),
        };
    }
    return list;
}

static leveret_plugin_types_failure_t sent_failure(const leveret_result *result)
{
    leveret_plugin_types_failure_t failure = {.tag = LEVERET_PLUGIN_TYPES_FAILURE_RETRY};
    if (result->outcome == LEVERET_REJECT) {
        failure.tag = LEVERET_PLUGIN_TYPES_FAILURE_REJECT;
        failure.val.reject = sent(result->reason);
    } else {
        failure.val.retry.reason = sent(result->reason);
        failure.val.retry.after = (bindings_option_u64_t){.is_some = result->is_timed, .val = result->after};
    }
    return failure;
}

bool exports_leveret_plugin_subscriber_on_event(
    leveret_plugin_types_event_t *given, exports_leveret_plugin_subscriber_list_task_t *emitted,
    leveret_plugin_types_failure_t *failure)
{
    leveret_event event = received_event(given);
    leveret_tasks made;
    leveret_begin(&made);
    leveret_result result = leveret_handle(leveret_this_plugin(), &event, &made);
    if (result.outcome == LEVERET_DONE)
        *emitted = (exports_leveret_plugin_subscriber_list_task_t){sent_tasks(&made.tasks), made.tasks.count};
    else
        *failure = sent_failure(&result);
    return result.outcome == LEVERET_DONE;
}

bool exports_leveret_plugin_worker_perform(
    leveret_plugin_types_assignment_t *given, leveret_plugin_types_performed_t *performed,
    leveret_plugin_types_failure_t *failure)
{
    leveret_assignment task = received_assignment(given);
    leveret_performed made;
    leveret_begin(&made);
    leveret_result result = leveret_handle_task(leveret_this_plugin(), &task, &made);
    if (result.outcome == LEVERET_DONE) {
        *performed = (leveret_plugin_types_performed_t){
            .announcements = {sent_announcements(&made.announcements), made.announcements.count},
            .tasks = {sent_tasks(&made.tasks), made.tasks.count},
        };
    } else {
        *failure = sent_failure(&result);
    }
    return result.outcome == LEVERET_DONE;
}

/* What a plugin has only if its author wrote it: called by the macros in exports.h */

void *leveret_run_subscriber(
    uint8_t *name, size_t name_size, uint8_t *id, size_t id_size, uint8_t *tid, size_t tid_size, int64_t time,
    int32_t has_source, uint8_t *source, size_t source_size, uint8_t *payload, size_t payload_size, uint8_t *headers,
    size_t header_count)
{
    return __wasm_export_exports_leveret_plugin_subscriber_on_event(
        name, name_size, id, id_size, tid, tid_size, time, has_source, source, source_size, payload, payload_size,
        headers, header_count);
}

void *leveret_run_worker(
    uint8_t *name, size_t name_size, uint8_t *id, size_t id_size, uint8_t *tid, size_t tid_size, int64_t time,
    int32_t attempt, uint8_t *payload, size_t payload_size, int32_t has_key, uint8_t *key, size_t key_size,
    uint8_t *headers, size_t header_count)
{
    return __wasm_export_exports_leveret_plugin_worker_perform(
        name, name_size, id, id_size, tid, tid_size, time, attempt, payload, payload_size, has_key, key, key_size,
        headers, header_count);
}

static leveret_recovery *this_recovery;
static leveret_probe *this_probe;

void *leveret_run_recovery(leveret_recovery *recovery, void *arguments)
{
    this_recovery = recovery;
    return __wasm_export_exports_leveret_plugin_recovery_recover(arguments);
}

void *leveret_run_probe(leveret_probe *probe)
{
    this_probe = probe;
    return __wasm_export_exports_leveret_plugin_probe_healthy();
}

bool exports_leveret_plugin_recovery_recover(
    leveret_plugin_types_message_t *given, exports_leveret_plugin_recovery_list_failed_attempt_t *list,
    exports_leveret_plugin_recovery_list_task_t *emitted, bindings_string_t *reason)
{
    leveret_event event;
    leveret_assignment task;
    leveret_message message = {0};
    if (given->tag == LEVERET_PLUGIN_TYPES_MESSAGE_EVENT) {
        event = received_event(&given->val.event);
        message.event = &event;
    } else {
        task = received_assignment(&given->val.task);
        message.task = &task;
    }
    leveret_failed_attempt *attempts = leveret_allocate(list->len * sizeof *attempts);
    for (size_t i = 0; i < list->len; i++) {
        attempts[i] = (leveret_failed_attempt){
            .attempt = list->ptr[i].attempt,
            .time = list->ptr[i].time,
            .version = received(list->ptr[i].version),
            .reason = received(list->ptr[i].reason),
        };
    }
    leveret_tasks made;
    leveret_begin(&made);
    leveret_result result = leveret_conclude_tasks(this_recovery(&message, attempts, list->len, &made), &made);
    if (result.outcome == LEVERET_DONE) {
        *emitted = (exports_leveret_plugin_recovery_list_task_t){sent_tasks(&made.tasks), made.tasks.count};
        return true;
    }
    *reason = sent(result.reason);
    return false;
}

bool exports_leveret_plugin_probe_healthy(bindings_string_t *reason)
{
    const char *illness = this_probe();
    *reason = sent(illness);
    return !illness;
}

static const leveret_timed_event *timed_events;
static size_t timed_event_count;

void *leveret_run_timekeeper(const leveret_timed_event *events, size_t count)
{
    timed_events = events;
    timed_event_count = count;
    return __wasm_export_exports_leveret_plugin_timekeeper_timetable();
}

static exports_leveret_plugin_timekeeper_schedule_t sent_schedule(const leveret_timed_event *timed)
{
    exports_leveret_plugin_timekeeper_schedule_t schedule = {0};
    if (timed->cron) {
        schedule.tag = EXPORTS_LEVERET_PLUGIN_TIMEKEEPER_SCHEDULE_CRON;
        schedule.val.cron = sent(timed->cron);
    } else if (timed->every) {
        schedule.tag = EXPORTS_LEVERET_PLUGIN_TIMEKEEPER_SCHEDULE_EVERY;
        schedule.val.every = (exports_leveret_plugin_timekeeper_interval_t){timed->every, timed->offset};
    } else {
        schedule.tag = EXPORTS_LEVERET_PLUGIN_TIMEKEEPER_SCHEDULE_AT;
        schedule.val.at = timed->at;
    }
    return schedule;
}

static exports_leveret_plugin_timekeeper_missed_t sent_missed(leveret_missed missed)
{
    switch (missed) {
    case LEVERET_SKIP:
        return EXPORTS_LEVERET_PLUGIN_TIMEKEEPER_MISSED_SKIP;
    case LEVERET_ALL:
        return EXPORTS_LEVERET_PLUGIN_TIMEKEEPER_MISSED_ALL;
    case LEVERET_ONCE:
        break;
    }
    return EXPORTS_LEVERET_PLUGIN_TIMEKEEPER_MISSED_ONCE;
}

void exports_leveret_plugin_timekeeper_timetable(exports_leveret_plugin_timekeeper_list_timed_event_t *timetable)
{
    size_t count = timed_event_count;
    exports_leveret_plugin_timekeeper_timed_event_t *events = leveret_allocate(count * sizeof *events);
    for (size_t i = 0; i < count; i++) {
        const leveret_timed_event *timed = &timed_events[i];
        events[i] = (exports_leveret_plugin_timekeeper_timed_event_t){
            .event = sent(timed->event),
            .schedule = sent_schedule(timed),
            .zone = sent_option(timed->zone),
            .missed = sent_missed(timed->missed),
        };
    }
    *timetable = (exports_leveret_plugin_timekeeper_list_timed_event_t){events, count};
}

/* The host */

void leveret_host_log(leveret_level level, const char *line, size_t size)
{
    bindings_string_t text = {(uint8_t *)line, size};
    leveret_plugin_log_log((leveret_plugin_log_level_t)level, &text);
}

const char *leveret_host_setting(const char *name)
{
    bindings_string_t key = sent(name);
    bindings_option_string_t value;
    settings_error_t error;
    return settings_get(&key, &value, &error) ? received_option(value) : NULL;
}

#endif
