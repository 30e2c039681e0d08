#include <assert.h>
#include <leveret/test.h>
#include <string.h>

static void a_payer_is_thanked(void)
{
    const leveret_delivery *delivery =
        leveret_deliver("org.payment.processed", "{\"user\": {\"email\": \"ada@example.org\"}, \"amount\": 4200}");
    assert(delivery->result.outcome == LEVERET_DONE);
    assert(delivery->count == 1);
    assert(!strcmp(delivery->tasks[0].name, "email.send"));
    assert(!strcmp(delivery->tasks[0].payload, "{\"to\":\"ada@example.org\",\"template\":\"thanks\"}"));
}

static void a_payment_of_nothing_is_rejected(void)
{
    const leveret_delivery *delivery =
        leveret_deliver("org.payment.processed", "{\"user\": {\"email\": \"ada@example.org\"}, \"amount\": 0}");
    assert(delivery->result.outcome == LEVERET_REJECT);
    assert(!strcmp(delivery->result.reason, "a payment of nothing"));
}

int main(void)
{
    a_payer_is_thanked();
    a_payment_of_nothing_is_rejected();
}
