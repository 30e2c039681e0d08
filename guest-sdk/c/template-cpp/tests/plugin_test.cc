#include <cassert>
#include <leveret/test.h>
#include <string_view>

using namespace std::string_view_literals;

static void a_payer_is_thanked()
{
    const leveret_delivery *delivery =
        leveret_deliver("org.payment.processed", R"({"user": {"email": "ada@example.org"}, "amount": 4200})");
    assert(delivery->result.outcome == LEVERET_DONE);
    assert(delivery->count == 1);
    assert(delivery->tasks[0].name == "email.send"sv);
    assert(delivery->tasks[0].payload == R"({"to":"ada@example.org","template":"thanks"})"sv);
}

static void a_payment_of_nothing_is_rejected()
{
    const leveret_delivery *delivery =
        leveret_deliver("org.payment.processed", R"({"user": {"email": "ada@example.org"}, "amount": 0})");
    assert(delivery->result.outcome == LEVERET_REJECT);
    assert(delivery->result.reason == "a payment of nothing"sv);
}

int main()
{
    a_payer_is_thanked();
    a_payment_of_nothing_is_rejected();
}
