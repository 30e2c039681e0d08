/* yyjson, without what JSON does not allow. Inlined wherever its header asks for it, it would be twice as large. */
#define YYJSON_DISABLE_NON_STANDARD 1
#define yyjson_inline inline
#include "../yyjson/yyjson.c"
