#include <inttypes.h>
#include <leveret/plugin.h>

static leveret_result thank(const leveret_event *event, leveret_tasks *tasks)
{
    leveret_value payment = leveret_payload(event);
    const char *email = leveret_text(payment, "/user/email");
    int64_t amount = leveret_integer(payment, "/amount");
    if (amount == 0)
        return leveret_reject("a payment of nothing");

    leveret_log(LEVERET_INFO, "%s paid %" PRId64, email, amount);
    leveret_task *task = leveret_emit(tasks, "email.send");
    leveret_put_text(task, "/to", email);
    leveret_put_text(task, "/template", "thanks");
    return leveret_done();
}

LEVERET_PLUGIN(
    .version = LEVERET_PROJECT_VERSION,
    .summary = "Thanks people for their payments.",
    .subscriptions = LEVERET_SUBSCRIPTIONS({.event = "org.payment.processed", .handler = thank}),
    .emits = LEVERET_EMITS({.name = "email.send"}),
);
