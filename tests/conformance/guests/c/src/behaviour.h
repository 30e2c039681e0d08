/* What the plugin can be told to do, one function each. */
#ifndef BEHAVIOUR_H
#define BEHAVIOUR_H

#include <leveret/plugin.h>

/* facts.c: what the plugin sees */
leveret_result report_facts(const leveret_event *event, leveret_tasks *tasks);
leveret_result report_task(const leveret_assignment *task, leveret_performed *performed);
leveret_result report_world(leveret_task *report);
leveret_result report_reach(leveret_tasks *tasks);
leveret_result report_setting(leveret_value order, leveret_task *report);
leveret_result report_state(leveret_tasks *tasks);

/* work.c: what it performs */
leveret_worker echo_task, echo_typed_task, perform_quietly, obey_task;

/* plugin.c: what it does when an event tells it to */
leveret_result retry(leveret_value order);

/* harm.c: what no plugin should do */
leveret_result panic(void);
leveret_result loop(void);
leveret_result take_memory(void);
leveret_result recurse(void);

#endif
