/* The memory of a delivery: it holds what is much and what is large, and is free again afterwards. */
#include <assert.h>
#include <leveret/test.h>
#include <stdlib.h>
#include <string.h>

static char *large;

enum { LARGE = 100 * 1000, COUNT = 1000 };

static leveret_result make(const leveret_event *event, leveret_tasks *tasks)
{
    (void)event;
    for (int number = 0; number < COUNT; number++) {
        leveret_task *task = leveret_emit(tasks, "task.make");
        leveret_put_text(task, "", number % 100 ? "small" : large);
        for (int header = 0; header < number % 7; header++)
            leveret_add_header(task, leveret_format("h-%d", header), "value");
    }
    return leveret_done();
}

LEVERET_PLUGIN(.version = "1", .subscriptions = LEVERET_SUBSCRIPTIONS({.event = "make", .handler = make}));

static void much_and_large_is_held(void)
{
    const leveret_delivery *delivery = leveret_deliver("make", "{}");
    assert(delivery->count == COUNT);
    for (int number = 0; number < COUNT; number++) {
        const leveret_emitted *task = &delivery->tasks[number];
        assert(strlen(task->payload) == (number % 100 ? strlen("\"small\"") : LARGE + 2));
        assert(task->header_count == (size_t)(number % 7));
        for (size_t header = 0; header < task->header_count; header++)
            assert(!strcmp(task->headers[header].name, leveret_format("h-%zu", header)));
    }
}

static void memory_is_aligned_and_apart(void)
{
    char *before = leveret_allocate(0);
    for (size_t size = 0; size < 5000; size += 7) {
        char *memory = leveret_allocate(size);
        assert(memory != before && (size_t)memory % 16 == 0);
        memset(memory, 'x', size);
        before = memory;
    }
}

int main(void)
{
    large = malloc(LARGE + 1);
    memset(large, 'x', LARGE);
    large[LARGE] = 0;
    for (int delivery = 0; delivery < 3; delivery++) {
        much_and_large_is_held();
        memory_is_aligned_and_apart();
    }
    leveret_forget();
    free(large);
}
