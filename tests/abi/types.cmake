# The types of what the library exports are those recorded of version 1, as
# libabigail reads them from the library's debug information: what layout.txt
# and symbols.txt do not say is what a function takes and returns. Even a
# change that old programs survive has to be recorded, with RECORD=ON, the
# target `record`.
cmake_minimum_required(VERSION 3.25)

set(record ${SOURCE_DIR}/tests/abi/v1/abi.xml)
set(public --exported-interfaces-only --no-architecture --no-corpus-path)

if(RECORD)
    execute_process(
        COMMAND ${ABIDW} ${public} --no-comp-dir-path --no-show-locs
            --no-elf-needed --no-write-default-sizes --type-id-style hash
            --out-file ${record} ${LIBRARY}
        COMMAND_ERROR_IS_FATAL ANY)
    # Where the sources are is nobody's business.
    file(READ ${record} text)
    string(REPLACE "${SOURCE_DIR}/" "" text "${text}")
    file(WRITE ${record} "${text}")
    return()
endif()

execute_process(
    COMMAND ${ABIDIFF} ${public} --harmless --fail-no-debug-info
        ${record} ${LIBRARY}
    RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR
        "the types are not those recorded, or abidiff cannot tell: ${result}")
endif()
