#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "behaviour.h"

leveret_result panic(void)
{
    fputs("boom\n", stderr);
    abort();
}

leveret_result loop(void)
{
    for (volatile int turn = 0;; turn = 1 - turn)
        ;
}

/* What was taken last. The compiler leaves out memory that nobody can look at. */
static char *volatile taken;

leveret_result take_memory(void)
{
    enum { MEBIBYTE = 1 << 20 };
    while ((taken = malloc(MEBIBYTE)))
        memset(taken, 'x', MEBIBYTE);
    fputs("no memory is left\n", stderr);
    abort();
}

static int depth(volatile int *above)
{
    volatile int here = *above + 1;
    return here < INT_MAX ? depth(&here) + here : here;
}

leveret_result recurse(void)
{
    volatile int top = 0;
    return leveret_reject("it went %d deep", depth(&top));
}
