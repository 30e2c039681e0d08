/*
 * For an author's tests, natively. They need no test framework and no host: a test calls these, and asserts.
 *
 *     const leveret_delivery *delivery =
 *         leveret_deliver("org.payment.processed", "{\"user\": {\"email\": \"ada@example.org\"}, \"amount\": 4200}");
 *     assert(delivery->result.outcome == LEVERET_DONE);
 *     assert(delivery->count == 1);
 *     assert(!strcmp(delivery->tasks[0].payload, "{\"to\":\"ada@example.org\",\"template\":\"thanks\"}"));
 *
 * What a function returns is there until the next call of one. Lines of the log go to standard error.
 */
#ifndef LEVERET_TEST_H
#define LEVERET_TEST_H

#include "plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A task or an event as it would be published. */
typedef struct leveret_emitted {
    const char *name;
    const char *payload; /* a JSON text without spaces, unless it was given as a text */
    const char *key;     /* a task's, or NULL */
    const leveret_header *headers;
    size_t header_count;
} leveret_emitted;

/* What came of a delivery. */
typedef struct leveret_delivery {
    leveret_result result;
    const leveret_emitted *tasks;
    size_t count; /* 0 after a failure */
    const leveret_emitted *announcements;
    size_t announcement_count; /* 0 after a failure, and after an event */
} leveret_delivery;

/* Delivers an event to the plugin, as the host would. */
const leveret_delivery *leveret_deliver(const char *name, const char *payload);

/* The same, with all that an event has. What is NULL gets something plausible. */
const leveret_delivery *leveret_deliver_event(const leveret_event *event);

/* Has the plugin perform a task, as the host would: a first attempt. */
const leveret_delivery *leveret_perform(const char *name, const char *payload);

/* The same, with all that a task has. What is NULL or 0 gets something plausible, except for the key. */
const leveret_delivery *leveret_perform_task(const leveret_assignment *task);

/* Gives an event that failed for good to the plugin's recovery. The plugin must have one. */
const leveret_delivery *leveret_recover_event(
    const char *name, const char *payload, const leveret_failed_attempt *attempts, size_t count);

/* The same with a task. */
const leveret_delivery *leveret_recover_task(
    const char *name, const char *payload, const leveret_failed_attempt *attempts, size_t count);

/* Asks the plugin's probe: NULL, or the reason why it is ill. The plugin must have one. */
const char *leveret_ask_health(void);

/* The plugin's timetable, and how many events it has: none without LEVERET_TIMETABLE. */
const leveret_timed_event *leveret_timetable(size_t *count);

/* Sets a setting, as the operator would; NULL takes it away. The texts must stay as they are. */
void leveret_set_setting(const char *name, const char *value);

/* Frees everything: for those who look for leaks. */
void leveret_forget(void);

#ifdef __cplusplus
}
#endif

#endif
