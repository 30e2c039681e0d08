/* The memory of a delivery: it grows while the handler runs, and is freed as a whole when the handler has returned. */
#include <stdlib.h>
#include <string.h>

#include "delivery.h"

enum { ALIGNMENT = 16, FIRST = 16 * 1024, BLOCK = 64 * 1024 };

typedef struct block {
    struct block *before;
    size_t size;
    size_t used;
    char *memory;
} block;

/* Enough for most deliveries: a fresh instance need not ask the host for more. */
static _Alignas(ALIGNMENT) char first_memory[FIRST];
static block first = {.size = FIRST, .memory = first_memory};

static block *blocks = &first;
static char *newest; /* what was given last: it can grow where it is */

static size_t aligned(size_t size)
{
    return size < SIZE_MAX - ALIGNMENT ? (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1) : SIZE_MAX;
}

/* A block of another size in place of `old`, with what is in it; or a new one. */
static block *resized(block *old, size_t size)
{
    const size_t header = aligned(sizeof(block));
    block *made = size <= SIZE_MAX / 2 ? realloc(old, header + size) : NULL;
    if (!made) {
        static const char line[] = "no memory is left";
        leveret_host_log(LEVERET_ERROR, line, sizeof line - 1);
        abort();
    }
    made->size = size;
    made->memory = (char *)made + header;
    return made;
}

static void add_block(size_t size)
{
    block *added = resized(NULL, size > BLOCK ? size : BLOCK);
    added->before = blocks;
    added->used = 0;
    blocks = added;
}

void *leveret_allocate(size_t size)
{
    size = aligned(size ? size : 1); /* so that no two are at one place */
    if (blocks->size - blocks->used < size)
        add_block(size);
    newest = blocks->memory + blocks->used;
    blocks->used += size;
    return newest;
}

void *leveret_reallocate(void *memory, size_t old_size, size_t new_size)
{
    if (memory && new_size <= aligned(old_size))
        return memory;
    if (memory && memory == newest) {
        size_t start = (size_t)(newest - blocks->memory);
        /* What has a block for itself can have a larger one. */
        if (start == 0 && blocks != &first && aligned(new_size) > blocks->size)
            blocks = resized(blocks, aligned(new_size));
        if (aligned(new_size) <= blocks->size - start) {
            newest = blocks->memory + start;
            blocks->used = start + aligned(new_size);
            return newest;
        }
    }
    void *larger = leveret_allocate(new_size);
    if (old_size)
        memcpy(larger, memory, old_size);
    return larger;
}

const char *leveret_trim(char *memory, size_t size)
{
    if (memory != newest)
        return memory;
    size_t start = (size_t)(newest - blocks->memory);
    blocks->used = start + aligned(size);
    if (start == 0 && blocks->size > BLOCK)
        blocks = resized(blocks, blocks->used);
    return newest = blocks->memory + start;
}

void leveret_forget(void)
{
    leveret_forget_document();
    leveret_forget_values();
    while (blocks != &first) {
        block *before = blocks->before;
        free(blocks);
        blocks = before;
    }
    blocks->used = 0;
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
