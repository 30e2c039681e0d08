/* Deliveries: outcomes, settings, events, recovery, health. */
#include <assert.h>
#include <leveret/test.h>
#include <string.h>

static leveret_result fail(const leveret_event *event, leveret_tasks *tasks)
{
    leveret_emit(tasks, "task.make");
    leveret_value payload = leveret_payload(event);
    const char *how = leveret_text(payload, "/how");
    if (!strcmp(how, "retry"))
        return leveret_retry("%s is busy", "ada");
    if (!strcmp(how, "later"))
        return leveret_retry_after(60000, "in %d minute", 1);
    return leveret_reject("never");
}

static leveret_result tell(const leveret_event *event, leveret_tasks *tasks)
{
    leveret_task *task = leveret_emit(tasks, event->context);
    const char *colour = leveret_event_header(event, "colour");
    const char *setting = leveret_setting("greeting");
    leveret_put_text(task, "/id", event->id);
    leveret_put_text(task, "/colour", colour ? colour : "none");
    leveret_put_text(task, "/greeting", setting ? setting : "none");
    return leveret_done();
}

static leveret_result complain(
    const leveret_message *message, const leveret_failed_attempt *attempts, size_t count, leveret_tasks *tasks)
{
    assert(message->event && !message->task);
    if (!leveret_has(leveret_payload(message->event), "/hope"))
        return leveret_reject("no way out");
    leveret_put_text(leveret_emit(tasks, "complaint.file"), "/reason", attempts[count - 1].reason);
    return leveret_done();
}

static const char *healthy(void)
{
    return leveret_setting("ill");
}

LEVERET_RECOVER(complain);
LEVERET_HEALTHY(healthy);

LEVERET_PLUGIN(
    .version = "1",
    .subscriptions = LEVERET_SUBSCRIPTIONS(
        {.event = "fail", .handler = fail}, {.event = "tell", .handler = tell, .context = "task.make"}));

static void failures_have_reasons_and_no_tasks(void)
{
    const leveret_delivery *retried = leveret_deliver("fail", "{\"how\": \"retry\"}");
    assert(retried->result.outcome == LEVERET_RETRY && !retried->result.is_timed && retried->count == 0);
    assert(!strcmp(retried->result.reason, "ada is busy"));

    const leveret_delivery *timed = leveret_deliver("fail", "{\"how\": \"later\"}");
    assert(timed->result.outcome == LEVERET_RETRY && timed->result.is_timed && timed->result.after == 60000);
    assert(!strcmp(timed->result.reason, "in 1 minute"));

    const leveret_delivery *rejected = leveret_deliver("fail", "{\"how\": \"\"}");
    assert(rejected->result.outcome == LEVERET_REJECT && !strcmp(rejected->result.reason, "never"));
}

static void a_misfit_comes_before_what_the_handler_returns(void)
{
    const leveret_delivery *delivery = leveret_deliver("fail", "{}");
    assert(delivery->result.outcome == LEVERET_REJECT);
    assert(!strcmp(delivery->result.reason, "the payload does not fit: /how: expected a text, found nothing"));
}

static void an_event_without_a_subscription_is_rejected(void)
{
    assert(leveret_deliver("unheard.of", "{}")->result.outcome == LEVERET_REJECT);
}

static void assert_told(const leveret_event *event, const char *payload)
{
    const leveret_delivery *delivery = leveret_deliver_event(event);
    assert(delivery->count == 1 && !strcmp(delivery->tasks[0].payload, payload));
}

static void a_handler_sees_headers_and_settings(void)
{
    assert_told(
        &(leveret_event){.name = "tell"}, "{\"id\":\"sample-id\",\"colour\":\"none\",\"greeting\":\"none\"}");
    leveret_set_setting("greeting", "hello");
    const leveret_header headers[] = {{"size", "large"}, {"colour", "blue"}, {"colour", "red"}};
    assert_told(
        &(leveret_event){.name = "tell", .id = "e-1", .headers = headers, .header_count = 3},
        "{\"id\":\"e-1\",\"colour\":\"blue\",\"greeting\":\"hello\"}");
    leveret_set_setting("greeting", NULL);
    assert_told(
        &(leveret_event){.name = "tell"}, "{\"id\":\"sample-id\",\"colour\":\"none\",\"greeting\":\"none\"}");
}

static void recovery_is_a_last_chance(void)
{
    const leveret_failed_attempt attempts[] = {{.attempt = 1, .reason = "busy"}, {.attempt = 2, .reason = "gone"}};
    const leveret_delivery *recovered = leveret_recover_event("fail", "{\"hope\": true}", attempts, 2);
    assert(recovered->result.outcome == LEVERET_DONE && recovered->count == 1);
    assert(!strcmp(recovered->tasks[0].payload, "{\"reason\":\"gone\"}"));

    const leveret_delivery *lost = leveret_recover_event("fail", "{}", attempts, 2);
    assert(lost->result.outcome == LEVERET_REJECT && !strcmp(lost->result.reason, "no way out"));
}

static void health_has_a_reason_where_there_is_none(void)
{
    assert(!leveret_ask_health());
    leveret_set_setting("ill", "the table is empty");
    assert(!strcmp(leveret_ask_health(), "the table is empty"));
}

int main(void)
{
    failures_have_reasons_and_no_tasks();
    a_misfit_comes_before_what_the_handler_returns();
    an_event_without_a_subscription_is_rejected();
    a_handler_sees_headers_and_settings();
    recovery_is_a_last_chance();
    health_has_a_reason_where_there_is_none();
    leveret_forget();
}
