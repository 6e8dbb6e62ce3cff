# Compiles the expected headers in every standard we promise, and the expected
# veneer against declarations of core.
set(header ${HERE}/expected/header/capi/include)
set(veneer ${HERE}/expected/veneer/capi)
set(wrong "")
macro(check compiler standard source)
    execute_process(COMMAND ${compiler} -std=${standard} -fsyntax-only
        -Wall -Wextra -pedantic -Werror ${ARGN}
        -I ${header} -I ${BASE} -I ${HERE}/fake ${source}
        ERROR_VARIABLE errors RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        string(APPEND wrong "${source} as ${standard}: ${result}\n${errors}")
    endif()
endmacro()

foreach(standard c99 c11)
    check(${CC} ${standard} ${HERE}/header.c -Wpadded)
endforeach()
foreach(standard c++11 c++14 c++17 c++20)
    check(${CXX} ${standard} ${HERE}/header.cpp -Wpadded)
endforeach()

file(GLOB sources ${veneer}/*.c)
if(NOT sources)
    string(APPEND wrong "no veneer in ${veneer}")
endif()
foreach(source IN LISTS sources)
    check(${CC} c11 ${source} -Wshadow -Wconversion -Wmissing-prototypes)
endforeach()
if(wrong)
    message(FATAL_ERROR "${wrong}")
endif()
