# The installed library as others find it: through pkg-config and through
# CMake's package, shared and static, from a program of one call.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK_DIR})
file(WRITE ${WORK_DIR}/main.c
"#include <wws/wws.h>

int main(void)
{
    return wws_version() ? 0 : 1;
}
")
file(WRITE ${WORK_DIR}/CMakeLists.txt
"cmake_minimum_required(VERSION 3.25)
project(user C)
find_package(wws 0.1 REQUIRED COMPONENTS static)
add_executable(shared main.c)
target_link_libraries(shared PRIVATE wws::wws)
add_executable(fixed main.c)
target_link_libraries(fixed PRIVATE wws::static)
")

function(run)
    execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK_DIR}
        OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
    endif()
    string(STRIP "${output}" output)
    separate_arguments(output UNIX_COMMAND "${output}")
    set(output ${output} PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} -S . -B build -D CMAKE_C_COMPILER=${CC}
    -D CMAKE_PREFIX_PATH=${PREFIX})
run(${CMAKE_COMMAND} --build build)
run(build/shared)
run(build/fixed)

set(ENV{PKG_CONFIG_PATH} ${PREFIX}/${LIBDIR}/pkgconfig)
run(pkg-config --cflags --libs wws)
run(${CC} -std=c99 -o linked main.c ${output})
set(ENV{LD_LIBRARY_PATH} ${PREFIX}/${LIBDIR})
run(./linked)
run(pkg-config --static --libs-only-l wws)
if(NOT "-lcares" IN_LIST output)
    message(FATAL_ERROR "pkg-config --static forgets a library: ${output}")
endif()
