#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

#include "behaviour.h"

extern char **environ;

/* A header's name may have a slash in it, which a pointer would take for two names. */
static void report_headers(leveret_task *report, const leveret_header *given, size_t count)
{
    yyjson_mut_doc *document = leveret_document();
    yyjson_mut_val *headers = yyjson_mut_obj(document);
    for (size_t i = 0; i < count; i++)
        yyjson_mut_obj_add_strcpy(document, headers, given[i].name, given[i].value);
    leveret_put(report, "/headers", headers);
}

static void report_option(leveret_task *report, const char *pointer, const char *text)
{
    if (text)
        leveret_put_text(report, pointer, text);
    else
        leveret_put_null(report, pointer);
}

leveret_result report_facts(const leveret_event *event, leveret_tasks *tasks)
{
    leveret_task *report = leveret_emit(tasks, "report.make");
    leveret_put_text(report, "/name", event->name);
    leveret_put_text(report, "/id", event->id);
    leveret_put_text(report, "/tid", event->tid);
    leveret_put_integer(report, "/time", (int64_t)event->time);
    report_option(report, "/source", event->source);
    report_headers(report, event->headers, event->header_count);
    return leveret_done();
}

leveret_result report_task(const leveret_assignment *task, leveret_performed *performed)
{
    leveret_announcement *report = leveret_announce(performed, "report.made");
    leveret_put_text(report, "/name", task->name);
    leveret_put_text(report, "/id", task->id);
    leveret_put_text(report, "/tid", task->tid);
    leveret_put_integer(report, "/time", (int64_t)task->time);
    leveret_put_integer(report, "/attempt", task->attempt);
    report_option(report, "/key", task->key);
    report_headers(report, task->headers, task->header_count);
    return leveret_done();
}

leveret_result report_world(leveret_task *report)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return leveret_retry("there is no clock");
    leveret_put_integer(report, "/now", (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);

    unsigned seed;
    if (getentropy(&seed, sizeof seed) != 0)
        return leveret_retry("there is no entropy");
    srandom(seed);
    leveret_put_array(report, "/random");
    for (int i = 0; i < 4; i++)
        leveret_put_integer(report, "/random/-", random());

    uint32_t entropy[4];
    if (getentropy(entropy, sizeof entropy) != 0)
        return leveret_retry("there is no entropy");
    leveret_put_array(report, "/entropy");
    for (int i = 0; i < 4; i++)
        leveret_put_integer(report, "/entropy/-", entropy[i]);
    return leveret_done();
}

leveret_result report_reach(leveret_tasks *tasks)
{
    FILE *file = fopen("/etc/passwd", "r");
    leveret_task *report = leveret_emit(tasks, "report.make");
    leveret_put_boolean(report, "/file", file != NULL);
    leveret_put_boolean(report, "/environment", environ && *environ);
    leveret_put_boolean(report, "/network", false); /* the C library has no connect() */
    if (file)
        fclose(file);
    return leveret_done();
}

leveret_result report_setting(leveret_value order, leveret_task *report)
{
    const char *value = leveret_setting(leveret_text(order, "/name"));
    report_option(report, "/value", value);
    return leveret_done();
}

leveret_result report_state(leveret_tasks *tasks)
{
    static int calls;
    leveret_put_integer(leveret_emit(tasks, "report.make"), "/calls", ++calls);
    return leveret_done();
}
