# The behavioural suite: each language's runner against each language's host,
# over each transport.  README.md says what a language provides.
add_public_program(suite-c-host c/host.c)
add_public_program(suite-c-runner c/runner.c c/step.c c/work.c
    c/compare.c)

set(suite_languages c)
set(suite_host_c $<TARGET_FILE:suite-c-host>)
set(suite_runner_c $<TARGET_FILE:suite-c-runner>)

# A library under a sanitizer wants programs that are built with it.
if(NOT WWS_SANITIZE)
    file(GLOB scripts CONFIGURE_DEPENDS */build.sh)
endif()
foreach(script IN LISTS scripts)
    cmake_path(GET script PARENT_PATH folder)
    cmake_path(GET folder FILENAME language)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/suite/${language})
    file(MAKE_DIRECTORY ${out})
    add_binding_test(suite.${language} PYTHON=${PYTHON} sh ${script} ${out})
    set_tests_properties(suite.${language} PROPERTIES
        FIXTURES_SETUP suite.${language} TIMEOUT 600)
    list(APPEND suite_languages ${language})
    set(suite_host_${language} ${out}/host)
    set(suite_runner_${language} ${out}/runner)
endforeach()

# pair(<name> <runner> <host> <scenarios> <transport> [NAME]): one ctest test.
function(pair name runner host)
    add_binding_test(${name} ${PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/pair.py
        ${ARGN} --host ${suite_host_${host}} --runner ${suite_runner_${runner}})
    set(fixtures suite.${runner} suite.${host})
    list(REMOVE_ITEM fixtures suite.c)
    set_property(TEST ${name} APPEND PROPERTY FIXTURES_REQUIRED ${fixtures})
endfunction()

foreach(runner IN LISTS suite_languages)
    foreach(host IN LISTS suite_languages)
        foreach(transport http tcp)
            pair(suite.${runner}.${host}.${transport} ${runner} ${host}
                ${CMAKE_CURRENT_SOURCE_DIR}/scenarios.txt ${transport})
        endforeach()
    endforeach()
    pair(suite.${runner}.wrong ${runner} c
        ${CMAKE_CURRENT_SOURCE_DIR}/wrong.txt http --all-fail)
endforeach()

# The programs that README.md shows.
if(NOT WWS_SANITIZE)
    add_binding_test(examples_readme ${PYTHON}
        ${PROJECT_SOURCE_DIR}/tests/examples/readme.py ${PROJECT_SOURCE_DIR}
        ${PROJECT_BINARY_DIR}/tests/examples/readme)
    set_tests_properties(examples_readme PROPERTIES
        LABELS "examples;bindings" TIMEOUT 300)
endif()

# Their rows in the demo.
if(TARGET wws-demo AND scripts)
    set(spoken "")
    set(fixtures "")
    foreach(script IN LISTS scripts)
        cmake_path(GET script PARENT_PATH folder)
        cmake_path(GET folder FILENAME language)
        list(APPEND spoken --language ${language}
            ${CMAKE_CURRENT_BINARY_DIR}/suite/${language})
        list(APPEND fixtures suite.${language})
    endforeach()
    add_binding_test(demo_languages $<TARGET_FILE:wws-demo> ${spoken})
    set_property(TEST demo_languages APPEND PROPERTY FIXTURES_REQUIRED
        ${fixtures})
endif()

# What the schema gains, every language gains.
if(TARGET generate AND NOT WWS_SANITIZE)
    add_suite_test(bindings scratch_schema ${PYTHON}
        ${PROJECT_SOURCE_DIR}/tests/schema/scratch/scratch.py
        ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR}/scratch)
    set_tests_properties(scratch_schema PROPERTIES TIMEOUT 600)
endif()
