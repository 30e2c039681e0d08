#include <string.h>

#include "delivery.h"

leveret_result leveret_handle(const leveret_plugin *plugin, leveret_event *event, leveret_tasks *made)
{
    const leveret_subscription *subscription = plugin->subscriptions;
    for (; subscription && subscription->event; subscription++) {
        if (strcmp(subscription->event, event->name) == 0) {
            event->context = subscription->context;
            return leveret_conclude_tasks(subscription->handler(event, made), made);
        }
    }
    return leveret_reject("this plugin does not subscribe to %s", event->name);
}

leveret_result leveret_handle_task(const leveret_plugin *plugin, leveret_assignment *task, leveret_performed *made)
{
    const leveret_performance *performance = plugin->performs;
    for (; performance && performance->task; performance++) {
        if (strcmp(performance->task, task->name) == 0) {
            task->context = performance->context;
            return leveret_conclude(performance->worker(task, made), made);
        }
    }
    return leveret_reject("this plugin does not perform %s", task->name);
}

static const char *header(const leveret_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, name) == 0)
            return headers[i].value;
    return NULL;
}

const char *leveret_event_header(const leveret_event *event, const char *name)
{
    return header(event->headers, event->header_count, name);
}

const char *leveret_task_header(const leveret_assignment *task, const char *name)
{
    return header(task->headers, task->header_count, name);
}
