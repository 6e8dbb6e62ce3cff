# What is committed is what the schema generates now: generates everything
# anew in a copy of the tree, from which all generated files were taken, and
# compares. So a file that is no longer generated is found, too.
cmake_minimum_required(VERSION 3.25)

set(tree ${WORK_DIR}/tree)
file(REMOVE_RECURSE ${WORK_DIR})
file(COPY ${SOURCE_DIR}/ DESTINATION ${tree}
    REGEX "/(build|core|tests|[.]git)$" EXCLUDE)
file(COPY ${SOURCE_DIR}/core/CMakeLists.txt DESTINATION ${tree}/core)

# Files below the copy that say that they are generated.
function(find_generated out folder)
    file(GLOB_RECURSE files RELATIVE ${folder}
        ${folder}/capi/* ${folder}/bindings/*)
    set(found "")
    foreach(file IN LISTS files)
        file(STRINGS ${folder}/${file} lines LIMIT_INPUT 400
            REGEX "[Gg]enerated by schema/plugin")
        if(lines)
            list(APPEND found ${file})
        endif()
    endforeach()
    set(${out} ${found} PARENT_SCOPE)
endfunction()

find_generated(committed ${tree})
foreach(file IN LISTS committed)
    file(REMOVE ${tree}/${file})
endforeach()

function(run)
    execute_process(COMMAND ${CMAKE_COMMAND} ${ARGN}
        OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message("${output}")
        message(FATAL_ERROR "cmake ${ARGN}: ${result}")
    endif()
endfunction()

run(-S ${tree} -B ${WORK_DIR}/build -G Ninja -D WWS_SCHEMA=ON)
run(--build ${WORK_DIR}/build --target generate)

find_generated(generated ${tree})
list(APPEND generated ${committed})
list(REMOVE_DUPLICATES generated)
set(wrong "")
foreach(file IN LISTS generated)
    execute_process(
        COMMAND diff -uN --label ${file} --label generated
            ${SOURCE_DIR}/${file} ${tree}/${file}
        OUTPUT_VARIABLE changes RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        string(APPEND wrong "${changes}")
    endif()
endforeach()
if(NOT generated)
    set(wrong "the schema generates nothing\n")
endif()
if(wrong)
    message("${wrong}")
    message(FATAL_ERROR "out of date: ./dev generate changes this")
endif()
