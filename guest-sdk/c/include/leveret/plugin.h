/*
 * Write Leveret plugins in C.
 *
 * A plugin turns events into tasks of its own application (a subscriber), performs such tasks and announces what happened
 * (a worker), or both. Its author writes a function for each event and each task and names the functions in
 * LEVERET_PLUGIN, or in LEVERET_WORKER_PLUGIN or LEVERET_SUBSCRIBER_AND_WORKER_PLUGIN; `leveret build` gives the component.
 *
 *     #include <leveret/plugin.h>
 *
 *     static leveret_result thank(const leveret_event *event, leveret_tasks *tasks)
 *     {
 *         leveret_value payload = leveret_payload(event);
 *         leveret_task *email = leveret_emit(tasks, "email.send");
 *         leveret_put_text(email, "/to", leveret_text(payload, "/user/email"));
 *         leveret_put_text(email, "/template", "thanks");
 *         return leveret_done();
 *     }
 *
 *     LEVERET_PLUGIN(
 *         .version = LEVERET_PROJECT_VERSION,
 *         .summary = "Thanks people for their payments.",
 *         .subscriptions = LEVERET_SUBSCRIPTIONS({.event = "org.payment.processed", .handler = thank}),
 *         .emits = LEVERET_EMITS({.name = "email.send"}),
 *     );
 *
 * Every text is UTF-8 and ends in a NUL. What the functions of this library return, and what an event points to, is
 * there until the handler has returned; nothing of it is freed by the author.
 */
#ifndef LEVERET_PLUGIN_H
#define LEVERET_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task.h"
#include "value.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LEVERET_FORMATS(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define LEVERET_FORMATS(text, first)
#endif

/* A notice that something happened. */
typedef struct leveret_event {
    const char *name;    /* the full name, such as `org.payment.processed` */
    const char *id;      /* what makes it the same event, however often it is delivered */
    const char *tid;     /* the transaction ID: the same on everything that one first event causes */
    uint64_t time;       /* when it was published, in milliseconds since 1970-01-01 UTC */
    const char *source;  /* the application that claims to have published it, or NULL */
    const char *payload; /* one JSON text; leveret_payload() reads it */
    size_t payload_size; /* its size in bytes, without the NUL */
    const leveret_header *headers;
    size_t header_count;
    const void *context; /* what the subscription has under `context` */
} leveret_event;

/* The value of the event's first header of this name, or NULL. */
const char *leveret_event_header(const leveret_event *event, const char *name);

/* The event's payload, to be read by the functions in value.h. Reading it again costs nothing. */
leveret_value leveret_payload(const leveret_event *event);

/* A task as its worker receives it. It may come again after it was performed, if the host or the broker died in between. */
typedef struct leveret_assignment {
    const char *name;    /* within the application, such as `email.send` */
    const char *id;      /* what makes it the same task, however often it is delivered */
    const char *tid;     /* the transaction ID: the same on everything that one first event causes */
    uint64_t time;       /* when it was created, in milliseconds since 1970-01-01 UTC */
    uint32_t attempt;    /* the number of this attempt, from 1; in a recovery, that of the last one */
    const char *payload; /* one JSON text; leveret_task_payload() reads it */
    size_t payload_size; /* its size in bytes, without the NUL */
    const char *key;     /* the ordering key, or NULL */
    const leveret_header *headers;
    size_t header_count;
    const void *context; /* what the plugin has under `context` for this task */
} leveret_assignment;

/* The value of the task's first header of this name, or NULL. */
const char *leveret_task_header(const leveret_assignment *task, const char *name);

/* The task's payload, to be read by the functions in value.h. Reading it again costs nothing. */
leveret_value leveret_task_payload(const leveret_assignment *task);

typedef enum leveret_outcome { LEVERET_DONE, LEVERET_RETRY, LEVERET_REJECT } leveret_outcome;

