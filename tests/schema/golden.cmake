# Prints the small schema with one emitter and compares all that comes out
# with what is expected, file by file.
set(expected ${HERE}/expected/${EMITTER})
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
file(GLOB protos ${HERE}/good/wws/*.proto)
execute_process(
    COMMAND ${PROTOC} --plugin=protoc-gen-wws=${PLUGIN}
        -I ${HERE}/good -I ${SCHEMA} -I ${INCLUDE}
        --wws_opt=${EMITTER} --wws_out=${WORK_DIR} ${protos}
    COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND diff -ruN ${expected} ${WORK_DIR}
    OUTPUT_VARIABLE changes RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "if this is meant, copy ${WORK_DIR} to "
        "${expected}:\n${changes}")
endif()
