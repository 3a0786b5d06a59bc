# Installs the SDK into a fresh prefix, moves it, builds every example plugin against it alone, and loads them.
function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${ARGN}\nended with ${status}:\n${out}")
    endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --component sdk --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/moved)

set(flags "")
if(SANITIZE)
    set(flags "-fsanitize=${SANITIZE} -fno-sanitize-recover=all")
endif()
find_program(ccache ccache)
set(launcher "")
if(ccache)
    set(launcher -DCMAKE_C_COMPILER_LAUNCHER=${ccache} -DCMAKE_CXX_COMPILER_LAUNCHER=${ccache})
endif()
find_program(curl_config curl-config)  # part of libcurl's development files
file(GLOB examples ${SOURCE}/examples/plugins/*/CMakeLists.txt)
foreach(list ${examples})
    get_filename_component(folder ${list} DIRECTORY)
    get_filename_component(name ${folder} NAME)
    file(READ ${list} text)
    if(text MATCHES "find_package\\(CURL" AND NOT curl_config AND NOT DEFINED ENV{CI})
        message(STATUS "skipped: ${name} needs libcurl's headers, which are not here")
        continue()
    endif()
    run(${CMAKE_COMMAND} -S ${folder} -B ${WORK}/${name} -DCMAKE_PREFIX_PATH=${WORK}/moved -DCMAKE_C_COMPILER=${C}
        -DCMAKE_CXX_COMPILER=${CXX} ${launcher} -DCMAKE_C_FLAGS=${flags} -DCMAKE_CXX_FLAGS=${flags}
        -DCMAKE_INSTALL_PREFIX=${WORK}/installed -DCMAKE_INSTALL_LIBDIR=lib)
    run(${CMAKE_COMMAND} --build ${WORK}/${name})
    run(${CMAKE_COMMAND} --install ${WORK}/${name})
endforeach()

# The same headers through pkg-config.
find_program(pkg_config pkg-config)
if(pkg_config)
    set(ENV{PKG_CONFIG_PATH} ${WORK}/moved/${LIBDIR}/pkgconfig)
    execute_process(COMMAND ${pkg_config} --cflags pmx-sdk OUTPUT_VARIABLE cflags OUTPUT_STRIP_TRAILING_WHITESPACE
        COMMAND_ERROR_IS_FATAL ANY)
    run(${C} ${cflags} -shared -fPIC -o ${WORK}/by-pkg-config.so
        ${SOURCE}/examples/plugins/plain-importer/plain_importer.c)
endif()

set(ENV{PMX_TEST_PLUGINS} ${WORK}/installed/lib/pmx/plugins)
execute_process(COMMAND ${LOAD} COMMAND_ERROR_IS_FATAL ANY)
