#include "behaviour.hpp"

using leveret::announcement, leveret::json, leveret::performed, leveret::task;

performed echo_task(const leveret::assignment &task)
{
    return announcement{"echo.made", json::raw(task.text())};
}

performed echo_typed_task(const leveret::assignment &, const person &person)
{
    return announcement{"echo.made", person.json()};
}

static performed announce(std::int64_t count)
{
    performed all;
    for (std::int64_t number = 1; number <= count; number++)
        all.announce({"echo.made", {{"number", number}}});
    return all;
}

static performed create(std::int64_t count)
{
    performed all;
    for (std::int64_t number = 1; number <= count; number++)
        all.emit({"echo.make", {{"number", number}}});
    return all;
}

static performed do_both()
{
    return performed{}
        .announce(announcement{"echo.made", json::object()}.header("colour", "blue"))
        .emit(task{"echo.make", json::object()}.key("k-1").header("colour", "green"));
}

performed obey_task(const leveret::assignment &task)
{
    leveret::value order = task.payload();
    std::string_view what = order["do"].text();
    if (what == "facts")
        return report_task(task);
    if (what == "announce")
        return announce(order["count"].integer());
    if (what == "create")
        return create(order["count"].integer());
    if (what == "both")
        return do_both();
    if (what == "undeclared")
        return announcement{"other.made", json::object()};
    if (what == "misshapen")
        return announcement{"shape.made", {{"n", "one"}}};
    if (what == "retry")
        return retry(order);
    if (what == "reject")
        return leveret::reject(order["reason"].text());
    if (what == "error")
        return leveret::retry("boom");
    if (what == "panic")
        panic();
    if (what == "world")
        return announcement{"report.made", world()};
    if (what == "setting")
        return announcement{"report.made", setting(order)};
    return leveret::reject("nobody taught me to do `", what, "`");
}