/* What came of a delivery. All zero is success. */
typedef struct leveret_result {
    leveret_outcome outcome;
    const char *reason;  /* why, in words for the operator: at most 1,024 bytes of it are kept */
    bool is_timed;       /* whether `after` counts, instead of what the retry policy says */
    uint64_t after;      /* in milliseconds */
} leveret_result;

/* Success: the tasks and announcements are published. */
leveret_result leveret_done(void);

/* It may work later: the message waits in the broker and is tried again, by the operator's retry policy. */
leveret_result leveret_retry(const char *format, ...) LEVERET_FORMATS(1, 2);

/* The same, after a while of your choice, in milliseconds. The policy's maximum comes first. */
leveret_result leveret_retry_after(uint64_t milliseconds, const char *format, ...) LEVERET_FORMATS(2, 3);

/* It will never work: the message becomes a dead letter at once. */
leveret_result leveret_reject(const char *format, ...) LEVERET_FORMATS(1, 2);

/* Handles one event. After a retry or a reject, the tasks that it emitted before are dropped. */
typedef leveret_result leveret_handler(const leveret_event *event, leveret_tasks *tasks);

/*
 * Performs one task. After a retry or a reject, what it announced and emitted before is dropped; what it changed in the
 * world is not.
 */
typedef leveret_result leveret_worker(const leveret_assignment *task, leveret_performed *performed);

/* Interest in one event. */
typedef struct leveret_subscription {
    const char *event;        /* its full name */
    leveret_handler *handler;
    const char *schema;       /* a JSON Schema that payloads must fit, or NULL */
    const void *context;      /* anything: the handler finds it in the event */
} leveret_subscription;

/* A task that the plugin performs. */
typedef struct leveret_performance {
    const char *task;        /* its name within the application */
    leveret_worker *worker;
    const char *schema;      /* a JSON Schema that payloads must fit, or NULL */
    const void *context;     /* anything: the worker finds it in the task */
} leveret_performance;

/* A task that the plugin may create, or an event that it may announce. */
typedef struct leveret_shape {
    const char *name;   /* a task's is relative to the application, `email.send`; an event's is its full one */
    const char *schema; /* a JSON Schema that payloads must fit, or NULL */
} leveret_shape;

/* What the plugin asks for; 0 is the operator's default. The operator's limits come first. */
typedef struct leveret_limits {
    uint64_t time;     /* the longest that a delivery may take, in milliseconds */
    uint64_t memory;   /* the most memory that it may use, in bytes */
    uint16_t prefetch; /* how many messages of one subscription may be in work at a time */
    uint32_t attempts; /* after how many failed attempts a message becomes a dead letter */
} leveret_limits;

/* What a plugin is and wants. */
typedef struct leveret_plugin {
    const char *version; /* 1 to 64 bytes, for people */
    const char *summary; /* one line for people, or NULL */
    /* Each list ends with one that is all zero, and may be NULL. */
    const leveret_subscription *subscriptions;
    const leveret_performance *performs;
    const leveret_shape *emits;
    const leveret_shape *announces;
    leveret_limits limits;
} leveret_plugin;

/* The plugin that is being built. The macros below define it. */
const leveret_plugin *leveret_this_plugin(void);

#ifndef __cplusplus
#define LEVERET_SUBSCRIPTIONS(...) ((const leveret_subscription[]){__VA_ARGS__, {0}})
#define LEVERET_PERFORMS(...) ((const leveret_performance[]){__VA_ARGS__, {0}})
#define LEVERET_EMITS(...) ((const leveret_shape[]){__VA_ARGS__, {0}})
#define LEVERET_ANNOUNCES(...) ((const leveret_shape[]){__VA_ARGS__, {0}})
#define LEVERET_DESCRIBE(...)                                                                                          \
    static const leveret_plugin leveret_plugin_of_this_file = {__VA_ARGS__};                                           \
    const leveret_plugin *leveret_this_plugin(void) { return &leveret_plugin_of_this_file; }                           \
    const leveret_plugin *leveret_this_plugin(void)
