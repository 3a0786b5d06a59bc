# What the command needs at every start comes out of Debian's archives: to map a library, look its symbols up and relocate it
# costs more than a run with nothing to do (ADR 0025). The tests, the Python module and sanitizer builds load the libraries; so does
# a command with the plugins inside: libssl, which has no business with two copies of libcrypto, would be in one program with both.
option(PMX_STATIC_DEPS "Link the command with the static archives of its libraries, where they are found" ON)

# pmx_archive(NAME, target of the library, file of the archive): pmx_NAME is the archive for targets whose property
# PMX_STATIC_DEPS is on, and the library for everything else.
function(pmx_archive name library file)
    add_library(pmx_${name} INTERFACE)
    target_include_directories(pmx_${name} SYSTEM INTERFACE $<TARGET_PROPERTY:${library},INTERFACE_INCLUDE_DIRECTORIES>)
    find_library(PMX_ARCHIVE_${name} NAMES ${file})
    mark_as_advanced(PMX_ARCHIVE_${name})
    if(PMX_STATIC_DEPS AND NOT PMX_SANITIZE AND NOT PMX_STATIC_PLUGINS AND PMX_ARCHIVE_${name})
        target_link_libraries(pmx_${name} INTERFACE $<IF:$<BOOL:$<TARGET_PROPERTY:PMX_STATIC_DEPS>>,${PMX_ARCHIVE_${name}},${library}>)
    else()
        target_link_libraries(pmx_${name} INTERFACE ${library})
    endif()
endfunction()
