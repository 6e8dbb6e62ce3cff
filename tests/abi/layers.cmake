# Holds every #include to the layers: an arrow only ever points down, core
# knows public values but no public function, and only capi knows both.
cmake_minimum_required(VERSION 3.25)

# A path, then what files below it may include. The first that fits decides.
set(VALUES "wws/base[.]h|wws/types[.]h")
set(PUBLIC "wws/[a-z_]+[.]h")
set(OUTSIDE "${PUBLIC}|tests/support/public/.*|tests/[a-z]+/[a-z_]+[.]h")
set(RULES
    core/base/ "${VALUES}|core/base/.*"
    core/io/ "${VALUES}|core/(base|io)/.*"
    core/xml/ "${VALUES}|core/(base|xml)/.*"
    core/transport/ "${VALUES}|core/(base|io|transport)/.*"
    core/channel/ "${VALUES}|core/(base|io|xml|transport|channel)/.*"
    core/service/ "${VALUES}|core/(base|io|xml|transport|channel|service)/.*"
    core/runtime "${VALUES}|core/.*"
    capi/include/ "${PUBLIC}"
    capi/ "${PUBLIC}|core/.*|capi/.*"
    tests/conformance/ "${OUTSIDE}"
    tests/cancel/ "${OUTSIDE}"
    tests/integration/ "${OUTSIDE}"
    tests/demo/ "${OUTSIDE}"
    tests/bench/ "${OUTSIDE}"
    tests/examples/ "${OUTSIDE}"
    tests/support/public/ "${OUTSIDE}")

# What files at <path> may include; empty if anything.
function(find_rule out path)
    set(rules ${RULES})
    while(rules)
        list(POP_FRONT rules folder allowed)
        string(FIND ${path} ${folder} at)
        if(at EQUAL 0)
            set(${out} "^(${allowed})$" PARENT_SCOPE)
            return()
        endif()
    endwhile()
    set(${out} "" PARENT_SCOPE)
endfunction()

# The included file as seen from the root of the tree, or from its include
# folder if it is public.
function(resolve out includer name)
    cmake_path(GET includer PARENT_PATH folder)
    set(found ${name})
    if(EXISTS ${SOURCE_DIR}/${folder}/${name})
        cmake_path(SET found NORMALIZE ${folder}/${name})
    endif()
    string(REGEX REPLACE "^capi/include/" "" found ${found})
    set(${out} ${found} PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR}
    ${SOURCE_DIR}/core/*.[ch] ${SOURCE_DIR}/capi/*.[ch]
    ${SOURCE_DIR}/tests/*.[ch])
if(NOT files)
    message(FATAL_ERROR "no sources below ${SOURCE_DIR}")
endif()

set(wrong "")
foreach(file IN LISTS files)
    find_rule(allowed ${file})
    if(NOT allowed)
        continue()
    endif()
    file(STRINGS ${SOURCE_DIR}/${file} lines
        REGEX "^[ \t]*#[ \t]*include[ \t]*(\"|<(wws|core|capi|schema)/)")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "^[^\"<]*[\"<]([^\">]*).*" "\\1" name "${line}")
        resolve(name ${file} ${name})
        if(NOT name MATCHES "${allowed}")
            string(APPEND wrong "${file} includes ${name}\n")
        endif()
    endforeach()
endforeach()
if(wrong)
    message("${wrong}")
    message(FATAL_ERROR "against the layers")
endif()
