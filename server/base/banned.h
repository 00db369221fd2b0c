/* SPDX-License-Identifier: Apache-2.0 */
/*
 * banned - functions that do not compile here
 *
 * Included before every source by the build. Each line names what to use
 * instead. The headers come first, so that only our own calls are refused.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H
#ifndef __cplusplus
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(name) banned_##name##_see_server_base_banned_h

#define atoi(text)       BANNED(atoi)    /* str_to_i64() */
#define atol(text)       BANNED(atol)    /* str_to_i64() */
#define strtol(a, b, c)  BANNED(strtol)  /* str_to_i64() */
#define strtoul(a, b, c) BANNED(strtoul) /* str_to_i64() */
#undef sscanf
#define sscanf(...) BANNED(sscanf) /* str_to_i64(), a parser */
#undef sprintf
#define sprintf(...) BANNED(sprintf) /* buf_addf(), snprintf() */
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf) /* vsnprintf() */
#undef strcpy
#define strcpy(a, b) BANNED(strcpy) /* xstrdup(), buf_add() */
#undef strcat
#define strcat(a, b) BANNED(strcat) /* buf_add() */
#undef strncpy
#define strncpy(a, b, c) BANNED(strncpy) /* snprintf("%s") */
#undef strncat
#define strncat(a, b, c) BANNED(strncat) /* buf_add() */
#undef strtok
#define strtok(a, b) BANNED(strtok)    /* strcspn(), strchr() */
#define gmtime(a)    BANNED(gmtime)    /* gmtime_r() */
#define localtime(a) BANNED(localtime) /* localtime_r() */
#define system(a)    BANNED(system)    /* child_start() */
#undef popen
#define popen(a, b) BANNED(popen) /* child_start() */
#undef signal
#define signal(a, b) BANNED(signal) /* sigaction() */
#endif
#endif
