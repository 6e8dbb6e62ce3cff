# The behavioural suite: each language's runner against each language's host,
# over each transport.  README.md says what a language provides.
add_public_program(suite-c-host c/host.c)
add_public_program(suite-c-runner c/runner.c c/work.c c/step.c)

list(PREPEND SUITE_LANGUAGES c)
set(SUITE_HOST_c $<TARGET_FILE:suite-c-host>)
set(SUITE_RUNNER_c $<TARGET_FILE:suite-c-runner>)

foreach(runner IN LISTS SUITE_LANGUAGES)
    foreach(host IN LISTS SUITE_LANGUAGES)
        foreach(transport http tcp)
            set(name suite.${runner}.${host}.${transport})
            add_binding_test(${name} ${PYTHON}
                ${CMAKE_CURRENT_SOURCE_DIR}/pair.py
                ${CMAKE_CURRENT_SOURCE_DIR}/scenarios.txt ${transport}
                --host ${SUITE_HOST_${host}} --runner ${SUITE_RUNNER_${runner}})
            set_property(TEST ${name} APPEND PROPERTY FIXTURES_REQUIRED
                ${SUITE_FIXTURE_${host}} ${SUITE_FIXTURE_${runner}})
        endforeach()
    endforeach()
endforeach()
