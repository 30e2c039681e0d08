#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

#include "behaviour.h"

extern char **environ;

leveret_result report_facts(const leveret_event *event, leveret_tasks *tasks)
{
    leveret_task *report = leveret_emit(tasks, "report.make");
    leveret_put_text(report, "/name", event->name);
    leveret_put_text(report, "/id", event->id);
    leveret_put_text(report, "/tid", event->tid);
    leveret_put_integer(report, "/time", (int64_t)event->time);
    if (event->source)
        leveret_put_text(report, "/source", event->source);
    else
        leveret_put_null(report, "/source");

    /* A header's name may have a slash in it, which a pointer would take for two names. */
    yyjson_mut_doc *document = leveret_document();
    yyjson_mut_val *headers = yyjson_mut_obj(document);
    for (size_t i = 0; i < event->header_count; i++)
        yyjson_mut_obj_add_strcpy(document, headers, event->headers[i].name, event->headers[i].value);
    leveret_put(report, "/headers", headers);
    return leveret_done();
}

leveret_result report_world(leveret_tasks *tasks)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return leveret_retry("there is no clock");
    leveret_task *report = leveret_emit(tasks, "report.make");
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

leveret_result report_setting(leveret_value order, leveret_tasks *tasks)
{
    const char *value = leveret_setting(leveret_text(order, "/name"));
    leveret_task *report = leveret_emit(tasks, "report.make");
    if (value)
        leveret_put_text(report, "/value", value);
    else
        leveret_put_null(report, "/value");
    return leveret_done();
}

leveret_result report_state(leveret_tasks *tasks)
{
    static int calls;
    leveret_put_integer(leveret_emit(tasks, "report.make"), "/calls", ++calls);
    return leveret_done();
}
