# SPDX-License-Identifier: MIT
# The documented systems: each has a surface in proto/latchkey/rest/<name>.proto, and an adapter in
# client/bridge/<name>.c.
set(LK_SURFACES basicsos briksync gateway incrm omnicrm)

# lk_adapters(<directory> <name>...): adapters.c and surface_names.c there, the lists of a program
# that has these.
function(lk_adapters directory)
  foreach(name ${ARGN})
    string(APPEND declarations "extern const struct lk_adapter lk_${name};\n")
    list(APPEND items "&lk_${name}")
  endforeach()
  list(JOIN items ", " items)
  list(JOIN ARGN "|" names)
  configure_file(${CMAKE_SOURCE_DIR}/client/bridge/adapters.c.in ${directory}/adapters.c @ONLY)
  configure_file(${CMAKE_SOURCE_DIR}/client/bridge/surface_names.c.in
    ${directory}/surface_names.c @ONLY)
endfunction()
