# Gives a poor schema to the plugin. Its first lines say, each after
# "// Refused: ", all that the plugin must say, and nothing else. A schema
# whose name begins with "released_" is held against released/released.proto.
set(protoc ${PROTOC} -I ${HERE}/refusals -I ${HERE}/released
    -I ${SCHEMA} -I ${INCLUDE})
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
cmake_path(GET PROTO STEM name)
set(option "")
if(name MATCHES "^released_")
    set(set ${WORK_DIR}/released.binpb)
    set(option --wws_opt=released=${set})
    execute_process(COMMAND ${protoc} --include_imports
        --descriptor_set_out=${set} released.proto
        COMMAND_ERROR_IS_FATAL ANY)
endif()

execute_process(
    COMMAND ${protoc} --plugin=protoc-gen-wws=${PLUGIN} ${option}
        --wws_out=${WORK_DIR} ${PROTO}
    ERROR_VARIABLE said RESULT_VARIABLE result)
string(REGEX REPLACE "[^\n]*warning:[^\n]*\n" "" said "${said}")
string(REGEX REPLACE "^--wws_out: refused\n" "" said "${said}")
string(STRIP "${said}" said)

file(STRINGS ${PROTO} lines REGEX "^// Refused: ")
list(TRANSFORM lines REPLACE "^// Refused: " "")
list(JOIN lines "\n" expected)
if(NOT expected)
    message(FATAL_ERROR "${PROTO} does not say why it is refused")
endif()
if(result EQUAL 0)
    message(FATAL_ERROR "was accepted; should have said:\n${expected}")
endif()
if(NOT said STREQUAL expected)
    message(FATAL_ERROR "said:\n${said}\nshould have said:\n${expected}")
endif()
