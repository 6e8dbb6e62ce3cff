# What the library exports is what its version script names, and what is
# recorded of version 1. RECORD=ON, the target `record`, writes that record:
# until the first release it changes with the schema, later it never does.
cmake_minimum_required(VERSION 3.25)

set(record ${SOURCE_DIR}/tests/abi/v1/symbols.txt)

# The symbols that others see, sorted; ARGN are nm's arguments.
function(list_symbols out)
    execute_process(
        COMMAND ${NM} --extern-only --defined-only --format=posix ${ARGN}
        OUTPUT_VARIABLE lines COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "[^ \n]+ [BCDGRSTVW] " names "${lines}")
    list(TRANSFORM names REPLACE " . $" "")
    list(SORT names)
    set(${out} ${names} PARENT_SCOPE)
endfunction()

list_symbols(exported --dynamic ${LIBRARY})

if(RECORD)
    list(JOIN exported "\n" text)
    file(WRITE ${record} "${text}\n")
    return()
endif()

# The names of the script, as nm prints them: WWS_1 { global: a; local: *; };
# A list of CMake's is cut at each ';', so these become ','.
file(READ ${SOURCE_DIR}/capi/wws.map map)
string(REPLACE ";" "," map "${map}")
string(REGEX REPLACE "/[*][^*]*[*]+([^/*][^*]*[*]+)*/" "" map "${map}")
string(REGEX MATCHALL "[A-Za-z0-9_]+[ \n]*[{,]" words "${map}")
set(named "")
foreach(word IN LISTS words)
    string(REGEX MATCH "[A-Za-z0-9_]+" name "${word}")
    if(word MATCHES "{$")
        set(node ${name})
    elseif(name MATCHES "^wws_")
        list(APPEND named ${name}@@${node})
    endif()
endforeach()
list(SORT named)

# Adds to <wrong> what is in the first list only.
function(only_in first second meaning)
    set(rest ${${first}})
    list(REMOVE_ITEM rest ${${second}})
    if(rest)
        list(JOIN rest "\n  " names)
        string(APPEND wrong "${meaning}:\n  ${names}\n")
        set(wrong "${wrong}" PARENT_SCOPE)
    endif()
endfunction()

file(STRINGS ${record} recorded)
set(wrong "")
if(NOT exported)
    set(wrong "the library exports nothing\n")
endif()
list_symbols(foreign ${ARCHIVE})
list(FILTER foreign EXCLUDE REGEX "^ww[si]_")
set(none "")
only_in(foreign none "in the archive, without a prefix of ours")
only_in(exported named "exported, but not in wws.map")
only_in(named exported "in wws.map, but not exported")
only_in(exported recorded "exported, but not recorded")
only_in(recorded exported "recorded, but gone")
if(wrong)
    message("${wrong}")
    message(FATAL_ERROR "the exported symbols are not those promised")
endif()