#endif

/*
 * Makes the program a plugin that handles events, with the fields of leveret_plugin. Once in a program, at the top level of
 * one file: this, or one of the next two.
 */
#define LEVERET_PLUGIN(...) LEVERET_EXPORT_SUBSCRIBER LEVERET_DESCRIBE(__VA_ARGS__)

/* The same for a plugin that performs tasks, */
#define LEVERET_WORKER_PLUGIN(...) LEVERET_EXPORT_WORKER LEVERET_DESCRIBE(__VA_ARGS__)

/* and for one that does both. */
#define LEVERET_SUBSCRIBER_AND_WORKER_PLUGIN(...)                                                                      \
    LEVERET_EXPORT_SUBSCRIBER LEVERET_EXPORT_WORKER LEVERET_DESCRIBE(__VA_ARGS__)

/* A message that failed for good: one of the two is NULL. */
typedef struct leveret_message {
    const leveret_event *event;
    const leveret_assignment *task;
} leveret_message;

/* One attempt that failed. */
typedef struct leveret_failed_attempt {
    uint32_t attempt; /* its number, from 1 */
    uint64_t time;    /* when it ended, in milliseconds since 1970-01-01 UTC */
    const char *version;
    const char *reason;
} leveret_failed_attempt;

/*
 * A last chance before a message becomes a dead letter. Its tasks are published as a handler's are. A retry or a reject
 * is recorded, and changes nothing.
 */
typedef leveret_result leveret_recovery(
    const leveret_message *message, const leveret_failed_attempt *attempts, size_t count, leveret_tasks *tasks);

/*
 * Says whether the plugin can work at all: NULL, or the reason why not. Asked before an open circuit breaker lets
 * messages through again; it has one second.
 */
typedef const char *leveret_probe(void);

/* What becomes of ticks that came while no host ran the plugin. */
typedef enum leveret_missed {
    LEVERET_ONCE, /* the newest of them is announced for all */
    LEVERET_SKIP, /* none of them is; the next one says how many they were */
    LEVERET_ALL,  /* each of them is, the newest 10,000 at the most */
} leveret_missed;

/*
 * An event that the host announces because time has come: see LEVERET_TIMETABLE. It is due by `cron`, or else by `every`,
 * or else at `at`. What is announced is an object with the tick, the period, and how many ticks were missed before it.
 */
typedef struct leveret_timed_event {
    const char *event; /* its full name, one of those that the plugin announces */
    const char *cron;  /* five fields such as "30 8 * * MON-FRI", or six, the first of which are seconds */
    uint64_t every;    /* so many milliseconds: whole seconds, from one second to 100 years */
    uint64_t offset;   /* how many milliseconds after the full hour, day and so on the first of them begins */
    uint64_t at;       /* once, in milliseconds since 1970-01-01 UTC */
    const char *zone;  /* whose clocks it goes by, such as "Europe/Berlin"; NULL for UTC */
    leveret_missed missed;
} leveret_timed_event;

/* How much a line of the log matters. The operator sees trace and debug only when asking for them. */
typedef enum leveret_level { LEVERET_TRACE, LEVERET_DEBUG, LEVERET_INFO, LEVERET_WARN, LEVERET_ERROR } leveret_level;

/* Writes one line to the host's log. At most 1,000 lines a delivery and 8 KiB a line are kept. */
void leveret_log(leveret_level level, const char *format, ...) LEVERET_FORMATS(2, 3);

/* What the operator has set under this name for the plugin, or NULL. LEVERET_PLUGIN sees no settings. */
const char *leveret_setting(const char *name);

/* Memory until the handler has returned, aligned for any type. It is never NULL: without memory the delivery ends. */
void *leveret_allocate(size_t size);

/* A text made as by printf, until the handler has returned. */
const char *leveret_format(const char *format, ...) LEVERET_FORMATS(1, 2);

#ifdef __cplusplus
}
#endif

#include "exports.h"

#endif
