# Rust: the crates' own tests with each toolchain that is on the path, Debian's
# being the oldest that they are for.
set(rust ${PROJECT_SOURCE_DIR}/bindings/rust)
set(rust_built ${CMAKE_CURRENT_BINARY_DIR}/rust)
set(rust_here ${CMAKE_CURRENT_SOURCE_DIR}/rust)

# A command of the toolchain in a folder: cargo by itself takes the first rustc
# of the path.
function(add_rust_test name folder)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "TARGET" "ENVIRONMENT;COMMAND")
    add_binding_test(${name} ${CMAKE_COMMAND} -E env
        "PATH=${folder}:$ENV{PATH}" RUSTC=${folder}/rustc
        RUSTDOC=${folder}/rustdoc CARGO_TARGET_DIR=${rust_built}/${arg_TARGET}
        ${arg_ENVIRONMENT} ${CMAKE_COMMAND} -E chdir ${rust} ${arg_COMMAND})
    set_tests_properties(${name} PROPERTIES TIMEOUT 900)
endfunction()

# The folders with a cargo and a rustc, and what they call their version: the
# first of each.
set(rust_versions "")
string(REPLACE ":" ";" folders "$ENV{PATH}")
foreach(folder IN LISTS folders)
    if(NOT EXISTS ${folder}/cargo OR NOT EXISTS ${folder}/rustc)
        continue()
    endif()
    execute_process(COMMAND ${folder}/rustc --version
        OUTPUT_VARIABLE version RESULT_VARIABLE result ERROR_QUIET)
    if(NOT result EQUAL 0 OR NOT version MATCHES "^rustc ([0-9]+[.][0-9]+)")
        continue()
    endif()
    set(version ${CMAKE_MATCH_1})
    if(NOT version IN_LIST rust_versions)
        list(APPEND rust_versions ${version})
        set(rust_folder_${version} ${folder})
    endif()
endforeach()

# A library under a sanitizer wants its run-time library to come first. Rust's
# own threads are not seen by that for threads.
set(runner "")
if(WWS_SANITIZE MATCHES address)
    execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libasan.so
        OUTPUT_VARIABLE preloaded OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(TOUPPER ${CMAKE_HOST_SYSTEM_PROCESSOR} triple)
    set(runner WWS_RACES=20000
        LSAN_OPTIONS=suppressions=${rust_here}/leaks.supp:print_suppressions=0
        "CARGO_TARGET_${triple}_UNKNOWN_LINUX_GNU_RUNNER=env\
 LD_PRELOAD=${preloaded}")
elseif(WWS_SANITIZE)
    return()
endif()

foreach(version IN LISTS rust_versions)
    set(folder ${rust_folder_${version}})
    add_rust_test(rust_${version} ${folder}
        TARGET ${version} ENVIRONMENT ${runner}
        COMMAND ${folder}/cargo test --quiet --offline --locked)
endforeach()

# What follows looks at sources, or at what is linked: once is enough.
if(WWS_SANITIZE OR NOT rust_versions)
    return()
endif()

find_program(BINDGEN bindgen)
if(BINDGEN)
    add_suite_test(bindings rust_bindings_are_up_to_date ${CMAKE_COMMAND}
        -D SOURCE_DIR=${PROJECT_SOURCE_DIR}
        -D WORK_DIR=${rust_built}/bindings -P ${rust_here}/bindings.cmake)
endif()

# With the newest there is.
list(SORT rust_versions COMPARE NATURAL ORDER DESCENDING)
list(GET rust_versions 0 version)
set(folder ${rust_folder_${version}})
set(cargo ${folder}/cargo)
add_rust_test(rust_vendored ${folder} TARGET vendored
    ENVIRONMENT WWS_RACES=2000
    COMMAND ${cargo} test --quiet --offline --locked --features vendored)
add_rust_test(rust_doc ${folder} TARGET ${version}
    ENVIRONMENT RUSTDOCFLAGS=-Dwarnings
    COMMAND ${cargo} doc --quiet --offline --locked --no-deps)

# Under other people's executor, where it can be had.
if(version VERSION_GREATER_EQUAL 1.71)
    add_rust_test(rust_tokio ${folder} TARGET tokio
        COMMAND sh ${rust_here}/tokio.sh ${cargo} ${rust_here}/tokio)
    set_tests_properties(rust_tokio PROPERTIES SKIP_RETURN_CODE 77)
endif()

# The crates, and the programs that are made with them.
set(crates ${rust} ${rust_here} ${PROJECT_SOURCE_DIR}/tests/bench/rust)
set(names crates suite bench)
foreach(crate name IN ZIP_LISTS crates names)
    set(manifest --manifest-path ${crate}/Cargo.toml)
    if(EXISTS ${folder}/cargo-clippy)
        add_rust_test(rust_clippy.${name} ${folder} TARGET clippy
            COMMAND ${cargo} clippy --quiet --offline --locked ${manifest}
                --all-targets -- -D warnings)
    endif()
    if(EXISTS ${folder}/cargo-fmt)
        add_rust_test(rust_fmt.${name} ${folder} TARGET clippy
            COMMAND ${cargo} fmt ${manifest} --all --check)
    endif()
endforeach()
