# Compiles every public header alone, in every standard we promise.
cmake_minimum_required(VERSION 3.25)

file(GLOB headers RELATIVE ${SOURCE_DIR}/capi/include
    ${SOURCE_DIR}/capi/include/wws/*.h)
if(NOT headers)
    message(FATAL_ERROR "no public headers below ${SOURCE_DIR}")
endif()

set(wrong "")
macro(check compiler standard source)
    execute_process(COMMAND ${compiler} -std=${standard} -fsyntax-only
        -Wall -Wextra -pedantic -Wpadded -Werror
        -I ${SOURCE_DIR}/capi/include "-DWWS_HEADER=<${header}>"
        ${SOURCE_DIR}/tests/abi/${source}
        ERROR_VARIABLE errors RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        string(APPEND wrong "${header} as ${standard}: ${result}\n${errors}")
    endif()
endmacro()

foreach(header IN LISTS headers)
    foreach(standard c99 c11)
        check(${CC} ${standard} header.c)
    endforeach()
    foreach(standard c++11 c++14 c++17 c++20)
        check(${CXX} ${standard} header.cpp)
    endforeach()
endforeach()
if(wrong)
    message("${wrong}")
    message(FATAL_ERROR "a public header does not stand alone")
endif()
