# Go, with each toolchain that is on the path: what Debian has and, where there
# is one, a newer one. Go can be built with the address sanitizer, as a library
# under it wants; its own threads are not seen by that for threads.
if(WWS_SANITIZE MATCHES address)
    set(hows asan)
elseif(WWS_SANITIZE)
    return()
else()
    set(hows plain strict)
endif()
set(script ${CMAKE_CURRENT_SOURCE_DIR}/go/check.sh)
set(package ${PROJECT_SOURCE_DIR}/bindings/go)
set(known "")
string(REPLACE ":" ";" folders "$ENV{PATH}")
foreach(folder IN LISTS folders)
    if(NOT EXISTS ${folder}/go)
        continue()
    endif()
    execute_process(
        COMMAND ${CMAKE_COMMAND} -E env GOTOOLCHAIN=local
            ${folder}/go env GOVERSION
        OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(NOT version MATCHES "^go[0-9.]+$" OR version IN_LIST known)
        continue()
    endif()
    list(APPEND known ${version})
    foreach(how IN LISTS hows)
        add_binding_test(${version}.${how}
            sh ${script} ${folder}/go ${how} ${package})
        # Races and crowds want the processors to themselves.
        set_tests_properties(${version}.${how} PROPERTIES
            TIMEOUT 600 RUN_SERIAL ON)
    endforeach()
endforeach()
