# SPDX-License-Identifier: Apache-2.0
#
# The borders between modules, enforced by what the compiler can see.

# A module NAME is the library target mod_NAME ("install" alone is CMake's own word).
function(module_targets out)
  list(TRANSFORM ARGN PREPEND mod_)
  set(${out} ${ARGN} PARENT_SCOPE)
endfunction()

# module(NAME [USES modules...] [LIBS libraries...]): server/NAME/*.c. The one
# include directory it offers holds one link, NAME -> server/NAME, so
# #include "store/store.h" compiles only where `store` is named after USES.
function(module name)
  cmake_parse_arguments(arg "" "" "USES;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/server/${name}/*.c)
  if(NOT sources)
    file(WRITE ${CMAKE_BINARY_DIR}/see/empty.c "extern int nothing_here_yet;\n")
    set(sources ${CMAKE_BINARY_DIR}/see/empty.c)
  endif()
  add_library(mod_${name} STATIC ${sources})
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/see/${name})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/server/${name}
                   ${CMAKE_BINARY_DIR}/see/${name}/${name} SYMBOLIC)
  target_include_directories(mod_${name} PUBLIC ${CMAKE_BINARY_DIR}/see/${name})
  module_targets(uses ${arg_USES})
  target_link_libraries(mod_${name} PRIVATE ${uses} ${arg_LIBS} house_rules)
endfunction()

# program(NAME FOLDER [USES modules...] [LIBS ...] [LIBEXEC] [PLUGIN_ABI]): a
# program from server/FOLDER. LIBEXEC: not for people to start.
function(program name folder)
  cmake_parse_arguments(arg "LIBEXEC;PLUGIN_ABI" "" "USES;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/server/${folder}/*.c)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  module_targets(uses ${arg_USES})
  target_link_libraries(${name} PRIVATE ${uses} ${arg_LIBS} house_rules program_rules)
  if(arg_PLUGIN_ABI)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/plugins/include)
  endif()
  if(arg_LIBEXEC)
    set_target_properties(${name} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${LIBEXEC_SUBDIR})
    install(TARGETS ${name} DESTINATION ${LIBEXEC_SUBDIR})
  else()
    install(TARGETS ${name} DESTINATION bin)
  endif()
endfunction()

# plugin(NAME [NOT_INSTALLED]): plugins/NAME/NAME.c as a shared object that exports one
# symbol and needs the C library only. NOT_INSTALLED: built and tested like the others, in
# a directory of its own, where certferry does not look.
function(plugin name)
  cmake_parse_arguments(arg "NOT_INSTALLED" "" "" ${ARGN})
  set(subdir ${PLUGIN_SUBDIR})
  if(arg_NOT_INSTALLED)
    set(subdir plugins-not-installed)
  endif()
  add_library(${name} MODULE ${CMAKE_CURRENT_SOURCE_DIR}/${name}/${name}.c)
  set_target_properties(${name} PROPERTIES
    PREFIX "" C_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${subdir})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/plugins/include)
  target_link_libraries(${name} PRIVATE house_rules)
  if(NOT arg_NOT_INSTALLED)
    install(TARGETS ${name} DESTINATION ${PLUGIN_SUBDIR}
            PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  endif()
endfunction()
