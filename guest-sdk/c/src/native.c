/* Stands in for the host where a plugin is compiled natively: what its author's tests call. See test.h. */
#ifndef __wasm__

#include <leveret/test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery.h"

enum { MOST_SETTINGS = 64 };

static struct {
    const char *name;
    const char *value;
} settings[MOST_SETTINGS];

void leveret_set_setting(const char *name, const char *value)
{
    for (size_t i = 0; i < MOST_SETTINGS; i++) {
        if (!settings[i].name || strcmp(settings[i].name, name) == 0) {
            settings[i].name = name;
            settings[i].value = value;
            return;
        }
    }
    fprintf(stderr, "a test can have at most %d settings\n", MOST_SETTINGS);
    abort();
}

const char *leveret_host_setting(const char *name)
{
    for (size_t i = 0; i < MOST_SETTINGS && settings[i].name; i++)
        if (strcmp(settings[i].name, name) == 0)
            return settings[i].value;
    return NULL;
}

void leveret_host_log(leveret_level level, const char *line, size_t size)
{
    static const char *const names[] = {"trace", "debug", "info", "warn", "error"};
    fprintf(stderr, "%-5s %.*s\n", names[level], (int)size, line);
}

static leveret_event complete(const leveret_event *given)
{
    leveret_event event = *given;
    event.id = event.id ? event.id : "sample-id";
    event.tid = event.tid ? event.tid : "sample-tid";
    event.payload = event.payload ? event.payload : "{}";
    event.payload_size = strlen(event.payload);
    return event;
}

static leveret_assignment complete_task(const leveret_assignment *given)
{
    leveret_assignment task = *given;
    task.id = task.id ? task.id : "sample-id";
    task.tid = task.tid ? task.tid : "sample-tid";
    task.attempt = task.attempt ? task.attempt : 1;
    task.payload = task.payload ? task.payload : "{}";
    task.payload_size = strlen(task.payload);
    return task;
}

static const leveret_emitted *emitted(const leveret_list *list)
{
    leveret_emitted *all = leveret_allocate(list->count * sizeof *all), *next = all;
    for (const leveret_task *task = list->first; task; task = task->next) {
        *next++ = (leveret_emitted){
            .name = task->name,
            .payload = task->text,
            .key = task->key,
            .headers = task->headers,
            .header_count = task->header_count,
        };
    }
    return all;
}

static const leveret_delivery *deliver(leveret_result result, const leveret_tasks *made)
{
    leveret_delivery *delivery = leveret_allocate(sizeof *delivery);
    *delivery = (leveret_delivery){.result = result};
    if (result.outcome == LEVERET_DONE) {
        delivery->tasks = emitted(&made->tasks);
        delivery->count = made->tasks.count;
        delivery->announcements = emitted(&made->announcements);
        delivery->announcement_count = made->announcements.count;
    }
    return delivery;
}

const leveret_delivery *leveret_deliver_event(const leveret_event *given)
{
    leveret_forget();
    leveret_event event = complete(given);
    leveret_tasks made;
    leveret_begin(&made);
    leveret_result result = leveret_handle(leveret_this_plugin(), &event, &made);
    return deliver(result, &made);
}

const leveret_delivery *leveret_deliver(const char *name, const char *payload)
{
    return leveret_deliver_event(&(leveret_event){.name = name, .payload = payload});
}

const leveret_delivery *leveret_perform_task(const leveret_assignment *given)
{
    leveret_forget();
    leveret_assignment task = complete_task(given);
    leveret_performed made;
    leveret_begin(&made);
    leveret_result result = leveret_handle_task(leveret_this_plugin(), &task, &made);
    return deliver(result, &made);
}

const leveret_delivery *leveret_perform(const char *name, const char *payload)
{
    return leveret_perform_task(&(leveret_assignment){.name = name, .payload = payload});
}

/* LEVERET_RECOVER, LEVERET_HEALTHY and LEVERET_TIMETABLE define these too, and win; a plugin may have none of them. */

__attribute__((weak)) leveret_recovery *leveret_this_recovery(void)
{
    return NULL;
}

__attribute__((weak)) leveret_probe *leveret_this_probe(void)
{
    return NULL;
}

__attribute__((weak)) const leveret_timed_event *leveret_timetable(size_t *count)
{
    *count = 0;
    return NULL;
}

static void require(bool is_there, const char *macro)
{
    if (is_there)
        return;
    fprintf(stderr, "the plugin has no %s\n", macro);
    abort();
}

static const leveret_delivery *recover(
    const leveret_message *message, const leveret_failed_attempt *attempts, size_t count)
{
    leveret_tasks made;
    leveret_begin(&made);
    leveret_result result = leveret_this_recovery()(message, attempts, count, &made);
    return deliver(leveret_conclude_tasks(result, &made), &made);
}

const leveret_delivery *leveret_recover_event(
    const char *name, const char *payload, const leveret_failed_attempt *attempts, size_t count)
{
    require(leveret_this_recovery() != NULL, "LEVERET_RECOVER");
    leveret_forget();
    leveret_event event = complete(&(leveret_event){.name = name, .payload = payload});
    return recover(&(leveret_message){.event = &event}, attempts, count);
}

const leveret_delivery *leveret_recover_task(
    const char *name, const char *payload, const leveret_failed_attempt *attempts, size_t count)
{
    require(leveret_this_recovery() != NULL, "LEVERET_RECOVER");
    leveret_forget();
    leveret_assignment task = complete_task(&(leveret_assignment){.name = name, .payload = payload});
    return recover(&(leveret_message){.task = &task}, attempts, count);
}

const char *leveret_ask_health(void)
{
    require(leveret_this_probe() != NULL, "LEVERET_HEALTHY");
    leveret_forget();
    return leveret_this_probe()();
}

#endif
