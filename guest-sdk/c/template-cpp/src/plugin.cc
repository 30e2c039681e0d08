#include <leveret/plugin.hpp>

struct payment {
    std::string_view email;
    std::int64_t amount;

    explicit payment(leveret::value json) : email{json["user"]["email"].text()}, amount{json["amount"].integer()} {}
};

static leveret::result thank(const leveret::event &, const payment &payment)
{
    if (payment.amount == 0)
        return leveret::reject("a payment of nothing");

    leveret::log::info(payment.email, " paid ", payment.amount);
    return leveret::task{"email.send", {{"to", payment.email}, {"template", "thanks"}}};
}

LEVERET_PLUGIN(
    .version = LEVERET_PROJECT_VERSION,
    .summary = "Thanks people for their payments.",
    .subscriptions = {{"org.payment.processed", thank}},
    .emits = {{"email.send"}},
);
