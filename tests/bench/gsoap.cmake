# gSOAP as a peer of the benchmark, where it is installed: its code generator
# and its library as Debian builds them, without references between elements.
find_program(SOAPCPP2 soapcpp2)
find_library(GSOAP libgsoap.a)
pkg_check_modules(gsoap gsoap)
if(NOT SOAPCPP2 OR NOT GSOAP OR NOT gsoap_FOUND)
    return()
endif()

set(folder ${CMAKE_CURRENT_BINARY_DIR}/gsoap)
set(service ${CMAKE_CURRENT_LIST_DIR}/peer_gsoap.gsoap)
set(sources ${folder}/gsoapC.c ${folder}/gsoapClient.c
    ${folder}/gsoapServer.c)
file(MAKE_DIRECTORY ${folder})
add_custom_command(OUTPUT ${sources}
    COMMAND ${SOAPCPP2} -c -L -w -x -p gsoap -d ${folder} ${service}
    DEPENDS ${service} VERBATIM)
add_library(bench-gsoap STATIC ${sources})
target_compile_definitions(bench-gsoap PUBLIC _GNU_SOURCE WITH_NOIDREF)
target_compile_options(bench-gsoap PRIVATE -w PUBLIC ${gsoap_CFLAGS})
target_include_directories(bench-gsoap SYSTEM PUBLIC ${folder})
target_link_libraries(bench-gsoap PUBLIC ${GSOAP})

target_compile_definitions(wws-bench PRIVATE BENCH_GSOAP)
target_link_libraries(wws-bench PRIVATE bench-gsoap)
