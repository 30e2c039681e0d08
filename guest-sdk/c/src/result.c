#include <stdarg.h>

#include "delivery.h"

leveret_result leveret_done(void)
{
    return (leveret_result){.outcome = LEVERET_DONE};
}

leveret_result leveret_retry(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *reason = leveret_format_list(format, arguments);
    va_end(arguments);
    return (leveret_result){.outcome = LEVERET_RETRY, .reason = reason};
}

leveret_result leveret_retry_after(uint64_t milliseconds, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *reason = leveret_format_list(format, arguments);
    va_end(arguments);
    return (leveret_result){.outcome = LEVERET_RETRY, .reason = reason, .is_timed = true, .after = milliseconds};
}

leveret_result leveret_reject(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *reason = leveret_format_list(format, arguments);
    va_end(arguments);
    return (leveret_result){.outcome = LEVERET_REJECT, .reason = reason};
}
