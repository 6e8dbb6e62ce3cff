# What is released has no gates: without WWS_DEBUG none of them is left in what
# the compiler sees.
cmake_minimum_required(VERSION 3.25)

file(GLOB sources ${SOURCE_DIR}/core/*.c ${SOURCE_DIR}/core/*/*.c)
set(passed 0)
set(wrong "")
foreach(source IN LISTS sources)
    file(STRINGS ${source} gates REGEX "WWI_GATE|wwi_gate")
    if(gates)
        math(EXPR passed "${passed} + 1")
        execute_process(
            COMMAND ${CC} -std=c11 -D_GNU_SOURCE -DWWS_BUILD -E -P
                -I ${SOURCE_DIR} -I ${SOURCE_DIR}/capi/include ${source}
            OUTPUT_VARIABLE seen COMMAND_ERROR_IS_FATAL ANY)
        if(seen MATCHES "WWI_GATE|wwi_gate")
            string(APPEND wrong "  ${source}\n")
        endif()
    endif()
endforeach()
if(passed EQUAL 0)
    message(FATAL_ERROR "no gate was found anywhere")
endif()
if(wrong)
    message(FATAL_ERROR "gates are left in a release:\n${wrong}")
endif()
