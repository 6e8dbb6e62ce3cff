# Lists, for test_layout.c, every struct with its members and every constant
# that wws.cdef declares, so that new ones are looked at without being named
# anywhere.
cmake_minimum_required(VERSION 3.25)

# A list of CMake's is cut at each ';', so these become ','.
file(READ ${CDEF} text)
string(REPLACE ";" "," text "${text}")
string(REPLACE "\n" ";" lines "${text}")

set(out "/* Written by layout.cmake. */\n")
set(type "")
foreach(line IN LISTS lines)
    if(line MATCHES "^typedef struct ([a-z0-9_]+) {$")
        set(type ${CMAKE_MATCH_1})
        string(APPEND out "STRUCT(${type})\n")
    elseif(line MATCHES "^}")
        set(type "")
    elseif(line MATCHES "^    (WWS_[A-Z0-9_]+) = ")
        string(APPEND out "VALUE(${CMAKE_MATCH_1})\n")
    elseif(type AND line MATCHES "^    [a-z].*[(][*]([a-z0-9_]+)[)][(]")
        string(APPEND out "MEMBER(${type}, ${CMAKE_MATCH_1})\n")
    elseif(type AND line MATCHES "^    [a-z].*[ *]([a-z0-9_]+),$")
        string(APPEND out "MEMBER(${type}, ${CMAKE_MATCH_1})\n")
    endif()
endforeach()
file(WRITE ${OUTPUT} "${out}")
