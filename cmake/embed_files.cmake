# SPDX-License-Identifier: Apache-2.0
# Run by embed() at build time: writes NAME_files.c and NAME_files.h into OUT.
set(rows "")
set(arrays "")
set(number 0)
foreach(file ${FILES})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  get_filename_component(base ${file} NAME)
  string(APPEND arrays "static const char file_${number}[] = {\n${bytes}0x00\n};\n")
  string(APPEND rows "\t{ \"${base}\", file_${number}, sizeof(file_${number}) - 1 },\n")
  math(EXPR number "${number} + 1")
endforeach()
file(MAKE_DIRECTORY ${OUT})
file(WRITE ${OUT}/${NAME}_files.h
  "#include \"base/embedded.h\"\nextern const struct embedded_file ${NAME}_files[];\n")
file(WRITE ${OUT}/${NAME}_files.c
  "#include \"${NAME}_files.h\"\n${arrays}const struct embedded_file ${NAME}_files[] = {\n${rows}\t{ 0 }\n};\n")
