/* Tasks that are performed: what comes in, what is announced, failures, recovery. */
#include <assert.h>
#include <leveret/test.h>
#include <string.h>

static leveret_result tell(const leveret_assignment *task, leveret_performed *performed)
{
    leveret_announcement *event = leveret_announce(performed, task->context);
    leveret_put_text(event, "/id", task->id);
    leveret_put_integer(event, "/attempt", task->attempt);
    leveret_put_text(event, "/key", task->key ? task->key : "none");
    leveret_put_text(event, "/to", leveret_text(leveret_task_payload(task), "/to"));
    const char *colour = leveret_task_header(task, "colour");
    if (colour)
        leveret_add_header(event, "colour", colour);
    leveret_set_key(leveret_emit(performed, "email.count"), "k-2");
    leveret_announce(performed, "email.counted");
    return leveret_done();
}

static leveret_result fail(const leveret_assignment *task, leveret_performed *performed)
{
    leveret_announce(performed, "email.sent");
    return leveret_retry_after(1000 * task->attempt, "busy");
}

static leveret_result order(const leveret_assignment *task, leveret_performed *performed)
{
    (void)task;
    leveret_set_key(leveret_announce(performed, "email.sent"), "k-1");
    return leveret_done();
}

static leveret_result announce(const leveret_event *event, leveret_tasks *tasks)
{
    (void)event;
    leveret_announce(tasks, "email.sent");
    return leveret_done();
}

static leveret_result complain(
    const leveret_message *message, const leveret_failed_attempt *attempts, size_t count, leveret_tasks *tasks)
{
    assert(message->task && !message->event);
    leveret_task *task = leveret_emit(tasks, "complaint.file");
    leveret_put_value(task, "/to", leveret_at(leveret_task_payload(message->task), "/to"));
    leveret_put_text(task, "/reason", attempts[count - 1].reason);
    return leveret_done();
}

LEVERET_RECOVER(complain);

LEVERET_SUBSCRIBER_AND_WORKER_PLUGIN(
    .version = "1",
    .subscriptions = LEVERET_SUBSCRIPTIONS({.event = "email.asked", .handler = announce}),
    .performs = LEVERET_PERFORMS(
        {.task = "email.send", .worker = tell, .context = "email.sent"},
        {.task = "email.drop", .worker = fail},
        {.task = "email.order", .worker = order}),
    .emits = LEVERET_EMITS({.name = "email.count"}),
    .announces = LEVERET_ANNOUNCES({.name = "email.sent"}, {.name = "email.counted"}),
);

static void what_a_worker_makes_is_what_it_was_given_and_in_order(void)
{
    const leveret_header headers[] = {{"colour", "blue"}};
    const leveret_assignment given = {
        .name = "email.send",
        .id = "t-1",
        .attempt = 3,
        .payload = "{\"to\": \"ada\"}",
        .key = "k-1",
        .headers = headers,
        .header_count = 1,
    };
    const leveret_delivery *delivery = leveret_perform_task(&given);
    assert(delivery->result.outcome == LEVERET_DONE && delivery->announcement_count == 2 && delivery->count == 1);
    const leveret_emitted *event = &delivery->announcements[0];
    assert(!strcmp(event->name, "email.sent") && !event->key);
    assert(!strcmp(event->payload, "{\"id\":\"t-1\",\"attempt\":3,\"key\":\"k-1\",\"to\":\"ada\"}"));
    assert(event->header_count == 1 && !strcmp(event->headers[0].value, "blue"));
    assert(!strcmp(delivery->announcements[1].name, "email.counted"));
    assert(!strcmp(delivery->tasks[0].name, "email.count") && !strcmp(delivery->tasks[0].key, "k-2"));
}

static void a_test_fills_in_what_a_task_has(void)
{
    const leveret_delivery *delivery = leveret_perform("email.send", "{\"to\": \"ada\"}");
    const char *payload = "{\"id\":\"sample-id\",\"attempt\":1,\"key\":\"none\",\"to\":\"ada\"}";
    assert(!strcmp(delivery->announcements[0].payload, payload));
}

static void nothing_is_published_of_a_failure(void)
{
    const leveret_delivery *failed = leveret_perform("email.drop", "{}");
    assert(failed->result.outcome == LEVERET_RETRY && failed->result.is_timed && failed->result.after == 1000);
    assert(!failed->announcement_count && !failed->count);
    const leveret_delivery *misfit = leveret_perform("email.send", "{\"to\": 7}");
    assert(misfit->result.outcome == LEVERET_REJECT && !misfit->announcement_count);
    assert(!strcmp(misfit->result.reason, "the payload does not fit: /to: expected a text, found an integer"));
}

static void what_cannot_be_published_is_a_retry_that_says_why(void)
{
    assert(strstr(leveret_perform("email.order", "{}")->result.reason, "email.sent has an ordering key"));
    assert(strstr(leveret_deliver("email.asked", "{}")->result.reason, "only a worker"));
}

static void a_task_without_a_worker_is_rejected(void)
{
    assert(leveret_perform("email.burn", "{}")->result.outcome == LEVERET_REJECT);
}

static void recovery_is_a_last_chance_for_tasks_too(void)
{
    const leveret_failed_attempt attempt = {.attempt = 1, .reason = "busy"};
    const leveret_delivery *recovered = leveret_recover_task("email.send", "{\"to\": \"ada\"}", &attempt, 1);
    assert(recovered->count == 1);
    assert(!strcmp(recovered->tasks[0].payload, "{\"to\":\"ada\",\"reason\":\"busy\"}"));
}

int main(void)
{
    what_a_worker_makes_is_what_it_was_given_and_in_order();
    a_test_fills_in_what_a_task_has();
    nothing_is_published_of_a_failure();
    what_cannot_be_published_is_a_retry_that_says_why();
    a_task_without_a_worker_is_rejected();
    recovery_is_a_last_chance_for_tasks_too();
    leveret_forget();
}
