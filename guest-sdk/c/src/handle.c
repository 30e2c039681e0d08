#include <string.h>

#include "delivery.h"

leveret_result leveret_handle(const leveret_plugin *plugin, leveret_event *event, leveret_tasks *tasks)
{
    for (const leveret_subscription *subscription = plugin->subscriptions; subscription->event; subscription++) {
        if (strcmp(subscription->event, event->name) == 0) {
            event->context = subscription->context;
            return leveret_conclude(subscription->handler(event, tasks), tasks);
        }
    }
    return leveret_reject("this plugin does not subscribe to %s", event->name);
}

const char *leveret_event_header(const leveret_event *event, const char *name)
{
    for (size_t i = 0; i < event->header_count; i++)
        if (strcmp(event->headers[i].name, name) == 0)
            return event->headers[i].value;
    return NULL;
}
