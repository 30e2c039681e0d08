#include <chrono>
#include <cstdio>
#include <random>

#include <unistd.h>

#include "behaviour.hpp"

extern "C" char **environ;

static leveret::json all_of(std::span<const leveret::header> given)
{
    leveret::json headers = leveret::json::object();
    for (const leveret::header &header : given)
        headers.set(header.name, header.value);
    return headers;
}

static leveret::json option(std::optional<std::string_view> text)
{
    return text ? leveret::json{*text} : nullptr;
}

leveret::result report_facts(const leveret::event &event)
{
    return leveret::task{
        "report.make",
        {
            {"name", event.name()},
            {"id", event.id()},
            {"tid", event.tid()},
            {"time", event.time().time_since_epoch().count()},
            {"source", option(event.source())},
            {"headers", all_of(event.headers())},
        }};
}

leveret::performed report_task(const leveret::assignment &task)
{
    return leveret::announcement{
        "report.made",
        {
            {"name", task.name()},
            {"id", task.id()},
            {"tid", task.tid()},
            {"time", task.time().time_since_epoch().count()},
            {"attempt", task.attempt()},
            {"key", option(task.key())},
            {"headers", all_of(task.headers())},
        }};
}

template <class Generator>
static leveret::json four_of(Generator &generator)
{
    leveret::json numbers = leveret::json::array();
    for (int i = 0; i < 4; i++)
        numbers.add(generator());
    return numbers;
}

leveret::json world()
{
    using namespace std::chrono;
    std::random_device entropy;
    std::mt19937 random{entropy()};
    return {
        {"now", duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()},
        {"random", four_of(random)},
        {"entropy", four_of(entropy)},
    };
}

leveret::result report_reach()
{
    std::FILE *file = std::fopen("/etc/passwd", "r");
    bool is_readable = file != nullptr;
    if (file)
        std::fclose(file);
    return leveret::task{
        "report.make",
        {
            {"file", is_readable},
            {"environment", environ && *environ},
            {"network", false}, // the C library has no connect()
        }};
}

leveret::json setting(leveret::value order)
{
    return {{"value", option(leveret::setting(std::string{order["name"].text()}.c_str()))}};
}

leveret::result report_state()
{
    static int calls = 0;
    return leveret::task{"report.make", {{"calls", ++calls}}};
}
