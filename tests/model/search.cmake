# Searches the whole state space of a Promela model: its assertions and end
# states first, then each of its ltl formulas. A search that was cut short
# fails like one that found an error.
cmake_minimum_required(VERSION 3.25)

file(MAKE_DIRECTORY ${WORK_DIR})

function(run)
    execute_process(COMMAND ${ARGN}
        WORKING_DIRECTORY ${WORK_DIR}
        OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

function(search)
    run(./pan -m1000000 ${ARGN})
    if(NOT output MATCHES "errors: 0" OR
            output MATCHES "too small|not completed|out of memory")
        message(FATAL_ERROR "pan ${ARGN}:\n${output}")
    endif()
    message(STATUS "pan ${ARGN}:\n${output}")
endfunction()

run(${SPIN} -a ${MODEL})
run(${CC} -O2 -w -DMEMLIM=2048 -o pan pan.c)

file(STRINGS ${MODEL} formulas REGEX "^[ \t]*ltl[ \t]+[A-Za-z_]")
if(NOT formulas)
    search(-a)
    return()
endif()
search(-noclaim)
foreach(formula IN LISTS formulas)
    string(REGEX REPLACE "^[ \t]*ltl[ \t]+([A-Za-z0-9_]+).*" "\\1"
        name "${formula}")
    search(-a -N ${name})
endforeach()
