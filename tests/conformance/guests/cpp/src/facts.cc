#include <chrono>
#include <cstdio>
#include <random>

#include <unistd.h>

#include "behaviour.hpp"

extern "C" char **environ;

leveret::result report_facts(const leveret::event &event)
{
    leveret::json headers = leveret::json::object();
    for (const leveret::header &header : event.headers())
        headers.set(header.name, header.value);
    return leveret::task{
        "report.make",
        {
            {"name", event.name()},
            {"id", event.id()},
            {"tid", event.tid()},
            {"time", event.time().time_since_epoch().count()},
            {"source", event.source() ? leveret::json{*event.source()} : nullptr},
            {"headers", headers},
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

leveret::result report_world()
{
    using namespace std::chrono;
    std::random_device entropy;
    std::mt19937 random{entropy()};
    return leveret::task{
        "report.make",
        {
            {"now", duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()},
            {"random", four_of(random)},
            {"entropy", four_of(entropy)},
        }};
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

leveret::result report_setting(leveret::value order)
{
    auto value = leveret::setting(std::string{order["name"].text()}.c_str());
    return leveret::task{"report.make", {{"value", value ? leveret::json{*value} : nullptr}}};
}

leveret::result report_state()
{
    static int calls = 0;
    return leveret::task{"report.make", {{"calls", ++calls}}};
}
