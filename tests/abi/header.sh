#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# header.sh SOURCE_DIR: dns_provider.h alone, as C99, C17 and C++, without a warning.
source=$1
status=0
warnings="-pedantic -Wall -Wextra -Werror -fsyntax-only"
try() {
	"$@" || { echo "FAILED: $*"; status=1; }
}
for cc in gcc clang; do
	command -v "$cc" >/dev/null || continue
	for std in c99 gnu99 c11 c17; do
		try "$cc" -std=$std $warnings -I "$source/plugins/include" "$source/tests/abi/header.c"
	done
done
for cxx in g++ clang++; do
	command -v "$cxx" >/dev/null || continue
	# Macros that name members need C++20; the declarations alone do not.
	try "$cxx" -x c++ -std=c++20 $warnings -I "$source/plugins/include" "$source/tests/abi/header.c"
	for std in c++11 c++17; do
		echo '#include <certferry/dns_provider.h>' |
			try "$cxx" -x c++ -std=$std $warnings -I "$source/plugins/include" -
	done
done
exit $status
