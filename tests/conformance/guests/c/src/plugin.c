#include <stdio.h>
#include <string.h>

#include "behaviour.h"

static leveret_result echo(const leveret_event *event, leveret_tasks *tasks)
{
    leveret_set_payload(leveret_emit(tasks, "echo.make"), event->payload, event->payload_size);
    return leveret_done();
}

static leveret_result echo_typed(const leveret_event *event, leveret_tasks *tasks)
{
    leveret_value payload = leveret_payload(event);
    leveret_task *echo = leveret_emit(tasks, "echo.make");
    leveret_put_text(echo, "/email", leveret_text(payload, "/email"));
    leveret_put_integer(echo, "/amount", leveret_integer(payload, "/amount"));
    return leveret_done();
}

static leveret_result keep_quiet(const leveret_event *event, leveret_tasks *tasks)
{
    (void)event, (void)tasks;
    return leveret_done();
}

static leveret_result emit(leveret_value order, leveret_tasks *tasks)
{
    int64_t count = leveret_integer(order, "/count");
    size_t size = (size_t)leveret_integer(order, "/size");
    char *padding = leveret_allocate(size + 1);
    memset(padding, 'x', size);
    padding[size] = 0;
    for (int64_t number = 1; number <= count; number++) {
        leveret_task *echo = leveret_emit(tasks, "echo.make");
        leveret_put_integer(echo, "/number", number);
        leveret_put_text(echo, "/padding", padding);
    }
    return leveret_done();
}

static leveret_result emit_with_key(leveret_tasks *tasks)
{
    leveret_task *echo = leveret_emit(tasks, "echo.make");
    leveret_set_key(echo, "k-1");
    leveret_add_header(echo, "colour", "blue");
    return leveret_done();
}

static leveret_result emit_misshapen(leveret_tasks *tasks)
{
    leveret_put_text(leveret_emit(tasks, "shape.make"), "/n", "one");
    return leveret_done();
}

leveret_result retry(leveret_value order)
{
    const char *reason = leveret_text(order, "/reason");
    if (leveret_has(order, "/after"))
        return leveret_retry_after((uint64_t)leveret_integer(order, "/after"), "%s", reason);
    return leveret_retry("%s", reason);
}

static leveret_result write_log(void)
{
    leveret_log(LEVERET_TRACE, "a trace line");
    leveret_log(LEVERET_DEBUG, "a debug line");
    leveret_log(LEVERET_INFO, "an info line");
    leveret_log(LEVERET_WARN, "a warn line");
    leveret_log(LEVERET_ERROR, "an error line");
    puts("a printed line");
    fflush(stdout);
    fputs("a complaint\n", stderr);
    return leveret_done();
}

static leveret_result obey(const leveret_event *event, leveret_tasks *tasks)
{
    leveret_value order = leveret_payload(event);
    const char *what = leveret_text(order, "/do");
    if (!strcmp(what, "facts"))
        return report_facts(event, tasks);
    if (!strcmp(what, "emit"))
        return emit(order, tasks);
    if (!strcmp(what, "key"))
        return emit_with_key(tasks);
    if (!strcmp(what, "undeclared"))
        return leveret_emit(tasks, "other.make"), leveret_done();
    if (!strcmp(what, "misshapen"))
        return emit_misshapen(tasks);
    if (!strcmp(what, "retry"))
        return retry(order);
    if (!strcmp(what, "reject"))
        return leveret_reject("%s", leveret_text(order, "/reason"));
    if (!strcmp(what, "error"))
        return leveret_retry("boom");
    if (!strcmp(what, "panic"))
        return panic();
    if (!strcmp(what, "loop"))
        return loop();
    if (!strcmp(what, "memory"))
        return take_memory();
    if (!strcmp(what, "recurse"))
        return recurse();
    if (!strcmp(what, "log"))
        return write_log();
    if (!strcmp(what, "world"))
        return report_world(leveret_emit(tasks, "report.make"));
    if (!strcmp(what, "reach"))
        return report_reach(tasks);
    if (!strcmp(what, "setting"))
        return report_setting(order, leveret_emit(tasks, "report.make"));
    if (!strcmp(what, "state"))
        return report_state(tasks);
    return leveret_reject("nobody taught me to do `%s`", what);
}

static leveret_result recover(
    const leveret_message *message, const leveret_failed_attempt *attempts, size_t count, leveret_tasks *tasks)
{
    const char *id = message->event ? message->event->id : message->task->id;
    leveret_value payload = message->event ? leveret_payload(message->event) : leveret_task_payload(message->task);
    leveret_value order = leveret_find(payload, "/recover");
    if (leveret_has(order, "") && !strcmp(leveret_text(order, ""), "fail"))
        return leveret_reject("no way out");

    leveret_task *report = leveret_emit(tasks, "report.make");
    leveret_put_text(report, "/recovered", id);
    leveret_put_array(report, "/attempts");
    for (size_t i = 0; i < count; i++) {
        leveret_put_object(report, "/attempts/-");
        leveret_put_integer(report, leveret_format("/attempts/%zu/attempt", i), attempts[i].attempt);
        leveret_put_integer(report, leveret_format("/attempts/%zu/time", i), (int64_t)attempts[i].time);
        leveret_put_text(report, leveret_format("/attempts/%zu/version", i), attempts[i].version);
        leveret_put_text(report, leveret_format("/attempts/%zu/reason", i), attempts[i].reason);
    }
    return leveret_done();
}

static const char *healthy(void)
{
    return leveret_setting("ill");
}

LEVERET_RECOVER(recover);
LEVERET_HEALTHY(healthy);
LEVERET_TIMETABLE(
    {.event = "report.made", .cron = "30 8 * * MON-FRI", .zone = "Europe/Berlin", .missed = LEVERET_SKIP},
    {.event = "echo.made", .every = 90000, .offset = 7000},
    {.event = "shape.made", .at = 5000, .missed = LEVERET_ALL});

#define OBJECT_WITH_N "{\"type\": \"object\", \"required\": [\"n\"]}"
#define INTEGER_N                                                                                                      \
    "{\"type\": \"object\", \"required\": [\"n\"], \"properties\": {\"n\": {\"type\": \"integer\"}}}"

LEVERET_SUBSCRIBER_AND_WORKER_PLUGIN(
    .version = LEVERET_PROJECT_VERSION,
    .summary = "Does what it is told.",
    .subscriptions = LEVERET_SUBSCRIPTIONS(
        {.event = "conformance.asked", .handler = obey},
        {.event = "conformance.echoed", .handler = echo},
        {.event = "conformance.typed", .handler = echo_typed},
        {.event = "conformance.shaped", .handler = keep_quiet, .schema = OBJECT_WITH_N}),
    .performs = LEVERET_PERFORMS(
        {.task = "order.obey", .worker = obey_task},
        {.task = "text.echo", .worker = echo_task},
        {.task = "account.check", .worker = echo_typed_task},
        {.task = "shape.check", .worker = perform_quietly, .schema = OBJECT_WITH_N}),
    .emits = LEVERET_EMITS({.name = "echo.make"}, {.name = "report.make"}, {.name = "shape.make", .schema = INTEGER_N}),
    .announces =
        LEVERET_ANNOUNCES({.name = "echo.made"}, {.name = "report.made"}, {.name = "shape.made", .schema = INTEGER_N}),
    .limits = {.time = 5000, .memory = 128 << 20, .prefetch = 7, .attempts = 4},
);
