/* The memory of a delivery: it grows while the handler runs, and is freed as a whole when the handler has returned. */
#include <stdlib.h>
#include <string.h>

#include "delivery.h"

enum { ALIGNMENT = 16, BLOCK = 16 * 1024 };

typedef struct block {
    struct block *before;
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) char memory[];
} block;

static block *blocks;
static char *newest; /* what was given last: it can grow where it is */

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static void add_block(size_t size)
{
    size = size > BLOCK ? size : BLOCK;
    block *added = malloc(sizeof(block) + size);
    if (!added) {
        static const char line[] = "no memory is left";
        leveret_host_log(LEVERET_ERROR, line, sizeof line - 1);
        abort();
    }
    *added = (block){.before = blocks, .size = size};
    blocks = added;
}

void *leveret_allocate(size_t size)
{
    if (size > SIZE_MAX / 2)
        abort();
    size = aligned(size);
    if (!blocks || blocks->size - blocks->used < size)
        add_block(size);
    newest = blocks->memory + blocks->used;
    blocks->used += size;
    return newest;
}

void *leveret_reallocate(void *memory, size_t old_size, size_t new_size)
{
    if (new_size <= aligned(old_size) && memory)
        return memory;
    if (memory && memory == newest && new_size <= SIZE_MAX / 2) {
        size_t start = (size_t)(newest - blocks->memory);
        if (aligned(new_size) <= blocks->size - start) {
            blocks->used = start + aligned(new_size);
            return memory;
        }
    }
    void *larger = leveret_allocate(new_size);
    if (old_size)
        memcpy(larger, memory, old_size);
    return larger;
}

void leveret_forget(void)
{
    leveret_forget_document();
    leveret_forget_values();
    while (blocks) {
        block *before = blocks->before;
        free(blocks);
        blocks = before;
    }
    newest = NULL;
}

static void *json_allocate(void *context, size_t size)
{
    (void)context;
    return leveret_allocate(size);
}

static void *json_reallocate(void *context, void *memory, size_t old_size, size_t size)
{
    (void)context;
    return leveret_reallocate(memory, old_size, size);
}

static void json_free(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

const yyjson_alc leveret_json_memory = {json_allocate, json_reallocate, json_free, NULL};
