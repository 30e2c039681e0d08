include(${CMAKE_CURRENT_LIST_DIR}/leveret-plugin-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/leveret-plugin-functions.cmake)
