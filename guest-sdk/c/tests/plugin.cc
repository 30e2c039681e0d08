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

struct order_to_send {
    std::string_view to;

    explicit order_to_send(leveret::value json) : to{json["to"].text()} {}
};

static leveret::performed send(const leveret::assignment &task, const order_to_send &order)
{
    assert(task.name() == "bill.send" && task.time() == leveret::moment{0ms} && !task.header("colour"));
    if (order.to == "nobody")
        return leveret::reject("nobody pays");
    return leveret::performed{}
        .announce(leveret::announcement{"bill.sent", {{"to", order.to}, {"attempt", task.attempt()}}}.header("a", "b"))
        .emit({"bill.keep", {{"key", task.key() ? json{*task.key()} : nullptr}}});
}

static leveret::result complain(const leveret::message &message, std::span<const leveret::failed_attempt> attempts)
{
    if (message.task)
        return task{"complaint.file", {{"task", message.task->payload()["to"].text()}}};
    return task{"complaint.file", {{"id", message.event->id()}, {"attempts", attempts.size()}}};
}

static std::optional<std::string> healthy()
{
    auto illness = leveret::setting("ill");
    return illness ? std::optional{std::string{*illness}} : std::nullopt;
}

LEVERET_RECOVER(complain);
LEVERET_HEALTHY(healthy);

LEVERET_SUBSCRIBER_AND_WORKER_PLUGIN(
    .version = "1",
    .subscriptions = {
        {"order.placed", bill},
        {"order.lost", [](const leveret::event &) -> leveret::result { return leveret::reject("lost"); }},
    },
    .performs = {
        {"bill.send", send},
        {"bill.keep", [](const leveret::assignment &) -> leveret::performed { return {}; }, "{}"},
    },
    .emits = {{"bill.send"}, {"bill.keep", "{}"}},
    .announces = {{"bill.sent"}},
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

    leveret_assignment assignment{};
    assignment.name = "bill.send";
    assignment.payload = R"({"to": "Ada"})";
    assignment.key = "k-1";
    const leveret_delivery *sent = leveret_perform_task(&assignment);
    assert(sent->result.outcome == LEVERET_DONE && sent->count == 1 && sent->announcement_count == 1);
    assert(sent->announcements[0].payload == std::string_view{R"({"to":"Ada","attempt":1})"});
    assert(sent->announcements[0].header_count == 1 && sent->tasks[0].payload == std::string_view{R"({"key":"k-1"})"});
    assert(leveret_perform("bill.keep", "{}")->result.outcome == LEVERET_DONE);
    assert(leveret_perform("bill.send", R"({"to": "nobody"})")->result.reason == std::string_view{"nobody pays"});
    assert(leveret_perform("bill.send", "{}")->result.reason ==
        std::string_view{"the payload does not fit: /to: expected a text, found nothing"});
    const leveret_delivery *complaint = leveret_recover_task("bill.send", R"({"to": "Ada"})", &attempt, 1);
    assert(complaint->tasks[0].payload == std::string_view{R"({"task":"Ada"})"});

    assert(!leveret_ask_health());
    leveret_set_setting("ill", "empty");
    assert(leveret_ask_health() == std::string_view{"empty"});
    leveret_forget();
}
