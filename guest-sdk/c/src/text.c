#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "delivery.h"

const char *leveret_format_list(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (size < 0)
        return format;
    char *text = leveret_allocate((size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    return text;
}

const char *leveret_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = leveret_format_list(format, arguments);
    va_end(arguments);
    return text;
}

void leveret_log(leveret_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *line = leveret_format_list(format, arguments);
    va_end(arguments);
    leveret_host_log(level, line, strlen(line));
}

const char *leveret_setting(const char *name)
{
    return leveret_host_setting(name);
}
