# SPDX-License-Identifier: Apache-2.0
#
# embed(TARGET NAME GLOB pattern): puts the files into TARGET as the table
# NAME_files[], sorted by file name and ended by a row without a name, declared
# in the generated header "NAME_files.h" (base/embedded.h has the row's type).
function(embed target name glob_word pattern)
  file(GLOB files CONFIGURE_DEPENDS ${pattern})
  list(SORT files)
  set(out ${CMAKE_BINARY_DIR}/embed/${name})
  add_custom_command(
    OUTPUT ${out}/${name}_files.c ${out}/${name}_files.h
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DOUT=${out} "-DFILES=${files}"
            -P ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_files.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${out}/${name}_files.c ${out}/${name}_files.h)
  target_include_directories(${target} PRIVATE ${out})
endfunction()
