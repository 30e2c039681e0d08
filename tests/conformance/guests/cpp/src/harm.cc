#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "behaviour.hpp"

leveret::result panic()
{
    std::fputs("boom\n", stderr);
    std::abort();
}

leveret::result loop()
{
    for (volatile int turn = 0;; turn = 1 - turn) {
    }
}

// Outside of the function, since the compiler leaves out memory that nobody can look at.
static std::vector<std::string> taken;

leveret::result take_memory()
{
    while (true)
        taken.emplace_back(1 << 20, 'x');
}

static int depth(volatile int &above)
{
    volatile int here = above + 1;
    return here < INT_MAX ? depth(here) + here : here;
}

leveret::result recurse()
{
    volatile int top = 0;
    return leveret::reject("it went ", depth(top), " deep");
}
