// The layer of C++: reading, making, failing.
#undef NDEBUG
#include <cassert>
#include <leveret/plugin.hpp>
#include <leveret/test.h>

using namespace std::chrono_literals;
using leveret::json, leveret::task;

struct order {
    std::string_view customer;
    std::int64_t total = 0;

    explicit order(leveret::value json) : customer{json["customer"]["na/me"].text()}
    {
        for (leveret::value line : json["lines"])
            total += line["amount"].integer(1);
    }
};

static leveret::result bill(const leveret::event &event, const order &order)
{
    assert(event.time() == leveret::moment{0ms} && !event.source() && !event.header("colour"));
    leveret::log::debug("bills ", order.customer, " ", order.total, " ", 0.5, " ", true);
    if (order.total == 0)
        return leveret::retry("nothing of ", order.customer, " yet").after(1min);
    json lines = json::array({1, "two", nullptr});
    lines.add(json{{"truth", true}, {"half", 0.5}});
    json copy = lines;
    copy.add(3u);
    return {
        task{"bill.send", {{"to", order.customer}, {"total", order.total}}}.key("k-1").header("colour", "blue"),
        task{
            "bill.keep",
            {
                {"lines", lines},
                {"again", copy},
                {"raw", json::raw("[ 0 ]")},
                {"read", event.payload()["customer"]},
            }},
    };
}

static leveret::result complain(const leveret::message &message, std::span<const leveret::failed_attempt> attempts)
{
    return task{"complaint.file", {{"id", message.event->id()}, {"attempts", attempts.size()}}};
}

static std::optional<std::string> healthy()
{
    auto illness = leveret::setting("ill");
    return illness ? std::optional{std::string{*illness}} : std::nullopt;
}

LEVERET_RECOVER(complain);
LEVERET_HEALTHY(healthy);

LEVERET_PLUGIN(
    .version = "1",
    .subscriptions = {
        {"order.placed", bill},
        {"order.lost", [](const leveret::event &) -> leveret::result { return leveret::reject("lost"); }},
    },
    .emits = {{"bill.send"}, {"bill.keep", "{}"}},
    .limits = {.time = 5s, .attempts = 4},
);

static void assert_rejected(const char *payload, std::string_view reason)
{
    const leveret_delivery *delivery = leveret_deliver("order.placed", payload);
    assert(delivery->result.outcome == LEVERET_REJECT && delivery->result.reason == reason);
}

int main()
{
    const leveret_delivery *billed = leveret_deliver(
        "order.placed", R"({"customer": {"na/me": "Ada"}, "lines": [{"amount": 3}, {}, {"amount": null}]})");
    assert(billed->result.outcome == LEVERET_DONE && billed->count == 2);
    assert(billed->tasks[0].payload == std::string_view{R"({"to":"Ada","total":5})"});
    assert(billed->tasks[0].key == std::string_view{"k-1"} && billed->tasks[0].header_count == 1);
    assert(billed->tasks[1].payload ==
        std::string_view{R"({"lines":[1,"two",null,{"truth":true,"half":0.5}],)"
                         R"("again":[1,"two",null,{"truth":true,"half":0.5},3],"raw":[ 0 ],"read":{"na/me":"Ada"}})"});

    const leveret_delivery *early = leveret_deliver("order.placed", R"({"customer": {"na/me": "Ada"}, "lines": []})");
    assert(early->result.outcome == LEVERET_RETRY && early->result.is_timed && early->result.after == 60000);
    assert(early->result.reason == std::string_view{"nothing of Ada yet"});

    assert_rejected(R"({})", "the payload does not fit: /customer/na~1me: expected a text, found nothing");
    assert_rejected(
        R"({"customer": {"na/me": "Ada"}, "lines": [{"amount": "x"}]})",
        "the payload does not fit: /lines/0/amount: expected an integer, found a text");
    assert_rejected(
        R"({"customer": {"na/me": "Ada"}, "lines": {}})",
        "the payload does not fit: /lines: expected an array, found an object");
    assert(leveret_deliver("order.lost", "null")->result.reason == std::string_view{"lost"});

    leveret_failed_attempt attempt{.attempt = 1, .time = 0, .version = "1", .reason = "busy"};
    const leveret_delivery *recovered = leveret_recover_event("order.placed", "{}", &attempt, 1);
    assert(recovered->tasks[0].payload == std::string_view{R"({"id":"sample-id","attempts":1})"});

    assert(!leveret_ask_health());
    leveret_set_setting("ill", "empty");
    assert(leveret_ask_health() == std::string_view{"empty"});
    leveret_forget();
}
