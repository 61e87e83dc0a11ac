# SPDX-License-Identifier: MIT
# From schema to code, all of it below <build>/gen.

find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_GEN_C protoc-gen-c REQUIRED)
find_path(PROTOBUF_INCLUDE google/protobuf/descriptor.proto REQUIRED)

set(LK_GEN_DIR ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${LK_GEN_DIR})

# lk_protobuf_c(<out-var> <import-root> <proto>...): the .pb-c.c files of protobuf-c's own
# generator.
function(lk_protobuf_c out root)
  foreach(proto ${ARGN})
    string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${proto})
    add_custom_command(
      OUTPUT ${LK_GEN_DIR}/${stem}.c ${LK_GEN_DIR}/${stem}.h
      COMMAND ${PROTOC} --plugin=protoc-gen-c=${PROTOC_GEN_C} -I ${root}
              -I ${CMAKE_SOURCE_DIR}/proto -I ${PROTOBUF_INCLUDE} --c_out=${LK_GEN_DIR} ${proto}
      DEPENDS ${root}/${proto}
      VERBATIM)
    list(APPEND sources ${LK_GEN_DIR}/${stem}.c)
  endforeach()
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# lk_latchkey(<out-var> <import-root> <proto>... [SURFACES]): the .c files of protoc-gen-latchkey.
# One run sees all files, so that methods with the same number meet. Each surface has a document,
# too: .openapi.json, and .openapi.c of it.
function(lk_latchkey out root)
  cmake_parse_arguments(arg "SURFACES" "" "" ${ARGN})
  foreach(proto ${arg_UNPARSED_ARGUMENTS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    list(APPEND inputs ${root}/${proto})
    list(APPEND sources ${LK_GEN_DIR}/${stem}.rpc.c)
    list(APPEND others ${LK_GEN_DIR}/${stem}.rpc.h)
    if(arg_SURFACES)
      list(APPEND sources ${LK_GEN_DIR}/${stem}.openapi.c)
      list(APPEND others ${LK_GEN_DIR}/${stem}.openapi.json)
    endif()
  endforeach()
  add_custom_command(
    OUTPUT ${sources} ${others}
    COMMAND ${PROTOC} --plugin=protoc-gen-latchkey=$<TARGET_FILE:protoc-gen-latchkey>
            -I ${root} -I ${CMAKE_SOURCE_DIR}/proto -I ${PROTOBUF_INCLUDE}
            --latchkey_out=${LK_GEN_DIR} ${arg_UNPARSED_ARGUMENTS}
    DEPENDS ${inputs} protoc-gen-latchkey
    VERBATIM)
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# lk_descriptor_set(<out-var> <import-root> <name> <proto>...): <build>/gen/<name>, a serialized
# FileDescriptorSet with all imports.
function(lk_descriptor_set out root name)
  list(TRANSFORM ARGN PREPEND ${root}/ OUTPUT_VARIABLE inputs)
  add_custom_command(
    OUTPUT ${LK_GEN_DIR}/${name}
    COMMAND ${PROTOC} -I ${root} -I ${CMAKE_SOURCE_DIR}/proto -I ${PROTOBUF_INCLUDE}
            --include_imports --descriptor_set_out=${LK_GEN_DIR}/${name} ${ARGN}
    DEPENDS ${inputs}
    VERBATIM)
  set(${out} ${LK_GEN_DIR}/${name} PARENT_SCOPE)
endfunction()
