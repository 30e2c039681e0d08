/* yyjson, without what JSON does not allow. It is small rather than fast: inlined as its headers ask, it is half again as large. */
#define YYJSON_DISABLE_NON_STANDARD 1
#define yyjson_inline inline
#include "../yyjson/yyjson.c"
