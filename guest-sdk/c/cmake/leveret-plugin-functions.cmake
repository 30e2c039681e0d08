# leveret_plugin(SOURCE...): the project's plugin, of these sources, compiled natively for its tests and for editors.
function(leveret_plugin)
    add_library(${PROJECT_NAME} OBJECT ${ARGN})
    target_link_libraries(${PROJECT_NAME} PUBLIC leveret::plugin)
    target_compile_definitions(${PROJECT_NAME} PRIVATE LEVERET_PROJECT_VERSION="${PROJECT_VERSION}")
    if(CMAKE_CXX_COMPILER_LOADED)
        target_compile_features(${PROJECT_NAME} PUBLIC cxx_std_20)
    endif()
endfunction()

# leveret_test(NAME SOURCE...): a test of the project's plugin: a program that returns 0, or ends by assert().
function(leveret_test name)
    add_executable(${name} ${ARGN})
    target_link_libraries(${name} PRIVATE ${PROJECT_NAME} leveret::plugin)
    target_compile_options(${name} PRIVATE -UNDEBUG)
    add_test(NAME ${name} COMMAND ${name})
endfunction()
