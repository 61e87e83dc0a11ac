# SPDX-License-Identifier: MIT
# Compiler options of hand-written code (target lk_options) and the libraries we use.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(protobuf-c REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(crypt REQUIRED IMPORTED_TARGET libcrypt)
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(event REQUIRED IMPORTED_TARGET libevent_core)
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
find_library(LK_NNG nng REQUIRED)
find_library(LK_LEVELDB leveldb REQUIRED)

# The lint compiles each header alone with them.
set(LK_WARNINGS
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wvla -Wformat=2 -Wcast-qual -Wswitch-enum -Wundef)

add_library(lk_options INTERFACE)
target_include_directories(lk_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/gen)
target_compile_definitions(lk_options INTERFACE _GNU_SOURCE LK_VERSION="${PROJECT_VERSION}")
target_compile_options(lk_options INTERFACE
  ${LK_WARNINGS}
  # The casts are those of protobuf-c's __INIT macros; clang blames whoever uses one. gcc still
  # checks ours.
  $<$<C_COMPILER_ID:Clang>:-Wno-cast-qual>
  $<$<BOOL:${LK_WERROR}>:-Werror>
  -fstack-protector-strong
  $<$<CONFIG:Release>:-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>
  -UNDEBUG)
target_link_options(lk_options INTERFACE -Wl,-z,relro,-z,now)
target_link_libraries(lk_options INTERFACE Threads::Threads)

if(LK_SANITIZE)
  add_compile_options(-fsanitize=${LK_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LK_SANITIZE})
endif()

# The coverage that libFuzzer is guided by.
if(LK_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
