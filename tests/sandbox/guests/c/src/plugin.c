/* A plugin that does what C lets it do, as the payload of `thing.happened` tells it to: for the sandbox suite. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leveret.h"

extern char **environ;

static leveret_result report(leveret_tasks *tasks, const char *const *reached, size_t count)
{
    leveret_task *task = leveret_emit(tasks, "report.make");
    leveret_put_array(task, "/reached");
    for (size_t i = 0; i < count; i++)
        leveret_put_text(task, "/reached/-", reached[i]);
    return leveret_done();
}

static leveret_result files(leveret_tasks *tasks)
{
    static const char *const names[] = {
        "/etc/passwd", "/proc/self/environ", "leveret.toml", "../../../etc/passwd", "/dev/urandom", "/", ".", "broker.db"};
    const char *reached[2 * sizeof names / sizeof *names];
    size_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (fopen(names[i], "r"))
            reached[count++] = names[i];
        if (fopen(names[i], "w"))
            reached[count++] = names[i];
    }
    return report(tasks, reached, count);
}

static leveret_result environment(leveret_tasks *tasks)
{
    const char *reached[3];
    size_t count = 0;
    if (environ && *environ)
        reached[count++] = *environ;
    if (getenv("PATH"))
        reached[count++] = "PATH";
    if (getenv("HOME"))
        reached[count++] = "HOME";
    return report(tasks, reached, count);
}

/* Writes over everything that a 32-bit address reaches. */
static void write_everywhere(void)
{
    for (uint32_t page = UINT32_MAX >> 16; page > 0; page--)
        *(volatile char *)(uintptr_t)(page << 16) = 'x';
    memset((void *)(uintptr_t)4, 'x', UINT32_MAX - 4);
}

static void jump(void)
{
    volatile uintptr_t nowhere = 123456789;
    ((void (*)(void))nowhere)();
}

static int recurse(volatile int *above)
{
    volatile int here = *above + 1;
    return recurse(&here) + here;
}

static leveret_result obey(const leveret_event *event, leveret_tasks *tasks)
{
    const char *what = leveret_text(leveret_payload(event), "/do");
    volatile int top = 0;
    if (!strcmp(what, "files"))
        return files(tasks);
    if (!strcmp(what, "environment"))
        return environment(tasks);
    if (!strcmp(what, "write"))
        write_everywhere();
    if (!strcmp(what, "jump"))
        jump();
    if (!strcmp(what, "recurse"))
        return leveret_reject("it came back with %d", recurse(&top));
    if (!strcmp(what, "exit"))
        exit(0);
    if (!strcmp(what, "print"))
        for (;;)
            printf("%01024d\n", 0);
    for (volatile int turn = 0;; turn = 1 - turn)
        ;
}

LEVERET_PLUGIN(
    .version = LEVERET_PROJECT_VERSION,
    .subscriptions = LEVERET_SUBSCRIPTIONS({.event = "thing.happened", .handler = obey}),
    .emits = LEVERET_EMITS({.name = "report.make"}),
);
