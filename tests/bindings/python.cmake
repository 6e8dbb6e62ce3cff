# Python: its own tests, with the Python that the system has and, as far as
# they can be had, all others from 3.9 on.
if("thread" IN_LIST WWS_SANITIZE)
    return()
endif()

set(python_out ${CMAKE_CURRENT_BINARY_DIR}/python)
add_binding_test(python.build ${CMAKE_COMMAND} -E env PYTHON=${PYTHON}
    sh ${CMAKE_CURRENT_SOURCE_DIR}/python/build.sh ${python_out})
set_tests_properties(python.build PROPERTIES FIXTURES_SETUP python.build)

# A library under a sanitizer is loaded by a program that is not.  What Python
# itself leaves behind at its end is not for us to find.
set(python_run ${CMAKE_COMMAND} -E env PYTHONPATH=${python_out}/package
    PYTHONDONTWRITEBYTECODE=1)
if(WWS_SANITIZE)
    set(preload "")
    foreach(library asan ubsan)
        execute_process(
            COMMAND ${CMAKE_C_COMPILER} -print-file-name=lib${library}.so
            OUTPUT_VARIABLE file OUTPUT_STRIP_TRAILING_WHITESPACE)
        list(APPEND preload ${file})
    endforeach()
    list(JOIN preload " " preload)
    list(APPEND python_run LD_PRELOAD=${preload} PYTHONMALLOC=malloc
        ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1
        WWS_RACES=20000)
endif()

set(python_tests ${PROJECT_SOURCE_DIR}/bindings/python/tests)
file(GLOB modules CONFIGURE_DEPENDS ${python_tests}/test_*.py)
set(python_modules "")
foreach(module IN LISTS modules)
    cmake_path(GET module STEM name)
    list(APPEND python_modules ${name})
    add_binding_test(python.${name} ${python_run}
        ${PYTHON} -X faulthandler -m unittest -v ${name})
    set_tests_properties(python.${name} PROPERTIES
        WORKING_DIRECTORY ${python_tests} TIMEOUT 300
        FIXTURES_REQUIRED "installed;python.build")
endforeach()
if(WWS_SANITIZE)
    return()
endif()

# Installs the package into an environment of its own.
function(add_python_install name python kind)
    add_binding_test(${name} ${PYTHON}
        ${CMAKE_CURRENT_SOURCE_DIR}/python/install.py ${python}
        ${CMAKE_CURRENT_BINARY_DIR}/${name} ${PROJECT_SOURCE_DIR} ${kind}
        ${ARGN})
    set_property(TEST ${name} PROPERTY ENVIRONMENT WWS_RACES=4000)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77)
endfunction()

add_python_install(python.installed ${PYTHON} installed test_calls)
add_python_install(python.bundled ${PYTHON} bundled ${python_modules})

# Others that are there: on the path, or pyenv's.
foreach(version 3.9 3.10 3.11 3.12 3.13 3.14)
    file(GLOB places $ENV{PYENV_ROOT}/versions/${version}.*/bin
        $ENV{HOME}/.pyenv/versions/${version}.*/bin)
    find_program(PYTHON_${version} python${version} HINTS ${places})
    if(PYTHON_${version})
        execute_process(COMMAND ${PYTHON_${version}} -c "import venv"
            RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
    endif()
    if(PYTHON_${version} AND result EQUAL 0)
        add_python_install(python.${version} ${PYTHON_${version}} installed
            ${python_modules})
    endif()
endforeach()
