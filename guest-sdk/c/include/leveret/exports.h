/*
 * The exports that a plugin has only if its author writes them. The host looks at what a plugin exports, so each is made
 * in the author's own file, by a macro.
 */
#ifndef LEVERET_EXPORTS_H
#define LEVERET_EXPORTS_H

#ifdef __cplusplus
#define LEVERET_C_LINKAGE extern "C"
extern "C" {
#else
#define LEVERET_C_LINKAGE
#endif

/* What the macros call in a component: the host's arguments in, where the results are out. */
void *leveret_run_subscriber(
    uint8_t *name, size_t name_size, uint8_t *id, size_t id_size, uint8_t *tid, size_t tid_size, int64_t time,
    int32_t has_source, uint8_t *source, size_t source_size, uint8_t *payload, size_t payload_size, uint8_t *headers,
    size_t header_count);
void *leveret_run_worker(
    uint8_t *name, size_t name_size, uint8_t *id, size_t id_size, uint8_t *tid, size_t tid_size, int64_t time,
    int32_t attempt, uint8_t *payload, size_t payload_size, int32_t has_key, uint8_t *key, size_t key_size,
    uint8_t *headers, size_t header_count);
void *leveret_run_recovery(leveret_recovery *recovery, void *arguments);
void *leveret_run_probe(leveret_probe *probe);
void *leveret_run_timekeeper(const leveret_timed_event *events, size_t count);
void leveret_forget(void);

#ifdef __cplusplus
}
#endif

#ifdef __wasm__
#define LEVERET_EXPORT(interface, function)                                                                            \
    LEVERET_C_LINKAGE __attribute__((export_name("leveret:plugin/" interface "@0.1.0#" function)))
#define LEVERET_EXPORT_AFTER(interface, function)                                                                      \
    LEVERET_C_LINKAGE __attribute__((export_name("cabi_post_leveret:plugin/" interface "@0.1.0#" function)))

#define LEVERET_EXPORT_SUBSCRIBER                                                                                      \
    LEVERET_EXPORT("subscriber", "on-event") void *leveret_export_on_event(                                            \
        uint8_t *name, size_t name_size, uint8_t *id, size_t id_size, uint8_t *tid, size_t tid_size, int64_t time,     \
        int32_t has_source, uint8_t *source, size_t source_size, uint8_t *payload, size_t payload_size,                \
        uint8_t *headers, size_t header_count)                                                                         \
    {                                                                                                                  \
        return leveret_run_subscriber(                                                                                 \
            name, name_size, id, id_size, tid, tid_size, time, has_source, source, source_size, payload, payload_size, \
            headers, header_count);                                                                                    \
    }                                                                                                                  \
    LEVERET_EXPORT_AFTER("subscriber", "on-event") void leveret_after_on_event(void *result)                           \
    {                                                                                                                  \
        (void)result;                                                                                                  \
        leveret_forget();                                                                                              \
    }

#define LEVERET_EXPORT_WORKER                                                                                          \
    LEVERET_EXPORT("worker", "perform") void *leveret_export_perform(                                                  \
        uint8_t *name, size_t name_size, uint8_t *id, size_t id_size, uint8_t *tid, size_t tid_size, int64_t time,     \
        int32_t attempt, uint8_t *payload, size_t payload_size, int32_t has_key, uint8_t *key, size_t key_size,        \
        uint8_t *headers, size_t header_count)                                                                         \
    {                                                                                                                  \
        return leveret_run_worker(                                                                                     \
            name, name_size, id, id_size, tid, tid_size, time, attempt, payload, payload_size, has_key, key, key_size, \
            headers, header_count);                                                                                    \
    }                                                                                                                  \
    LEVERET_EXPORT_AFTER("worker", "perform") void leveret_after_perform(void *result)                                 \
    {                                                                                                                  \
        (void)result;                                                                                                  \
        leveret_forget();                                                                                              \
    }

#define LEVERET_EXPORT_RECOVERY(function)                                                                              \
    LEVERET_EXPORT("recovery", "recover") void *leveret_export_recover(void *arguments)                                \
    {                                                                                                                  \
        return leveret_run_recovery(function, arguments);                                                              \
    }                                                                                                                  \
    LEVERET_EXPORT_AFTER("recovery", "recover") void leveret_after_recover(void *result)                               \
    {                                                                                                                  \
        (void)result;                                                                                                  \
        leveret_forget();                                                                                              \
    }                                                                                                                  \
    void leveret_forget(void)

#define LEVERET_EXPORT_PROBE(function)                                                                                 \
    LEVERET_EXPORT("probe", "healthy") void *leveret_export_healthy(void) { return leveret_run_probe(function); }      \
    LEVERET_EXPORT_AFTER("probe", "healthy") void leveret_after_healthy(void *result)                                  \
    {                                                                                                                  \
        (void)result;                                                                                                  \
        leveret_forget();                                                                                              \
    }                                                                                                                  \
    void leveret_forget(void)

#define LEVERET_TIMETABLE(...)                                                                                         \
    static const leveret_timed_event leveret_timed_events[] = {__VA_ARGS__};                                           \
    LEVERET_EXPORT("timekeeper", "timetable") void *leveret_export_timetable(void)                                     \
    {                                                                                                                  \
        return leveret_run_timekeeper(                                                                                 \
            leveret_timed_events, sizeof leveret_timed_events / sizeof *leveret_timed_events);                         \
    }                                                                                                                  \
    LEVERET_EXPORT_AFTER("timekeeper", "timetable") void leveret_after_timetable(void *result)                         \
    {                                                                                                                  \
        (void)result;                                                                                                  \
        leveret_forget();                                                                                              \
    }                                                                                                                  \
    void leveret_forget(void)

#else
/* Natively they are found by the tests: see test.h. */
#define LEVERET_EXPORT_SUBSCRIBER
#define LEVERET_EXPORT_WORKER
#define LEVERET_EXPORT_RECOVERY(function)                                                                              \
    LEVERET_C_LINKAGE leveret_recovery *leveret_this_recovery(void) { return function; }                               \
    void leveret_forget(void)
#define LEVERET_EXPORT_PROBE(function)                                                                                 \
    LEVERET_C_LINKAGE leveret_probe *leveret_this_probe(void) { return function; }                                     \
    void leveret_forget(void)
#define LEVERET_TIMETABLE(...)                                                                                         \
    static const leveret_timed_event leveret_timed_events[] = {__VA_ARGS__};                                           \
    LEVERET_C_LINKAGE const leveret_timed_event *leveret_timetable(size_t *count)                                      \
    {                                                                                                                  \
        *count = sizeof leveret_timed_events / sizeof *leveret_timed_events;                                           \
        return leveret_timed_events;                                                                                   \
    }                                                                                                                  \
    void leveret_forget(void)
#endif

/*
 * LEVERET_TIMETABLE({.event = "report.due", .cron = "30 8 * * MON-FRI"}, ...) has the host announce these events of the
 * plugin's because time has come. At most 100, each event once. Once in a plugin.
 */

#ifndef __cplusplus
/* Makes a leveret_recovery the plugin's last chance for messages that failed for good. Once in a plugin. */
#define LEVERET_RECOVER(function) LEVERET_EXPORT_RECOVERY(function)

/* Makes a leveret_probe the plugin's answer to whether it is healthy. Once in a plugin. */
#define LEVERET_HEALTHY(function) LEVERET_EXPORT_PROBE(function)
#endif

#endif
