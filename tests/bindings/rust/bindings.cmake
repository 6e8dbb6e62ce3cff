# The committed output of bindgen is what it makes of the header now; how its
# lines are broken, and the commas that come of it, do not count.
set(BARE ON)
set(OUTPUT ${WORK_DIR}/bindings.rs)
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
include(${SOURCE_DIR}/schema/bindgen.cmake)
if(NOT EXISTS ${OUTPUT})
    message(FATAL_ERROR "bindgen 0.60 is not here")
endif()

function(read_plain out path)
    file(READ ${path} text)
    string(REGEX REPLACE "[ \t\n]+" "" text "${text}")
    string(REGEX REPLACE ",([])}>])" "\\1" text "${text}")
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

read_plain(made ${OUTPUT})
read_plain(committed ${SOURCE_DIR}/bindings/rust/wws-sys/src/bindings.rs)
if(NOT made STREQUAL committed)
    message(FATAL_ERROR "out of date: ./dev generate changes "
        "bindings/rust/wws-sys/src/bindings.rs")
endif()
