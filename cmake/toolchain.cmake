# SPDX-License-Identifier: Apache-2.0
#
# What every source of the house is compiled with. Warnings, sanitizers and
# hardening come with the presets (CMakePresets.json), so that a packager's own
# flags are left alone.
include(CheckCCompilerFlag)

add_library(house_rules INTERFACE)
target_compile_definitions(house_rules INTERFACE
  _GNU_SOURCE CERTFERRY_VERSION="${PROJECT_VERSION}")
target_compile_options(house_rules INTERFACE
  -include ${CMAKE_SOURCE_DIR}/server/base/banned.h)

add_library(program_rules INTERFACE)

set(CERTFERRY_WARNINGS
  -Wall -Wextra -Wformat=2 -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
  -Wconversion -Wswitch-enum -Wmissing-field-initializers -Wcast-qual -Wundef
  -Wimplicit-fallthrough -Wwrite-strings -Wpointer-arith)

option(CERTFERRY_STRICT "our warnings, as errors" OFF)
if(CERTFERRY_STRICT)
  target_compile_options(house_rules INTERFACE ${CERTFERRY_WARNINGS} -Werror)
endif()

set(CERTFERRY_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize=")
if(CERTFERRY_SANITIZE)
  target_compile_options(house_rules INTERFACE
    -fsanitize=${CERTFERRY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(house_rules INTERFACE -fsanitize=${CERTFERRY_SANITIZE})
endif()

# security.md 4.1. Flags that a compiler of Debian 12 lacks are probed for.
option(CERTFERRY_HARDEN "hardened as a release" OFF)
if(CERTFERRY_HARDEN)
  target_compile_options(house_rules INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -Werror=format-security -Werror=implicit
    -fstack-protector-strong -fstack-clash-protection
    -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing)
  # Clang before 16 wants to be asked twice for zeros.
  check_c_compiler_flag("-Werror -ftrivial-auto-var-init=zero" HAVE_init_zero)
  set(sure -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)
  if(HAVE_init_zero)
    target_compile_options(house_rules INTERFACE -ftrivial-auto-var-init=zero)
  elseif(CMAKE_C_COMPILER_ID STREQUAL Clang)
    target_compile_options(house_rules INTERFACE -ftrivial-auto-var-init=zero ${sure})
  else()
    message(FATAL_ERROR "this compiler cannot set variables to zero: hardening needs it")
  endif()
  foreach(flag -fcf-protection=full -mbranch-protection=standard -fzero-call-used-regs=used-gpr
               -fstrict-flex-arrays=3 -fzero-init-padding-bits=all)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    check_c_compiler_flag(-Werror\ ${flag} ${have})
    if(${have})
      target_compile_options(house_rules INTERFACE ${flag})
    endif()
  endforeach()
  target_compile_options(program_rules INTERFACE -fPIE)
  target_link_options(program_rules INTERFACE -pie -Wl,-z,nodlopen)
  target_link_options(house_rules INTERFACE
    -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
endif()
