# SPDX-License-Identifier: Apache-2.0
#
# One certferry-agent for every Linux server of this architecture: libcrypto, libyaml and
# the C library are linked in (static-pie: hardened as the shared one is).
#
# What a session never runs is put behind what it runs. The kernel maps files in pieces of
# 64 KiB and more around what is touched, and in archives that are in the order of their
# members' names that is all of them: 2 MiB that nobody asked for. The pieces of a linker
# script say it to GNU ld; see INSERT and EXCLUDE_FILE in its manual.
file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/used-members.txt used REGEX "^[^#]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS used-members.txt)
list(TRANSFORM used PREPEND "*")
list(JOIN used " " used)

foreach(archive libcrypto libyaml libc)
  find_library(ARCHIVE_${archive} ${archive}.a)
  if(NOT ARCHIVE_${archive})
    message(FATAL_ERROR "${archive}.a is not here, and certferry-agent is to be linked with it: "
      "install it (Debian: libssl-dev, libyaml-dev, libc6-dev), or say "
      "-DCERTFERRY_AGENT_STATIC=OFF for an agent with shared libraries")
  endif()
endforeach()

function(behind out section after)
  set(pieces "")
  foreach(archive libcrypto libc libz libzstd)
    string(APPEND pieces "    *${archive}.a:*(EXCLUDE_FILE(${used}) ${section}"
                         " EXCLUDE_FILE(${used}) ${section}.*)\n")
  endforeach()
  set(${out} "SECTIONS {\n  ${section}.rest : {\n${pieces}  }\n} INSERT AFTER ${after};\n"
      PARENT_SCOPE)
endfunction()
behind(text .text .fini)
behind(rodata .rodata .rodata1)
set(script ${CMAKE_CURRENT_BINARY_DIR}/behind.ld)
file(CONFIGURE OUTPUT ${script} CONTENT "${text}${rodata}" @ONLY)

# agent_is_static(PROGRAM modules...): PROGRAM is linked so, from these modules.
function(agent_is_static program)
  target_sources(${program} PRIVATE alone.c)
  target_compile_options(${program} PRIVATE -fPIE)
  target_link_options(${program} PRIVATE
    -static-pie -Wl,--gc-sections,-z,pack-relative-relocs,--wrap=dlopen,-T,${script}
    -Wl,-Map=${CMAKE_CURRENT_BINARY_DIR}/certferry-agent.map)
  set_target_properties(${program} PROPERTIES LINK_DEPENDS ${script})
  # By file: the modules' own way to libcrypto is to the shared one.
  add_dependencies(${program} ${ARGN})
  foreach(module ${ARGN})
    target_include_directories(${program} PRIVATE
      $<TARGET_PROPERTY:${module},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
  list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_FILE:\\1>")
  target_link_libraries(${program} PRIVATE
    -Wl,--start-group ${ARGN} -Wl,--end-group
    ${CRYPTO_STATIC_LDFLAGS} ${YAML_STATIC_LDFLAGS} house_rules)
endfunction()
