# Rewrites the raw layer of Rust with bindgen, where it is installed in the
# version that the committed one was written with; rustfmt breaks its lines.
find_program(BINDGEN bindgen)
find_program(RUSTFMT rustfmt)
set(version "")
if(BINDGEN)
    execute_process(COMMAND ${BINDGEN} --version OUTPUT_VARIABLE version)
endif()
if(NOT version MATCHES "^bindgen 0[.]60[.]" OR (NOT RUSTFMT AND NOT BARE))
    message(STATUS "bindgen 0.60 or rustfmt is not here: ${OUTPUT} stays")
    return()
endif()

set(format --no-rustfmt-bindings)
if(RUSTFMT)
    set(format
        --rustfmt-configuration-file ${SOURCE_DIR}/bindings/rust/rustfmt.toml)
endif()
execute_process(
    COMMAND ${BINDGEN} ${format} --no-doc-comments --no-layout-tests
        --no-prepend-enum-name --with-derive-default --size_t-is-usize
        --allowlist-function wws_.* --allowlist-type wws_.*
        --allowlist-var WWS_.* -o ${OUTPUT}
        ${SOURCE_DIR}/capi/include/wws/wws.h
        -- -I${SOURCE_DIR}/capi/include
    COMMAND_ERROR_IS_FATAL ANY)
