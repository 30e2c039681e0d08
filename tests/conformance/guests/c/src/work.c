#include <string.h>

#include "behaviour.h"

leveret_result echo_task(const leveret_assignment *task, leveret_performed *performed)
{
    leveret_set_payload(leveret_announce(performed, "echo.made"), task->payload, task->payload_size);
    return leveret_done();
}

leveret_result echo_typed_task(const leveret_assignment *task, leveret_performed *performed)
{
    leveret_value payload = leveret_task_payload(task);
    leveret_announcement *echo = leveret_announce(performed, "echo.made");
    leveret_put_text(echo, "/email", leveret_text(payload, "/email"));
    leveret_put_integer(echo, "/amount", leveret_integer(payload, "/amount"));
    return leveret_done();
}

leveret_result perform_quietly(const leveret_assignment *task, leveret_performed *performed)
{
    (void)task, (void)performed;
    return leveret_done();
}

static leveret_result announce(int64_t count, leveret_performed *performed)
{
    for (int64_t number = 1; number <= count; number++)
        leveret_put_integer(leveret_announce(performed, "echo.made"), "/number", number);
    return leveret_done();
}

static leveret_result create(int64_t count, leveret_performed *performed)
{
    for (int64_t number = 1; number <= count; number++)
        leveret_put_integer(leveret_emit(performed, "echo.make"), "/number", number);
    return leveret_done();
}

static leveret_result do_both(leveret_performed *performed)
{
    leveret_add_header(leveret_announce(performed, "echo.made"), "colour", "blue");
    leveret_task *task = leveret_emit(performed, "echo.make");
    leveret_set_key(task, "k-1");
    leveret_add_header(task, "colour", "green");
    return leveret_done();
}

static leveret_result announce_misshapen(leveret_performed *performed)
{
    leveret_put_text(leveret_announce(performed, "shape.made"), "/n", "one");
    return leveret_done();
}

leveret_result obey_task(const leveret_assignment *task, leveret_performed *performed)
{
    leveret_value order = leveret_task_payload(task);
    const char *what = leveret_text(order, "/do");
    if (!strcmp(what, "facts"))
        return report_task(task, performed);
    if (!strcmp(what, "announce"))
        return announce(leveret_integer(order, "/count"), performed);
    if (!strcmp(what, "create"))
        return create(leveret_integer(order, "/count"), performed);
    if (!strcmp(what, "both"))
        return do_both(performed);
    if (!strcmp(what, "undeclared"))
        return leveret_announce(performed, "other.made"), leveret_done();
    if (!strcmp(what, "misshapen"))
        return announce_misshapen(performed);
    if (!strcmp(what, "retry"))
        return retry(order);
    if (!strcmp(what, "reject"))
        return leveret_reject("%s", leveret_text(order, "/reason"));
    if (!strcmp(what, "error"))
        return leveret_retry("boom");
    if (!strcmp(what, "panic"))
        return panic();
    if (!strcmp(what, "world"))
        return report_world(leveret_announce(performed, "report.made"));
    if (!strcmp(what, "setting"))
        return report_setting(order, leveret_announce(performed, "report.made"));
    return leveret_reject("nobody taught me to do `%s`", what);
}
